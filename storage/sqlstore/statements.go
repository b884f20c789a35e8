package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// statements is a pool that prepares each statement once. All SQL of this package is constant, so
// there are few and they are kept until the pool is closed.
//
// GORM has such a cache (PrepareStmt). With it a transaction can wait for a statement that another
// caller prepares, who waits for the transaction's connection; and a broken connection closes
// statements that others are using. Here nobody waits for anybody, and transactions prepare for
// themselves.
type statements struct {
	*sql.DB
	prepared sync.Map // query → *sql.Stmt
}

// ExecContext runs a prepared statement.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept for the next caller
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryContext runs a prepared query.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, query) //nolint:sqlclosecheck // kept for the next caller
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared.Load(query); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	if first, taken := s.prepared.LoadOrStore(query, stmt); taken {
		return first.(*sql.Stmt), stmt.Close() //nolint:sqlclosecheck // at once, not when the caller is done
	}
	return stmt, nil
}
