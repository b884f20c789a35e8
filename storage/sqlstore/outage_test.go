package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

func TestAStoreOutlivesItsServer(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		server, err := testservers.StartMariaDB(t.Context(), testservers.Options{Settings: []string{"max_connections = 12"}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Close()) })
		t.Setenv("SIGNET_TEST_MYSQL", server.URL)
		rawURL := sqlstoretest.MariaDBURL(t)
		s := sqlstoretest.Open(t, rawURL)
		u, err := s.CreateUser(t.Context(), newUser("a@example.com"))
		require.NoError(t, err)

		t.Run("a server that was killed", func(t *testing.T) {
			require.NoError(t, server.Kill())
			begin := time.Now()
			_, err := s.UserByID(t.Context(), u.ID)
			require.ErrorIs(t, err, provider.ErrUnavailable)
			require.ErrorIs(t, s.CreateGrant(t.Context(), newGrant("lost")), provider.ErrUnavailable)
			require.ErrorIs(t, s.Ping(t.Context()), provider.ErrUnavailable)
			require.Less(t, time.Since(begin), 5*time.Second)

			require.NoError(t, server.Restart(t.Context()))
			got, err := s.UserByID(t.Context(), u.ID)
			require.NoError(t, err)
			require.Equal(t, u, got)
			require.NoError(t, s.CreateGrant(t.Context(), newGrant("kept")))
		})
		t.Run("a server that is frozen", func(t *testing.T) {
			require.NoError(t, server.Pause())
			defer func() { require.NoError(t, server.Resume()) }()
			begin := time.Now()
			_, err := s.UserByID(t.Context(), u.ID)
			for err == nil && time.Since(begin) < 5*time.Second {
				_, err = s.UserByID(t.Context(), u.ID) // its last threads still run
			}
			require.ErrorIs(t, err, provider.ErrUnavailable, "without a deadline")
			require.Less(t, time.Since(begin), 10*time.Second)
			short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begin = time.Now()
			_, err = s.UserByID(short, u.ID)
			require.ErrorIs(t, err, provider.ErrUnavailable, "with a deadline")
			require.Less(t, time.Since(begin), 2*time.Second)

			require.NoError(t, server.Resume())
			_, err = s.UserByID(t.Context(), u.ID)
			require.NoError(t, err)
		})
		t.Run("a server without a free connection", func(t *testing.T) {
			held := holdConnections(t, s)
			_, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
			require.ErrorIs(t, err, provider.ErrUnavailable)
			for _, conn := range held {
				require.NoError(t, conn.Close())
			}
		})
	})
}

// holdConnections takes every connection that the server has left.
func holdConnections(t *testing.T, s *sqlstore.Store) []*sql.Conn {
	t.Helper()
	var held []*sql.Conn
	for len(held) < 30 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		conn, err := s.Writer().Conn(ctx)
		cancel()
		if err != nil {
			return held
		}
		held = append(held, conn)
	}
	t.Fatal("the server has no limit")
	return nil
}
