package storagetest

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newRecord returns an unused, living record with every field set.
func newRecord(t *testing.T) provider.Record {
	t.Helper()
	r := filled[provider.Record](t)
	r.Kind = provider.RecordTicket
	r.Key = name("ticket")
	r.ExpiresAt = now().Add(time.Hour)
	requireFilled(t, r)
	r.UsedAt = time.Time{}
	return r
}

// RunRecords tests the promises of provider.RecordStore.
func RunRecords(t *testing.T, open func(t *testing.T) provider.RecordStore) {
	store := open(t)
	create := func(t *testing.T, change ...func(*provider.Record)) provider.Record {
		t.Helper()
		r := newRecord(t)
		for _, f := range change {
			f(&r)
		}
		require.NoError(t, store.CreateRecord(t.Context(), r))
		return r
	}
	requireStored := func(t *testing.T, want provider.Record) {
		t.Helper()
		got, err := store.Record(t.Context(), want.Kind, want.Key)
		require.NoError(t, err)
		requireKept(t, want, got)
	}

	t.Run("every field of a record is kept", func(t *testing.T) {
		for _, value := range [][]byte{[]byte("value"), nil, bytes.Repeat([]byte("\x00\xff\r\n'"), 10_000)} {
			requireStored(t, create(t, func(r *provider.Record) { r.Value = value }))
		}
	})

	t.Run("a used record is kept as used", func(t *testing.T) {
		used := create(t, func(r *provider.Record) { r.UsedAt = now().Add(-time.Minute) })
		_, err := store.Record(t.Context(), used.Kind, used.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		got, err := store.ConsumeRecord(t.Context(), used.Kind, used.Key, now())
		require.ErrorIs(t, err, provider.ErrConsumed)
		requireKept(t, used, got)
	})

	t.Run("an unknown record is not found", func(t *testing.T) {
		for _, key := range []string{"", "*", name("ticket")} {
			_, err := store.Record(t.Context(), provider.RecordTicket, key)
			require.ErrorIs(t, err, provider.ErrNotFound)
			_, err = store.ConsumeRecord(t.Context(), provider.RecordTicket, key, now())
			require.ErrorIs(t, err, provider.ErrNotFound)
			require.NoError(t, store.DeleteRecord(t.Context(), provider.RecordTicket, key))
		}
	})

	t.Run("of many who create one record one succeeds", func(t *testing.T) {
		r := newRecord(t)
		outcomes := together(func(i int) outcome[provider.Record] {
			mine := r
			mine.Value = []byte(strconv.Itoa(i))
			return outcome[provider.Record]{mine, store.CreateRecord(t.Context(), mine)}
		})
		requireStored(t, requireOneWinner(t, outcomes, provider.ErrAlreadyExists))
	})

	t.Run("of many who consume one record one succeeds and all get it", func(t *testing.T) {
		r := create(t)
		at := now()
		outcomes := together(func(int) outcome[provider.Record] {
			got, err := store.ConsumeRecord(t.Context(), r.Kind, r.Key, at)
			return outcome[provider.Record]{got, err}
		})
		requireOneWinner(t, outcomes, provider.ErrConsumed)
		r.UsedAt = at
		for _, o := range outcomes {
			requireKept(t, r, o.value)
		}
		later, err := store.ConsumeRecord(t.Context(), r.Kind, r.Key, at.Add(time.Second))
		require.ErrorIs(t, err, provider.ErrConsumed)
		requireKept(t, r, later)
	})

	t.Run("a used record is not found and stays taken", func(t *testing.T) {
		r := create(t)
		_, err := store.ConsumeRecord(t.Context(), r.Kind, r.Key, now())
		require.NoError(t, err)
		_, err = store.Record(t.Context(), r.Kind, r.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.ErrorIs(t, store.CreateRecord(t.Context(), r), provider.ErrAlreadyExists)
		_, err = store.ConsumeRecord(t.Context(), r.Kind, r.Key, now())
		require.ErrorIs(t, err, provider.ErrConsumed)
	})

	t.Run("records of two kinds never meet", func(t *testing.T) {
		ticket := create(t)
		par := create(t, func(r *provider.Record) { r.Kind, r.Key = provider.RecordPAR, ticket.Key })
		requireStored(t, ticket)
		requireStored(t, par)
		_, err := store.Record(t.Context(), provider.RecordInteraction, ticket.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.ConsumeRecord(t.Context(), provider.RecordInteraction, ticket.Key, now())
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.NoError(t, store.DeleteRecord(t.Context(), ticket.Kind, ticket.Key))
		requireStored(t, par)
		// Nor where kind and key are one string when they are joined.
		joined := create(t, func(r *provider.Record) { r.Kind, r.Key = "a", "b:"+ticket.Key })
		_, err = store.Record(t.Context(), "a:b", ticket.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.Record(t.Context(), "ab", ":"+ticket.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		requireStored(t, joined)
	})

	t.Run("keys that look alike never meet", func(t *testing.T) {
		var records []provider.Record
		for _, key := range lookalikes("ticket") {
			records = append(records, create(t, func(r *provider.Record) { r.Key = key }))
		}
		for _, r := range records {
			requireStored(t, r)
		}
	})

	t.Run("a deleted record is gone and its key free", func(t *testing.T) {
		r := create(t)
		require.NoError(t, store.DeleteRecord(t.Context(), r.Kind, r.Key))
		_, err := store.Record(t.Context(), r.Kind, r.Key)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.ConsumeRecord(t.Context(), r.Kind, r.Key, now())
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.NoError(t, store.CreateRecord(t.Context(), r))
		requireStored(t, r)
	})

	t.Run("an expired record does not exist and its key is free", func(t *testing.T) {
		soon := now().Add(300 * time.Millisecond)
		r := create(t, func(r *provider.Record) { r.ExpiresAt = soon })
		used := create(t, func(r *provider.Record) { r.ExpiresAt = soon })
		requireStored(t, r)
		_, err := store.ConsumeRecord(t.Context(), used.Kind, used.Key, now())
		require.NoError(t, err)
		time.Sleep(time.Until(soon) + time.Millisecond)
		for _, gone := range []provider.Record{r, used} {
			_, err := store.Record(t.Context(), gone.Kind, gone.Key)
			require.ErrorIs(t, err, provider.ErrNotFound)
			_, err = store.ConsumeRecord(t.Context(), gone.Kind, gone.Key, now())
			require.ErrorIs(t, err, provider.ErrNotFound)
			gone.ExpiresAt = now().Add(time.Hour)
			require.NoError(t, store.CreateRecord(t.Context(), gone))
			requireStored(t, gone)
		}
	})

	t.Run("consuming judges the end by the caller's clock", func(t *testing.T) {
		r := create(t)
		_, err := store.ConsumeRecord(t.Context(), r.Kind, r.Key, r.ExpiresAt)
		require.ErrorIs(t, err, provider.ErrNotFound)
		requireStored(t, r)
	})
}
