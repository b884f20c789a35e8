package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// takeEvent counts one event by the generic cell rate algorithm and returns 0, -1 when nothing else was
// counted, or how many microseconds to wait. The key holds the theoretical arrival time: when all that was
// counted is used up.
//
// ARGV: now, the interval between events, how far the arrival time may be ahead.
var takeEvent = newScript(`
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local was = tonumber(redis.call('GET', KEYS[1]) or 0)
local due = math.max(was, now)
if due - now > tolerance then
  return due - now - tolerance
end
due = due + interval
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PXAT', string.format('%.0f', math.ceil(due / 1000)))
return was <= now and -1 or 0`)

func (s *Store) limitKey(key string) string { return s.hashed("limit", key) }

func (s *Store) Take(ctx context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	taken, err := s.TakeEach(ctx, []provider.Bucket{{Key: key, Rate: rate}}, now)
	if err != nil {
		return 0, err
	}
	return taken[0].Wait, nil
}

func (s *Store) TakeEach(ctx context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	calls := make([]*call, len(buckets))
	for i, b := range buckets {
		// Whole microseconds, rounded up: never more than the rate allows.
		interval := max((b.Rate.Interval() + time.Microsecond - 1).Microseconds(), 1)
		tolerance := int64(max(b.Rate.Burst, 1)-1) * interval
		calls[i] = &call{script: takeEvent, key: s.limitKey(b.Key), args: []any{micros(now), interval, tolerance}}
	}
	if err := s.runAll(ctx, calls...); err != nil {
		return nil, s.failure(ctx, "take from rate limit", err)
	}
	taken := make([]provider.Taken, len(calls))
	for i, c := range calls {
		wait, ok := c.reply.Val().(int64)
		if !ok {
			return nil, fmt.Errorf("take from rate limit: %w", errGarbage)
		}
		taken[i] = provider.Taken{Wait: time.Duration(max(wait, 0)) * time.Microsecond, First: wait < 0}
	}
	return taken, nil
}

func (s *Store) Forget(ctx context.Context, key string) error {
	if err := s.client.Del(ctx, s.limitKey(key)).Err(); err != nil {
		return s.failure(ctx, "forget rate limit", err)
	}
	return nil
}
