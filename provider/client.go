package provider

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The grant types that a client can be registered for (RFC 7591 §2).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantPassword          = "password"
	GrantImplicit          = "implicit"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// The response types that a client can be registered for (OAuth 2.0 Multiple Response Types §3, §5); those
// without a code belong to the implicit grant.
const (
	ResponseTypeCode         = "code"
	ResponseTypeIDToken      = "id_token"
	ResponseTypeIDTokenToken = "id_token token"
)

// CanonicalResponseType puts the words of a response type in one order: any order means the same (OAuth 2.0
// Multiple Response Types §2).
func CanonicalResponseType(responseType string) string {
	words := strings.Fields(responseType)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// The ways a client can authenticate at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
const (
	AuthMethodNone              = "none"
	AuthMethodClientSecretBasic = "client_secret_basic"
	AuthMethodClientSecretPost  = "client_secret_post"
	AuthMethodClientSecretJWT   = "client_secret_jwt"
	AuthMethodPrivateKeyJWT     = "private_key_jwt"
)

// The scopes that mean something to the provider itself.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeAddress = "address"
	ScopePhone   = "phone"
	// ScopeRoles and ScopeGroups stand for the claims of those names.
	ScopeRoles         = "roles"
	ScopeGroups        = "groups"
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
	// UserinfoSignedResponseAlg makes userinfo a signed JWT; empty: plain JSON.
	UserinfoSignedResponseAlg string
	// RequestObjectSigningAlg is the only algorithm that request objects may be signed with; empty: any that
	// is advertised.
	RequestObjectSigningAlg string
	// RequestURIs are where request objects may be fetched from, byte for byte without the fragment.
	RequestURIs []string
	// TokenEndpointAuthSigningAlg is the only algorithm that assertions may be signed with; empty: any that is
	// advertised.
	TokenEndpointAuthSigningAlg string
	// SealedSecret is the secret itself, encrypted with the master key: client_secret_jwt needs it to verify.
	SealedSecret []byte
	// ClientURI, LogoURI, PolicyURI and TermsURI (tos_uri) are shown to people who are asked to sign in.
	ClientURI string
	LogoURI   string
	PolicyURI string
	TermsURI  string
	Contacts  []string
	// ApplicationType is "web" when empty, or "native" (OpenID Connect Registration §2).
	ApplicationType string
	// InitiateLoginURI is where a third party may send people to begin a sign-in (OpenID Connect Core §4).
	InitiateLoginURI string
	// SectorIdentifierURI lists RedirectURIs; it was read when it was registered.
	SectorIdentifierURI string
	// DefaultMaxAge applies to requests without max_age; nil: none.
	DefaultMaxAge *time.Duration
	// DefaultACRValues are preferred when a request has none.
	DefaultACRValues []string
	// BackchannelLogoutURI is told by the server, FrontchannelLogoutURI by the browser, that a login session
	// ended; with …SessionRequired the session's "sid" is needed there.
	BackchannelLogoutURI              string
	BackchannelLogoutSessionRequired  bool
	FrontchannelLogoutURI             string
	FrontchannelLogoutSessionRequired bool
	// PKCEOptional lets a confidential client send authorization requests without code_challenge; others
	// must have one.
	PKCEOptional bool
	// SelfRegistered marks a client that registered itself (RFC 7591): nobody vouches for it.
	SelfRegistered bool
	// RegistrationTokenHash is the SHA-256, hex, of the token that manages the registration (RFC 7592);
	// empty: it cannot be managed there.
	RegistrationTokenHash string
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

// HasResponseType tells whether the client is registered for a response type, in any order of its words.
func (c Client) HasResponseType(responseType string) bool {
	wanted := CanonicalResponseType(responseType)
	return slices.ContainsFunc(c.ResponseTypes, func(have string) bool { return CanonicalResponseType(have) == wanted })
}

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
