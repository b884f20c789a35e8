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
	taken, err := s.takeEvent(ctx, provider.Bucket{Key: key, Rate: rate}, now)
	return taken.Wait, err
}

func (s *Store) TakeEach(ctx context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	taken := make([]provider.Taken, len(buckets))
	for i, bucket := range buckets {
		var err error
		if taken[i], err = s.takeEvent(ctx, bucket, now); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

func (s *Store) takeEvent(ctx context.Context, b provider.Bucket, now time.Time) (provider.Taken, error) {
	taken, err := s.takeOnce(ctx, b.Key, b.Rate, now)
	// A row that was missing for the UPDATE may be there for the INSERT, and the other way round.
	for attempt := 1; attempt <= retries && errors.Is(err, errLimiterRace); attempt++ {
		taken, err = s.takeOnce(ctx, b.Key, b.Rate, now)
	}
	if err != nil {
		return provider.Taken{}, fmt.Errorf("take from rate limit: %w", err)
	}
	return taken, nil
}

// errLimiterRace says that the row came or went between two statements.
var errLimiterRace = fmt.Errorf("%w: the rate limit kept changing", provider.ErrUnavailable)

func (s *Store) takeOnce(ctx context.Context, key string, rate provider.Rate, now time.Time) (provider.Taken, error) {
	hash := limitHash(key)
	interval := rate.Interval()
	tolerance := time.Duration(max(rate.Burst, 1)-1) * interval
	latest := now.Add(tolerance).UnixNano()
	expires := at(now.Add(tolerance + interval))

	found, err := s.exec(ctx, "UPDATE rate_limits SET expires_at = CASE WHEN expires_at > ? THEN expires_at ELSE ? END, "+
		"tat = CASE WHEN tat > ? THEN tat ELSE ? END + ? WHERE key_hash = ? AND tat <= ?",
		expires, expires, now.UnixNano(), now.UnixNano(), int64(interval), hash, latest)
	if err != nil || found == 1 {
		return provider.Taken{}, err
	}
	var tat int64
	err = s.queryRow(ctx, "SELECT tat FROM rate_limits WHERE key_hash = ?", []any{hash}, &tat)
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
	case tat <= latest:
		return provider.Taken{}, errLimiterRace
	}
	return provider.Taken{Wait: time.Duration(tat - latest)}, nil
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
