package storagetest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newSigningKey returns a key with every field set and an algorithm of its own.
func newSigningKey(t *testing.T) provider.SigningKey {
	t.Helper()
	k := filled[provider.SigningKey](t)
	k.ID = name("key")
	k.Algorithm = name("A")[:20]
	requireFilled(t, k)
	return k
}

// RunSigningKeys tests the promises of provider.SigningKeyStore.
func RunSigningKeys(t *testing.T, open func(t *testing.T) provider.SigningKeyStore) {
	store := open(t)
	// list returns the keys that the test made, in the store's order.
	list := func(t *testing.T, made ...provider.SigningKey) []provider.SigningKey {
		t.Helper()
		all, err := store.SigningKeys(t.Context())
		require.NoError(t, err)
		var mine []provider.SigningKey
		for _, k := range all {
			for _, m := range made {
				if k.ID == m.ID {
					mine = append(mine, k)
				}
			}
		}
		return mine
	}

	t.Run("every field of a key is kept", func(t *testing.T) {
		want := newSigningKey(t)
		want.PrivateKey = bytes.Repeat([]byte("\x00\xff'"), 1000)
		require.NoError(t, store.CreateSigningKey(t.Context(), want))
		requireKept(t, []provider.SigningKey{want}, list(t, want))
	})

	t.Run("keys are listed by algorithm and generation", func(t *testing.T) {
		first := newSigningKey(t)
		first.Generation = 2
		second, other := first, first
		second.ID, second.Generation = name("key"), 10
		other.ID, other.Algorithm, other.Generation = name("key"), first.Algorithm+"x", 1
		for _, k := range []provider.SigningKey{other, second, first} {
			require.NoError(t, store.CreateSigningKey(t.Context(), k))
		}
		requireKept(t, []provider.SigningKey{first, second, other}, list(t, first, second, other))
	})

	t.Run("an ID that is taken is refused", func(t *testing.T) {
		taken, k := newSigningKey(t), newSigningKey(t)
		k.ID = taken.ID
		require.NoError(t, store.CreateSigningKey(t.Context(), taken))
		require.ErrorIs(t, store.CreateSigningKey(t.Context(), k), provider.ErrAlreadyExists)
		requireKept(t, []provider.SigningKey{taken}, list(t, taken))
	})

	t.Run("of many who make one generation one succeeds", func(t *testing.T) {
		made := make([]provider.SigningKey, callers)
		for i := range made {
			made[i] = newSigningKey(t)
			made[i].Algorithm, made[i].Generation = made[0].Algorithm, 7
		}
		outcomes := together(func(i int) outcome[provider.SigningKey] {
			return outcome[provider.SigningKey]{made[i], store.CreateSigningKey(t.Context(), made[i])}
		})
		winner := requireOneWinner(t, outcomes, provider.ErrAlreadyExists)
		requireKept(t, []provider.SigningKey{winner}, list(t, made...))
	})

	t.Run("a deleted key is gone, and deleting it again is fine", func(t *testing.T) {
		k, other := newSigningKey(t), newSigningKey(t)
		require.NoError(t, store.CreateSigningKey(t.Context(), k))
		require.NoError(t, store.CreateSigningKey(t.Context(), other))
		require.NoError(t, store.DeleteSigningKey(t.Context(), k.ID))
		require.NoError(t, store.DeleteSigningKey(t.Context(), k.ID))
		requireKept(t, []provider.SigningKey{other}, list(t, k, other))
	})
}
