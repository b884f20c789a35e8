package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signet-id/signet/provider"
)

// indexGrace is how old an entry of an index must be before it is dropped because its record is not
// there: in a cluster the record may be on its way.
const indexGrace = time.Minute

func (s *Store) grantsOf(userID int64) string {
	return s.tagged("grants-of", strconv.FormatInt(userID, 10))
}

func (s *Store) sessionsOf(userID int64) string {
	return s.tagged("sessions-of", strconv.FormatInt(userID, 10))
}

// clientsOf is where the clients of a login session are listed.
func (s *Store) clientsOf(sessionID string) string { return s.tagged("clients-of", sessionID) }

// addToIndex adds an entry to a sorted set, drops the entries that ended and lets the set live as
// long as its last entry.
//
// ARGV: now (ms), the entry's end (ms), the entry.
var addToIndex = newScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], last[2])
return 1`)

// indexing returns the call that enters a record into an index.
func (s *Store) indexing(index, name string, createdAt, end time.Time) *call {
	entry := strconv.FormatInt(micros(createdAt), 36) + " " + name
	return &call{script: addToIndex, key: index, args: []any{s.now().UnixMilli(), expiryMillis(end), entry}}
}

// listed returns the living records of an index: read asks for one, decode returns provider.ErrNotFound
// for one that ended. Entries without a record are dropped.
func listed[T any](
	ctx context.Context, s *Store, index string,
	read func(p redis.Pipeliner, name string) *redis.SliceCmd,
	decode func(name string, fields []any) (T, error),
) ([]T, error) {
	entries, err := s.client.ZRange(ctx, index, 0, -1).Result()
	if err != nil {
		return nil, s.failure(ctx, "read index", err)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	replies := make([]*redis.SliceCmd, len(entries))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, entry := range entries {
			_, name, _ := strings.Cut(entry, " ")
			replies[i] = read(p, name)
		}
		return nil
	})
	if err != nil {
		return nil, s.failure(ctx, "read records of index", err)
	}
	var (
		records []T
		gone    []any
		old     = s.now().Add(-indexGrace)
	)
	for i, entry := range entries {
		at, name, _ := strings.Cut(entry, " ")
		record, err := decode(name, replies[i].Val())
		switch {
		case err == nil:
			records = append(records, record)
		case !errors.Is(err, provider.ErrNotFound):
			return nil, err
		default:
			if us, err := strconv.ParseInt(at, 36, 64); err != nil || fromMicros(us).Before(old) {
				gone = append(gone, entry)
			}
		}
	}
	if len(gone) > 0 {
		if err := s.client.ZRem(ctx, index, gone...).Err(); err != nil {
			return nil, fmt.Errorf("prune index: %w", s.failure(ctx, "remove entries", err))
		}
	}
	return records, nil
}
