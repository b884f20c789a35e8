package clientsecrets

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/provider/secrets"
)

// fastScheme starts the hash of a generated secret.
const fastScheme = "sha256$"

const (
	// rememberFor is how long a match of a slow hash is remembered, remembered how many are.
	rememberFor = 10 * time.Minute
	remembered  = 1024
)

// Generate returns a new secret of at least 256 bits, in letters and digits that no encoding changes
// (RFC 6749 §2.3.1).
func Generate() string { return "sgs_" + rand.Text() + rand.Text() }

// Hash returns what is stored of a generated secret.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return fastScheme + base64.RawURLEncoding.EncodeToString(sum[:])
}

// HashChosen returns what is stored of a secret that somebody chose. Errors are hasher's.
func HashChosen(ctx context.Context, hasher *passwords.Hasher, secret string) (string, error) {
	hash, err := hasher.Hash(ctx, secret)
	if err != nil {
		return "", fmt.Errorf("hash client secret: %w", err)
	}
	return hash, nil
}

// Seal encrypts a secret that is needed itself, to verify what the client signs with it (client_secret_jwt). It opens for
// this client alone.
func Seal(master *secrets.Master, clientID, secret string) ([]byte, error) {
	sealed, err := master.Seal(sealedPlace+clientID, []byte(secret))
	if err != nil {
		return nil, fmt.Errorf("seal client secret: %w", err)
	}
	return sealed, nil
}

// Open returns the secret that Seal encrypted; the error is secrets.ErrSealed.
func Open(master *secrets.Master, clientID string, sealed []byte) ([]byte, error) {
	return master.Open(sealedPlace+clientID, sealed)
}

// sealedPlace, before the client's id, is where sealed secrets open.
const sealedPlace = "client-secret:"

// Verifier checks secrets.
type Verifier struct {
	hasher *passwords.Hasher
	// key is this process's own: what is remembered is worthless elsewhere.
	key     [sha256.Size]byte
	matched *lru.Cache[string, time.Time] // name of a match → when it was computed
	flights singleflight.Group
}

// NewVerifier returns a Verifier that computes slow hashes with hasher.
func NewVerifier(hasher *passwords.Hasher) *Verifier {
	v := &Verifier{hasher: hasher}
	_, _ = rand.Read(v.key[:]) // never fails: it would end the program
	v.matched, _ = lru.New[string, time.Time](remembered)
	return v
}

// Verify tells whether a secret is one of those that are accepted at now. An empty secret never is,
// nor does an empty hash accept any. beforeSlow is asked before a slow hash is computed; its error ends
// the check. Errors: that one, *provider.BusyError, ctx's.
func (v *Verifier) Verify(ctx context.Context, hashes []provider.SecretHash, secret string, now time.Time, beforeSlow func() error) (bool, error) {
	for _, h := range hashes {
		if secret == "" || h.Hash == "" || (!h.ExpiresAt.IsZero() && !now.Before(h.ExpiresAt)) {
			continue
		}
		ok, err := v.matches(ctx, h.Hash, secret, now, beforeSlow)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (v *Verifier) matches(ctx context.Context, hash, secret string, now time.Time, beforeSlow func() error) (bool, error) {
	if strings.HasPrefix(hash, fastScheme) {
		return subtle.ConstantTimeCompare([]byte(hash), []byte(Hash(secret))) == 1, nil
	}
	name := v.name(hash, secret)
	if at, ok := v.matched.Get(name); ok && now.Sub(at) < rememberFor {
		return true, nil
	}
	if err := beforeSlow(); err != nil {
		return false, err
	}
	// A cold start under load computes a hash once, not once per connection. It outlives the caller that
	// began it, for the others.
	flight := v.flights.DoChan(name, func() (any, error) {
		ok, _, err := v.hasher.Verify(context.WithoutCancel(ctx), hash, secret)
		if ok {
			v.matched.Add(name, now)
		}
		return ok, err
	})
	select {
	case result := <-flight:
		if errors.Is(result.Err, passwords.ErrTooLong) {
			return false, nil
		}
		ok, _ := result.Val.(bool)
		return ok, result.Err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// name stands for a hash and a secret; neither can be found from it.
func (v *Verifier) name(hash, secret string) string {
	mac := hmac.New(sha256.New, v.key[:])
	mac.Write([]byte(hash + "\x00" + secret)) // a hash has no NUL
	return string(mac.Sum(nil))
}
