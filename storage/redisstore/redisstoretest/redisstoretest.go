// Package redisstoretest opens Redis stores for the tests of other packages. It owns the keys it
// writes: each store has a prefix of its own on the server that `make test` starts.
package redisstoretest

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/redisstore"
)

const redisVariable = "SIGNET_TEST_REDIS"

// Redis opens a store on the test server that reads the time from now.
func Redis(t testing.TB, now func() time.Time) *redisstore.Store {
	t.Helper()
	u := os.Getenv(redisVariable)
	require.NotEmpty(t, u, "%s is not set; `make test` starts a server and sets it", redisVariable)
	store, err := redisstore.Open(t.Context(), u, redisstore.Options{Prefix: "signet-test-" + rand.Text() + ":", Now: now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}
