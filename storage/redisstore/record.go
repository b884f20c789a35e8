package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// recordFields are read by decodeRecord and returned by consumeRecord, in this order.
var recordFields = []string{"v", "i", "u"}

func (s *Store) recordKey(kind provider.RecordKind, key string) string {
	return s.hashed("record", string(kind)+"\x00"+key)
}

func decodeRecord(kind provider.RecordKind, key string, fields []any) (provider.Record, error) {
	value, ok := fields[0].(string)
	if !ok {
		return provider.Record{}, fmt.Errorf("decode record: %w", errGarbage)
	}
	r := provider.Record{Kind: kind, Key: key, Value: []byte(value)}
	var err error
	if r.ExpiresAt, err = parseMicros(fields[1]); err == nil {
		r.UsedAt, err = parseMicros(fields[2])
	}
	if err != nil {
		return provider.Record{}, fmt.Errorf("decode record: %w", err)
	}
	return r, nil
}

func (s *Store) CreateRecord(ctx context.Context, r provider.Record) error {
	reply, err := s.decide(ctx, call{script: create, key: s.recordKey(r.Kind, r.Key), args: []any{
		micros(s.now()), rand.Text(), expiryMillis(r.ExpiresAt),
		"v", r.Value, "i", micros(r.ExpiresAt), "u", micros(r.UsedAt),
	}})
	if err != nil {
		return s.failure(ctx, "create record", err)
	}
	if !created(reply) {
		return fmt.Errorf("create record: %w", provider.ErrAlreadyExists)
	}
	return nil
}

func (s *Store) Record(ctx context.Context, kind provider.RecordKind, key string) (provider.Record, error) {
	fields, err := s.client.HMGet(ctx, s.recordKey(kind, key), recordFields...).Result()
	if err != nil {
		return provider.Record{}, s.failure(ctx, "read record", err)
	}
	var r provider.Record
	if isMissing(fields) {
		err = provider.ErrNotFound
	} else {
		r, err = decodeRecord(kind, key, fields)
	}
	if err == nil && (!r.UsedAt.IsZero() || !r.ExpiresAt.After(s.now())) {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.Record{}, fmt.Errorf("read record: %w", err)
	}
	return r, nil
}

// consumeRecord decides the one use of a record.
//
// ARGV: now, nonce.
var consumeRecord = newScript(`
local f = redis.call('HMGET', KEYS[1], 'v', 'i', 'u', 'n')
if not f[1] or tonumber(f[2]) <= tonumber(ARGV[1]) then
  return {'none'}
end
local word = 'done'
if tonumber(f[3]) == 0 then
  f[3] = ARGV[1]
  redis.call('HSET', KEYS[1], 'u', f[3], 'n', ARGV[2])
elseif f[4] ~= ARGV[2] then
  word = 'consumed'
end
return {word, f[1], f[2], f[3]}`)

func (s *Store) ConsumeRecord(ctx context.Context, kind provider.RecordKind, key string, now time.Time) (provider.Record, error) {
	reply, err := s.decide(ctx, call{
		script: consumeRecord, key: s.recordKey(kind, key), args: []any{micros(now), rand.Text()},
	})
	if err != nil {
		return provider.Record{}, s.failure(ctx, "consume record", err)
	}
	word, fields, err := decision(reply, len(recordFields))
	var r provider.Record
	if err == nil && len(fields) > 0 {
		r, err = decodeRecord(kind, key, fields)
	}
	if err == nil {
		err = outcomes[word]
	}
	if err != nil {
		return r, fmt.Errorf("consume record: %w", err)
	}
	return r, nil
}

func (s *Store) DeleteRecord(ctx context.Context, kind provider.RecordKind, key string) error {
	if err := s.client.Del(ctx, s.recordKey(kind, key)).Err(); err != nil {
		return s.failure(ctx, "delete record", err)
	}
	return nil
}
