package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
)

const (
	// maxClientJWS bounds what a client signed, in bytes.
	maxClientJWS = 16 << 10
	// maxTriedKeys bounds the keys that one signature is compared with.
	maxTriedKeys = 10
	// remoteKeysAge is how long fetched keys are used without looking again. A signature by none of them makes us look
	// at once, but only once in that time: a new key is usually known immediately, in any case within it, and a
	// storm of made-up ones fetches once in it.
	remoteKeysAge = time.Minute
	// remoteKeysStale is how old keys may be when they cannot be fetched again.
	remoteKeysStale = 10 * time.Minute
	// remoteKeySets bounds the URLs whose keys are remembered.
	remoteKeySets = 4096
)

var errClientJWS = errors.New("not signed by the client")

// remoteKeys are the keys that clients publish, as they were fetched.
type remoteKeys struct {
	fetcher Fetcher
	now     func() time.Time
	recent  *lru.Cache[string, *remoteKeySet]
}

// remoteKeySet is what is known of the keys at one URL.
type remoteKeySet struct {
	// fetching is held by whoever decides about a fetch, so that the others see what came of it.
	fetching sync.Mutex
	mu       sync.Mutex
	keys     []jose.JSONWebKey
	err      error // of the last try
	// fetchedAt is when keys were read, triedAt when that was last tried, soughtAt when a fetch last did not find
	// a signature's key.
	fetchedAt, triedAt, soughtAt time.Time
}

func newRemoteKeys(fetcher Fetcher, now func() time.Time) *remoteKeys {
	recent, err := lru.New[string, *remoteKeySet](remoteKeySets)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &remoteKeys{fetcher: fetcher, now: now, recent: recent}
}

// verify tells whether fits is true of the keys at a URL, looking again where that may help.
func (r *remoteKeys) verify(ctx context.Context, url string, fits func([]jose.JSONWebKey) bool) (bool, error) {
	set, ok := r.recent.Get(url)
	if !ok {
		set = &remoteKeySet{}
		if other, found, _ := r.recent.PeekOrAdd(url, set); found {
			set = other
		}
	}
	if keys, fresh := set.current(r.now()); fresh && fits(keys) {
		return true, nil
	}
	set.fetching.Lock()
	defer set.fetching.Unlock()
	keys, fresh := set.current(r.now())
	if fresh && fits(keys) {
		return true, nil
	}
	if fresh && r.now().Sub(set.soughtAt) < remoteKeysAge {
		return false, set.err
	}
	r.fetch(ctx, url, set)
	keys, _ = set.current(r.now())
	if fits(keys) {
		return true, nil
	}
	set.soughtAt = r.now()
	return false, set.err
}

// current returns the keys that may be used, and whether there is no need to look again.
func (s *remoteKeySet) current(now time.Time) (keys []jose.JSONWebKey, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh = now.Sub(s.triedAt) < remoteKeysAge
	if s.err != nil && now.Sub(s.fetchedAt) > remoteKeysStale {
		return nil, fresh
	}
	return s.keys, fresh
}

// fetch reads the keys anew. The request that asks may go away, the others wait for the answer too.
func (r *remoteKeys) fetch(ctx context.Context, url string, set *remoteKeySet) {
	triedAt := r.now()
	var keys []jose.JSONWebKey
	body, err := r.fetcher.Fetch(context.WithoutCancel(ctx), url)
	if err == nil {
		keys, err = provider.SignatureKeys(body)
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	set.triedAt, set.err = triedAt, nil
	if err != nil {
		set.err = fmt.Errorf("read client keys: %w", err)
		return
	}
	set.keys, set.fetchedAt = keys, triedAt
}

// verifyClientJWS checks what a client signed with one of algorithms, by its keys or, for HS256, by its secret,
// and returns the payload. The header may name a key and a type, and bring none.
func (e *Engine) verifyClientJWS(ctx context.Context, client provider.Client, token string, algorithms []string) ([]byte, error) {
	if len(token) > maxClientJWS || strings.Count(token, ".") != 2 {
		return nil, errClientJWS
	}
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, algorithm := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(algorithm)
	}
	signed, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, errClientJWS
	}
	header := signed.Signatures[0].Protected
	if header.JSONWebKey != nil || slices.ContainsFunc([]jose.HeaderKey{"crit", "b64", "jku", "x5u", "x5c"}, func(name jose.HeaderKey) bool { return header.ExtraHeaders[name] != nil }) {
		return nil, errClientJWS
	}
	var payload []byte
	by := func(key any) bool {
		var err error
		payload, err = signed.Verify(key)
		return err == nil
	}
	byOneOf := func(keys []jose.JSONWebKey) bool { return slices.ContainsFunc(candidates(keys, header), by) }

	verified := false
	switch {
	case header.Algorithm == string(jose.HS256):
		secret, err := clientsecrets.Open(e.Master, client.ID, client.SealedSecret)
		verified = err == nil && len(secret) > 0 && by(secret)
	case client.JWKSURI != "":
		if verified, err = e.remote.verify(ctx, client.JWKSURI, byOneOf); err != nil && !verified {
			return nil, err
		}
	case client.JWKS != "":
		keys, err := provider.SignatureKeys([]byte(client.JWKS))
		verified = err == nil && byOneOf(keys)
	}
	if !verified {
		return nil, errClientJWS
	}
	return payload, nil
}

// candidates are the keys that may have made a signature. A key without an id may be any.
func candidates(keys []jose.JSONWebKey, header jose.Header) []any {
	var found []any
	for _, key := range keys {
		named := key.KeyID == header.KeyID || key.KeyID == "" || header.KeyID == ""
		if named && (key.Algorithm == "" || key.Algorithm == header.Algorithm) && makes(key.Key, header.Algorithm) && len(found) < maxTriedKeys {
			found = append(found, key.Key)
		}
	}
	return found
}

// makes tells whether an algorithm is one of a key's type.
func makes(key any, algorithm string) bool {
	switch key.(type) {
	case *rsa.PublicKey:
		return algorithm == string(jose.RS256) || algorithm == string(jose.PS256)
	case *ecdsa.PublicKey: // P-256, or it were none of the client's
		return algorithm == string(jose.ES256)
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}
