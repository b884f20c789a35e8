// Package redisstoretest opens stores in Redis for tests, each under a prefix of its own so that
// tests share a server and do not meet. It is imported by tests only.
package redisstoretest

import (
	"crypto/rand"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/redisstore"
)

// The servers that may be used, as URLs for redisstore.Open.
const (
	redisVariable    = "SIGNET_TEST_REDIS"
	clusterVariable  = "SIGNET_TEST_REDIS_CLUSTER"
	sentinelVariable = "SIGNET_TEST_REDIS_SENTINEL"
)

// MiniredisURL starts an imitation of Redis in this process.
func MiniredisURL(t testing.TB) string {
	t.Helper()
	return "redis://" + miniredis.RunT(t).Addr()
}

// RedisURL names the single server for tests.
func RedisURL(t testing.TB) string {
	t.Helper()
	return fromEnvironment(t, redisVariable)
}

// ClusterURL names the Redis Cluster for tests.
func ClusterURL(t testing.TB) string {
	t.Helper()
	return fromEnvironment(t, clusterVariable)
}

// SentinelURL names the master behind Sentinels for tests.
func SentinelURL(t testing.TB) string {
	t.Helper()
	return fromEnvironment(t, sentinelVariable)
}

func fromEnvironment(t testing.TB, variable string) string {
	t.Helper()
	url := os.Getenv(variable)
	require.NotEmpty(t, url, "%s is not set; `make test` starts a server and sets it", variable)
	return url
}

// Open opens a store at rawURL. configure may change how it is opened.
func Open(t testing.TB, rawURL string, configure ...func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	opts := redisstore.Options{Prefix: "signet-test:" + rand.Text() + ":"}
	for _, change := range configure {
		change(&opts)
	}
	store, err := redisstore.Open(t.Context(), rawURL, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}
