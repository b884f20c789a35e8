package storagetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// RunOutbox tests the promises of provider.OutboxStore. The store must be new: whatever is due in it
// is claimed.
func RunOutbox(t *testing.T, open func(t *testing.T) provider.OutboxStore) {
	store := open(t)
	const lease = time.Minute
	// Each test empties what the one before it left due.
	add := func(t *testing.T, change ...func(*provider.QueuedMail)) provider.QueuedMail {
		t.Helper()
		m := filled[provider.QueuedMail](t)
		m.ID, m.DueAt = name("mail"), now().Add(-time.Minute)
		requireFilled(t, m)
		m.Dead = false
		for _, f := range change {
			f(&m)
		}
		require.NoError(t, store.AddMail(t.Context(), m))
		t.Cleanup(func() { require.NoError(t, store.RemoveMail(context.WithoutCancel(t.Context()), m.ID)) })
		return m
	}
	claim := func(t *testing.T, at time.Time, limit int) []provider.QueuedMail {
		t.Helper()
		claimed, err := store.ClaimMails(t.Context(), at, at.Add(lease), limit)
		require.NoError(t, err)
		return claimed
	}
	id := func(m provider.QueuedMail) string { return m.ID }

	t.Run("every field of a mail is kept, an attempt is counted and the due time moves", func(t *testing.T) {
		want := add(t, func(m *provider.QueuedMail) { m.Sealed = bytes.Repeat([]byte("\x00\xff'"), 20_000) })
		at := now()
		claimed := claim(t, at, 10)
		want.Attempts++
		want.DueAt = at.Add(lease)
		requireKept(t, []provider.QueuedMail{want}, claimed)
	})

	t.Run("a claimed mail is claimed again when its time has come", func(t *testing.T) {
		m := add(t)
		at := now()
		require.Len(t, claim(t, at, 10), 1)
		require.Empty(t, claim(t, at.Add(lease-time.Microsecond), 10))
		again := claim(t, at.Add(lease), 10)
		require.Len(t, again, 1)
		require.Equal(t, m.Attempts+2, again[0].Attempts)
	})

	t.Run("an ID that is taken is refused", func(t *testing.T) {
		m := add(t, func(m *provider.QueuedMail) { m.DueAt = now().Add(time.Hour) })
		require.ErrorIs(t, store.AddMail(t.Context(), m), provider.ErrAlreadyExists)
	})

	t.Run("those that are due longest come first, at most so many, and none before its time", func(t *testing.T) {
		at := now()
		third := add(t, func(m *provider.QueuedMail) { m.DueAt = at })
		first := add(t, func(m *provider.QueuedMail) { m.DueAt = at.Add(-3 * time.Hour) })
		add(t, func(m *provider.QueuedMail) { m.DueAt = at.Add(time.Microsecond) })
		second := add(t, func(m *provider.QueuedMail) { m.DueAt = at.Add(-2 * time.Hour) })
		require.Equal(t, []string{first.ID, second.ID}, keysOf(claim(t, at, 2), id, first.ID, second.ID, third.ID))
		require.Equal(t, []string{third.ID}, keysOf(claim(t, at, 2), id, first.ID, second.ID, third.ID))
		require.Empty(t, claim(t, at, 2))
	})

	t.Run("of many who claim each mail goes to one", func(t *testing.T) {
		at := now()
		var made []string
		for range callers {
			made = append(made, add(t).ID)
		}
		outcomes := together(func(int) outcome[[]provider.QueuedMail] {
			var mine []provider.QueuedMail
			for {
				claimed, err := store.ClaimMails(t.Context(), at, at.Add(lease), 3)
				mine = append(mine, claimed...)
				if err != nil || len(claimed) == 0 {
					return outcome[[]provider.QueuedMail]{mine, err}
				}
			}
		})
		var claimed []string
		for _, o := range outcomes {
			require.NoError(t, o.err)
			claimed = append(claimed, keysOf(o.value, id, made...)...)
		}
		slices.Sort(made)
		slices.Sort(claimed)
		require.Equal(t, made, claimed)
	})

	t.Run("a removed mail is gone, and removing it again is fine", func(t *testing.T) {
		gone, other := add(t), add(t)
		require.NoError(t, store.RemoveMail(t.Context(), gone.ID))
		require.NoError(t, store.RemoveMail(t.Context(), gone.ID))
		claimed := claim(t, now(), 10)
		require.Equal(t, []string{other.ID}, keysOf(claimed, id, gone.ID, other.ID))
		require.ErrorIs(t, store.DeferMail(t.Context(), gone.ID, now(), "", false), provider.ErrNotFound)
	})

	t.Run("a deferred mail waits for its new time and says why", func(t *testing.T) {
		m := add(t)
		at := now()
		require.Len(t, claim(t, at, 10), 1)
		require.NoError(t, store.DeferMail(t.Context(), m.ID, at.Add(time.Second), "451 'later' 나중에", false))
		require.Empty(t, claim(t, at, 10))
		again := claim(t, at.Add(time.Second), 10)
		require.Len(t, again, 1)
		require.Equal(t, "451 'later' 나중에", again[0].LastError)
		require.Equal(t, m.Attempts+2, again[0].Attempts)
	})

	t.Run("a dead mail is never claimed and is listed, newest first", func(t *testing.T) {
		var made []provider.QueuedMail
		for i := range 3 {
			m := add(t, func(m *provider.QueuedMail) { m.CreatedAt = now().Add(time.Duration(i) * time.Hour) })
			m.DueAt, m.LastError, m.Dead = now(), fmt.Sprintf("550 %d", i), true
			require.NoError(t, store.DeferMail(t.Context(), m.ID, m.DueAt, m.LastError, true))
			made = append(made, m)
		}
		living := add(t)
		require.Equal(t, []string{living.ID}, keysOf(claim(t, now().Add(24*time.Hour), 10), id, made[0].ID, made[1].ID, made[2].ID, living.ID))
		dead, err := store.DeadMails(t.Context(), 2)
		require.NoError(t, err)
		requireKept(t, []provider.QueuedMail{made[2], made[1]}, dead)
	})
}
