package redisstore_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
)

// tripCounter counts how often the client goes to the server.
type tripCounter struct{ trips atomic.Int64 }

func (c *tripCounter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

// methods are all methods, on records made by seed.
var methods = []struct {
	name  string
	trips int64
	call  func(ctx context.Context, s *redisstore.Store, id string) error
}{
	{"CreateGrant", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		return s.CreateGrant(ctx, newGrant("new-"+id))
	}},
	{"Grant", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.Grant(ctx, id)
		return err
	}},
	{"RotateRefresh", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.RotateRefresh(ctx, rotation(newGrant(id)))
		return err
	}},
	{"RedeemCode", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.RedeemCode(ctx, redemption(newGrant(id)))
		return err
	}},
	// A list is read, then what it names.
	{"GrantsOfUser", 2, func(ctx context.Context, s *redisstore.Store, _ string) error {
		_, err := s.GrantsOfUser(ctx, 7)
		return err
	}},
	{"EndGrant", 1, func(ctx context.Context, s *redisstore.Store, id string) error { return s.EndGrant(ctx, id) }},
	{"CreateRecord", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		return s.CreateRecord(ctx, newRecord("new-"+id))
	}},
	{"Record", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.Record(ctx, provider.RecordTicket, id)
		return err
	}},
	{"ConsumeRecord", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.ConsumeRecord(ctx, provider.RecordTicket, id, now())
		return err
	}},
	{"DeleteRecord", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		return s.DeleteRecord(ctx, provider.RecordTicket, id)
	}},
	{"CreateLoginSession", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		return s.CreateLoginSession(ctx, newSession("new-"+id))
	}},
	{"LoginSession", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.LoginSession(ctx, id)
		return err
	}},
	{"TouchLoginSession", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		return s.TouchLoginSession(ctx, id, now(), newSession(id).IdleExpiresAt)
	}},
	{"LoginSessionsOfUser", 2, func(ctx context.Context, s *redisstore.Store, _ string) error {
		_, err := s.LoginSessionsOfUser(ctx, 7)
		return err
	}},
	{"DeleteLoginSession", 2, func(ctx context.Context, s *redisstore.Store, id string) error { return s.DeleteLoginSession(ctx, id) }},
	{"Take", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		_, err := s.Take(ctx, id, provider.Rate{Limit: 1, Per: 1e9, Burst: 1}, now())
		return err
	}},
	{"TakeEach", 1, func(ctx context.Context, s *redisstore.Store, id string) error {
		rate := provider.Rate{Limit: 1, Per: 1e9, Burst: 1}
		_, err := s.TakeEach(ctx, []provider.Bucket{{Key: id, Rate: rate}, {Key: id + "2", Rate: rate}}, now())
		return err
	}},
	{"SessionClients", 1, func(ctx context.Context, s *redisstore.Store, _ string) error {
		_, err := s.SessionClients(ctx, "b3a1")
		return err
	}},
	{"Forget", 1, func(ctx context.Context, s *redisstore.Store, id string) error { return s.Forget(ctx, id) }},
}

func seed(t testing.TB, s *redisstore.Store, id string) {
	t.Helper()
	require.NoError(t, s.CreateGrant(t.Context(), newGrant(id)))
	require.NoError(t, s.CreateRecord(t.Context(), newRecord(id)))
	require.NoError(t, s.CreateLoginSession(t.Context(), newSession(id)))
}

func TestMethods_are_one_trip_each(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		store := open(t, url)
		for i := range 60 { // teaches every server of a cluster the scripts
			id := strconv.Itoa(i)
			seed(t, store, id)
			for _, m := range methods {
				require.NoError(t, m.call(t.Context(), store, id), m.name)
			}
		}
		seed(t, store, "last")
		counter := &tripCounter{}
		store.Client().AddHook(counter)
		for _, m := range methods {
			counter.trips.Store(0)
			require.NoError(t, m.call(t.Context(), store, "last"), m.name)
			require.Equal(t, m.trips, counter.trips.Load(), "trips of %s", m.name)
		}
	})
}

func TestMethods_teach_a_server_that_lost_the_scripts(t *testing.T) {
	eachServer(t, func(t *testing.T, url string) {
		store := open(t, url)
		for i, m := range methods {
			id := string(rune('a' + i))
			seed(t, store, id)
			err := store.ForEachMaster(t.Context(), func(ctx context.Context, master redis.UniversalClient) error {
				return master.ScriptFlush(ctx).Err()
			})
			require.NoError(t, err)
			require.NoError(t, m.call(t.Context(), store, id), m.name)
		}
	})
}
