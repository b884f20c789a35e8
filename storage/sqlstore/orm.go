package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// sqlText is SQL with "?" for values. Constants convert to it by themselves and variables do not, so
// no input can become SQL. Table and column names are sqlText for the same reason.
type sqlText string

// columns are the columns that an update writes, with their values.
type columns map[sqlText]any

// raise is a column's value that only ever grows: a smaller one than the stored leaves it.
type raise struct{ time.Time }

const (
	// retries is how often a transaction that lost against others is done again.
	retries = 3
	// retryPause is the longest pause before the first of them.
	retryPause = 20 * time.Millisecond
)

var errNoCondition = errors.New("refused: a statement without a condition")

type txKey struct{}

// InTx runs fn in one transaction: the calls of this store with fn's context take part, and all or
// none of their writes stay. fn runs again, from the start, when the database undid it because of
// others. A call within fn joins the transaction that is there.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if inTx(ctx) {
		return fn(ctx)
	}
	return s.retry(ctx, func() error {
		return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return fn(context.WithValue(ctx, txKey{}, tx))
		})
	})
}

func inTx(ctx context.Context) bool { return ctx.Value(txKey{}) != nil }

// on returns the transaction that ctx carries, or a new session of db.
func on(ctx context.Context, db *gorm.DB) *gorm.DB {
	if tx, ok := ctx.Value(txKey{}).(*gorm.DB); ok {
		db = tx
	}
	return db.WithContext(ctx)
}

// pool is on for statements that GORM does not build.
func pool(ctx context.Context, db *gorm.DB) gorm.ConnPool {
	if tx, ok := ctx.Value(txKey{}).(*gorm.DB); ok {
		db = tx
	}
	return db.Statement.ConnPool
}

// retry runs fn, again when the database undid it because of others, and translates its error.
// Within a transaction it runs once: a statement alone cannot be repeated there.
func (s *Store) retry(ctx context.Context, fn func() error) error {
	err := translate(fn())
	if inTx(ctx) {
		return err
	}
	for attempt := 1; attempt <= retries && isTransient(err); attempt++ {
		pause := rand.N(retryPause << attempt) //nolint:gosec // G404: spreads retries, keeps no secret
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		err = translate(fn())
	}
	return err
}

// create inserts a row.
func (s *Store) create(ctx context.Context, row any) error {
	return s.retry(ctx, func() error { return on(ctx, s.write).Create(row).Error })
}

// take reads the one row that where selects, provider.ErrNotFound without one.
func (s *Store) take(ctx context.Context, row any, where sqlText, args ...any) error {
	if err := checkCondition(where, args); err != nil {
		return err
	}
	return translate(on(ctx, s.read).Where(string(where), args...).Take(row).Error)
}

// find reads the rows that where selects, in order; limit 0 means all.
func (s *Store) find(ctx context.Context, rows any, order sqlText, limit int, where sqlText, args ...any) error {
	if err := checkCondition(where, args); err != nil {
		return err
	}
	query := on(ctx, s.read).Where(string(where), args...).Order(string(order))
	if limit > 0 {
		query = query.Limit(limit)
	}
	return translate(query.Find(rows).Error)
}

// update writes the named columns of the rows that where selects and returns how many there are.
func (s *Store) update(ctx context.Context, table sqlText, set columns, where sqlText, args ...any) (int64, error) {
	if err := checkCondition(where, args); err != nil {
		return 0, err
	}
	values := make(map[string]any, len(set))
	for column, value := range set {
		if up, ok := value.(raise); ok {
			t := at(up.Time)
			value = gorm.Expr("CASE WHEN "+string(column)+" >= ? THEN "+string(column)+" ELSE ? END", t, t)
		}
		values[string(column)] = value
	}
	var found int64
	err := s.retry(ctx, func() error {
		result := on(ctx, s.write).Table(string(table)).Where(string(where), args...).Updates(values)
		found = result.RowsAffected
		return result.Error
	})
	return found, err
}

// exec runs a statement that changes rows and returns how many it found. It is for statements that
// run often or that GORM cannot build; they skip its reflection.
func (s *Store) exec(ctx context.Context, query sqlText, args ...any) (int64, error) {
	var found int64
	err := s.retry(ctx, func() error {
		result, err := pool(ctx, s.write).ExecContext(ctx, string(query), args...)
		if err != nil {
			return err
		}
		found, err = result.RowsAffected()
		return err
	})
	return found, err
}

// query runs a prepared query and calls scan for each row.
func (s *Store) query(ctx context.Context, query sqlText, args []any, scan func(rows *sql.Rows) error) (err error) {
	rows, err := pool(ctx, s.read).QueryContext(ctx, string(query), args...)
	if err != nil {
		return translate(err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = translate(closeErr)
		}
	}()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return translate(rows.Err())
}

// queryRow runs a prepared query for at most one row, provider.ErrNotFound without one.
func (s *Store) queryRow(ctx context.Context, query sqlText, args []any, dest ...any) error {
	found := false
	err := s.query(ctx, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return translate(sql.ErrNoRows)
	}
	return err
}

// checkCondition refuses what would touch every row, and values that GORM would unfold into SQL.
func checkCondition(where sqlText, args []any) error {
	if where == "" {
		return errNoCondition
	}
	for _, arg := range args {
		switch arg.(type) {
		case nil, bool, int, int64, string, []byte, time.Time, driver.Valuer:
		default:
			return fmt.Errorf("refused: a value of type %T in a condition", arg)
		}
	}
	return nil
}
