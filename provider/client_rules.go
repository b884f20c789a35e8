package provider

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxClientIDLength bounds a client_id, in bytes.
const maxClientIDLength = 128

// Validate returns nil or an *InvalidError that names every field (as in RFC 7591 §2) which cannot be
// registered.
func (c Client) Validate() error {
	invalid := &InvalidError{}
	fault := func(field, message string) {
		invalid.Fields = append(invalid.Fields, FieldError{Field: field, Message: message})
	}
	if c.ID == "" || len(c.ID) > maxClientIDLength || strings.ContainsFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		fault("client_id", "must be 1 to 128 printable ASCII characters without space and colon")
	}
	methods := []string{AuthMethodNone, AuthMethodClientSecretBasic, AuthMethodClientSecretPost}
	if !slices.Contains(methods, c.TokenEndpointAuthMethod) {
		fault("token_endpoint_auth_method", "must be one of "+strings.Join(methods, ", "))
	}
	if !c.Public() && len(c.SecretHashes) == 0 {
		fault("client_secret", "is needed by this token_endpoint_auth_method")
	}
	if c.Public() && len(c.SecretHashes) > 0 {
		fault("client_secret", "must be absent when token_endpoint_auth_method is none")
	}
	grantTypes := []string{GrantPassword, GrantRefreshToken, GrantClientCredentials, GrantAuthorizationCode, GrantDeviceCode}
	for _, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) {
			fault("grant_types", "must be among "+strings.Join(grantTypes, ", "))
			break
		}
	}
	if c.Public() && c.HasGrantType(GrantClientCredentials) {
		fault("grant_types", "client_credentials needs a client that can keep a secret (RFC 6749 §4.4)")
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		if !validRedirectURI(uri) {
			fault("redirect_uris", "must be https, http on a loopback address, or a private scheme with a dot (RFC 8252 §7), without fragment, user and wildcard")
			break
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			fault("scope", "has characters that RFC 6749 §3.3 does not allow")
			break
		}
	}
	for _, origin := range c.AllowedOrigins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || (u.Scheme != "https" && u.Scheme != "http") {
			fault("allowed_origins", "must be scheme://host[:port]")
			break
		}
	}
	if alg := c.IDTokenSignedResponseAlg; alg != "" && !slices.Contains([]string{"RS256", "ES256", "EdDSA"}, alg) {
		fault("id_token_signed_response_alg", "must be RS256, ES256 or EdDSA")
	}
	if len(invalid.Fields) > 0 {
		return invalid
	}
	return nil
}

// validRedirectURI tells whether a redirect URI can be registered: a browser sent there reaches the
// client and nobody else.
func validRedirectURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.User != nil || strings.ContainsAny(s, "#*\\") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case "http":
		addr, err := netip.ParseAddr(u.Hostname())
		return u.Hostname() == "localhost" || (err == nil && addr.IsLoopback())
	default:
		return strings.Contains(u.Scheme, ".")
	}
}
