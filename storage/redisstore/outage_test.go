package redisstore_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
)

func TestOutages_are_told_apart_from_failures(t *testing.T) {
	server := miniredis.RunT(t)
	store := redisstoretest.Open(t, "redis://"+server.Addr())
	for reply, outage := range map[string]bool{
		"LOADING Redis is loading the dataset in memory":                                        true,
		"READONLY You can't write against a read only replica.":                                 true,
		"CLUSTERDOWN The cluster is down":                                                       true,
		"MASTERDOWN Link with MASTER is down":                                                   true,
		"OOM command not allowed when used memory > 'maxmemory'. script: f, on @user_script:1.": true,
		"MISCONF Redis is configured to save RDB snapshots":                                     true,
		"ERR max number of clients reached":                                                     true,
		"WRONGTYPE Operation against a key holding the wrong kind of value":                     false,
		"ERR user_script:3: attempt to compare nil with number":                                 false,
	} {
		server.SetError(reply)
		for _, m := range methods {
			err := m.call(t.Context(), store, "id")
			require.Error(t, err, "%s: %s", m.name, reply)
			require.Equal(t, outage, errors.Is(err, provider.ErrUnavailable), "%s: %s", m.name, reply)
			require.NotErrorIs(t, err, provider.ErrNotFound)
			require.NotErrorIs(t, err, provider.ErrConsumed)
		}
		require.Equal(t, outage, errors.Is(store.Ping(t.Context()), provider.ErrUnavailable), reply)
	}
}

func TestOpen_fails_where_no_server_is(t *testing.T) {
	server := miniredis.RunT(t)
	addr := server.Addr()
	server.Close()
	for _, url := range []string{"redis://" + addr, "redis+cluster://" + addr, "redis+sentinel://" + addr + "/mymaster"} {
		_, err := redisstore.Open(t.Context(), url, redisstore.Options{})
		require.ErrorIs(t, err, provider.ErrUnavailable, url)
	}
}

func TestFlush_revives_nothing(t *testing.T) {
	server := miniredis.RunT(t)
	store := redisstoretest.Open(t, "redis://"+server.Addr())
	ctx := t.Context()
	seed(t, store, "used")
	_, err := store.RotateRefresh(ctx, rotation(newGrant("used")))
	require.NoError(t, err)
	_, err = store.RedeemCode(ctx, redemption(newGrant("used")))
	require.NoError(t, err)
	_, err = store.ConsumeRecord(ctx, provider.RecordTicket, "used", now())
	require.NoError(t, err)

	server.FlushAll()
	requireNothing(t, store, "used")
}

// requireNothing requires that no use of what seed made has an effect any more.
func requireNothing(t *testing.T, store *redisstore.Store, id string) {
	t.Helper()
	ctx := t.Context()
	for range 2 { // nor the second time
		r := rotation(newGrant(id))
		for _, r.Generation = range []int{1, 2} {
			r.Grace = time.Hour
			_, err := store.RotateRefresh(ctx, r)
			require.ErrorIs(t, err, provider.ErrNotFound)
		}
		_, err := store.RedeemCode(ctx, redemption(newGrant(id)))
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.ConsumeRecord(ctx, provider.RecordTicket, id, now())
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.ErrorIs(t, store.TouchLoginSession(ctx, id, now(), now().Add(time.Hour)), provider.ErrNotFound)
		_, err = store.Grant(ctx, id)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.LoginSession(ctx, id)
		require.ErrorIs(t, err, provider.ErrNotFound)
		grants, err := store.GrantsOfUser(ctx, newGrant(id).UserID)
		require.NoError(t, err)
		require.Empty(t, grants)
	}
}

func TestCrash_is_an_outage_and_ends_within_two_seconds_of_Redis(t *testing.T) {
	server, err := testservers.StartRedis(t.Context(), testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	store := redisstoretest.Open(t, server.URL)
	seed(t, store, "id")

	require.NoError(t, server.Kill())
	for range 10 { // enough failures for the client to stop trying for a while
		for _, m := range methods {
			begun := time.Now()
			require.ErrorIs(t, m.call(t.Context(), store, "id"), provider.ErrUnavailable, m.name)
			require.Less(t, time.Since(begun), 3*time.Second, m.name)
		}
	}
	require.NoError(t, server.Restart(t.Context()))
	requireRecovery(t, 2*time.Second, func() error { return store.Ping(t.Context()) })
	requireNothing(t, store, "id")
	seed(t, store, "id")
}

func TestSilence_is_an_outage(t *testing.T) {
	server, err := testservers.StartRedis(t.Context(), testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	store := redisstoretest.Open(t, server.URL)
	seed(t, store, "id")

	require.NoError(t, server.Pause())
	for _, m := range methods[:4] {
		begun := time.Now()
		require.ErrorIs(t, m.call(t.Context(), store, "id"), provider.ErrUnavailable, m.name)
		require.Less(t, time.Since(begun), 3*time.Second, m.name)
	}
	require.NoError(t, server.Resume())
	requireRecovery(t, 2*time.Second, func() error { return store.Ping(t.Context()) })
}

func TestFailover_of_a_cluster_is_followed(t *testing.T) {
	cluster, err := testservers.StartRedisCluster(t.Context(), testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	requireFailover(t, cluster.URL, cluster.Nodes[0], cluster.Nodes[3])
}

func TestFailover_of_sentinel_is_followed(t *testing.T) {
	set, err := testservers.StartRedisSentinel(t.Context(), testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	requireFailover(t, set.URL, set.Master, set.Replica)
}

// requireFailover kills a master under load and requires that every key is served again, with all that
// the replica confirmed, within two seconds of the replica's promotion.
func requireFailover(t *testing.T, url string, master, replica *testservers.Server) {
	t.Helper()
	confirmed := redisstoretest.Open(t, url, func(o *redisstore.Options) { o.WaitReplicas = 1 })
	// A promoted replica has none itself to wait for.
	store := redisstoretest.Open(t, url, func(o *redisstore.Options) { o.Prefix = confirmed.Prefix() })
	ids := make([]string, 30)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
		require.NoError(t, store.CreateGrant(t.Context(), newGrant(ids[i])))
		_, err := confirmed.RedeemCode(t.Context(), redemption(newGrant(ids[i])))
		require.NoError(t, err)
	}
	useAll := func() error {
		for _, id := range ids {
			if _, err := store.Grant(t.Context(), id); err != nil {
				require.ErrorIs(t, err, provider.ErrUnavailable)
				return err
			}
			if _, err := store.RedeemCode(t.Context(), redemption(newGrant(id))); !errors.Is(err, provider.ErrConsumed) {
				require.ErrorIs(t, err, provider.ErrUnavailable)
				return err
			}
		}
		return nil
	}
	require.NoError(t, useAll())

	require.NoError(t, master.Kill())
	observer := redis.NewClient(&redis.Options{Addr: replica.Addr})
	t.Cleanup(func() { require.NoError(t, observer.Close()) })
	begun := time.Now()
	for {
		_ = useAll()
		role, err := observer.Do(t.Context(), "role").Slice()
		require.NoError(t, err)
		if role[0] == "master" {
			break
		}
		require.Less(t, time.Since(begun), 30*time.Second, "until the replica is promoted")
	}
	t.Logf("promoted after %s", time.Since(begun).Round(time.Millisecond))
	requireRecovery(t, 2*time.Second, useAll)
}

// requireRecovery calls f until it succeeds, which must be soon.
func requireRecovery(t *testing.T, within time.Duration, f func() error) {
	t.Helper()
	begun := time.Now()
	for {
		err := f()
		if err == nil {
			t.Logf("recovered after %s", time.Since(begun).Round(time.Millisecond))
			return
		}
		require.Less(t, time.Since(begun), within, "still: %v", err)
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWarnings(t *testing.T) {
	forgetful, err := testservers.StartRedis(t.Context(), testservers.Options{Settings: []string{"maxmemory-policy allkeys-lru"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, forgetful.Close()) })
	warnings := redisstoretest.Open(t, forgetful.URL, func(o *redisstore.Options) { o.WaitReplicas = 1 }).Warnings(t.Context())
	require.Len(t, warnings, 3)
	require.Contains(t, warnings[0], `maxmemory-policy is "allkeys-lru"`)
	require.Contains(t, warnings[1], "append-only file is off")
	require.Contains(t, warnings[2], "0 replicas are connected and each decision waits for 1")

	careful, err := testservers.StartRedis(t.Context(), testservers.Options{Settings: []string{"appendonly yes"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, careful.Close()) })
	store := redisstoretest.Open(t, careful.URL)
	require.Empty(t, store.Warnings(t.Context()))
	require.NoError(t, careful.Kill())
	require.Len(t, store.Warnings(t.Context()), 1)
}
