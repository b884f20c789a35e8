package oidc

import (
	"time"

	"github.com/ory/fosite"

	"github.com/signet-id/signet/provider"
)

// session is what fosite's handlers carry for us through one request. It is never stored: the grant
// is.
type session struct {
	subject          string
	accessExpiresAt  time.Time
	refreshExpiresAt time.Time
}

var _ fosite.Session = (*session)(nil)

// SetSubject is called by the password handler once the user is known.
func (s *session) SetSubject(subject string) { s.subject = subject }

// SetExpiresAt implements fosite.Session.
func (s *session) SetExpiresAt(kind fosite.TokenType, at time.Time) {
	switch kind {
	case fosite.AccessToken:
		s.accessExpiresAt = at
	case fosite.RefreshToken:
		s.refreshExpiresAt = at
	}
}

// GetExpiresAt implements fosite.Session.
func (s *session) GetExpiresAt(kind fosite.TokenType) time.Time {
	switch kind {
	case fosite.AccessToken:
		return s.accessExpiresAt
	case fosite.RefreshToken:
		return s.refreshExpiresAt
	default:
		return time.Time{}
	}
}

// GetUsername implements fosite.Session.
func (s *session) GetUsername() string { return "" }

// GetSubject implements fosite.Session.
func (s *session) GetSubject() string { return s.subject }

// Clone implements fosite.Session.
func (s *session) Clone() fosite.Session {
	c := *s
	return &c
}

// fositeClient shows a client to fosite. Its secret stays with us: clients are authenticated before
// fosite sees them.
type fositeClient struct {
	provider.Client
}

var (
	_ fosite.Client                         = fositeClient{}
	_ fosite.ClientWithCustomTokenLifespans = fositeClient{}
)

// GetID implements fosite.Client.
func (c fositeClient) GetID() string { return c.ID }

// GetHashedSecret implements fosite.Client.
func (c fositeClient) GetHashedSecret() []byte { return nil }

// GetRedirectURIs implements fosite.Client.
func (c fositeClient) GetRedirectURIs() []string { return c.RedirectURIs }

// GetGrantTypes implements fosite.Client.
func (c fositeClient) GetGrantTypes() fosite.Arguments { return c.GrantTypes }

// GetResponseTypes implements fosite.Client.
func (c fositeClient) GetResponseTypes() fosite.Arguments { return c.ResponseTypes }

// GetScopes implements fosite.Client.
func (c fositeClient) GetScopes() fosite.Arguments { return c.Scopes }

// IsPublic implements fosite.Client.
func (c fositeClient) IsPublic() bool { return c.Public() }

// GetAudience implements fosite.Client.
func (c fositeClient) GetAudience() fosite.Arguments { return c.Audience }

// GetEffectiveLifespan implements fosite.ClientWithCustomTokenLifespans.
func (c fositeClient) GetEffectiveLifespan(_ fosite.GrantType, kind fosite.TokenType, fallback time.Duration) time.Duration {
	own := time.Duration(0)
	switch kind {
	case fosite.AccessToken:
		own = c.AccessTokenLifetime
	case fosite.RefreshToken:
		own = c.RefreshTokenIdle
	}
	if own > 0 {
		return own
	}
	return fallback
}
