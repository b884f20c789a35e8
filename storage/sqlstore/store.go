package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"

	"github.com/signet-id/signet/provider"
)

// Options are what a Store needs beside its URL. The zero value works.
type Options struct {
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Logger gets slow statements and applied migrations; nil means none.
	Logger *slog.Logger
	// MaxOpenConns bounds the connections to MySQL (32) or the readers of an SQLite file (4).
	MaxOpenConns int
}

// Store is a database. It implements every store interface of package provider and may be used by
// many goroutines.
type Store struct {
	database
	write, read *gorm.DB
	now         func() time.Time
	log         *slog.Logger
	documents   *lru.Cache[string, knownDocument]
}

var (
	_ provider.UserStore         = (*Store)(nil)
	_ provider.ClientStore       = (*Store)(nil)
	_ provider.SigningKeyStore   = (*Store)(nil)
	_ provider.StandingStore     = (*Store)(nil)
	_ provider.EndedGrantStore   = (*Store)(nil)
	_ provider.GrantStore        = (*Store)(nil)
	_ provider.RecordStore       = (*Store)(nil)
	_ provider.LoginSessionStore = (*Store)(nil)
	_ provider.Limiter           = (*Store)(nil)
	_ provider.ExpiredStore      = (*Store)(nil)
	_ provider.OutboxStore       = (*Store)(nil)
)

// database is what differs between the dialects.
type database struct {
	dialect string // names the folder of migrations
	// writer and reader are one pool on MySQL and two on an SQLite file.
	writer, reader *sql.DB
	gorm           func(gorm.ConnPool) gorm.Dialector
	migrationPool  func() (*sql.DB, func() error, error)
	migrationLock  func() (lock.Locker, error)
	// deleteSomeRows is a format of table and the column that ends a row, with two parameters: the end and
	// how many rows at most.
	deleteSomeRows string
}

// Open connects to the database at rawURL: "sqlite:PATH", "sqlite::memory:" (one process, nothing
// is kept) or "mysql://user:password@host:port/name?tls=…". It does not migrate.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the one default of the injected clock
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := openDatabase(ctx, rawURL, opts)
	if err != nil {
		return nil, err
	}
	s := &Store{database: db, now: opts.Now, log: opts.Logger}
	if s.documents, err = lru.New[string, knownDocument](clientDocuments); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", db.dialect, err), s.Close())
	}
	if s.write, err = s.openGORM(db.writer); err == nil {
		s.read = s.write
		if db.reader != db.writer {
			s.read, err = s.openGORM(db.reader)
		}
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openDatabase(ctx context.Context, rawURL string, opts Options) (database, error) {
	if path, ok := strings.CutPrefix(rawURL, "sqlite:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return database{}, errors.New("database url: want sqlite:PATH")
		}
		return openSQLite(ctx, path, opts)
	}
	if strings.HasPrefix(rawURL, "mysql://") {
		return openMySQL(rawURL, opts)
	}
	return database{}, errors.New("database url: must begin with sqlite: or mysql://")
}

func (s *Store) openGORM(pool *sql.DB) (*gorm.DB, error) {
	db, err := gorm.Open(s.gorm(&statements{DB: pool}), &gorm.Config{
		Logger:                 queryLog{log: s.log},
		NowFunc:                s.now,
		TranslateError:         true,
		SkipDefaultTransaction: true, // every write is one statement, or in InTx
		DisableAutomaticPing:   true,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.dialect, translate(err))
	}
	return db, nil
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	err := s.writer.PingContext(ctx)
	if err == nil && s.reader != s.writer {
		err = s.reader.PingContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("ping %s: %w", s.dialect, translate(err))
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error {
	err := s.writer.Close()
	if s.reader != s.writer {
		err = errors.Join(err, s.reader.Close())
	}
	return err
}
