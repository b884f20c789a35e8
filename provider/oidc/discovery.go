package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
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
	TokenEndpoint                    string   `json:"token_endpoint"`
	JWKSURI                          string   `json:"jwks_uri"`
	UserinfoEndpoint                 string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	ScopesSupported                  []string `json:"scopes_supported"`
	ResponseTypesSupported           []string `json:"response_types_supported"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	SubjectTypesSupported            []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods         []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationAuthMethods            []string `json:"revocation_endpoint_auth_methods_supported"`
	ClaimsSupported                  []string `json:"claims_supported"`
	ACRValuesSupported               []string `json:"acr_values_supported"`
	ClaimsParameterSupported         bool     `json:"claims_parameter_supported"`
	RequestParameterSupported        bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported     bool     `json:"request_uri_parameter_supported"`
	EndSessionEndpoint               string   `json:"end_session_endpoint"`
	BackchannelLogoutSupported       bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutWithSession     bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogoutSupported      bool     `json:"frontchannel_logout_supported"`
	FrontchannelLogoutWithSession    bool     `json:"frontchannel_logout_session_supported"`
}

// metadata describes an engine with these settings.
func metadata(s Settings) serverMetadata {
	secretMethods := []string{provider.AuthMethodClientSecretBasic, provider.AuthMethodClientSecretPost}
	anyMethod := append(secretMethods[:2:2], provider.AuthMethodNone)
	return serverMetadata{
		Issuer:                           s.Issuer,
		TokenEndpoint:                    s.Issuer + "/oauth2/token",
		JWKSURI:                          s.Issuer + "/.well-known/jwks.json",
		UserinfoEndpoint:                 s.Issuer + "/oauth2/userinfo",
		IntrospectionEndpoint:            s.Issuer + "/oauth2/introspect",
		RevocationEndpoint:               s.Issuer + "/oauth2/revoke",
		ScopesSupported:                  []string{provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail, provider.ScopeOfflineAccess, provider.ScopeAccount},
		ResponseTypesSupported:           []string{},
		GrantTypesSupported:              s.GrantTypes,
		SubjectTypesSupported:            []string{"public"},
		IDTokenSigningAlgValuesSupported: []string{keys.RS256, keys.ES256, keys.EdDSA},
		TokenEndpointAuthMethods:         anyMethod,
		IntrospectionAuthMethods:         secretMethods,
		RevocationAuthMethods:            anyMethod,
		ClaimsSupported: []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "at_hash",
			"name", "given_name", "family_name", "email", "email_verified",
		},
		ACRValuesSupported:         []string{acrPassword},
		EndSessionEndpoint:         s.Issuer + "/oauth2/logout",
		BackchannelLogoutSupported: true, BackchannelLogoutWithSession: true,
		FrontchannelLogoutSupported: true, FrontchannelLogoutWithSession: true,
	}
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
