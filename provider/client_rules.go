package provider

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is registered.
const (
	// maxClientID is in bytes, as are all but names.
	maxClientID     = 128
	maxClientName   = 255 // characters
	maxClientURI    = 2048
	maxClientList   = 50
	maxDefaultAge   = 10 * 365 * 24 * time.Hour
	maxContactBytes = 254
)

var (
	// clientSigningAlgs are what clients may sign assertions and request objects with.
	clientSigningAlgs = []string{"RS256", "PS256", "ES256", "EdDSA"}
	// providerSigningAlgs are what the provider may sign for a client with.
	providerSigningAlgs = []string{"RS256", "ES256", "EdDSA"}
	clientAuthMethods   = []string{
		AuthMethodNone, AuthMethodClientSecretBasic, AuthMethodClientSecretPost, AuthMethodClientSecretJWT, AuthMethodPrivateKeyJWT,
	}
	clientGrantTypes = []string{GrantPassword, GrantRefreshToken, GrantClientCredentials, GrantAuthorizationCode, GrantImplicit, GrantDeviceCode}
)

const (
	redirectURIFault = "must be https, http on a loopback address, or a private scheme with a dot (RFC 8252 §7), without fragment, user and wildcard"
	webURIFault      = "must be an https URL, or http on a loopback address"
)

// Validate returns nil or an *InvalidError that names every field (as in RFC 7591 §2) which cannot be
// registered.
func (c Client) Validate() error {
	faults := &clientFaults{}
	if c.ID == "" || len(c.ID) > maxClientID || strings.ContainsFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		faults.add("client_id", "must be 1 to 128 printable ASCII characters without space and colon")
	}
	c.validateText(faults)
	c.validateAuthentication(faults)
	c.validateGrants(faults)
	c.validateURIs(faults)
	c.validateAlgorithms(faults)
	if len(faults.Fields) > 0 {
		return &faults.InvalidError
	}
	return nil
}

// clientFaults collects faults, one for each field.
type clientFaults struct{ InvalidError }

func (f *clientFaults) add(field, message string) {
	if !slices.ContainsFunc(f.Fields, func(e FieldError) bool { return e.Field == field }) {
		f.Fields = append(f.Fields, FieldError{Field: field, Message: message})
	}
}

// validateText judges what people read, and the lists' lengths.
func (c Client) validateText(faults *clientFaults) {
	if utf8.RuneCountInString(c.Name) > maxClientName || strings.ContainsFunc(c.Name, misleading) || !utf8.ValidString(c.Name) {
		faults.add("client_name", "must be at most 255 characters, without control and direction characters and without < and >")
	}
	for _, contact := range c.Contacts {
		if address, err := mail.ParseAddress(contact); err != nil || address.Address != contact || len(contact) > maxContactBytes {
			faults.add("contacts", "must be e-mail addresses")
		}
	}
	for _, value := range c.DefaultACRValues {
		if value == "" || len(value) > maxClientURI || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			faults.add("default_acr_values", "must be printable ASCII without spaces")
		}
	}
	for _, list := range []struct {
		field  string
		values []string
	}{
		{"redirect_uris", c.RedirectURIs},
		{"post_logout_redirect_uris", c.PostLogoutRedirectURIs},
		{"request_uris", c.RequestURIs},
		{"contacts", c.Contacts},
		{"default_acr_values", c.DefaultACRValues},
		{"scope", c.Scopes},
		{"grant_types", c.GrantTypes},
		{"response_types", c.ResponseTypes},
		{"audience", c.Audience},
		{"allowed_origins", c.AllowedOrigins},
	} {
		if len(list.values) > maxClientList {
			faults.add(list.field, "must have at most 50 entries")
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			faults.add("scope", "has characters that RFC 6749 §3.3 does not allow")
		}
	}
}

// misleading tells whether a character can make a name on a page look like something else.
func misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '<' || r == '>' || r == '\u2028' || r == '\u2029'
}

func (c Client) validateAuthentication(faults *clientFaults) {
	if !slices.Contains(clientAuthMethods, c.TokenEndpointAuthMethod) {
		faults.add("token_endpoint_auth_method", "must be one of "+strings.Join(clientAuthMethods, ", "))
		return
	}
	switch c.TokenEndpointAuthMethod {
	case AuthMethodNone:
		if len(c.SecretHashes) > 0 || len(c.SealedSecret) > 0 {
			faults.add("client_secret", "must be absent when token_endpoint_auth_method is none")
		}
		if c.PKCEOptional {
			faults.add("pkce_optional", "needs a client that can keep a secret (RFC 9700 §2.1.1)")
		}
	case AuthMethodClientSecretBasic, AuthMethodClientSecretPost:
		if len(c.SecretHashes) == 0 {
			faults.add("client_secret", "is needed by this token_endpoint_auth_method")
		}
	case AuthMethodClientSecretJWT:
		if len(c.SealedSecret) == 0 {
			faults.add("client_secret", "is needed by this token_endpoint_auth_method")
		}
	case AuthMethodPrivateKeyJWT:
		if c.JWKS == "" && c.JWKSURI == "" {
			faults.add("jwks", "or jwks_uri is needed by this token_endpoint_auth_method")
		}
	}
	if c.JWKS != "" && c.JWKSURI != "" {
		faults.add("jwks", "and jwks_uri must not both be given")
	}
	if c.JWKS != "" {
		if err := validateJWKS(c.JWKS); err != nil {
			faults.add("jwks", err.Error())
		}
	}
}

func (c Client) validateGrants(faults *clientFaults) {
	for _, grantType := range c.GrantTypes {
		if !slices.Contains(clientGrantTypes, grantType) {
			faults.add("grant_types", "must be among "+strings.Join(clientGrantTypes, ", "))
		}
	}
	for _, responseType := range c.ResponseTypes {
		switch CanonicalResponseType(responseType) {
		case ResponseTypeCode:
			if !c.HasGrantType(GrantAuthorizationCode) {
				faults.add("response_types", "code needs the grant type authorization_code")
			}
		case ResponseTypeIDToken, ResponseTypeIDTokenToken:
			if !c.HasGrantType(GrantImplicit) {
				faults.add("response_types", responseType+" needs the grant type implicit")
			}
		default:
			faults.add("response_types", "must be among code, id_token and id_token token")
		}
	}
	if c.Public() && c.HasGrantType(GrantClientCredentials) {
		faults.add("grant_types", "client_credentials needs a client that can keep a secret (RFC 6749 §4.4)")
	}
	if (c.HasGrantType(GrantAuthorizationCode) || c.HasGrantType(GrantImplicit)) && len(c.RedirectURIs) == 0 {
		faults.add("redirect_uris", "must have one for the grant types authorization_code and implicit")
	}
	if c.DefaultMaxAge != nil && (*c.DefaultMaxAge < 0 || *c.DefaultMaxAge > maxDefaultAge) {
		faults.add("default_max_age", "must be a number of seconds from 0 on")
	}
	for _, lifetime := range []struct {
		field       string
		value, most time.Duration
	}{
		{"access_token_lifetime", c.AccessTokenLifetime, MaxAccessTokenLifetime},
		{"refresh_token_idle", c.RefreshTokenIdle, MaxRefreshTokenLifetime},
		{"refresh_token_max", c.RefreshTokenMax, MaxRefreshTokenLifetime},
	} {
		if lifetime.value != 0 && (lifetime.value < time.Second || lifetime.value > lifetime.most) {
			faults.add(lifetime.field, fmt.Sprintf("must be 0 or 1 to %.0f seconds", lifetime.most.Seconds()))
		}
	}
}

func (c Client) validateURIs(faults *clientFaults) {
	if !validRedirectURIs(c.RedirectURIs) {
		faults.add("redirect_uris", redirectURIFault)
	}
	if !validRedirectURIs(c.PostLogoutRedirectURIs) {
		faults.add("post_logout_redirect_uris", redirectURIFault)
	}
	for _, uri := range []struct{ field, value string }{
		{"client_uri", c.ClientURI},
		{"logo_uri", c.LogoURI},
		{"policy_uri", c.PolicyURI},
		{"tos_uri", c.TermsURI},
		{"jwks_uri", c.JWKSURI},
		{"sector_identifier_uri", c.SectorIdentifierURI},
	} {
		if uri.value != "" && !validWebURI(uri.value) {
			faults.add(uri.field, webURIFault)
		}
	}
	for _, uri := range c.RequestURIs {
		// A fragment is the hash of what is there (OpenID Connect Core §6.2).
		if !validWebURI(uri) {
			faults.add("request_uris", webURIFault)
		}
	}
	for _, uri := range []struct{ field, value string }{
		{"backchannel_logout_uri", c.BackchannelLogoutURI}, {"frontchannel_logout_uri", c.FrontchannelLogoutURI},
	} {
		if uri.value != "" && (!validWebURI(uri.value) || strings.Contains(uri.value, "#")) {
			faults.add(uri.field, webURIFault+", without fragment")
		}
	}
	// OpenID Connect Core §4 makes no exception for a loopback address.
	if uri := c.InitiateLoginURI; uri != "" && (!validWebURI(uri) || !strings.HasPrefix(uri, "https://")) {
		faults.add("initiate_login_uri", "must be an https URL")
	}
	for _, origin := range c.AllowedOrigins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || (u.Scheme != "https" && u.Scheme != "http") {
			faults.add("allowed_origins", "must be scheme://host[:port]")
		}
	}
	if t := c.ApplicationType; t != "" && t != "web" && t != "native" {
		faults.add("application_type", "must be web or native")
	}
}

func (c Client) validateAlgorithms(faults *clientFaults) {
	for _, alg := range []struct {
		field, value string
		among        []string
	}{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg, providerSigningAlgs},
		{"userinfo_signed_response_alg", c.UserinfoSignedResponseAlg, providerSigningAlgs},
		{"request_object_signing_alg", c.RequestObjectSigningAlg, clientSigningAlgs},
	} {
		if alg.value != "" && !slices.Contains(alg.among, alg.value) {
			faults.add(alg.field, "must be one of "+strings.Join(alg.among, ", "))
		}
	}
	if alg := c.TokenEndpointAuthSigningAlg; alg != "" && !slices.Contains(AssertionAlgs(c.TokenEndpointAuthMethod), alg) {
		faults.add("token_endpoint_auth_signing_alg", "must be one of "+strings.Join(clientSigningAlgs, ", ")+" for private_key_jwt, or HS256 for client_secret_jwt")
	}
}

// AssertionAlgs are the algorithms that the assertions of an authentication method may be signed with; nil
// when it has none.
func AssertionAlgs(method string) []string {
	switch method {
	case AuthMethodPrivateKeyJWT:
		return slices.Clone(clientSigningAlgs)
	case AuthMethodClientSecretJWT:
		return []string{"HS256"}
	}
	return nil
}

func validRedirectURIs(uris []string) bool {
	return !slices.ContainsFunc(uris, func(uri string) bool { return !validRedirectURI(uri) })
}

// validRedirectURI tells whether a redirect URI can be registered: a browser sent there reaches the
// client and nobody else.
func validRedirectURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.User != nil || len(s) > maxClientURI || strings.ContainsAny(s, "#*\\") || !printable(s) {
		return false
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return securelyReached(u)
	}
	return strings.Contains(u.Scheme, ".")
}

// validWebURI tells whether a URI of a client may be shown, fetched or called.
func validWebURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.User == nil && len(s) <= maxClientURI && !strings.ContainsAny(s, `\<>"`) && printable(s) && securelyReached(u)
}

// securelyReached tells whether nobody on the way can change what is sent to a URL.
func securelyReached(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case "http":
		addr, err := netip.ParseAddr(u.Hostname())
		return u.Hostname() == "localhost" || (err == nil && addr.IsLoopback())
	}
	return false
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
