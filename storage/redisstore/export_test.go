package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Client lets tests reach under the store.
func (s *Store) Client() redis.UniversalClient { return s.client }

// Prefix begins the store's keys.
func (s *Store) Prefix() string { return s.prefix }

// GrantKey is where a grant is.
func (s *Store) GrantKey(id string) string { return s.grantKey(id) }

// ForEachMaster lets tests look at every key.
func (s *Store) ForEachMaster(ctx context.Context, f func(ctx context.Context, master redis.UniversalClient) error) error {
	return s.forEachMaster(ctx, f)
}

// DecodeGrant, DecodeSession and DecodeRecord read what Redis may hold.
var (
	DecodeGrant   = decodeGrant
	DecodeSession = decodeSession
	DecodeRecord  = decodeRecord
	Decision      = decision
	EncodeGrant   = encodeGrant
	ParseURL      = parseURL
)

// Fields of a parsed URL.
func (t target) Fields() (addrs []string, cluster bool, master string, db int, user, password string, tls bool) {
	return t.addrs, t.isCluster, t.master, t.db, t.username, t.password, t.tls != nil
}

// GrantsOf is the index of a user's grants.
func (s *Store) GrantsOf(userID int64) string { return s.grantsOf(userID) }
