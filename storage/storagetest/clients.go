package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newClient returns a client with every field set.
func newClient(t *testing.T) provider.Client {
	t.Helper()
	c := filled[provider.Client](t)
	c.ID = name("client")
	requireFilled(t, c)
	return c
}

// RunClients tests the promises of provider.ClientStore.
func RunClients(t *testing.T, open func(t *testing.T) provider.ClientStore) {
	store := open(t)
	create := func(t *testing.T) provider.Client {
		t.Helper()
		c := newClient(t)
		require.NoError(t, store.CreateClient(t.Context(), c))
		return c
	}

	t.Run("every field of a client is kept", func(t *testing.T) {
		want := create(t)
		got, err := store.Client(t.Context(), want.ID)
		require.NoError(t, err)
		requireKept(t, want, got)
	})

	t.Run("a client of zero values is kept", func(t *testing.T) {
		want := provider.Client{ID: name("client")}
		require.NoError(t, store.CreateClient(t.Context(), want))
		got, err := store.Client(t.Context(), want.ID)
		require.NoError(t, err)
		requireKept(t, want, got)
	})

	t.Run("an unknown client is not found", func(t *testing.T) {
		for _, id := range []string{"", "0", "%", name("client")} {
			_, err := store.Client(t.Context(), id)
			require.ErrorIs(t, err, provider.ErrNotFound)
		}
		require.ErrorIs(t, store.DeleteClient(t.Context(), name("client")), provider.ErrNotFound)
		require.ErrorIs(t, store.ReplaceClient(t.Context(), newClient(t), now()), provider.ErrNotFound)
	})

	t.Run("of many who take one ID one succeeds", func(t *testing.T) {
		c := newClient(t)
		outcomes := together(func(int) outcome[struct{}] {
			return outcome[struct{}]{err: store.CreateClient(t.Context(), c)}
		})
		requireOneWinner(t, outcomes, provider.ErrAlreadyExists)
	})

	t.Run("IDs that look alike never meet", func(t *testing.T) {
		ids := lookalikes("client")
		for _, id := range ids {
			c := newClient(t)
			c.ID, c.Name = id, "the client of "+id
			require.NoError(t, store.CreateClient(t.Context(), c), "%q", id)
		}
		for _, id := range ids {
			got, err := store.Client(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "the client of "+id, got.Name)
		}
		require.NoError(t, store.DeleteClient(t.Context(), ids[0]))
		for _, id := range ids[1:] {
			_, err := store.Client(t.Context(), id)
			require.NoError(t, err, "%q", id)
		}
	})

	t.Run("a replacement writes every field but the creation time, zero values too", func(t *testing.T) {
		was := create(t)
		want := newClient(t)
		want.ID, want.UpdatedAt = was.ID, was.UpdatedAt.Add(time.Second)
		require.NoError(t, store.ReplaceClient(t.Context(), want, was.UpdatedAt))
		want.CreatedAt = was.CreatedAt
		got, err := store.Client(t.Context(), was.ID)
		require.NoError(t, err)
		requireKept(t, want, got)

		empty := provider.Client{ID: was.ID, UpdatedAt: got.UpdatedAt.Add(time.Second)}
		require.NoError(t, store.ReplaceClient(t.Context(), empty, got.UpdatedAt))
		empty.CreatedAt = was.CreatedAt
		got, err = store.Client(t.Context(), was.ID)
		require.NoError(t, err)
		requireKept(t, empty, got)
	})

	t.Run("a replacement of what somebody else replaced is refused", func(t *testing.T) {
		was := create(t)
		outcomes := together(func(i int) outcome[provider.Client] {
			c := was
			c.UpdatedAt = was.UpdatedAt.Add(time.Duration(i+1) * time.Second)
			return outcome[provider.Client]{c, store.ReplaceClient(t.Context(), c, was.UpdatedAt)}
		})
		want := requireOneWinner(t, outcomes, provider.ErrConsumed)
		got, err := store.Client(t.Context(), was.ID)
		require.NoError(t, err)
		requireKept(t, want, got)
	})

	t.Run("a deleted client is gone", func(t *testing.T) {
		c := create(t)
		require.NoError(t, store.DeleteClient(t.Context(), c.ID))
		_, err := store.Client(t.Context(), c.ID)
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.ErrorIs(t, store.DeleteClient(t.Context(), c.ID), provider.ErrNotFound)
		require.ErrorIs(t, store.ReplaceClient(t.Context(), c, c.UpdatedAt), provider.ErrNotFound)
		require.NoError(t, store.CreateClient(t.Context(), c))
	})

	t.Run("clients are listed by ID", func(t *testing.T) {
		var want []string
		clients := map[string]provider.Client{}
		for range 5 {
			c := create(t)
			want = append(want, c.ID)
			clients[c.ID] = c
		}
		slices.Sort(want)
		all, err := store.Clients(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, keysOf(all, func(c provider.Client) string { return c.ID }, want...))
		for _, got := range all {
			if c, mine := clients[got.ID]; mine {
				requireKept(t, c, got)
			}
		}
	})
}
