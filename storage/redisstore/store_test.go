package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
	"github.com/signet-id/signet/storage/storagetest"
)

// servers are the kinds of Redis that every promise holds on.
var servers = []struct {
	name string
	url  func(t testing.TB) string
}{
	{"miniredis", redisstoretest.MiniredisURL},
	{"redis", redisstoretest.RedisURL},
	{"cluster", redisstoretest.ClusterURL},
	{"sentinel", redisstoretest.SentinelURL},
}

func eachServer(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) { test(t, server.url(t)) })
	}
}

// open opens a store whose every key must have a lifetime when the test ends, and removes the keys.
func open(t testing.TB, url string, configure ...func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	store := redisstoretest.Open(t, url, configure...)
	t.Cleanup(func() {
		eachKey(t, store, func(ctx context.Context, master redis.UniversalClient, key string) {
			ttl, err := master.PTTL(ctx, key).Result()
			require.NoError(t, err)
			require.NotEqual(t, time.Duration(-1), ttl, "%s has no lifetime", key)
			require.NoError(t, master.Del(ctx, key).Err())
		})
	})
	return store
}

// eachKey calls f with every key of a store.
func eachKey(t testing.TB, store *redisstore.Store, f func(ctx context.Context, master redis.UniversalClient, key string)) {
	t.Helper()
	err := store.ForEachMaster(context.Background(), func(ctx context.Context, master redis.UniversalClient) error {
		keys := master.Scan(ctx, 0, store.Prefix()+"*", 1000).Iterator()
		for keys.Next(ctx) {
			f(ctx, master, keys.Val())
		}
		return keys.Err()
	})
	require.NoError(t, err)
}

// now is a moment as Redis keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newGrant returns a grant with an unused code and generation 1.
func newGrant(id string) provider.Grant {
	return provider.Grant{
		ID: id, ClientID: "app", UserID: 7, Subject: "5f2b6c1e", Scopes: []string{"openid", "email", "offline_access"},
		Audience: []string{"https://api.example.com"}, SessionID: "b3a1", SessionEndsAt: now().Add(24 * time.Hour), AuthTime: now(), ACR: "1", AMR: []string{"pwd"},
		CreatedAt: now(), ExpiresAt: now().Add(24 * time.Hour), IdleExpiresAt: now().Add(time.Hour), Generation: 1,
		Code: &provider.AuthorizationCode{
			RedirectURI: "https://app.example.com/callback", CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
			CodeChallengeMethod: "S256", Nonce: "n-0S6_WzA2Mj", ExpiresAt: now().Add(time.Minute),
		},
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", RemoteAddr: "192.0.2.7",
	}
}

func rotation(g provider.Grant) provider.Rotation {
	return provider.Rotation{
		GrantID: g.ID, ClientID: g.ClientID, Generation: g.Generation, Now: now(), IdleExpiresAt: now().Add(time.Hour),
	}
}

func redemption(g provider.Grant) provider.Redemption {
	return provider.Redemption{GrantID: g.ID, ClientID: g.ClientID, Now: now(), IdleExpiresAt: now().Add(time.Hour)}
}

func newRecord(key string) provider.Record {
	return provider.Record{Kind: provider.RecordTicket, Key: key, Value: []byte("value"), ExpiresAt: now().Add(time.Hour)}
}

func newSession(cookieHash string) provider.LoginSession {
	return provider.LoginSession{
		ID: "sid-" + cookieHash, CookieHash: cookieHash, UserID: 7, AuthTime: now(), CreatedAt: now(), SeenAt: now(),
		ExpiresAt: now().Add(24 * time.Hour), IdleExpiresAt: now().Add(time.Hour),
	}
}

func TestGrants(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		storagetest.RunGrants(t, func(t *testing.T) provider.GrantStore { return open(t, url) })
	})
}

func TestRecords(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		storagetest.RunRecords(t, func(t *testing.T) provider.RecordStore { return open(t, url) })
	})
}

func TestLoginSessions(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		storagetest.RunLoginSessions(t, func(t *testing.T) provider.LoginSessionStore { return open(t, url) })
		storagetest.RunSessionClients(t, func(t *testing.T) storagetest.Sessions { return open(t, url) })
	})
}

func TestLimiter(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		storagetest.RunLimiter(t, func(t *testing.T) provider.Limiter { return open(t, url) })
	})
}
