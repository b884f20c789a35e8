package provider

import (
	"context"
	"net/url"
	"slices"
	"time"
)

// The grant types that a client can be registered for (RFC 7591 §2).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantPassword          = "password"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// The ways a client can authenticate at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
const (
	AuthMethodNone              = "none"
	AuthMethodClientSecretBasic = "client_secret_basic"
	AuthMethodClientSecretPost  = "client_secret_post"
)

// The scopes that mean something to the provider itself.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeOfflineAccess = "offline_access"
	// ScopeAccount lets a token act on its user's own account through the account API.
	ScopeAccount = "account"
)

// AccountClientID is the built-in first-party client whose password grant is the account API's
// login.
const AccountClientID = "signet-account"

// MaxAccessTokenLifetime bounds every access token: keys and ended grants are remembered that long.
const MaxAccessTokenLifetime = 24 * time.Hour

// MaxRefreshTokenLifetime bounds every grant.
const MaxRefreshTokenLifetime = 365 * 24 * time.Hour

// Client is an OAuth client (RFC 6749 §2). Fields are named as in RFC 7591.
type Client struct {
	ID   string
	Name string
	// SecretHashes are the hashes of the secrets that are accepted, newest first; the second exists
	// while a rotated secret overlaps. Empty: the client has no secret and none matches.
	SecretHashes            []SecretHash
	TokenEndpointAuthMethod string
	GrantTypes              []string
	ResponseTypes           []string
	RedirectURIs            []string
	PostLogoutRedirectURIs  []string
	Scopes                  []string
	// Audience lists the resource servers that the client may ask tokens for. A token for which none
	// was asked is for the first, or for the client itself when there is none.
	Audience []string
	JWKS     string // JSON (RFC 7517 §5)
	JWKSURI  string
	// IDTokenSignedResponseAlg is RS256 when empty (OpenID Connect Registration §2).
	IDTokenSignedResponseAlg string
	// AllowedOrigins may call the token endpoint from a browser, beside the origins of RedirectURIs.
	AllowedOrigins []string
	// FirstParty marks the operator's own product: no consent page, and the claims "token_type" and
	// "user_id" in its access tokens.
	FirstParty bool
	// ResourceServer lets the client introspect every token, not only its own and those for it.
	ResourceServer bool
	// NoRefreshRotation keeps one refresh token valid until its end, for clients that cannot store a
	// new one.
	NoRefreshRotation bool
	// AccessTokenLifetime (at most MaxAccessTokenLifetime), RefreshTokenIdle and RefreshTokenMax override
	// the settings unless 0.
	AccessTokenLifetime time.Duration
	RefreshTokenIdle    time.Duration
	RefreshTokenMax     time.Duration
	Disabled            bool
	CreatedAt           time.Time
	UpdatedAt           time.Time
}

// SecretHash is one accepted client secret.
type SecretHash struct {
	// Hash is "sha256$…" for generated secrets and an argon2id PHC string for chosen ones.
	Hash string
	// ExpiresAt ends a rotated secret's overlap; zero: no end.
	ExpiresAt time.Time
}

// Public tells whether the client cannot keep a secret (RFC 6749 §2.1).
func (c Client) Public() bool { return c.TokenEndpointAuthMethod == AuthMethodNone }

// HasGrantType tells whether the client is registered for a grant type.
func (c Client) HasGrantType(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// AllowsOrigin tells whether pages of an origin (scheme://host[:port]) may call the endpoints that
// the client uses: a registered origin, or that of a registered redirect URI.
func (c Client) AllowsOrigin(origin string) bool {
	if slices.Contains(c.AllowedOrigins, origin) {
		return true
	}
	return slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.Scheme+"://"+u.Host == origin
	})
}

// ClientStore keeps clients. Implementations pass storagetest.RunClients.
type ClientStore interface {
	// CreateClient stores a new client. ErrAlreadyExists: its ID is taken.
	CreateClient(ctx context.Context, c Client) error
	// Client returns a client. ErrNotFound: unknown.
	Client(ctx context.Context, id string) (Client, error)
	// ReplaceClient writes all fields but CreatedAt if the stored client is still the one that was
	// read (its UpdatedAt equals was); ErrConsumed otherwise, ErrNotFound when it is gone.
	ReplaceClient(ctx context.Context, c Client, was time.Time) error
	// DeleteClient removes a client. ErrNotFound: unknown.
	DeleteClient(ctx context.Context, id string) error
	// Clients lists all clients by ID.
	Clients(ctx context.Context) ([]Client, error)
}
