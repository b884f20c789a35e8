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
	for _, topic := range []provider.Topic{provider.TopicMail, provider.TopicLogoutNotice} {
		t.Run(string(topic), func(t *testing.T) { runTopic(t, store, topic) })
	}

	t.Run("topics never meet", func(t *testing.T) {
		id, at := name("parcel"), now()
		notice := provider.Parcel{ID: id, Topic: provider.TopicLogoutNotice, Sealed: []byte("notice"), CreatedAt: at, DueAt: at}
		mail := provider.Parcel{ID: id, Topic: provider.TopicMail, Sealed: []byte("mail"), CreatedAt: at, DueAt: at}
		require.NoError(t, store.AddParcel(t.Context(), notice))
		require.NoError(t, store.AddParcel(t.Context(), mail))
		require.NoError(t, store.DeferParcel(t.Context(), provider.TopicMail, id, at, "", true))
		require.NoError(t, store.RemoveParcel(t.Context(), provider.TopicMail, id))
		claimed, err := store.ClaimParcels(t.Context(), provider.TopicLogoutNotice, at, at, 10)
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, notice.Sealed, claimed[0].Sealed)
		require.NoError(t, store.RemoveParcel(t.Context(), provider.TopicLogoutNotice, id))
	})

	t.Run("a topic that nobody keeps is refused", func(t *testing.T) {
		require.Error(t, store.AddParcel(t.Context(), provider.Parcel{ID: name("parcel"), Topic: "users"}))
		_, err := store.ClaimParcels(t.Context(), "users", now(), now(), 1)
		require.Error(t, err)
	})
}

func runTopic(t *testing.T, store provider.OutboxStore, topic provider.Topic) {
	const lease = time.Minute
	// Each test empties what the one before it left due.
	add := func(t *testing.T, change ...func(*provider.Parcel)) provider.Parcel {
		t.Helper()
		m := filled[provider.Parcel](t)
		m.ID, m.Topic, m.DueAt = name("parcel"), topic, now().Add(-time.Minute)
		requireFilled(t, m)
		m.Dead = false
		for _, f := range change {
			f(&m)
		}
		require.NoError(t, store.AddParcel(t.Context(), m))
		t.Cleanup(func() { require.NoError(t, store.RemoveParcel(context.WithoutCancel(t.Context()), topic, m.ID)) })
		return m
	}
	claim := func(t *testing.T, at time.Time, limit int) []provider.Parcel {
		t.Helper()
		claimed, err := store.ClaimParcels(t.Context(), topic, at, at.Add(lease), limit)
		require.NoError(t, err)
		return claimed
	}
	id := func(m provider.Parcel) string { return m.ID }

	t.Run("every field of a parcel is kept, an attempt is counted and the due time moves", func(t *testing.T) {
		want := add(t, func(m *provider.Parcel) { m.Sealed = bytes.Repeat([]byte("\x00\xff'"), 20_000) })
		at := now()
		claimed := claim(t, at, 10)
		want.Attempts++
		want.DueAt = at.Add(lease)
		requireKept(t, []provider.Parcel{want}, claimed)
	})

	t.Run("a claimed parcel is claimed again when its time has come", func(t *testing.T) {
		m := add(t)
		at := now()
		require.Len(t, claim(t, at, 10), 1)
		require.Empty(t, claim(t, at.Add(lease-time.Microsecond), 10))
		again := claim(t, at.Add(lease), 10)
		require.Len(t, again, 1)
		require.Equal(t, m.Attempts+2, again[0].Attempts)
	})

	t.Run("an ID that is taken is refused", func(t *testing.T) {
		m := add(t, func(m *provider.Parcel) { m.DueAt = now().Add(time.Hour) })
		require.ErrorIs(t, store.AddParcel(t.Context(), m), provider.ErrAlreadyExists)
	})

	t.Run("those that are due longest come first, at most so many, and none before its time", func(t *testing.T) {
		at := now()
		third := add(t, func(m *provider.Parcel) { m.DueAt = at })
		first := add(t, func(m *provider.Parcel) { m.DueAt = at.Add(-3 * time.Hour) })
		add(t, func(m *provider.Parcel) { m.DueAt = at.Add(time.Microsecond) })
		second := add(t, func(m *provider.Parcel) { m.DueAt = at.Add(-2 * time.Hour) })
		require.Equal(t, []string{first.ID, second.ID}, keysOf(claim(t, at, 2), id, first.ID, second.ID, third.ID))
		require.Equal(t, []string{third.ID}, keysOf(claim(t, at, 2), id, first.ID, second.ID, third.ID))
		require.Empty(t, claim(t, at, 2))
	})

	t.Run("of many who claim each parcel goes to one", func(t *testing.T) {
		at := now()
		var made []string
		for range callers {
			made = append(made, add(t).ID)
		}
		outcomes := together(func(int) outcome[[]provider.Parcel] {
			var mine []provider.Parcel
			for {
				claimed, err := store.ClaimParcels(t.Context(), topic, at, at.Add(lease), 3)
				mine = append(mine, claimed...)
				if err != nil || len(claimed) == 0 {
					return outcome[[]provider.Parcel]{mine, err}
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

	t.Run("a removed parcel is gone, and removing it again is fine", func(t *testing.T) {
		gone, other := add(t), add(t)
		require.NoError(t, store.RemoveParcel(t.Context(), topic, gone.ID))
		require.NoError(t, store.RemoveParcel(t.Context(), topic, gone.ID))
		claimed := claim(t, now(), 10)
		require.Equal(t, []string{other.ID}, keysOf(claimed, id, gone.ID, other.ID))
		require.ErrorIs(t, store.DeferParcel(t.Context(), topic, gone.ID, now(), "", false), provider.ErrNotFound)
	})

	t.Run("a deferred parcel waits for its new time and says why", func(t *testing.T) {
		m := add(t)
		at := now()
		require.Len(t, claim(t, at, 10), 1)
		require.NoError(t, store.DeferParcel(t.Context(), topic, m.ID, at.Add(time.Second), "451 'later' 나중에", false))
		require.Empty(t, claim(t, at, 10))
		again := claim(t, at.Add(time.Second), 10)
		require.Len(t, again, 1)
		require.Equal(t, "451 'later' 나중에", again[0].LastError)
		require.Equal(t, m.Attempts+2, again[0].Attempts)
	})

	t.Run("a dead parcel is never claimed and is listed, newest first", func(t *testing.T) {
		var made []provider.Parcel
		for i := range 3 {
			m := add(t, func(m *provider.Parcel) { m.CreatedAt = now().Add(time.Duration(i) * time.Hour) })
			m.DueAt, m.LastError, m.Dead = now(), fmt.Sprintf("550 %d", i), true
			require.NoError(t, store.DeferParcel(t.Context(), topic, m.ID, m.DueAt, m.LastError, true))
			made = append(made, m)
		}
		living := add(t)
		require.Equal(t, []string{living.ID}, keysOf(claim(t, now().Add(24*time.Hour), 10), id, made[0].ID, made[1].ID, made[2].ID, living.ID))
		dead, err := store.DeadParcels(t.Context(), topic, 2)
		require.NoError(t, err)
		requireKept(t, []provider.Parcel{made[2], made[1]}, dead)
	})
}
