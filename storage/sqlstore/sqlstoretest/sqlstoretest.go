// Package sqlstoretest opens databases for tests: fresh, migrated, and gone when the test ends. It
// is imported by tests only.
package sqlstoretest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/sqlstore"
)

// mysqlVariable names the server that may be used: mysql://user:password@host:port/, whose user may
// create databases.
const mysqlVariable = "SIGNET_TEST_MYSQL"

// SQLite opens a database in memory. configure may change how it is opened.
func SQLite(t testing.TB, configure ...func(*sqlstore.Options)) *sqlstore.Store {
	t.Helper()
	return Open(t, "sqlite::memory:", configure...)
}

// SQLiteFile opens a database in a new file.
func SQLiteFile(t testing.TB, configure ...func(*sqlstore.Options)) *sqlstore.Store {
	t.Helper()
	return Open(t, SQLiteURL(t), configure...)
}

// MariaDB opens a new database on the server for tests.
func MariaDB(t testing.TB, configure ...func(*sqlstore.Options)) *sqlstore.Store {
	t.Helper()
	return Open(t, MariaDBURL(t), configure...)
}

// Clock makes a store read the time from now.
func Clock(now func() time.Time) func(*sqlstore.Options) {
	return func(o *sqlstore.Options) { o.Now = now }
}

// Open opens and migrates the database at rawURL.
func Open(t testing.TB, rawURL string, configure ...func(*sqlstore.Options)) *sqlstore.Store {
	t.Helper()
	var opts sqlstore.Options
	for _, change := range configure {
		change(&opts)
	}
	store, err := sqlstore.Open(t.Context(), rawURL, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// SQLiteURL names a database file that does not exist yet.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "data", "signet.db")
}

// MariaDBURL makes an empty database, which is dropped when the test ends.
func MariaDBURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(mysqlVariable)
	require.NotEmpty(t, server, "%s is not set; `make test` starts a server and sets it", mysqlVariable)
	u, err := url.Parse(server)
	require.NoError(t, err, "%s must be a URL", mysqlVariable)
	name := "signet_test_" + strings.ToLower(rand.Text())

	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User = "tcp", u.Host, u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 10*time.Second, 30*time.Second, 30*time.Second
	admin, err := sql.Open("mysql", cfg.FormatDSN())
	require.NoError(t, err)
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	require.NoError(t, err, "%s must lead to a server that lets its user create databases", mysqlVariable)
	t.Cleanup(func() {
		_, err := admin.Exec("DROP DATABASE " + name) //nolint:noctx // the test's context has ended
		require.NoError(t, err)
		require.NoError(t, admin.Close())
	})
	u.Path = "/" + name
	return u.String()
}
