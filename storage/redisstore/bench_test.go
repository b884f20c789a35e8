package redisstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
)

func BenchmarkRotateRefresh(b *testing.B) {
	store := open(b, redisstoretest.RedisURL(b))
	g := newGrant("grant")
	require.NoError(b, store.CreateGrant(b.Context(), g))
	b.ReportAllocs()
	for b.Loop() {
		r := rotation(g)
		r.Grace = 30 * time.Second
		var err error
		if g, err = store.RotateRefresh(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateGrant(b *testing.B) {
	store := open(b, redisstoretest.RedisURL(b))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		g := newGrant(strconv.Itoa(i))
		g.UserID = int64(i)
		if err := store.CreateGrant(b.Context(), g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrant(b *testing.B) {
	store := open(b, redisstoretest.RedisURL(b))
	require.NoError(b, store.CreateGrant(b.Context(), newGrant("grant")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Grant(b.Context(), "grant"); err != nil {
			b.Fatal(err)
		}
	}
}
