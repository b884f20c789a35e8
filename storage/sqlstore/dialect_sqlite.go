package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	sqliteMemory = ":memory:"
	// sqliteSettings: times are whole microseconds, so they compare and index as numbers.
	sqliteSettings = "_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=synchronous(NORMAL)" +
		"&_time_integer_format=unix_micro&_inttotime=1&_dqs=0"
	sqliteReaders = 4
	// sqliteLockSuffix names the file of sqliteLock.
	sqliteLockSuffix = "-lock"
)

// openSQLite opens the database file at path, which it makes, with its folder, for this user only.
// SQLite has one writer at a time: the writing pool has one connection, so that writers of this
// process queue in it instead of polling the file's lock, and readers have a pool of their own.
func openSQLite(ctx context.Context, path string, opts Options) (database, error) {
	if path == sqliteMemory {
		pool, err := sql.Open("sqlite", sqliteMemory+"?_txlock=immediate&"+sqliteSettings)
		if err != nil {
			return database{}, fmt.Errorf("open sqlite: %w", err)
		}
		pool.SetMaxOpenConns(1) // the database lives in its connection
		return sqliteDatabase(pool, pool, func() (lock.Locker, error) { return noLock{}, nil }), nil
	}
	if err := errors.Join(createPrivately(path), createPrivately(path+sqliteLockSuffix)); err != nil {
		return database{}, err
	}
	name := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	writer, err := sql.Open("sqlite", name+"?_txlock=immediate&_pragma=journal_mode(WAL)&"+sqliteSettings)
	if err != nil {
		return database{}, fmt.Errorf("open sqlite: %w", err)
	}
	writer.SetMaxOpenConns(1)
	// The first connection turns the journal into a write-ahead log, and SQLite does not wait for
	// another process that does the same.
	setup := sqliteLock{name: name + sqliteLockSuffix}
	if err = setup.Lock(ctx, nil); err == nil {
		err = errors.Join(writer.PingContext(ctx), setup.Unlock(ctx, nil))
	}
	if err != nil {
		return database{}, errors.Join(fmt.Errorf("open sqlite: %w", translate(err)), writer.Close())
	}
	reader, err := sql.Open("sqlite", name+"?_pragma=query_only(1)&"+sqliteSettings)
	if err != nil {
		return database{}, errors.Join(fmt.Errorf("open sqlite: %w", err), writer.Close())
	}
	readers := sqliteReaders
	if opts.MaxOpenConns > 0 {
		readers = opts.MaxOpenConns
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return sqliteDatabase(writer, reader, func() (lock.Locker, error) {
		return &sqliteLock{name: name + sqliteLockSuffix}, nil
	}), nil
}

func sqliteDatabase(writer, reader *sql.DB, locker func() (lock.Locker, error)) database {
	return database{
		dialect:        "sqlite",
		writer:         writer,
		reader:         reader,
		gorm:           func(pool gorm.ConnPool) gorm.Dialector { return sqliteDialector{pool: pool} },
		migrationPool:  func() (*sql.DB, func() error, error) { return writer, func() error { return nil }, nil },
		migrationLock:  locker,
		deleteSomeRows: "DELETE FROM %[1]s WHERE rowid IN (SELECT rowid FROM %[1]s WHERE %[2]s <= ? ORDER BY %[2]s LIMIT ?)",
	}
}

// createPrivately makes an empty file for its owner alone; the files that SQLite puts beside it
// take over its mode.
func createPrivately(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the database folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	return file.Close()
}

// sqliteLock keeps other processes from opening and migrating: a write transaction on an empty
// database beside the real one. The operating system ends it when its process dies.
type sqliteLock struct {
	name string
	pool *sql.DB
}

func (l *sqliteLock) Lock(ctx context.Context, _ *sql.DB) error {
	pool, err := sql.Open("sqlite", l.name+"?_pragma=busy_timeout(60000)")
	if err != nil {
		return fmt.Errorf("open the lock: %w", err)
	}
	pool.SetMaxOpenConns(1) // BEGIN and the end of the lock meet on one connection
	if _, err := pool.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return errors.Join(fmt.Errorf("take the lock: %w", err), pool.Close())
	}
	l.pool = pool
	return nil
}

func (l *sqliteLock) Unlock(context.Context, *sql.DB) error { return l.pool.Close() }

// noLock is for a database that no other process can see.
type noLock struct{}

func (noLock) Lock(context.Context, *sql.DB) error   { return nil }
func (noLock) Unlock(context.Context, *sql.DB) error { return nil }

// sqliteDialector lets GORM speak to modernc.org/sqlite, which needs no C compiler; GORM's own
// SQLite driver does. It covers what orm.go uses; the schema is the migrations' business.
type sqliteDialector struct {
	pool gorm.ConnPool
}

func (d sqliteDialector) Name() string { return "sqlite" }

func (d sqliteDialector) Initialize(db *gorm.DB) error {
	db.ConnPool = d.pool
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{
		CreateClauses: []string{"INSERT", "VALUES"},
		UpdateClauses: []string{"UPDATE", "SET", "WHERE"},
		DeleteClauses: []string{"DELETE", "FROM", "WHERE"},
	})
	return nil
}

func (d sqliteDialector) Migrator(db *gorm.DB) gorm.Migrator {
	return migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d}}
}

func (d sqliteDialector) DataTypeOf(field *schema.Field) string {
	switch field.DataType {
	case schema.Bool:
		return "BOOLEAN"
	case schema.Int, schema.Uint:
		return "INTEGER"
	case schema.Float:
		return "REAL"
	case schema.Time:
		return "DATETIME"
	case schema.Bytes:
		return "BLOB"
	default:
		return "TEXT"
	}
}

func (d sqliteDialector) DefaultValueOf(*schema.Field) clause.Expression {
	return clause.Expr{SQL: "NULL"}
}

func (d sqliteDialector) BindVarTo(writer clause.Writer, _ *gorm.Statement, _ any) {
	_ = writer.WriteByte('?')
}

func (d sqliteDialector) QuoteTo(writer clause.Writer, name string) {
	for i, part := range strings.Split(name, ".") {
		if i > 0 {
			_ = writer.WriteByte('.')
		}
		_, _ = writer.WriteString(`"` + strings.ReplaceAll(part, `"`, `""`) + `"`)
	}
}

func (d sqliteDialector) Explain(query string, args ...any) string {
	return logger.ExplainSQL(query, nil, `"`, args...)
}

func (d sqliteDialector) Translate(err error) error {
	if isDuplicate(err) {
		return gorm.ErrDuplicatedKey
	}
	return err
}
