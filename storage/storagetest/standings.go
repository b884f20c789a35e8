package storagetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// Standings is a store that answers for standings, and what they are made of.
type Standings interface {
	provider.StandingStore
	provider.EndedGrantStore
	provider.ClientStore
	provider.UserStore
}

// RunStandings tests the promises of provider.StandingStore and provider.EndedGrantStore.
func RunStandings(t *testing.T, open func(t *testing.T) Standings) {
	store := open(t)
	client, user := newClient(t), newUser(t)
	require.NoError(t, store.CreateClient(t.Context(), client))
	_, err := store.CreateUser(t.Context(), user)
	require.NoError(t, err)

	t.Run("a standing has every field of client and user", func(t *testing.T) {
		got, err := store.Standing(t.Context(), client.ID, user.ID, name("grant"), "")
		require.NoError(t, err)
		requireKept(t, provider.Standing{Client: client, User: user}, got)
	})

	t.Run("without a user there is none", func(t *testing.T) {
		for _, id := range []int64{0, userID()} {
			got, err := store.Standing(t.Context(), client.ID, id, name("grant"), "")
			require.NoError(t, err)
			requireKept(t, provider.Standing{Client: client}, got)
		}
	})

	t.Run("without the client nothing stands", func(t *testing.T) {
		_, err := store.Standing(t.Context(), name("client"), user.ID, name("grant"), "")
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("changes are seen at once", func(t *testing.T) {
		c, u := newClient(t), newUser(t)
		c.Disabled = false
		require.NoError(t, store.CreateClient(t.Context(), c))
		_, err := store.CreateUser(t.Context(), u)
		require.NoError(t, err)
		begun := u.SessionsValidAfter.Add(time.Second)
		got, err := store.Standing(t.Context(), c.ID, u.ID, "", "")
		require.NoError(t, err)
		require.True(t, got.Allows(u.ID, begun))

		inactive := false
		require.NoError(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{Active: &inactive}))
		got, err = store.Standing(t.Context(), c.ID, u.ID, "", "")
		require.NoError(t, err)
		require.False(t, got.Allows(u.ID, begun))

		require.NoError(t, store.DeleteUser(t.Context(), u.ID))
		got, err = store.Standing(t.Context(), c.ID, u.ID, "", "")
		require.NoError(t, err)
		require.Zero(t, got.User)

		require.NoError(t, store.DeleteClient(t.Context(), c.ID))
		_, err = store.Standing(t.Context(), c.ID, u.ID, "", "")
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("an ended grant stays ended, whoever records it how often", func(t *testing.T) {
		grant := name("grant")
		for _, err := range together(func(i int) error {
			return store.RecordEndedGrant(t.Context(), grant, time.Now().Add(time.Duration(i+1)*time.Hour))
		}) {
			require.NoError(t, err)
		}
		got, err := store.Standing(t.Context(), client.ID, user.ID, grant, "")
		require.NoError(t, err)
		require.True(t, got.GrantEnded)
		require.Equal(t, user.ID, got.User.ID)
	})

	t.Run("ended grants that look alike never meet", func(t *testing.T) {
		ids := lookalikes("grant")
		require.NoError(t, store.RecordEndedGrant(t.Context(), ids[0], time.Now().Add(time.Hour)))
		for i, id := range ids {
			got, err := store.Standing(t.Context(), client.ID, 0, id, "")
			require.NoError(t, err)
			require.Equal(t, i == 0, got.GrantEnded, "%q", id)
		}
	})
}
