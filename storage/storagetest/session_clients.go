package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// Sessions keeps login sessions and what was granted in them.
type Sessions interface {
	provider.LoginSessionStore
	provider.GrantStore
}

// RunSessionClients tests that a login session knows the clients that it was used for, and that its ID is free
// once it was deleted.
func RunSessionClients(t *testing.T, open func(t *testing.T) Sessions) {
	store := open(t)
	grant := func(t *testing.T, sessionID, clientID string, until time.Time) provider.Grant {
		t.Helper()
		g := newGrant(t)
		g.SessionID, g.ClientID, g.SessionEndsAt = sessionID, clientID, until
		require.NoError(t, store.CreateGrant(t.Context(), g))
		return g
	}
	clients := func(t *testing.T, sessionID string) []string {
		t.Helper()
		found, err := store.SessionClients(t.Context(), sessionID)
		require.NoError(t, err)
		return found
	}

	t.Run("every client is noted once, also when its grants are gone", func(t *testing.T) {
		session, other := name("session"), name("session")
		ids := []string{name("client"), name("client")}
		slices.Sort(ids)
		for _, id := range append(ids, ids[0]) {
			g := grant(t, session, id, now().Add(time.Hour))
			require.NoError(t, store.EndGrant(t.Context(), g.ID))
		}
		grant(t, other, name("client"), now().Add(time.Hour))
		require.Equal(t, ids, clients(t, session))
		require.Empty(t, clients(t, name("session")))
	})

	t.Run("a client is forgotten at the session's latest end", func(t *testing.T) {
		session := name("session")
		grant(t, session, name("client"), now().Add(-time.Second))
		require.Empty(t, clients(t, session))
	})

	t.Run("a deleted session leaves its ID to its successor", func(t *testing.T) {
		session := newLoginSession(t)
		require.NoError(t, store.CreateLoginSession(t.Context(), session))
		require.NoError(t, store.DeleteLoginSession(t.Context(), session.CookieHash))
		session.CookieHash = name("cookie")
		require.NoError(t, store.CreateLoginSession(t.Context(), session))
		found, err := store.LoginSession(t.Context(), session.CookieHash)
		require.NoError(t, err)
		require.Equal(t, session.ID, found.ID)
	})
}
