package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3/lock"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

const (
	mysqlMaxOpen     = 32
	mysqlMaxIdleTime = time.Minute
	mysqlMaxLifetime = 5 * time.Minute
	mysqlStrictMode  = "'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)

// mysqlConfig reads mysql://user:password@host:port/name?tls=true|skip-verify|preferred. Its errors
// do not quote the URL, which holds the password.
func mysqlConfig(rawURL string) (*mysql.Config, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("database url: want mysql://user:password@host:port/name")
	}
	name := strings.TrimPrefix(u.Path, "/")
	if name == "" || strings.Contains(name, "/") {
		return nil, errors.New("database url: one database name must follow the host")
	}
	cfg := mysql.NewConfig()
	for key, values := range u.Query() {
		if key != "tls" || len(values) != 1 {
			return nil, fmt.Errorf("database url: unknown or repeated parameter %q; only tls may be given", key)
		}
		cfg.TLSConfig = values[0]
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net = "tcp"
	cfg.Addr = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	cfg.DBName = name
	cfg.Timeout = 2 * time.Second
	cfg.ReadTimeout = 3 * time.Second
	cfg.WriteTimeout = 3 * time.Second
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.Collation = "utf8mb4_bin"
	cfg.RejectReadOnly = true  // leave a demoted primary
	cfg.ClientFoundRows = true // rows that matched count, changed or not
	cfg.Logger = &mysql.NopLogger{}
	cfg.Params = map[string]string{
		"sql_mode":                 mysqlStrictMode,
		"innodb_lock_wait_timeout": "3",
		"time_zone":                "'+00:00'",
	}
	return cfg, nil
}

func openMySQL(rawURL string, opts Options) (database, error) {
	cfg, err := mysqlConfig(rawURL)
	if err != nil {
		return database{}, err
	}
	pool, err := mysqlPool(cfg)
	if err != nil {
		return database{}, err
	}
	pool.SetMaxOpenConns(cmp.Or(opts.MaxOpenConns, mysqlMaxOpen))
	pool.SetMaxIdleConns(cmp.Or(opts.MaxOpenConns, mysqlMaxOpen)) // fewer would close and open some all the time under load
	pool.SetConnMaxIdleTime(mysqlMaxIdleTime)
	pool.SetConnMaxLifetime(mysqlMaxLifetime)
	return database{
		dialect: "mysql",
		writer:  pool,
		reader:  pool,
		gorm: func(pool gorm.ConnPool) gorm.Dialector {
			// RETURNING is MariaDB's alone, so GORM must not look for the server's version.
			return gormmysql.New(gormmysql.Config{
				Conn: pool, DSNConfig: cfg, SkipInitializeWithVersion: true, DisableWithReturning: true,
			})
		},
		migrationPool:  func() (*sql.DB, func() error, error) { return mysqlMigrationPool(cfg) },
		migrationLock:  func() (lock.Locker, error) { return mysqlLock(opts.Logger) },
		deleteSomeRows: "DELETE FROM %[1]s WHERE %[2]s <= ? ORDER BY %[2]s LIMIT ?",
	}, nil
}

func mysqlPool(cfg *mysql.Config) (*sql.DB, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	return sql.OpenDB(mysqlConnector{connector}), nil
}

// mysqlMigrationPool opens connections that wait for as long as a change to a large table takes.
func mysqlMigrationPool(cfg *mysql.Config) (*sql.DB, func() error, error) {
	patient := cfg.Clone()
	patient.ReadTimeout, patient.WriteTimeout = 0, 0
	pool, err := mysqlPool(patient)
	if err != nil {
		return nil, nil, err
	}
	return pool, pool.Close, nil
}

// mysqlLock is a row with a lease, which holds on every node of a cluster; GET_LOCK does not. The
// lease of a process that died is over after 15 s.
func mysqlLock(log *slog.Logger) (lock.Locker, error) {
	return lock.NewMySQLTableLocker(
		lock.WithTableLeaseDuration(15*time.Second),
		lock.WithTableHeartbeatInterval(3*time.Second),
		lock.WithTableLockTimeout(250*time.Millisecond, 480),
		lock.WithTableUnlockTimeout(250*time.Millisecond, 20),
		lock.WithTableLogger(log),
	)
}

// mysqlConnector prepares each new session.
type mysqlConnector struct {
	driver.Connector
}

func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	session, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("mysql driver cannot execute"), conn.Close())
	}
	// By statement: MySQL 8 and MariaDB 10 have no common name for the variable.
	_, err = session.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil)
	if err == nil {
		// Galera: read, update and delete what every node has acknowledged. MySQL lacks the setting.
		_, err = session.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 3", nil)
		var my *mysql.MySQLError
		if errors.As(err, &my) && my.Number == mysqlUnknownSetting {
			err = nil
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare session: %w", err), conn.Close())
	}
	return conn, nil
}
