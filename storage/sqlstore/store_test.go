package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// stores are the databases that every promise holds on. The clock is optional.
var stores = []struct {
	name string
	open func(t testing.TB, configure ...func(*sqlstore.Options)) *sqlstore.Store
}{
	{"sqlite", sqlstoretest.SQLiteFile},
	{"sqlite_memory", sqlstoretest.SQLite},
	{"mariadb", sqlstoretest.MariaDB},
}

func eachStore(t *testing.T, test func(t *testing.T, s *sqlstore.Store)) {
	t.Helper()
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) { test(t, store.open(t)) })
	}
}

// databases are those that several processes can share.
var databases = []struct {
	name string
	url  func(t testing.TB) string
}{
	{"sqlite", sqlstoretest.SQLiteURL},
	{"mariadb", sqlstoretest.MariaDBURL},
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func newUser(email string) provider.User {
	return provider.User{Subject: "sub-" + email, Email: email, PasswordHash: "!", Active: true, JoinedAt: now()}
}

func newGrant(id string) provider.Grant {
	return provider.Grant{
		ID: id, ClientID: "app", UserID: 1, Subject: "sub", Scopes: []string{"openid", "email"},
		CreatedAt: now(), ExpiresAt: now().Add(24 * time.Hour), IdleExpiresAt: now().Add(time.Hour), Generation: 1,
	}
}

func TestOpenRefusesWhatItCannotServe(t *testing.T) {
	for _, rawURL := range []string{
		"", "postgres://host/db", "sqlite:", "mysql://", "mysql://user:hunter2@host", "mysql://user:hunter2@host/a/b",
		"mysql://user:hunter2@host/db?parseTime=false", "mysql://user:hunter2@host:port/db", "mysql://user:hunter2@host/db?tls=unheard-of",
	} {
		_, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
		require.Error(t, err, "url %q", rawURL)
		require.NotContains(t, err.Error(), "hunter2", "the password must not reach logs")
	}
}

func TestOpenMakesAFileForItsOwnerAlone(t *testing.T) {
	rawURL := sqlstoretest.SQLiteURL(t)
	s := sqlstoretest.Open(t, rawURL)
	_, err := s.CreateUser(t.Context(), newUser("a@example.com"))
	require.NoError(t, err)
	path := strings.TrimPrefix(rawURL, "sqlite:")
	folder, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Contains(t, files, path+"-wal", "the journal is a write-ahead log")
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
}

func TestOpenAcceptsAnyFileName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b#c%20d.db")
	sqlstoretest.Open(t, "sqlite:"+path)
	require.Positive(t, sizeOf(t, path+"-wal"), "the database is in that file")
}

func TestThreeProcessesMakeOneFile(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		for range 20 {
			rawURL := sqlstoretest.SQLiteURL(t)
			errs := make(chan error, 3)
			for range 3 {
				go func() {
					s, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
					if err == nil {
						err = s.Close()
					}
					errs <- err
				}()
			}
			for range 3 {
				require.NoError(t, <-errs)
			}
		}
	})
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

func TestSessionsAreSetUp(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := sqlstoretest.MariaDB(t)
		for setting, want := range map[string]string{
			"@@tx_isolation": "READ-COMMITTED", "@@innodb_lock_wait_timeout": "3", "@@collation_connection": "utf8mb4_bin",
			"@@time_zone": "+00:00", "@@wsrep_sync_wait": "3", "@@sql_mode LIKE '%STRICT_TRANS_TABLES%'": "1",
		} {
			var got string
			require.NoError(t, s.Writer().QueryRowContext(t.Context(), "SELECT "+setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
	})
	t.Run("sqlite", func(t *testing.T) {
		s := sqlstoretest.SQLiteFile(t)
		for setting, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000", "synchronous": "1"} {
			var got string
			require.NoError(t, s.Writer().QueryRowContext(t.Context(), "PRAGMA "+setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
	})
}

func TestIdentifiersCompareByteByByte(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		ids := []string{"app", "App", "app ", "äpp", "ａpp", "app\x00"}
		for _, id := range ids {
			require.NoError(t, s.CreateClient(t.Context(), provider.Client{ID: id, Name: "name of " + id}), "%q", id)
			require.NoError(t, s.RecordEndedGrant(t.Context(), id, now().Add(time.Hour)))
		}
		for _, id := range ids {
			c, err := s.Client(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "name of "+id, c.Name)
		}
		_, err := s.Client(t.Context(), "APP")
		require.ErrorIs(t, err, provider.ErrNotFound)
		standing, err := s.Standing(t.Context(), "app", 0, "APP", "")
		require.NoError(t, err)
		require.False(t, standing.GrantEnded)

		_, err = s.CreateUser(t.Context(), newUser("mike@example.com"))
		require.NoError(t, err)
		u := newUser("mike2@example.com")
		u.Subject = "SUB-mike@example.com"
		_, err = s.CreateUser(t.Context(), u)
		require.NoError(t, err, "subjects differ in case")
		_, err = s.UserBySubject(t.Context(), "sub-mike@example.com ")
		require.ErrorIs(t, err, provider.ErrNotFound)
	})
}

func TestFalseAndEmptyAreWritten(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		u, err := s.CreateUser(t.Context(), provider.User{
			Subject: "s", Email: "a@example.com", FirstName: "A", Active: true, Staff: true, JoinedAt: now(), LastLogin: now(),
		})
		require.NoError(t, err)
		no, empty, never := false, "", time.Time{}
		require.NoError(t, s.UpdateUser(t.Context(), u.ID, provider.UserChange{Active: &no, FirstName: &empty, LastLogin: &never}))
		got, err := s.UserByID(t.Context(), u.ID)
		require.NoError(t, err)
		u.Active, u.FirstName, u.LastLogin = false, "", time.Time{}
		require.Equal(t, u, got)
	})
}

func TestAnErrorQuotesNoValue(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		_, err := s.CreateUser(t.Context(), newUser("secret@example.com"))
		require.NoError(t, err)
		_, err = s.CreateUser(t.Context(), newUser("secret@example.com"))
		require.ErrorIs(t, err, provider.ErrAlreadyExists)
		require.NotContains(t, err.Error(), "secret")
	})
}

func TestInTx(t *testing.T) {
	fault := errors.New("fault")
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		t.Run("all or none of the writes stay", func(t *testing.T) {
			err := s.InTx(t.Context(), func(ctx context.Context) error {
				require.NoError(t, s.CreateGrant(ctx, newGrant("undone")))
				_, err := s.CreateUser(ctx, newUser("undone@example.com"))
				require.NoError(t, err)
				_, err = s.Grant(ctx, "undone")
				require.NoError(t, err, "a transaction reads its own writes")
				return fault
			})
			require.ErrorIs(t, err, fault)
			_, err = s.Grant(t.Context(), "undone")
			require.ErrorIs(t, err, provider.ErrNotFound)
			_, err = s.UserByEmail(t.Context(), "undone@example.com")
			require.ErrorIs(t, err, provider.ErrNotFound)
		})
		t.Run("a transaction within joins", func(t *testing.T) {
			err := s.InTx(t.Context(), func(ctx context.Context) error {
				require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return s.CreateGrant(ctx, newGrant("joined")) }))
				return fault
			})
			require.ErrorIs(t, err, fault)
			_, err = s.Grant(t.Context(), "joined")
			require.ErrorIs(t, err, provider.ErrNotFound)
		})
		t.Run("what fn returns is committed", func(t *testing.T) {
			require.NoError(t, s.InTx(t.Context(), func(ctx context.Context) error { return s.CreateGrant(ctx, newGrant("kept")) }))
			_, err := s.Grant(t.Context(), "kept")
			require.NoError(t, err)
		})
	})
}

// Two transactions take two rows in opposite order: the server ends one of them, which is done
// again.
func TestADeadlockIsRetried(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := sqlstoretest.MariaDB(t)
		a, err := s.CreateUser(t.Context(), newUser("a@example.com"))
		require.NoError(t, err)
		b, err := s.CreateUser(t.Context(), newUser("b@example.com"))
		require.NoError(t, err)

		var runs atomic.Int32
		var holding sync.WaitGroup
		holding.Add(2)
		rename := func(first, second int64) error {
			var once sync.Once
			name := "renamed"
			return s.InTx(t.Context(), func(ctx context.Context) error {
				runs.Add(1)
				if err := s.UpdateUser(ctx, first, provider.UserChange{FirstName: &name}); err != nil {
					return err
				}
				once.Do(func() { holding.Done(); holding.Wait() })
				return s.UpdateUser(ctx, second, provider.UserChange{FirstName: &name})
			})
		}
		errs := make(chan error, 2)
		go func() { errs <- rename(a.ID, b.ID) }()
		go func() { errs <- rename(b.ID, a.ID) }()
		require.NoError(t, <-errs)
		require.NoError(t, <-errs)
		require.Equal(t, int32(3), runs.Load(), "one of two transactions runs twice")
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestAnOutageIsUnavailable(t *testing.T) {
	t.Run("no server/mariadb", func(t *testing.T) {
		listener := listen(t)
		require.NoError(t, listener.Close())
		_, err := sqlstore.Open(t.Context(), fmt.Sprintf("mysql://u:hunter2@%s/db", listener.Addr()), sqlstore.Options{})
		require.ErrorIs(t, err, provider.ErrUnavailable)
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("a server that does not answer/mariadb", func(t *testing.T) {
		listener := listen(t)
		defer func() { require.NoError(t, listener.Close()) }()
		begin := time.Now()
		_, err := sqlstore.Open(t.Context(), fmt.Sprintf("mysql://u:p@%s/db", listener.Addr()), sqlstore.Options{})
		require.ErrorIs(t, err, provider.ErrUnavailable)
		require.Less(t, time.Since(begin), 15*time.Second)
	})
	t.Run("a row that stays locked/mariadb", func(t *testing.T) {
		s := sqlstoretest.MariaDB(t)
		require.NoError(t, s.CreateGrant(t.Context(), newGrant("g")))
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.EndGrant(ctx, "g"))
			short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			return s.EndGrant(short, "g") // another caller, outside the transaction
		})
		require.ErrorIs(t, err, provider.ErrUnavailable)
	})
	t.Run("a locked file/sqlite", func(t *testing.T) {
		rawURL := sqlstoretest.SQLiteURL(t)
		one, other := sqlstoretest.Open(t, rawURL), sqlstoretest.Open(t, rawURL)
		err := one.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, one.CreateGrant(ctx, newGrant("g")))
			short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			return other.CreateGrant(short, newGrant("h")) // another process
		})
		require.ErrorIs(t, err, provider.ErrUnavailable)
	})
	t.Run("a closed store", func(t *testing.T) {
		s, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		require.Error(t, s.Ping(t.Context()))
	})
}
