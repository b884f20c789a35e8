package redisstore_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

func TestSecrets_are_nowhere_in_the_clear(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		store := open(t, url)
		ctx := t.Context()
		const secret = "MARKED-SECRET"
		_, err := store.Take(ctx, "login-account:"+secret+"@example.com", provider.Rate{Limit: 1, Per: 1e9, Burst: 1}, now())
		require.NoError(t, err)
		require.NoError(t, store.CreateRecord(ctx, newRecord(secret)))
		used := newRecord(secret + "-used")
		require.NoError(t, store.CreateRecord(ctx, used))
		_, err = store.ConsumeRecord(ctx, used.Kind, used.Key, now())
		require.NoError(t, err)
		require.NoError(t, store.CreateGrant(ctx, newGrant("grant")))
		require.NoError(t, store.CreateLoginSession(ctx, newSession("hash")))

		seen := 0
		eachKey(t, store, func(ctx context.Context, master redis.UniversalClient, key string) {
			seen++
			value, err := contents(ctx, master, key)
			require.NoError(t, err)
			require.NotEmpty(t, value)
			require.NotContains(t, key, secret)
			for _, text := range value {
				require.NotContains(t, text, secret)
			}
		})
		require.Equal(t, 9, seen, "limit, two records, grant, session, its ID and clients, and two indexes")
	})
}

// contents returns every string under a key.
func contents(ctx context.Context, master redis.UniversalClient, key string) ([]string, error) {
	kind, err := master.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "hash":
		fields, err := master.HGetAll(ctx, key).Result()
		var all []string
		for name, value := range fields {
			all = append(all, name, value)
		}
		return all, err
	case "zset":
		return master.ZRange(ctx, key, 0, -1).Result()
	default:
		value, err := master.Get(ctx, key).Result()
		return []string{value}, err
	}
}
