package sqlstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// A store remembers decoded clients; nobody may notice.
func TestAReadClientIsAlwaysTheStoredOne(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			rawURL := database.url(t)
			one, other := sqlstoretest.Open(t, rawURL), sqlstoretest.Open(t, rawURL)
			begin, age := now(), time.Hour
			c := provider.Client{
				ID: "app", DefaultMaxAge: &age, Scopes: []string{"openid", "email"}, SecretHashes: []provider.SecretHash{{Hash: "h", ExpiresAt: begin}},
				CreatedAt: begin, UpdatedAt: begin,
			}
			require.NoError(t, one.CreateClient(t.Context(), c))
			for range 2 {
				got, err := one.Client(t.Context(), "app")
				require.NoError(t, err)
				require.Equal(t, c, got)
				got.Scopes[0], got.SecretHashes[0].Hash, *got.DefaultMaxAge = "changed", "by the reader", 0
			}

			c.Scopes, c.UpdatedAt = []string{"openid"}, begin.Add(time.Second)
			require.NoError(t, other.ReplaceClient(t.Context(), c, begin))
			standing, err := one.Standing(t.Context(), "app", 0, "", "")
			require.NoError(t, err)
			require.Equal(t, c, standing.Client, "another process changed it")

			c.Disabled, c.UpdatedAt = true, begin.Add(2*time.Second)
			require.NoError(t, other.ReplaceClient(t.Context(), c, begin.Add(time.Second)))
			got, err := one.Client(t.Context(), "app")
			require.NoError(t, err)
			require.Equal(t, c, got)
		})
	}
}

func TestARecordOfANewerReleaseIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		require.NoError(t, s.CreateClient(t.Context(), provider.Client{ID: "app"}))
		require.NoError(t, s.CreateGrant(t.Context(), newGrant("g")))
		for _, statement := range []string{"UPDATE clients SET document = '{\"v\":2}'", "UPDATE grants SET document = '{\"v\":2}'"} {
			_, err := s.Writer().ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		_, err := s.Client(t.Context(), "app")
		require.ErrorContains(t, err, "newer release")
		_, err = s.Grant(t.Context(), "g")
		require.ErrorContains(t, err, "newer release")
	})
}

func TestAnUpdateThatChangesNothingFindsItsRow(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		u, err := s.CreateUser(t.Context(), newUser("a@example.com"))
		require.NoError(t, err)
		require.NoError(t, s.UpdateUser(t.Context(), u.ID, provider.UserChange{Active: &u.Active}))
		require.NoError(t, s.UpdateUser(t.Context(), u.ID, provider.UserChange{}))
		require.ErrorIs(t, s.UpdateUser(t.Context(), u.ID+1, provider.UserChange{Active: &u.Active}), provider.ErrNotFound)
		require.ErrorIs(t, s.UpdateUser(t.Context(), u.ID+1, provider.UserChange{}), provider.ErrNotFound)
		c := provider.Client{ID: "c", UpdatedAt: now()}
		require.NoError(t, s.CreateClient(t.Context(), c))
		require.NoError(t, s.ReplaceClient(t.Context(), c, c.UpdatedAt))
	})
}
