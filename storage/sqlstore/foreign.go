package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// Foreign is the database of another program, opened to read from it as it is at one moment. Whoever
// imports from there knows its tables; this package knows the drivers.
type Foreign struct {
	pool   *sql.DB
	tx     *sql.Tx
	tables sqlText
}

// OpenForeign opens an SQLite file that exists, or mysql://user:password@host:port/name. Nothing is
// written to it.
func OpenForeign(ctx context.Context, location string) (*Foreign, error) {
	if strings.HasPrefix(location, "mysql://") {
		return openForeignMySQL(ctx, location)
	}
	if _, err := os.Stat(location); err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: location}).EscapedPath(), RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"}
	pool, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return beginForeign(ctx, pool, nil, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
}

func openForeignMySQL(ctx context.Context, location string) (*Foreign, error) {
	cfg, err := mysqlConfig(location)
	if err != nil {
		return nil, err
	}
	cfg.ReadTimeout = 0 // a large table takes its time
	pool, err := mysqlPool(cfg)
	if err != nil {
		return nil, err
	}
	return beginForeign(ctx, pool, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, "SHOW TABLES")
}

func beginForeign(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, tables sqlText) (*Foreign, error) {
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", translate(err)), pool.Close())
	}
	return &Foreign{pool, tx, tables}, nil
}

// Close ends the connection.
func (f *Foreign) Close() error {
	return errors.Join(f.tx.Rollback(), f.pool.Close())
}

// Tables names the tables and views.
func (f *Foreign) Tables(ctx context.Context) ([]string, error) {
	var names []string
	err := f.query(ctx, string(f.tables), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return names, nil
}

// Rows calls each with every row of a table that Tables named, by column.
func (f *Foreign) Rows(ctx context.Context, table string, each func(row map[string]any) error) error {
	quoted := "`" + strings.ReplaceAll(table, "`", "``") + "`" // SQLite takes MySQL's quotes
	err := f.query(ctx, "SELECT * FROM "+quoted, func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		row := make(map[string]any, len(columns))
		for i, column := range columns {
			if text, ok := values[i].([]byte); ok {
				values[i] = string(text)
			}
			row[column] = values[i]
		}
		return each(row)
	})
	if err != nil {
		return fmt.Errorf("read table %s: %w", table, err)
	}
	return nil
}

func (f *Foreign) query(ctx context.Context, query string, scan func(rows *sql.Rows) error) (err error) {
	rows, err := f.tx.QueryContext(ctx, query)
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
