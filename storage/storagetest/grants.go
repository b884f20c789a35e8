package storagetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newGrant returns a living grant with every field set, its code unused and generation 3 current.
func newGrant(t *testing.T) provider.Grant {
	t.Helper()
	g := filled[provider.Grant](t)
	g.ID = name("grant")
	g.ClientID = name("client")
	g.UserID = userID()
	g.Generation = 3
	g.IdleExpiresAt = now().Add(time.Hour).Add(7 * time.Microsecond)
	g.ExpiresAt = now().Add(24 * time.Hour)
	g.RotatedAt = now().Add(-time.Hour)
	g.Code.ExpiresAt = now().Add(time.Minute)
	requireFilled(t, g)
	requireFilled(t, *g.Code)
	g.Code.UsedAt = time.Time{}
	g.SessionEndsAt = time.Time{} // is not kept
	return g
}

// RunGrants tests the promises of provider.GrantStore.
func RunGrants(t *testing.T, open func(t *testing.T) provider.GrantStore) {
	store := open(t)
	create := func(t *testing.T, change ...func(*provider.Grant)) provider.Grant {
		t.Helper()
		g := newGrant(t)
		for _, f := range change {
			f(&g)
		}
		require.NoError(t, store.CreateGrant(t.Context(), g))
		return g
	}
	requireStored := func(t *testing.T, want provider.Grant) {
		t.Helper()
		got, err := store.Grant(t.Context(), want.ID)
		require.NoError(t, err)
		requireKept(t, want, got)
	}
	runGrantLives(t, store, create, requireStored)
	t.Run("rotation", func(t *testing.T) { runRotations(t, store, create, requireStored) })
	t.Run("code", func(t *testing.T) { runRedemptions(t, store, create, requireStored) })
}

type (
	createGrant   = func(t *testing.T, change ...func(*provider.Grant)) provider.Grant
	requireStored = func(t *testing.T, want provider.Grant)
)

func runGrantLives(t *testing.T, store provider.GrantStore, create createGrant, requireStored requireStored) {
	t.Helper()
	t.Run("every field of a grant is kept", func(t *testing.T) {
		requireStored(t, create(t))
		requireStored(t, create(t, func(g *provider.Grant) { g.Code.UsedAt = g.RotatedAt }))
	})

	t.Run("a grant of zero values is kept", func(t *testing.T) {
		end := now().Add(time.Hour)
		want := provider.Grant{ID: name("grant"), ExpiresAt: end, IdleExpiresAt: end}
		require.NoError(t, store.CreateGrant(t.Context(), want))
		requireStored(t, want)
	})

	t.Run("an unknown grant is not found", func(t *testing.T) {
		for _, id := range []string{"", "*", name("grant")} {
			_, err := store.Grant(t.Context(), id)
			require.ErrorIs(t, err, provider.ErrNotFound)
		}
	})

	t.Run("of many who take one ID one succeeds", func(t *testing.T) {
		id := name("grant")
		outcomes := together(func(int) outcome[provider.Grant] {
			g := newGrant(t)
			g.ID = id
			return outcome[provider.Grant]{g, store.CreateGrant(t.Context(), g)}
		})
		winner := requireOneWinner(t, outcomes, provider.ErrAlreadyExists)
		requireStored(t, winner)
		for _, o := range outcomes {
			of, err := store.GrantsOfUser(t.Context(), o.value.UserID)
			require.NoError(t, err)
			require.Equal(t, o.value.UserID == winner.UserID, len(of) == 1, "each of the callers is another user")
		}
	})

	t.Run("IDs that look alike never meet", func(t *testing.T) {
		var grants []provider.Grant
		for _, id := range lookalikes("grant") {
			grants = append(grants, create(t, func(g *provider.Grant) { g.ID = id }))
		}
		for _, g := range grants {
			requireStored(t, g)
		}
		require.NoError(t, store.EndGrant(t.Context(), grants[0].ID))
		for _, g := range grants[1:] {
			requireStored(t, g)
		}
	})

	t.Run("an ended grant is gone, and ending it again is fine", func(t *testing.T) {
		g, other := create(t), create(t)
		require.NoError(t, store.EndGrant(t.Context(), g.ID))
		require.NoError(t, store.EndGrant(t.Context(), g.ID))
		_, err := store.Grant(t.Context(), g.ID)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.RotateRefresh(t.Context(), rotationOf(g))
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.RedeemCode(t.Context(), redemptionOf(g))
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.Grant(t.Context(), g.ID)
		require.ErrorIs(t, err, provider.ErrNotFound, "after it was used")
		requireStored(t, other)
	})

	t.Run("a grant past either end does not exist", func(t *testing.T) {
		soon := now().Add(300 * time.Millisecond)
		for end, shorten := range map[string]func(*provider.Grant){
			"idle":     func(g *provider.Grant) { g.IdleExpiresAt = soon },
			"absolute": func(g *provider.Grant) { g.ExpiresAt = soon },
		} {
			g := create(t, shorten)
			_, err := store.Grant(t.Context(), g.ID)
			require.NoError(t, err, end)
			time.Sleep(time.Until(soon) + time.Millisecond)
			soon = now().Add(300 * time.Millisecond)
			_, err = store.Grant(t.Context(), g.ID)
			require.ErrorIs(t, err, provider.ErrNotFound, end)
			_, err = store.RotateRefresh(t.Context(), rotationOf(g))
			require.ErrorIs(t, err, provider.ErrNotFound, end)
			_, err = store.RedeemCode(t.Context(), redemptionOf(g))
			require.ErrorIs(t, err, provider.ErrNotFound, end)
			of, err := store.GrantsOfUser(t.Context(), g.UserID)
			require.NoError(t, err)
			require.Empty(t, of, end)
		}
	})

	t.Run("a decision judges the end by the caller's clock", func(t *testing.T) {
		g := create(t)
		rotation, redemption := rotationOf(g), redemptionOf(g)
		rotation.Now, redemption.Now = g.IdleExpiresAt, g.IdleExpiresAt
		_, err := store.RotateRefresh(t.Context(), rotation)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.RedeemCode(t.Context(), redemption)
		require.ErrorIs(t, err, provider.ErrNotFound)
		requireStored(t, g)
	})

	t.Run("the grants of a user are listed newest first", func(t *testing.T) {
		user := userID()
		var want []provider.Grant
		for i := range 4 {
			want = append(want, create(t, func(g *provider.Grant) {
				g.UserID = user
				g.CreatedAt = now().Add(time.Duration(i) * time.Second)
			}))
		}
		create(t) // another user's
		require.NoError(t, store.EndGrant(t.Context(), want[1].ID))
		want = slices.Delete(want, 1, 2)
		slices.Reverse(want)
		got, err := store.GrantsOfUser(t.Context(), user)
		require.NoError(t, err)
		requireKept(t, want, got)

		none, err := store.GrantsOfUser(t.Context(), userID())
		require.NoError(t, err)
		require.Empty(t, none)
	})

	t.Run("a rotation keeps a grant in its user's list beyond its first end", func(t *testing.T) {
		g := create(t, func(g *provider.Grant) { g.IdleExpiresAt = now().Add(300 * time.Millisecond) })
		got, err := store.RotateRefresh(t.Context(), rotationOf(g))
		require.NoError(t, err)
		time.Sleep(time.Until(g.IdleExpiresAt) + time.Millisecond)
		of, err := store.GrantsOfUser(t.Context(), g.UserID)
		require.NoError(t, err)
		requireKept(t, []provider.Grant{got}, of)
	})
}

// rotationOf asks with the current refresh token of g, without grace.
func rotationOf(g provider.Grant) provider.Rotation {
	return provider.Rotation{
		GrantID: g.ID, ClientID: g.ClientID, Generation: g.Generation,
		Now: now(), IdleExpiresAt: now().Add(2 * time.Hour),
	}
}

func runRotations(t *testing.T, store provider.GrantStore, create createGrant, requireStored requireStored) {
	t.Helper()
	// rotated is what a rotation makes of a grant.
	rotated := func(g provider.Grant, r provider.Rotation) provider.Grant {
		g.Generation++
		g.RotatedAt, g.IdleExpiresAt = r.Now, r.IdleExpiresAt
		return g
	}

	t.Run("the current generation becomes the next one", func(t *testing.T) {
		want := create(t)
		for range 3 {
			r := rotationOf(want)
			want = rotated(want, r)
			got, err := store.RotateRefresh(t.Context(), r)
			require.NoError(t, err)
			requireKept(t, want, got)
			requireStored(t, want)
		}
	})

	t.Run("the idle end never passes the absolute end", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		r.IdleExpiresAt = g.ExpiresAt.Add(time.Hour)
		want := rotated(g, r)
		want.IdleExpiresAt = g.ExpiresAt
		got, err := store.RotateRefresh(t.Context(), r)
		require.NoError(t, err)
		requireKept(t, want, got)
		requireStored(t, want)
	})

	t.Run("the idle end may come nearer", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		r.IdleExpiresAt = now().Add(time.Minute)
		got, err := store.RotateRefresh(t.Context(), r)
		require.NoError(t, err)
		requireKept(t, rotated(g, r), got)
		requireStored(t, got)
	})

	t.Run("keep leaves the generation and moves the idle end", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		r.Keep = true
		want := g
		want.IdleExpiresAt = r.IdleExpiresAt
		for _, o := range together(func(int) outcome[provider.Grant] {
			got, err := store.RotateRefresh(t.Context(), r)
			return outcome[provider.Grant]{got, err}
		}) {
			require.NoError(t, o.err)
			requireKept(t, want, o.value)
		}
		requireStored(t, want)
		r.Generation--
		_, err := store.RotateRefresh(t.Context(), r)
		require.ErrorIs(t, err, provider.ErrConsumed)
	})

	t.Run("of many without grace one succeeds and the others get the grant", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		outcomes := together(func(int) outcome[provider.Grant] {
			got, err := store.RotateRefresh(t.Context(), r)
			return outcome[provider.Grant]{got, err}
		})
		requireOneWinner(t, outcomes, provider.ErrConsumed)
		for _, o := range outcomes {
			requireKept(t, rotated(g, r), o.value)
		}
		requireStored(t, rotated(g, r))
	})

	t.Run("of many with grace all get the one successor", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		r.Grace = 30 * time.Second
		for _, o := range together(func(int) outcome[provider.Grant] {
			got, err := store.RotateRefresh(t.Context(), r)
			return outcome[provider.Grant]{got, err}
		}) {
			require.NoError(t, o.err)
			requireKept(t, rotated(g, r), o.value)
		}
		requireStored(t, rotated(g, r))
	})

	t.Run("grace answers with the grant unchanged until it ends", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		want, err := store.RotateRefresh(t.Context(), r)
		require.NoError(t, err)

		again := r
		again.Grace, again.IdleExpiresAt = 30*time.Second, r.IdleExpiresAt.Add(time.Hour)
		for _, after := range []time.Duration{0, time.Second, 30 * time.Second} {
			again.Now = r.Now.Add(after)
			got, err := store.RotateRefresh(t.Context(), again)
			require.NoError(t, err, after)
			requireKept(t, want, got)
		}
		requireStored(t, want)
		again.Now = r.Now.Add(30*time.Second + time.Microsecond)
		got, err := store.RotateRefresh(t.Context(), again)
		require.ErrorIs(t, err, provider.ErrConsumed)
		requireKept(t, want, got)
		requireStored(t, want)
	})

	t.Run("grace covers the last generation only", func(t *testing.T) {
		g := create(t)
		r := rotationOf(g)
		r.Grace = 30 * time.Second
		next, err := store.RotateRefresh(t.Context(), r)
		require.NoError(t, err)
		last, err := store.RotateRefresh(t.Context(), rotationOf(next))
		require.NoError(t, err)
		got, err := store.RotateRefresh(t.Context(), r)
		require.ErrorIs(t, err, provider.ErrConsumed)
		requireKept(t, last, got)
		requireStored(t, last)
	})

	t.Run("any other generation is reuse", func(t *testing.T) {
		g := create(t)
		for _, generation := range []int{-1, 0, 1, g.Generation - 2, g.Generation - 1, g.Generation + 1, g.Generation + 2, 1 << 40} {
			r := rotationOf(g)
			r.Generation = generation
			r.Grace = 30 * time.Second // the grant was rotated an hour ago
			got, err := store.RotateRefresh(t.Context(), r)
			require.ErrorIs(t, err, provider.ErrConsumed, "generation %d", generation)
			requireKept(t, g, got)
		}
		requireStored(t, g)
	})

	t.Run("a grant without a refresh token has none to use", func(t *testing.T) {
		g := create(t, func(g *provider.Grant) { g.Generation, g.RotatedAt = 0, now() })
		for _, generation := range []int{-1, 0, 1} {
			r := rotationOf(g)
			r.Generation, r.Grace = generation, time.Minute
			_, err := store.RotateRefresh(t.Context(), r)
			require.ErrorIs(t, err, provider.ErrConsumed, "generation %d", generation)
		}
		requireStored(t, g)
	})

	t.Run("another client's is not found and unchanged", func(t *testing.T) {
		g := create(t)
		for _, client := range []string{"", name("client"), g.ClientID + " ", g.ClientID[:len(g.ClientID)-1]} {
			for _, generation := range []int{g.Generation, g.Generation - 1} {
				r := rotationOf(g)
				r.ClientID, r.Generation, r.Grace = client, generation, 24*time.Hour
				_, err := store.RotateRefresh(t.Context(), r)
				require.ErrorIs(t, err, provider.ErrNotFound)
			}
		}
		requireStored(t, g)
	})

	t.Run("scope is asked for within the grant's", func(t *testing.T) {
		g := create(t, func(g *provider.Grant) { g.Scopes = []string{"openid", "email"} })
		for _, scopes := range [][]string{{"admin"}, {"openid", "admin"}, {"open"}, {"openid email"}, {"OPENID"}, {""}} {
			r := rotationOf(g)
			r.Scopes = scopes
			_, err := store.RotateRefresh(t.Context(), r)
			require.ErrorIs(t, err, provider.ErrScopeExceeded, "%q", scopes)
		}
		requireStored(t, g)
		for _, scopes := range [][]string{{"email"}, {"email", "openid"}, {}} {
			r := rotationOf(g)
			r.Scopes = scopes
			var err error
			want := rotated(g, r)
			g, err = store.RotateRefresh(t.Context(), r)
			require.NoError(t, err)
			requireKept(t, want, g)
		}
		none := create(t, func(g *provider.Grant) { g.Scopes = nil })
		r := rotationOf(none)
		r.Scopes = []string{"openid"}
		_, err := store.RotateRefresh(t.Context(), r)
		require.ErrorIs(t, err, provider.ErrScopeExceeded)
	})

	t.Run("many generations follow each other under load", func(t *testing.T) {
		g := create(t)
		outcomes := together(func(i int) outcome[provider.Grant] {
			r := rotationOf(g)
			r.Generation += i
			got, err := store.RotateRefresh(t.Context(), r)
			return outcome[provider.Grant]{got, err}
		})
		won := 0
		for i, o := range outcomes {
			if o.err == nil {
				require.Equal(t, g.Generation+i+1, o.value.Generation, strconv.Itoa(i))
				won++
				continue
			}
			requireAnyOf(t, o.err, provider.ErrConsumed)
		}
		got, err := store.Grant(t.Context(), g.ID)
		require.NoError(t, err)
		require.Equal(t, g.Generation+won, got.Generation)
	})
}

// redemptionOf asks with the code of g.
func redemptionOf(g provider.Grant) provider.Redemption {
	return provider.Redemption{
		GrantID: g.ID, ClientID: g.ClientID, Now: now(), IdleExpiresAt: now().Add(2 * time.Hour), Refresh: true,
	}
}

func runRedemptions(t *testing.T, store provider.GrantStore, create createGrant, requireStored requireStored) {
	t.Helper()
	fresh := func(t *testing.T) provider.Grant {
		t.Helper()
		return create(t, func(g *provider.Grant) {
			g.Generation, g.RotatedAt, g.IdleExpiresAt = 0, time.Time{}, g.Code.ExpiresAt
		})
	}
	// redeemed is what a redemption makes of a grant.
	redeemed := func(g provider.Grant, r provider.Redemption) provider.Grant {
		code := *g.Code
		code.UsedAt = r.Now
		g.Code, g.IdleExpiresAt = &code, r.IdleExpiresAt
		if r.Refresh {
			g.Generation = 1
		}
		return g
	}

	t.Run("the first use gets the grant", func(t *testing.T) {
		for _, refresh := range []bool{true, false} {
			g := fresh(t)
			r := redemptionOf(g)
			r.Refresh = refresh
			got, err := store.RedeemCode(t.Context(), r)
			require.NoError(t, err)
			requireKept(t, redeemed(g, r), got)
			requireStored(t, got)
		}
	})

	t.Run("the idle end never passes the absolute end", func(t *testing.T) {
		g := fresh(t)
		r := redemptionOf(g)
		r.IdleExpiresAt = g.ExpiresAt.Add(time.Hour)
		got, err := store.RedeemCode(t.Context(), r)
		require.NoError(t, err)
		r.IdleExpiresAt = g.ExpiresAt
		requireKept(t, redeemed(g, r), got)
	})

	t.Run("of many one succeeds and the others get the grant", func(t *testing.T) {
		g := fresh(t)
		r := redemptionOf(g)
		outcomes := together(func(int) outcome[provider.Grant] {
			got, err := store.RedeemCode(t.Context(), r)
			return outcome[provider.Grant]{got, err}
		})
		requireOneWinner(t, outcomes, provider.ErrConsumed)
		for _, o := range outcomes {
			requireKept(t, redeemed(g, r), o.value)
		}
		requireStored(t, redeemed(g, r))
	})

	t.Run("reuse is seen after the code's end and after rotations", func(t *testing.T) {
		g := fresh(t)
		r := redemptionOf(g)
		first, err := store.RedeemCode(t.Context(), r)
		require.NoError(t, err)
		want, err := store.RotateRefresh(t.Context(), rotationOf(first))
		require.NoError(t, err)
		r.Now = g.Code.ExpiresAt.Add(time.Minute)
		got, err := store.RedeemCode(t.Context(), r)
		require.ErrorIs(t, err, provider.ErrConsumed)
		requireKept(t, want, got)
		requireStored(t, want)
	})

	t.Run("another client's, none or a late one is not found and unchanged", func(t *testing.T) {
		g := create(t)
		other := redemptionOf(g)
		other.ClientID += " "
		_, err := store.RedeemCode(t.Context(), other)
		require.ErrorIs(t, err, provider.ErrNotFound)
		late := redemptionOf(g)
		late.Now = g.Code.ExpiresAt
		_, err = store.RedeemCode(t.Context(), late)
		require.ErrorIs(t, err, provider.ErrNotFound)
		requireStored(t, g)

		without := create(t, func(g *provider.Grant) { g.Code = nil })
		_, err = store.RedeemCode(t.Context(), redemptionOf(without))
		require.ErrorIs(t, err, provider.ErrNotFound)
		requireStored(t, without)
		_, err = store.RedeemCode(t.Context(), redemptionOf(newGrant(t)))
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("another client's reuse is not found", func(t *testing.T) {
		g := fresh(t)
		_, err := store.RedeemCode(t.Context(), redemptionOf(g))
		require.NoError(t, err)
		other := redemptionOf(g)
		other.ClientID = name("client")
		_, err = store.RedeemCode(t.Context(), other)
		require.ErrorIs(t, err, provider.ErrNotFound)
	})
}
