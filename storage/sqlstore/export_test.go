package sqlstore

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

// Writer is the pool that writes.
func (s *Store) Writer() *sql.DB { return s.writer }

// Dialect names the folder of migrations.
func (s *Store) Dialect() string { return s.dialect }

// MigrateTo stops at a version.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	return s.withMigrations(ctx, func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, version)
		return err
	})
}

// Statement is one that a Store sent to its database.
type Statement struct {
	Query string
	Args  []any
}

// RecordStatements hands every later statement of a Store to record.
func (s *Store) RecordStatements(record func(Statement)) {
	s.write.Statement.ConnPool = recordingPool{s.write.Statement.ConnPool, record}
	if s.read != s.write {
		s.read.Statement.ConnPool = recordingPool{s.read.Statement.ConnPool, record}
	}
}

type recordingPool struct {
	gorm.ConnPool
	record func(Statement)
}

func (p recordingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.record(Statement{query, args})
	return p.ConnPool.ExecContext(ctx, query, args...)
}

func (p recordingPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.record(Statement{query, args})
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p recordingPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.ConnPool.(gorm.TxBeginner).BeginTx(ctx, opts)
	return &recordingTx{recordingPool{tx, p.record}, tx}, err
}

type recordingTx struct {
	recordingPool
	gorm.TxCommitter
}
