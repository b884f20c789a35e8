package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// Take counts by the generic cell rate algorithm: a row keeps the theoretical arrival time (tat) of
// its next event, in Unix nanoseconds. An event is within the rate while tat is at most
// now + (burst-1) intervals; it moves tat on by one interval, from now at the earliest.
func (s *Store) Take(ctx context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	taken, err := s.TakeEach(ctx, []provider.Bucket{{Key: key, Rate: rate}}, now)
	if err != nil {
		return 0, err
	}
	return taken[0].Wait, nil
}

func (s *Store) TakeEach(ctx context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	taken := make([]provider.Taken, len(buckets))
	for i, bucket := range buckets {
		var err error
		if taken[i], err = s.takeEvent(ctx, bucket, now); err != nil {
			return nil, fmt.Errorf("take from rate limit: %w", err)
		}
	}
	return taken, nil
}

func (s *Store) takeEvent(ctx context.Context, b provider.Bucket, now time.Time) (provider.Taken, error) {
	taken, err := s.tryEvent(ctx, b, now)
	for attempt := 1; attempt <= retries && errors.Is(err, errLimiterRace); attempt++ {
		taken, err = s.tryEvent(ctx, b, now)
	}
	return taken, err
}

// errLimiterRace says that the row is not any more what was read.
var errLimiterRace = fmt.Errorf("%w: the rate limit kept changing", provider.ErrUnavailable)

// tryEvent reads before it writes: an event that is refused, and there may be many, writes nothing. What it
// read may be old, so each write names what it depends on.
func (s *Store) tryEvent(ctx context.Context, b provider.Bucket, now time.Time) (provider.Taken, error) {
	hash, interval := limitHash(b.Key), b.Rate.Interval()
	tolerance := time.Duration(max(b.Rate.Burst, 1)-1) * interval
	latest, expires := now.Add(tolerance).UnixNano(), at(now.Add(tolerance+interval))

	var tat, found int64
	err := s.queryRow(ctx, "SELECT tat FROM rate_limits WHERE key_hash = ?", []any{hash}, &tat)
	switch {
	case errors.Is(err, provider.ErrNotFound):
		_, err = s.exec(ctx, "INSERT INTO rate_limits (key_hash, tat, expires_at) VALUES (?, ?, ?)",
			hash, now.Add(interval).UnixNano(), expires)
		if errors.Is(err, provider.ErrAlreadyExists) {
			err = errLimiterRace
		}
		return provider.Taken{First: err == nil}, err
	case err != nil:
		return provider.Taken{}, err
	case tat > latest:
		return provider.Taken{Wait: time.Duration(tat - latest)}, nil
	case tat <= now.UnixNano(): // all that was counted is used up
		found, err = s.exec(ctx, "UPDATE rate_limits SET expires_at = ?, tat = ? WHERE key_hash = ? AND tat <= ?",
			expires, now.Add(interval).UnixNano(), hash, now.UnixNano())
	default:
		found, err = s.exec(ctx, "UPDATE rate_limits SET expires_at = CASE WHEN expires_at > ? THEN expires_at ELSE ? END, "+
			"tat = CASE WHEN tat > ? THEN tat ELSE ? END + ? WHERE key_hash = ? AND tat <= ?",
			expires, expires, now.UnixNano(), now.UnixNano(), int64(interval), hash, latest)
	}
	if err == nil && found == 0 {
		err = errLimiterRace
	}
	return provider.Taken{First: err == nil && tat <= now.UnixNano()}, err
}

func (s *Store) Forget(ctx context.Context, key string) error {
	if _, err := s.exec(ctx, "DELETE FROM rate_limits WHERE key_hash = ?", limitHash(key)); err != nil {
		return fmt.Errorf("forget rate limit: %w", err)
	}
	return nil
}

// limitHash gives keys one length and keeps addresses out of the table.
func limitHash(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}
