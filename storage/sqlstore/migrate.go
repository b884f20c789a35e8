package sqlstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/pressly/goose/v3"
)

// migrations has one folder per dialect, with the same numbers in each. They only go forward. MySQL
// commits each change of the schema by itself, so a file for it holds one statement, which may run
// again when the process died before it was recorded.
//
//go:embed migrations
var migrations embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	// AppliedAt is zero while the step is pending.
	AppliedAt time.Time
}

// Migrate brings the schema up to date. Any number of processes may call it at once: one works, the
// others wait for it.
func (s *Store) Migrate(ctx context.Context) error {
	return s.withMigrations(ctx, func(p *goose.Provider) error {
		applied, err := p.Up(ctx)
		for _, m := range applied {
			s.log.InfoContext(ctx, "migration applied",
				slog.String("migration", path.Base(m.Source.Path)), slog.Duration("duration", m.Duration))
		}
		return err
	})
}

// MigrationStatus lists all steps in order.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var steps []Migration
	err := s.withMigrations(ctx, func(p *goose.Provider) error {
		states, err := p.Status(ctx)
		for _, state := range states {
			step := Migration{Version: state.Source.Version, Name: path.Base(state.Source.Path)}
			if state.State == goose.StateApplied {
				step.AppliedAt = state.AppliedAt.UTC()
			}
			steps = append(steps, step)
		}
		return err
	})
	return steps, err
}

func (s *Store) withMigrations(_ context.Context, use func(*goose.Provider) error) (err error) {
	pool, done, err := s.migrationPool()
	if err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	defer func() { err = errors.Join(err, done()) }()
	locker, err := s.migrationLock()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations/"+s.dialect)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	dialect := goose.DialectSQLite3
	if s.dialect == "mysql" {
		dialect = goose.DialectMySQL
	}
	provider, err := goose.NewProvider(dialect, pool, files,
		goose.WithLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.log))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := use(provider); err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	return nil
}
