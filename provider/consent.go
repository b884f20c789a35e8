package provider

import (
	"context"
	"slices"
	"time"
)

// Consent is what a user lets a client have until it is revoked.
type Consent struct {
	UserID   int64
	ClientID string
	Scopes   []string
	// Claims are those asked for by name (OpenID Connect Core §5.5), beyond what the scopes stand for.
	Claims    []string
	CreatedAt time.Time
	// GivenAt is when the user last said yes.
	GivenAt time.Time
}

// Covers tells whether the consent is enough for scopes and claims.
func (c Consent) Covers(scopes, claims []string) bool {
	lacks := func(have []string) func(string) bool {
		return func(s string) bool { return !slices.Contains(have, s) }
	}
	return !slices.ContainsFunc(scopes, lacks(c.Scopes)) && !slices.ContainsFunc(claims, lacks(c.Claims))
}

// ConsentStore keeps consents in the long-lived store. Implementations pass storagetest.RunConsents.
type ConsentStore interface {
	// SaveConsent stores a consent; one of the same user and client is replaced, but keeps its CreatedAt.
	SaveConsent(ctx context.Context, c Consent) error
	// RevokeConsent removes a consent; nil when there is none.
	RevokeConsent(ctx context.Context, userID int64, clientID string) error
	// ConsentsOfUser lists the consents of a user, by client.
	ConsentsOfUser(ctx context.Context, userID int64) ([]Consent, error)
}
