package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signet-id/signet/provider"
)

var (
	// errGarbage says that a key holds what this store did not write.
	errGarbage = errors.New("the stored value is not ours")
	// errNewer says that a newer release wrote a record: reading it would lose what this one does not
	// know.
	errNewer = errors.New("the record was written by a newer release")
	// errReplicas says that a decision did not reach the replicas it has to.
	errReplicas = errors.New("too few replicas have the decision")
)

// outages are the first words of replies that say "not now" rather than "not so".
var outages = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "OOM", "MISCONF", "BUSY",
	"MOVED", "ASK", // the cluster is changing and the client followed it long enough
	"NOAUTH", "WRONGPASS", // a connection that could not be made
	"UNBLOCKED",
	"ERR max number of clients reached",
}

// failure turns an error of the Redis client into one of package provider.
func (s *Store) failure(ctx context.Context, doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if _, answered := errors.AsType[redis.Error](err); answered && !slices.ContainsFunc(outages, func(word string) bool {
		return strings.HasPrefix(err.Error(), word)
	}) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if s.cluster != nil {
		s.cluster.ReloadState(ctx) // in the background, so that a later request finds the new master
	}
	return fmt.Errorf("%s: %w: %w", doing, provider.ErrUnavailable, err)
}
