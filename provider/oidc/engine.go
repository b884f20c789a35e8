package oidc

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/secrets"
)

// Settings are the choices an operator makes.
type Settings struct {
	// Issuer is the "iss" of every token and the base of every URL, without a final slash.
	Issuer              string
	AccessTokenLifetime time.Duration
	IDTokenLifetime     time.Duration
	RefreshTokenIdle    time.Duration
	RefreshTokenMax     time.Duration
	// RefreshGrace is how long a used refresh token is answered with its successor (lost answers,
	// parallel tabs) before its use counts as theft.
	RefreshGrace         time.Duration
	AccessTokenAlgorithm string
	// GrantTypes are those that the token endpoint offers; clients choose among them. The account API
	// does not depend on it.
	GrantTypes []string
	// DefaultAudience is for tokens of clients that have no audience of their own; empty means the
	// client.
	DefaultAudience string
	JWKSMaxAge      time.Duration
}

// Authenticator checks a user's password. provider.ErrInvalidCredentials: they do not belong
// together.
type Authenticator interface {
	Authenticate(ctx context.Context, email, password string) (provider.User, error)
}

// SecretVerifier checks a client's secret against the hashes that are accepted. beforeSlow is asked
// before a hash that takes work is computed; its error ends the check.
type SecretVerifier interface {
	Verify(ctx context.Context, hashes []provider.SecretHash, secret string, now time.Time, beforeSlow func() error) (bool, error)
}

// Engine serves the protocol's endpoints. Make it with New; its fields are not changed afterwards.
type Engine struct {
	Settings  Settings
	Clients   provider.ClientStore
	Users     provider.UserStore
	Standings provider.StandingStore
	Grants    provider.GrantStore
	Ended     provider.EndedGrantStore
	Keys      *keys.Ring
	Master    *secrets.Master
	Accounts  Authenticator
	Secrets   SecretVerifier
	Limits    *limits.Limits
	Log       *slog.Logger
	Now       func() time.Time

	clients   *clientCache
	verified  *verifiedTokens
	refresh   refreshTokens
	handlers  map[string][]fosite.TokenEndpointHandler
	discovery *document
	jwks      *atomic.Pointer[document] // as last served
}

// New completes an engine whose exported fields are set.
func New(e Engine) *Engine {
	e.clients = newClientCache(e.Clients, e.Now)
	e.verified = newVerifiedTokens()
	e.refresh = newRefreshTokens(e.Master)
	e.discovery = newDiscovery(e.Settings)
	e.jwks = new(atomic.Pointer[document])

	// Each grant runs only its own handlers: fosite's others would answer with a stack trace each.
	store, strategy := &fositeStore{&e}, &tokenStrategy{&e}
	config := &fositeConfig{Config: &fosite.Config{
		AccessTokenLifespan:      e.Settings.AccessTokenLifetime,
		RefreshTokenLifespan:     e.Settings.RefreshTokenIdle,
		IDTokenLifespan:          e.Settings.IDTokenLifetime,
		ScopeStrategy:            fosite.ExactScopeStrategy,
		AudienceMatchingStrategy: func([]string, []string) error { return nil }, // the front door decides
	}}
	helper := &oauth2.HandleHelper{AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: config}
	openID := &openIDHandler{&e}
	e.handlers = map[string][]fosite.TokenEndpointHandler{
		provider.GrantClientCredentials: {
			&oauth2.ClientCredentialsGrantHandler{HandleHelper: helper, Config: config},
		},
		provider.GrantPassword: {
			&oauth2.ResourceOwnerPasswordCredentialsGrantHandler{ //nolint:staticcheck // SA1019: the grant is a promise to first-party apps
				HandleHelper: helper, ResourceOwnerPasswordCredentialsGrantStorage: store, RefreshTokenStrategy: strategy, Config: config,
			},
			openID,
		},
		provider.GrantRefreshToken: {
			&oauth2.RefreshTokenGrantHandler{AccessTokenStrategy: strategy, RefreshTokenStrategy: strategy, TokenRevocationStorage: store, Config: config},
			openID,
		},
	}
	return &e
}

// EndGrant ends a grant for good: first where it outlives everything, then where it lives.
func (e *Engine) EndGrant(ctx context.Context, g provider.Grant) error {
	if err := e.Ended.RecordEndedGrant(ctx, g.ID, g.ExpiresAt.Add(provider.MaxAccessTokenLifetime)); err != nil {
		return err
	}
	return e.Grants.EndGrant(ctx, g.ID)
}
