package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
)

// serverMetadata is what the provider says of itself (OpenID Connect Discovery §3, RFC 8414 §2): what
// works, and nothing else.
type serverMetadata struct {
	Issuer                           string   `json:"issuer"`
	AuthorizationEndpoint            string   `json:"authorization_endpoint"`
	RegistrationEndpoint             string   `json:"registration_endpoint,omitempty"`
	TokenEndpoint                    string   `json:"token_endpoint"`
	JWKSURI                          string   `json:"jwks_uri"`
	UserinfoEndpoint                 string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	ScopesSupported                  []string `json:"scopes_supported"`
	ResponseTypesSupported           []string `json:"response_types_supported"`
	ResponseModesSupported           []string `json:"response_modes_supported"`
	PromptValuesSupported            []string `json:"prompt_values_supported"`
	CodeChallengeMethodsSupported    []string `json:"code_challenge_methods_supported"`
	AuthorizationResponseIssuer      bool     `json:"authorization_response_iss_parameter_supported"`
	UILocalesSupported               []string `json:"ui_locales_supported"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	SubjectTypesSupported            []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported []string `json:"id_token_signing_alg_values_supported"`
	UserinfoSigningAlgValues         []string `json:"userinfo_signing_alg_values_supported"`
	RequestObjectSigningAlgValues    []string `json:"request_object_signing_alg_values_supported"`
	TokenEndpointAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthAlgValues       []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods         []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgValues       []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods            []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgValues          []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	ClaimTypesSupported              []string `json:"claim_types_supported"`
	ClaimsSupported                  []string `json:"claims_supported"`
	ACRValuesSupported               []string `json:"acr_values_supported"`
	ClaimsParameterSupported         bool     `json:"claims_parameter_supported"`
	RequestParameterSupported        bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported     bool     `json:"request_uri_parameter_supported"`
	RequireRequestURIRegistration    bool     `json:"require_request_uri_registration"`
	EndSessionEndpoint               string   `json:"end_session_endpoint"`
	BackchannelLogoutSupported       bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutWithSession     bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogoutSupported      bool     `json:"frontchannel_logout_supported"`
	FrontchannelLogoutWithSession    bool     `json:"frontchannel_logout_session_supported"`
}

// tokenPath is where the token endpoint is, below the issuer.
const tokenPath = "/oauth2/token" //nolint:gosec // G101: a path

// metadata describes an engine with these settings.
func metadata(s Settings) serverMetadata {
	secretMethods := []string{
		provider.AuthMethodClientSecretBasic, provider.AuthMethodClientSecretPost, provider.AuthMethodClientSecretJWT, provider.AuthMethodPrivateKeyJWT,
	}
	anyMethod := append(slices.Clone(secretMethods), provider.AuthMethodNone)
	assertions := append(slices.Clone(requestObjectAlgorithms), "HS256")
	own := []string{keys.RS256, keys.ES256, keys.EdDSA}
	m := serverMetadata{
		Issuer:                           s.Issuer,
		AuthorizationEndpoint:            s.Issuer + "/oauth2/authorize",
		TokenEndpoint:                    s.Issuer + tokenPath,
		JWKSURI:                          s.Issuer + "/.well-known/jwks.json",
		UserinfoEndpoint:                 s.Issuer + "/oauth2/userinfo",
		IntrospectionEndpoint:            s.Issuer + "/oauth2/introspect",
		RevocationEndpoint:               s.Issuer + "/oauth2/revoke",
		ScopesSupported:                  scopesSupported,
		ResponseTypesSupported:           []string{provider.ResponseTypeCode},
		ResponseModesSupported:           responseModes,
		PromptValuesSupported:            prompts,
		CodeChallengeMethodsSupported:    []string{"S256"},
		AuthorizationResponseIssuer:      true,
		UILocalesSupported:               s.UILocales,
		GrantTypesSupported:              s.GrantTypes,
		SubjectTypesSupported:            []string{"public"},
		IDTokenSigningAlgValuesSupported: own,
		UserinfoSigningAlgValues:         own,
		RequestObjectSigningAlgValues:    requestObjectAlgorithms,
		TokenEndpointAuthMethods:         anyMethod,
		TokenEndpointAuthAlgValues:       assertions,
		IntrospectionAuthMethods:         secretMethods,
		IntrospectionAuthAlgValues:       assertions,
		RevocationAuthMethods:            anyMethod,
		RevocationAuthAlgValues:          assertions,
		ClaimTypesSupported:              []string{"normal"},
		ClaimsSupported: append([]string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "at_hash", "nonce", "sid",
		}, userClaimNames...),
		ACRValuesSupported:           []string{acrPassword},
		ClaimsParameterSupported:     true,
		RequestParameterSupported:    true,
		RequestURIParameterSupported: true, RequireRequestURIRegistration: true,
		EndSessionEndpoint:         s.Issuer + "/oauth2/logout",
		BackchannelLogoutSupported: true, BackchannelLogoutWithSession: true,
		FrontchannelLogoutSupported: true, FrontchannelLogoutWithSession: true,
	}
	if slices.Contains(s.GrantTypes, provider.GrantImplicit) {
		m.ResponseTypesSupported = append(m.ResponseTypesSupported, provider.ResponseTypeIDToken, provider.ResponseTypeIDTokenToken)
	}
	if s.Registration == RegistrationOpen || s.Registration == RegistrationByToken {
		m.RegistrationEndpoint = s.Issuer + "/oauth2/register"
	}
	return m
}

// scopesSupported are those that mean something to the provider itself.
var scopesSupported = []string{
	provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail, provider.ScopeAddress, provider.ScopePhone, provider.ScopeRoles,
	provider.ScopeGroups, provider.ScopeOfflineAccess, provider.ScopeAccount,
}

// document is a public answer that is made once: a request copies its headers and writes its bytes.
type document struct {
	body   []byte
	etag   string
	header http.Header
}

func newDocument(body []byte, etag string, maxAge time.Duration) *document {
	return &document{body: body, etag: etag, header: http.Header{
		"Access-Control-Allow-Origin": {"*"},
		"Cache-Control":               {"public, max-age=" + strconv.Itoa(int(maxAge/time.Second))},
		"Content-Length":              {strconv.Itoa(len(body))},
		"Content-Type":                {"application/json"},
		"Etag":                        {etag},
	}}
}

// newDiscovery makes the answer of both metadata URLs.
func newDiscovery(s Settings) *document {
	body, err := json.Marshal(metadata(s))
	if err != nil {
		panic(err) // only for types that cannot be encoded
	}
	sum := sha256.Sum256(body)
	return newDocument(body, `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`, s.JWKSMaxAge)
}

// ServeDiscovery answers both metadata URLs.
func (e *Engine) ServeDiscovery(w http.ResponseWriter, r *http.Request) {
	e.discovery.serve(w, r)
}

// ServeJWKS answers GET /.well-known/jwks.json (RFC 7517 §5).
func (e *Engine) ServeJWKS(w http.ResponseWriter, r *http.Request) {
	body, etag := e.Keys.JWKS()
	d := e.jwks.Load()
	if d == nil || d.etag != etag {
		d = newDocument(body, etag, e.Settings.JWKSMaxAge)
		e.jwks.Store(d)
	}
	d.serve(w, r)
}

func (d *document) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range d.header {
		h[name] = values
	}
	if match := r.Header.Get("If-None-Match"); match != "" && strings.Contains(match, d.etag) {
		delete(h, "Content-Length")
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(d.body)
}

// exposedHeaders are what pages may read of an answer beside its body.
const exposedHeaders = "WWW-Authenticate, Retry-After"

// allowOrigin lets the pages of one origin read the answer; credentials are not sent.
func allowOrigin(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
	h.Add("Vary", "Origin")
}
