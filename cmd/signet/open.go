package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore"
)

// config reads the settings.
func (a *app) config() (configs.Config, error) {
	config, err := configs.Load(a.configFile, a.environ)
	if err != nil {
		return configs.Config{}, usageError{fmt.Errorf("the settings have faults:\n%w", err)} // no restart mends them
	}
	return config, nil
}

// openDatabase opens the long-lived store, migrated if the settings say so.
func openDatabase(ctx context.Context, config configs.Config, log *slog.Logger) (*sqlstore.Store, error) {
	database, err := sqlstore.Open(ctx, string(config.Database.URL), sqlstore.Options{Logger: log, MaxOpenConns: config.Database.MaxOpenConns})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if config.Database.MigrateOnStart {
		if err := database.Migrate(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("migrate database: %w", err), database.Close())
		}
	}
	return database, nil
}

// openMaster reads the master key.
func openMaster(config configs.Config) (*secrets.Master, error) {
	current, previous, err := config.MasterKeys()
	if err != nil {
		return nil, err
	}
	return secrets.New(current, previous...)
}

// openKeys opens the signing keys, making the first ones.
func openKeys(ctx context.Context, config configs.Config, store provider.SigningKeyStore) (*keys.Ring, *secrets.Master, error) {
	master, err := openMaster(config)
	if err != nil {
		return nil, nil, err
	}
	ring, err := keys.Open(ctx, store, master, keys.Schedule{
		Rotation: config.Tokens.KeyRotation, JWKSMaxAge: config.Tokens.JWKSMaxAge, Poll: config.Tokens.KeyPollInterval,
		LongestToken: max(provider.MaxAccessTokenLifetime, config.Tokens.IDTokenLifetime),
	}, time.Now)
	return ring, master, err
}

// newAccounts applies the settings for users.
func newAccounts(config configs.Config, users provider.UserStore) *accounts.Accounts {
	argon2 := config.Accounts.Argon2
	return &accounts.Accounts{
		Users: users,
		Passwords: passwords.New(passwords.Params{
			Memory: uint32(argon2.Memory >> 10), Time: uint32(argon2.Time), Threads: uint8(argon2.Threads), //nolint:gosec // bounded by validation
			Concurrent: argon2.Concurrent, Queue: argon2.Queue, QueueWait: argon2.QueueWait,
		}),
		Policy: passwords.Policy{MinLength: config.Accounts.PasswordMinLength},
		Now:    time.Now,
	}
}

// newClientHasher checks chosen client secrets at the cost of passwords, but in a queue of its own: wrong
// secrets must not keep people from signing in.
func newClientHasher(config configs.Config) *passwords.Hasher {
	argon2 := config.Accounts.Argon2
	return passwords.New(passwords.Params{
		Memory: uint32(argon2.Memory >> 10), Time: uint32(argon2.Time), Threads: uint8(argon2.Threads), //nolint:gosec // bounded by validation
		Concurrent: 1, Queue: 10, QueueWait: argon2.QueueWait,
	})
}

// newLog writes the log as the settings say.
func newLog(config configs.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: config.Log.Level}
	if config.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
