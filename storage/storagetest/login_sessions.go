package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newLoginSession returns a living session with every field set.
func newLoginSession(t *testing.T) provider.LoginSession {
	t.Helper()
	s := filled[provider.LoginSession](t)
	s.ID = name("session")
	s.CookieHash = name("hash")
	s.UserID = userID()
	s.IdleExpiresAt = now().Add(time.Hour)
	s.ExpiresAt = now().Add(24 * time.Hour)
	requireFilled(t, s)
	return s
}

// RunLoginSessions tests the promises of provider.LoginSessionStore.
func RunLoginSessions(t *testing.T, open func(t *testing.T) provider.LoginSessionStore) {
	store := open(t)
	create := func(t *testing.T, change ...func(*provider.LoginSession)) provider.LoginSession {
		t.Helper()
		s := newLoginSession(t)
		for _, f := range change {
			f(&s)
		}
		require.NoError(t, store.CreateLoginSession(t.Context(), s))
		return s
	}
	requireStored := func(t *testing.T, want provider.LoginSession) {
		t.Helper()
		got, err := store.LoginSession(t.Context(), want.CookieHash)
		require.NoError(t, err)
		requireKept(t, want, got)
	}
	requireGone := func(t *testing.T, cookieHash string) {
		t.Helper()
		_, err := store.LoginSession(t.Context(), cookieHash)
		require.ErrorIs(t, err, provider.ErrNotFound)
		err = store.TouchLoginSession(t.Context(), cookieHash, now(), now().Add(time.Hour))
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.LoginSession(t.Context(), cookieHash)
		require.ErrorIs(t, err, provider.ErrNotFound, "after it was touched")
	}

	t.Run("every field of a session is kept", func(t *testing.T) {
		requireStored(t, create(t))
	})

	t.Run("an unknown session is not found", func(t *testing.T) {
		for _, hash := range []string{"", "*", name("hash")} {
			requireGone(t, hash)
			require.NoError(t, store.DeleteLoginSession(t.Context(), hash))
		}
	})

	t.Run("an ID or a cookie hash that is taken is refused", func(t *testing.T) {
		taken := create(t)
		same := newLoginSession(t)
		same.CookieHash = taken.CookieHash
		require.ErrorIs(t, store.CreateLoginSession(t.Context(), same), provider.ErrAlreadyExists)
		requireStored(t, taken)

		same = newLoginSession(t)
		same.ID = taken.ID
		require.ErrorIs(t, store.CreateLoginSession(t.Context(), same), provider.ErrAlreadyExists)
		requireGone(t, same.CookieHash)
		of, err := store.LoginSessionsOfUser(t.Context(), same.UserID)
		require.NoError(t, err)
		require.Empty(t, of)
		require.ErrorIs(t, store.CreateLoginSession(t.Context(), taken), provider.ErrAlreadyExists)
		requireStored(t, taken)
	})

	t.Run("cookie hashes that look alike never meet", func(t *testing.T) {
		var sessions []provider.LoginSession
		for _, hash := range lookalikes("hash") {
			sessions = append(sessions, create(t, func(s *provider.LoginSession) { s.CookieHash = hash }))
		}
		for _, s := range sessions {
			requireStored(t, s)
		}
		require.NoError(t, store.DeleteLoginSession(t.Context(), sessions[0].CookieHash))
		for _, s := range sessions[1:] {
			requireStored(t, s)
		}
	})

	t.Run("a touch moves when it was seen and its idle end", func(t *testing.T) {
		want := create(t)
		want.SeenAt, want.IdleExpiresAt = want.SeenAt.Add(time.Minute), want.IdleExpiresAt.Add(time.Minute)
		require.NoError(t, store.TouchLoginSession(t.Context(), want.CookieHash, want.SeenAt, want.IdleExpiresAt))
		requireStored(t, want)
		require.NoError(t, store.TouchLoginSession(t.Context(), want.CookieHash, want.SeenAt, want.IdleExpiresAt), "the same again")
		requireStored(t, want)
	})

	t.Run("a session that ended is never revived", func(t *testing.T) {
		soon := now().Add(300 * time.Millisecond)
		idle := create(t, func(s *provider.LoginSession) { s.IdleExpiresAt = soon })
		absolute := create(t, func(s *provider.LoginSession) { s.ExpiresAt = soon })
		touched := create(t, func(s *provider.LoginSession) { s.ExpiresAt = soon })
		require.NoError(t, store.TouchLoginSession(t.Context(), touched.CookieHash, now(), now().Add(time.Hour)))
		prolonged := create(t, func(s *provider.LoginSession) { s.IdleExpiresAt = soon })
		require.NoError(t, store.TouchLoginSession(t.Context(), prolonged.CookieHash, now(), now().Add(time.Hour)))
		deleted := create(t)
		require.NoError(t, store.DeleteLoginSession(t.Context(), deleted.CookieHash))

		time.Sleep(time.Until(soon) + time.Millisecond)
		for _, gone := range []provider.LoginSession{idle, absolute, touched, deleted} {
			requireGone(t, gone.CookieHash)
			of, err := store.LoginSessionsOfUser(t.Context(), gone.UserID)
			require.NoError(t, err)
			require.Empty(t, of)
		}
		_, err := store.LoginSession(t.Context(), prolonged.CookieHash)
		require.NoError(t, err)
		of, err := store.LoginSessionsOfUser(t.Context(), prolonged.UserID)
		require.NoError(t, err)
		require.Len(t, of, 1)
	})

	t.Run("a deleted session is gone, and deleting it again is fine", func(t *testing.T) {
		s, other := create(t), create(t)
		require.NoError(t, store.DeleteLoginSession(t.Context(), s.CookieHash))
		require.NoError(t, store.DeleteLoginSession(t.Context(), s.CookieHash))
		requireGone(t, s.CookieHash)
		requireStored(t, other)
	})

	t.Run("of touches and a deletion at once the deletion stays", func(t *testing.T) {
		s := create(t)
		for i, err := range together(func(i int) error {
			if i == callers/2 {
				return store.DeleteLoginSession(t.Context(), s.CookieHash)
			}
			return store.TouchLoginSession(t.Context(), s.CookieHash, now(), now().Add(time.Hour))
		}) {
			if i == callers/2 || err == nil {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, provider.ErrNotFound)
		}
		requireGone(t, s.CookieHash)
	})

	t.Run("the sessions of a user are listed newest first", func(t *testing.T) {
		user := userID()
		var want []provider.LoginSession
		for i := range 4 {
			want = append(want, create(t, func(s *provider.LoginSession) {
				s.UserID = user
				s.CreatedAt = now().Add(time.Duration(i) * time.Second)
			}))
		}
		create(t) // another user's
		require.NoError(t, store.DeleteLoginSession(t.Context(), want[1].CookieHash))
		want = slices.Delete(want, 1, 2)
		slices.Reverse(want)
		got, err := store.LoginSessionsOfUser(t.Context(), user)
		require.NoError(t, err)
		requireKept(t, want, got)

		none, err := store.LoginSessionsOfUser(t.Context(), userID())
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
