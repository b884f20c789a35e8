package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// takeEvent counts one event by the generic cell rate algorithm and returns 0, or how many
// microseconds to wait. The key holds the theoretical arrival time: when all that was counted is used
// up.
//
// ARGV: now, the interval between events, how far the arrival time may be ahead.
var takeEvent = newScript(`
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if due - now > tolerance then
  return due - now - tolerance
end
due = due + interval
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PXAT', string.format('%.0f', math.ceil(due / 1000)))
return 0`)

func (s *Store) limitKey(key string) string { return s.hashed("limit", key) }

func (s *Store) Take(ctx context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	// Whole microseconds, rounded up: never more than the rate allows.
	interval := max((rate.Interval() + time.Microsecond - 1).Microseconds(), 1)
	tolerance := int64(max(rate.Burst, 1)-1) * interval
	reply, err := s.run(ctx, call{script: takeEvent, key: s.limitKey(key), args: []any{micros(now), interval, tolerance}})
	if err != nil {
		return 0, s.failure(ctx, "take from rate limit", err)
	}
	wait, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("take from rate limit: %w", errGarbage)
	}
	return time.Duration(wait) * time.Microsecond, nil
}

func (s *Store) Forget(ctx context.Context, key string) error {
	if err := s.client.Del(ctx, s.limitKey(key)).Err(); err != nil {
		return s.failure(ctx, "forget rate limit", err)
	}
	return nil
}
