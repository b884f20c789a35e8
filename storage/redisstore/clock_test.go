package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
)

func TestClock_of_the_store_ends_what_Redis_still_has(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		clock := now()
		store := open(t, url, func(o *redisstore.Options) { o.Now = func() time.Time { return clock } })
		ctx, g, r, s := t.Context(), newGrant("grant"), newRecord("record"), newSession("hash")
		require.NoError(t, store.CreateGrant(ctx, g))
		require.NoError(t, store.CreateRecord(ctx, r))
		require.NoError(t, store.CreateLoginSession(ctx, s))

		clock = clock.Add(time.Hour + time.Second)
		_, err := store.Grant(ctx, g.ID)
		require.ErrorIs(t, err, provider.ErrNotFound)
		grants, err := store.GrantsOfUser(ctx, g.UserID)
		require.NoError(t, err)
		require.Empty(t, grants)
		_, err = store.Record(ctx, r.Kind, r.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.LoginSession(ctx, s.CookieHash)
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.ErrorIs(t, store.TouchLoginSession(ctx, s.CookieHash, clock, clock.Add(time.Hour)), provider.ErrNotFound)

		r.ExpiresAt = clock.Add(time.Hour)
		require.NoError(t, store.CreateRecord(ctx, r), "an ended record's key is free")
	})
}

func TestIndex_forgets_what_ended(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		clock := now()
		store := open(t, url, func(o *redisstore.Options) { o.Now = func() time.Time { return clock } })
		ctx := t.Context()
		ended, living, late := newGrant("ended"), newGrant("living"), newGrant("late")
		require.NoError(t, store.CreateGrant(ctx, ended))
		require.NoError(t, store.CreateGrant(ctx, living))
		require.NoError(t, store.EndGrant(ctx, ended.ID))
		entries := func() int64 {
			n, err := store.Client().ZCard(ctx, store.GrantsOf(living.UserID)).Result()
			require.NoError(t, err)
			return n
		}

		_, err := store.GrantsOfUser(ctx, living.UserID)
		require.NoError(t, err)
		require.Equal(t, int64(2), entries(), "a young entry stays: its grant may be on its way")
		clock = clock.Add(2 * time.Minute)
		grants, err := store.GrantsOfUser(ctx, living.UserID)
		require.NoError(t, err)
		require.Len(t, grants, 1)
		require.Equal(t, int64(1), entries())

		clock = clock.Add(25 * time.Hour)
		late.CreatedAt, late.IdleExpiresAt, late.ExpiresAt = clock, clock.Add(time.Hour), clock.Add(time.Hour)
		require.NoError(t, store.CreateGrant(ctx, late))
		require.Equal(t, int64(1), entries(), "what is past its end leaves when another comes")
	})
}
