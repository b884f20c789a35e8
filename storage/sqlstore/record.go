package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// recordHash is what a record is found by: the key stays secret and kinds never meet.
func recordHash(kind provider.RecordKind, key string) []byte {
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + key))
	return sum[:]
}

func (s *Store) CreateRecord(ctx context.Context, r provider.Record) error {
	hash := recordHash(r.Kind, r.Key)
	_, err := s.exec(ctx, "INSERT INTO records (hash, kind, value, expires_at, used_at) VALUES (?, ?, ?, ?, ?)",
		hash, string(r.Kind), r.Value, at(r.ExpiresAt), at(r.UsedAt))
	if errors.Is(err, provider.ErrAlreadyExists) {
		// An expired record that was not yet removed does not exist.
		var found int64
		found, err = s.exec(ctx, "UPDATE records SET value = ?, expires_at = ?, used_at = ? WHERE hash = ? AND expires_at <= ?",
			r.Value, at(r.ExpiresAt), at(r.UsedAt), hash, micro(s.now()))
		if err == nil && found == 0 {
			err = provider.ErrAlreadyExists
		}
	}
	if err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	return nil
}

func (s *Store) Record(ctx context.Context, kind provider.RecordKind, key string) (provider.Record, error) {
	r, err := s.record(ctx, kind, key, s.now())
	if err == nil && !r.UsedAt.IsZero() {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.Record{}, fmt.Errorf("read record: %w", err)
	}
	return r, nil
}

// record reads a record, used or not, that lives at now.
func (s *Store) record(ctx context.Context, kind provider.RecordKind, key string, now time.Time) (provider.Record, error) {
	r := provider.Record{Kind: kind, Key: key}
	var used timestamp
	err := s.queryRow(ctx, "SELECT value, expires_at, used_at FROM records WHERE hash = ? AND expires_at > ?",
		[]any{recordHash(kind, key), micro(now)}, &r.Value, &r.ExpiresAt, &used)
	if err != nil {
		return provider.Record{}, err
	}
	r.UsedAt = used.Time
	return r, nil
}

func (s *Store) ConsumeRecord(ctx context.Context, kind provider.RecordKind, key string, now time.Time) (provider.Record, error) {
	r, err := s.consumeRecord(ctx, kind, key, now)
	if err != nil {
		return r, fmt.Errorf("consume record: %w", err)
	}
	return r, nil
}

// consumeRecord reads before it decides, so a failure in between uses nothing up.
func (s *Store) consumeRecord(ctx context.Context, kind provider.RecordKind, key string, now time.Time) (provider.Record, error) {
	r, err := s.record(ctx, kind, key, now)
	if err != nil {
		return provider.Record{}, err
	}
	if !r.UsedAt.IsZero() {
		return r, provider.ErrConsumed
	}
	found, err := s.exec(ctx, "UPDATE records SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at = ?",
		micro(now), recordHash(kind, key), r.ExpiresAt)
	if err != nil {
		return provider.Record{}, err
	}
	if found == 1 {
		r.UsedAt = micro(now)
		return r, nil
	}
	if r, err = s.record(ctx, kind, key, now); err != nil {
		return provider.Record{}, err
	}
	return r, provider.ErrConsumed
}

func (s *Store) DeleteRecord(ctx context.Context, kind provider.RecordKind, key string) error {
	if _, err := s.exec(ctx, "DELETE FROM records WHERE hash = ?", recordHash(kind, key)); err != nil {
		return fmt.Errorf("delete record: %w", err)
	}
	return nil
}
