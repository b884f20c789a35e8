package keys

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-id/signet/provider"
)

// snapshot is an immutable view of the keys, opened and ready to use.
type snapshot struct {
	all  []*key // by algorithm, oldest first
	byID map[string]*key
	jwks []byte
	etag string
}

// open decrypts the stored keys and prepares the published set.
func (r *Ring) open(stored []provider.SigningKey) (*snapshot, error) {
	s := &snapshot{byID: make(map[string]*key, len(stored))}
	for _, alg := range Algorithms {
		var before *key
		for _, row := range keysOf(stored, alg) {
			der, err := r.master.Open(place(row.ID), row.PrivateKey)
			if err != nil {
				return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
			}
			k, err := parse(row, der)
			if err != nil {
				return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
			}
			if before != nil {
				before.successorActivatesAt = k.activatesAt
			}
			before = k
			s.all = append(s.all, k)
			s.byID[k.id] = k
		}
	}
	now := r.now()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range s.all {
		if s.state(k, now, r.schedule) != StateExpired {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.public, KeyID: k.id, Algorithm: k.algorithm, Use: "sig"})
		}
	}
	var err error
	if s.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("encode jwks: %w", err)
	}
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return s, nil
}

func (s *snapshot) state(k *key, now time.Time, schedule Schedule) State {
	switch {
	case k.activatesAt.After(now):
		return StateNext
	case k.successorActivatesAt.IsZero() || k.successorActivatesAt.After(now):
		return StateActive
	case now.Before(schedule.unpublishedAt(k.successorActivatesAt)):
		return StateRetired
	default:
		return StateExpired
	}
}

// active is the key that signs now.
func (s *snapshot) active(alg string, now time.Time) *key {
	for _, k := range slices.Backward(s.all) {
		if k.algorithm == alg && !k.activatesAt.After(now) {
			return k
		}
	}
	return nil
}

// JWKS returns the published keys (RFC 7517 §5) and their entity tag. Both change only with the
// keys; the bytes must not be modified.
func (r *Ring) JWKS() (body []byte, etag string) {
	s := r.snapshot.Load()
	return s.jwks, s.etag
}
