package storagetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// Consents is a store of consents, and of those whom they are between.
type Consents interface {
	provider.ConsentStore
	Standings
}

// RunConsents tests the promises of provider.ConsentStore, and of AuthorizationStanding.
func RunConsents(t *testing.T, open func(t *testing.T) Consents) {
	store := open(t)
	client, user := newClient(t), newUser(t)
	require.NoError(t, store.CreateClient(t.Context(), client))
	_, err := store.CreateUser(t.Context(), user)
	require.NoError(t, err)
	given := func(scopes ...string) provider.Consent {
		return provider.Consent{UserID: user.ID, ClientID: client.ID, Scopes: scopes, Claims: []string{"name"}, CreatedAt: now(), GivenAt: now()}
	}

	t.Run("without a consent the standing has none", func(t *testing.T) {
		got, err := store.AuthorizationStanding(t.Context(), client.ID, user.ID, name("session"))
		require.NoError(t, err)
		requireKept(t, provider.Standing{Client: client, User: user}, got)
		_, err = store.AuthorizationStanding(t.Context(), name("client"), user.ID, "")
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("a login session that was ended is known", func(t *testing.T) {
		session := name("session")
		ended, err := store.GrantEnded(t.Context(), session)
		require.NoError(t, err)
		require.False(t, ended)
		require.NoError(t, store.RecordEndedGrant(t.Context(), session, now().Add(time.Hour)))
		got, err := store.AuthorizationStanding(t.Context(), client.ID, user.ID, session)
		require.NoError(t, err)
		require.True(t, got.GrantEnded)
		ended, err = store.GrantEnded(t.Context(), session)
		require.NoError(t, err)
		require.True(t, ended)
	})

	t.Run("a consent is kept, and replaced but for its beginning", func(t *testing.T) {
		first := given("openid")
		require.NoError(t, store.SaveConsent(t.Context(), first))
		second := given("openid", "email")
		second.CreatedAt, second.GivenAt = second.CreatedAt.Add(time.Hour), second.GivenAt.Add(time.Hour)
		require.NoError(t, store.SaveConsent(t.Context(), second))
		second.CreatedAt = first.CreatedAt
		got, err := store.AuthorizationStanding(t.Context(), client.ID, user.ID, name("session"))
		require.NoError(t, err)
		requireKept(t, provider.Standing{Client: client, User: user, Consent: second}, got)
		list, err := store.ConsentsOfUser(t.Context(), user.ID)
		require.NoError(t, err)
		requireKept(t, []provider.Consent{second}, list)
	})

	t.Run("of many who save at once none fails", func(t *testing.T) {
		other := newClient(t)
		require.NoError(t, store.CreateClient(t.Context(), other))
		for _, o := range together(func(int) outcome[int] {
			consent := given("openid")
			consent.ClientID = other.ID
			return outcome[int]{0, store.SaveConsent(t.Context(), consent)}
		}) {
			require.NoError(t, o.err)
		}
	})

	t.Run("a revoked consent is gone, and revoking it again is fine", func(t *testing.T) {
		require.NoError(t, store.SaveConsent(t.Context(), given("openid")))
		for range 2 {
			require.NoError(t, store.RevokeConsent(t.Context(), user.ID, client.ID))
		}
		got, err := store.AuthorizationStanding(t.Context(), client.ID, user.ID, name("session"))
		require.NoError(t, err)
		require.Empty(t, got.Consent)
	})

	t.Run("with its client or user a consent goes", func(t *testing.T) {
		require.NoError(t, store.SaveConsent(t.Context(), given("openid")))
		require.NoError(t, store.DeleteClient(t.Context(), client.ID))
		require.NoError(t, store.CreateClient(t.Context(), client))
		got, err := store.AuthorizationStanding(t.Context(), client.ID, user.ID, name("session"))
		require.NoError(t, err)
		require.Empty(t, got.Consent, "a client of the same ID is another client")
		require.NoError(t, store.SaveConsent(t.Context(), given("openid")))
		require.NoError(t, store.DeleteUser(t.Context(), user.ID))
		list, err := store.ConsentsOfUser(t.Context(), user.ID)
		require.NoError(t, err)
		require.Empty(t, list)
	})
}
