package provider

import (
	"context"
	"time"
)

// SigningKey is a stored signing key. Its state is a function of the clock and of the keys of the
// same algorithm beside it, so all replicas agree without talking to each other (see
// provider/keys).
type SigningKey struct {
	// ID is the "kid".
	ID        string
	Algorithm string // RS256, ES256 or EdDSA
	// Generation numbers the keys of one algorithm from 1.
	Generation int
	// PrivateKey is PKCS #8, sealed with the master key and bound to ID.
	PrivateKey []byte
	CreatedAt  time.Time
	// ActivatesAt is when the key signs; before that it is only published.
	ActivatesAt time.Time
}

// SigningKeyStore keeps signing keys. Implementations pass storagetest.RunSigningKeys.
type SigningKeyStore interface {
	// CreateSigningKey stores a new key. ErrAlreadyExists: its ID, or its algorithm and generation, is
	// taken; of concurrent callers exactly one succeeds.
	CreateSigningKey(ctx context.Context, k SigningKey) error
	// SigningKeys lists all keys by algorithm and generation.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// DeleteSigningKey removes a key; nil when there is none.
	DeleteSigningKey(ctx context.Context, id string) error
}

// ExpiredStore removes what is past its end.
type ExpiredStore interface {
	// DeleteExpired removes at most limit expired records and tells how many it removed. Stores whose
	// records expire by themselves return 0.
	DeleteExpired(ctx context.Context, now time.Time, limit int) (int64, error)
}
