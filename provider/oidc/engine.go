package oidc

import (
	"context"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/outbox"
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
	// UILocales are the languages that pages are shown in.
	UILocales []string
	// CodeLifetime ends an authorization code that is not redeemed, InteractionLifetime an authorization
	// request that its pages do not finish.
	CodeLifetime        time.Duration
	InteractionLifetime time.Duration
	// Registration says who may register clients.
	Registration Registration
}

// Authenticator says who somebody is.
type Authenticator interface {
	// SignIn checks a user's password. provider.ErrInvalidCredentials: they do not belong together.
	SignIn(ctx context.Context, email, password string) (provider.User, error)
	// Session returns the login session of a browser's secret. provider.ErrNotFound: none.
	Session(ctx context.Context, secret string) (provider.LoginSession, error)
}

// SecretVerifier checks a client's secret against the hashes that are accepted. beforeSlow is asked
// before a hash that takes work is computed; its error ends the check.
type SecretVerifier interface {
	Verify(ctx context.Context, hashes []provider.SecretHash, secret string, now time.Time, beforeSlow func() error) (bool, error)
}

// Registration says who may register clients (RFC 7591).
type Registration string

// The ways of registration.
const (
	RegistrationOff     Registration = "off"
	RegistrationByToken Registration = "token" // with an initial access token
	RegistrationOpen    Registration = "open"
)

// Fetcher reads what clients publish. Its implementation judges every address that it connects to.
type Fetcher interface {
	// Fetch returns the body of a GET that was answered with 200, of at most 64 KiB.
	Fetch(ctx context.Context, url string) ([]byte, error)
	// Check tells whether a URL may be fetched.
	Check(ctx context.Context, url string) error
}

// Engine serves the protocol's endpoints. Make it with New; its fields are not changed afterwards.
type Engine struct {
	Settings  Settings
	Clients   provider.ClientStore
	Users     provider.UserStore
	Standings provider.StandingStore
	Grants    provider.GrantStore
	Ended     provider.EndedGrantStore
	Consents  provider.ConsentStore
	Sessions  provider.LoginSessionStore
	Records   provider.RecordStore
	Fetcher   Fetcher
	// Notices are what clients are told of logouts.
	Notices  *outbox.Outbox
	Keys     *keys.Ring
	Master   *secrets.Master
	Accounts Authenticator
	Secrets  SecretVerifier
	Limits   *limits.Limits
	Log      *slog.Logger
	Now      func() time.Time

	clients  *clientCache
	verified *verifiedTokens
	remote   *remoteKeys
	codes    grantTokens
	refresh  grantTokens
	handlers map[string][]fosite.TokenEndpointHandler
	// codeHandler mints codes; it is the handler of their exchange too.
	codeHandler *oauth2.AuthorizeExplicitGrantHandler
	discovery   *document
	jwks        *atomic.Pointer[document] // as last served
}

// New completes an engine whose exported fields are set.
func New(e Engine) *Engine {
	e.clients = newClientCache(e.Clients, e.Now)
	e.verified = newVerifiedTokens()
	e.remote = newRemoteKeys(e.Fetcher, e.Now)
	e.codes, e.refresh = newCodes(e.Master), newRefreshTokens(e.Master)
	e.discovery = newDiscovery(e.Settings)
	e.jwks = new(atomic.Pointer[document])

	// Each grant runs only its own handlers: fosite's others would answer with a stack trace each.
	store, strategy := &fositeStore{&e}, &tokenStrategy{&e}
	config := &fositeConfig{Config: &fosite.Config{
		AccessTokenLifespan:  e.Settings.AccessTokenLifetime,
		RefreshTokenLifespan: e.Settings.RefreshTokenIdle,
		IDTokenLifespan:      e.Settings.IDTokenLifetime,
		ScopeStrategy:        fosite.ExactScopeStrategy,
		// The front door decides about audience and redirect URI.
		AudienceMatchingStrategy: func([]string, []string) error { return nil },
		RedirectSecureChecker:    func(context.Context, *url.URL) bool { return true },
		AuthorizeCodeLifespan:    e.Settings.CodeLifetime,
		OmitRedirectScopeParam:   true,
	}}
	helper := &oauth2.HandleHelper{AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: config}
	openID := &openIDHandler{&e}
	e.codeHandler = &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: strategy, RefreshTokenStrategy: strategy, AuthorizeCodeStrategy: strategy,
		CoreStorage: store, TokenRevocationStorage: store, Config: config,
	}
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
		provider.GrantAuthorizationCode: {e.codeHandler, openID},
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
