package handlers_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/clientsecrets"
)

// module is a test of the OpenID Foundation's conformance suite, under the suite's name.
type module struct {
	name string
	run  func(s *suite)
}

// basicModules are the modules of the plan Basic OP. Form Post Basic OP has the same.
var basicModules = []module{
	{"oidcc-server", func(s *suite) {
		b, r := s.newBrowser(s.t), s.request("state", strings.Repeat("aZ0-._~ +/=&?%#\"<>'", 7))
		t := s.exchange(r, s.authorize(b, r))
		require.Equal(s.t, map[string]any{"sub": t.id["sub"]}, s.userinfo(t, byGet))
	}},
	{"oidcc-response-type-missing", func(s *suite) {
		r := s.request("response_type", "")
		s.refused(s.newBrowser(s.t).open(r.path()), r, "invalid_request", "unsupported_response_type")
	}},
	{"oidcc-idtoken-signature", func(s *suite) {
		_, t := s.signedIn()
		_, kid := s.verified(t.idToken)
		require.NotEmpty(s.t, kid)
	}},
	{"oidcc-idtoken-unsigned", func(s *suite) {
		for name, value := range s.metadata() {
			if strings.HasSuffix(name, "_alg_values_supported") {
				require.NotContains(s.t, value, "none", name)
			}
		}
	}},
	{"oidcc-userinfo-get", func(s *suite) {
		_, t := s.signedIn()
		s.userinfo(t, byGet)
	}},
	{"oidcc-userinfo-post-header", func(s *suite) {
		_, t := s.signedIn()
		s.userinfo(t, byPostHeader)
	}},
	{"oidcc-userinfo-post-body", func(s *suite) {
		_, t := s.signedIn()
		s.userinfo(t, byPostBody)
	}},
	{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", func(s *suite) {
		_, t := s.signedIn("nonce", "")
		require.NotContains(s.t, t.id, "nonce")
	}},
	{"oidcc-scope-profile", scopeModule("profile")},
	{"oidcc-scope-email", scopeModule("email")},
	{"oidcc-scope-address", scopeModule("address")},
	{"oidcc-scope-phone", scopeModule("phone")},
	{"oidcc-scope-all", scopeModule("profile", "email", "address", "phone")},
	{"oidcc-alternate-happy-flow", func(s *suite) {
		b, r := s.newBrowser(s.t), s.request("scope", "email profile openid")
		pairs := strings.Split(r.Encode(), "&")
		slices.Reverse(pairs)
		t := s.exchange(r, s.granted(s.finish(b, b.open("/oauth2/authorize?"+strings.Join(pairs, "&"))), r))
		s.told(t, "profile", "email")
	}},
	{"oidcc-display-page", ignored("display", "page")},
	{"oidcc-display-popup", ignored("display", "popup")},
	{"oidcc-prompt-login", func(s *suite) {
		b, first := s.signedIn()
		s.clock.move(time.Second)
		r := s.request("prompt", "login")
		p := b.open(r.path())
		require.True(s.t, p.has("login-form"), p.body)
		later := s.exchange(r, s.granted(s.finish(b, p), r))
		require.Equal(s.t, first.id["sub"], later.id["sub"])
		require.Greater(s.t, later.id["auth_time"], first.id["auth_time"])
	}},
	{"oidcc-prompt-none-not-logged-in", func(s *suite) {
		r := s.request("prompt", "none")
		s.refused(s.newBrowser(s.t).open(r.path()), r, "login_required", "interaction_required", "consent_required", "account_selection_required")
	}},
	{"oidcc-prompt-none-logged-in", func(s *suite) {
		b, first := s.signedIn()
		s.clock.move(time.Second)
		r := s.request("prompt", "none")
		s.same(first, s.exchange(r, s.silently(b, r)))
	}},
	{"oidcc-max-age-1", func(s *suite) {
		b, first := s.signedIn()
		s.clock.move(2 * time.Second)
		r := s.request("max_age", "1")
		p := b.open(r.path())
		require.True(s.t, p.has("login-form"), p.body)
		s.clock.move(2 * time.Second) // people are slow: this sign-in is for this request all the same
		later := s.exchange(r, s.granted(s.finish(b, p), r))
		require.Equal(s.t, first.id["sub"], later.id["sub"])
		require.Greater(s.t, later.id["auth_time"], first.id["auth_time"])
	}},
	{"oidcc-max-age-10000", func(s *suite) {
		b, first := s.signedIn()
		s.clock.move(time.Second)
		r := s.request("max_age", "10000")
		s.same(first, s.exchange(r, s.silently(b, r)))
	}},
	{"oidcc-ensure-request-with-unknown-parameter-succeeds", ignored("extra", "foobar")},
	{"oidcc-id-token-hint", func(s *suite) {
		b, first := s.signedIn()
		hinted := func() {
			s.t.Helper()
			r := s.request("prompt", "none", "id_token_hint", first.idToken)
			s.same(first, s.exchange(r, s.silently(b, r)))
		}
		hinted()
		s.rotate()
		hinted()
		s.unpublish(first.idToken)
		hinted()

		// Somebody else's session does not do.
		other := strings.ToLower(rand.Text()) + "@example.com"
		_, err := s.accounts.Register(s.t.Context(), accounts.Registration{Email: other, Password: password})
		require.NoError(s.t, err)
		b, r := s.newBrowser(s.t), s.request("scope", "openid")
		p := b.submit(b.open(r.path()), "login-submit", "username", other, "password", password)
		require.NotEqual(s.t, first.id["sub"], s.exchange(r, s.granted(s.finish(b, p), r)).id["sub"])
		r = s.request("prompt", "none", "id_token_hint", first.idToken)
		s.refused(b.open(r.path()), r, "login_required")
	}},
	{"oidcc-login-hint", func(s *suite) {
		b, r := s.newBrowser(s.t), s.request("login_hint", "somebody@example.com")
		p := b.open(r.path())
		require.True(s.t, p.has("username"), p.body)
		require.Equal(s.t, "somebody@example.com", attribute(p.find("username"), "value"))
		s.exchange(r, s.granted(s.finish(b, p), r))
	}},
	{"oidcc-ui-locales", func(s *suite) {
		for locales, language := range map[string]string{"se": "en", "se ko en": "ko", "en": "en"} {
			b, r := s.newBrowser(s.t), s.request("ui_locales", locales)
			p := b.open(r.path())
			require.Equal(s.t, language, p.header.Get("Content-Language"))
			s.exchange(r, s.granted(s.finish(b, p), r))
		}
	}},
	{"oidcc-claims-locales", ignored("claims_locales", "se")},
	{"oidcc-ensure-request-with-acr-values-succeeds", ignored("acr_values", "1 2")},
	{"oidcc-codereuse", func(s *suite) {
		b, r := s.newBrowser(s.t), s.request()
		params := s.authorize(b, r)
		s.exchange(r, params)
		requireRefused(s.t, http.StatusBadRequest, "invalid_grant", s.redeem(r, params.Get("code")))
	}},
	{"oidcc-codereuse-30seconds", func(s *suite) {
		b, r := s.newBrowser(s.t), s.request("scope", "openid offline_access")
		params := s.authorize(b, r)
		t := s.exchange(r, params)
		s.userinfo(t, byGet)
		s.clock.move(30 * time.Second)
		requireRefused(s.t, http.StatusBadRequest, "invalid_grant", s.redeem(r, params.Get("code")))
		// RFC 6749 §4.1.2: what came of the code is revoked.
		a := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(t.access))
		require.Equal(s.t, http.StatusUnauthorized, a.status, a.body)
		requireRefused(s.t, http.StatusBadRequest, "invalid_grant", s.refreshBy(certified, t))
	}},
	{"oidcc-ensure-registered-redirect-uri", func(s *suite) {
		b, _ := s.signedIn()
		r := s.request("redirect_uri", certifiedCB+"/"+rand.Text())
		s.errorShown(b.open(r.path()))
		s.errorShown(s.newBrowser(s.t).open(r.path()))
	}},
	{"oidcc-ensure-post-request-succeeds", func(s *suite) {
		b := s.newBrowser(s.t)
		for range 2 { // the second time somebody is signed in
			r := s.request()
			a := s.newBrowser(s.t).send(http.MethodPost, "/oauth2/authorize", r.Encode(), "Origin: https://suite.example", "Sec-Fetch-Site: cross-site")
			require.Empty(s.t, a.header.Values("Set-Cookie"), "it would take the place of what the browser has")
			require.Equal(s.t, http.StatusSeeOther, a.status, a.body)
			s.exchange(r, s.granted(s.finish(b, b.follow(a, "/oauth2/authorize")), r))
		}
		r := s.request("prompt", "none")
		s.silently(b, r)
	}},
	{"oidcc-server-client-secret-post", func(s *suite) {
		s.addSuiteClient("certified-post", func(c *provider.Client) { c.TokenEndpointAuthMethod = provider.AuthMethodClientSecretPost })
		b, r := s.newBrowser(s.t), s.requestOf("certified-post", certifiedCB)
		params := s.authorize(b, r)
		s.checkTokens(s.form("/oauth2/token", []string{
			"grant_type", "authorization_code", "code", params.Get("code"), "redirect_uri", certifiedCB, "client_id", "certified-post", "client_secret", serviceSecret,
		}), r)
	}},
	{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", func(s *suite) {
		r := s.request()
		published := s.publish(unsignedObject(s.t, object{"client_id": "certified-unsigned", "response_type": "code", "scope": "openid"}))
		s.addSuiteClient("certified-unsigned", func(c *provider.Client) { c.RequestURIs = []string{published} })
		r.Set("client_id", "certified-unsigned")
		r.Set("request_uri", published)
		s.refused(s.newBrowser(s.t).open(r.path()), r, "invalid_request_object")
		require.Equal(s.t, true, s.metadata()["request_uri_parameter_supported"])
	}},
	{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", func(s *suite) {
		r := s.request()
		r.Set("request", unsignedObject(s.t, object{"client_id": certified, "response_type": "code", "redirect_uri": certifiedCB, "scope": "openid"}))
		s.refused(s.newBrowser(s.t).open(r.path()), r, "invalid_request_object")
	}},
	{"oidcc-claims-essential", func(s *suite) {
		_, t := s.signedIn("claims", `{"userinfo":{"name":{"essential":true}}}`)
		require.Equal(s.t, map[string]any{"sub": t.id["sub"], "name": "Ada Lovelace"}, s.userinfo(t, byGet))
	}},
	{"oidcc-ensure-request-object-with-redirect-uri", func(s *suite) {
		key := s.addSigningClient("certified-object")
		b, r := s.newBrowser(s.t), s.requestOf("certified-object", certifiedCB)
		outer := s.requestOf("certified-object", certifiedCB+"/not-registered")
		outer.Set("request", signObject(s.t, key, s.objectOf(r)))
		s.exchange(r, s.granted(s.finish(b, b.open(outer.path())), r))
	}},
	{"oidcc-refresh-token", func(s *suite) {
		offline := []string{"scope", "openid offline_access", "prompt", "consent"}
		b, first := s.signedIn(offline...)
		require.NotEmpty(s.t, first.refresh)
		require.Contains(s.t, s.metadata()["grant_types_supported"], "refresh_token")
		s.clock.move(time.Second)
		r := s.request(append(offline, "nonce", "")...) // OpenID Connect Core §12.2: no nonce
		refreshed := s.checkTokens(s.refreshBy(certified, first), r)
		s.same(first, refreshed)
		require.Greater(s.t, refreshed.id["iat"], first.id["iat"])
		s.userinfo(refreshed, byGet)

		// The second client's token is of no use to the first, and stays the second's.
		s.addSuiteClient("certified-second")
		again := s.requestOf("certified-second", certifiedCB, offline...)
		p := b.open(again.path())
		require.True(s.t, p.has("consent-form"), p.body)
		second := s.exchange(again, s.granted(s.finish(b, p), again))
		requireRefused(s.t, http.StatusBadRequest, "invalid_grant", s.refreshBy(certified, second))
		again.Del("nonce")
		s.checkTokens(s.refreshBy("certified-second", second), again)

		// What was consented to is asked again when the client says so.
		r = s.request(offline...)
		require.True(s.t, b.open(r.path()).has("consent-form"))
	}},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", func(s *suite) {
		b, r := s.newBrowser(s.t), newRequest(certified, certifiedCB, "response_mode", s.mode)
		require.NotEmpty(s.t, r.Get("code_challenge"))
		s.exchange(r, s.authorize(b, r))
	}},
}

// dynamicModules are the modules of the plans Config OP and Dynamic OP that are not about registration.
var dynamicModules = []module{
	{"oidcc-discovery-endpoint-verification", func(s *suite) {
		metadata := s.metadata()
		require.Equal(s.t, s.URL, metadata["issuer"])
		for name, value := range metadata {
			require.NotContains(s.t, []any{nil, "", false}, value, name)
			if list, ok := value.([]any); ok {
				require.NotEmpty(s.t, list, name)
				require.NotContains(s.t, list, "", name)
			}
			if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri") || name == "issuer" {
				require.True(s.t, strings.HasPrefix(value.(string), s.URL), "%s %s", name, value)
			}
		}
		for name, values := range map[string][]string{
			"subject_types_supported": {"public"}, "response_types_supported": {"code"}, "response_modes_supported": {"query", "fragment", "form_post"},
			"grant_types_supported": {"authorization_code", "refresh_token"}, "id_token_signing_alg_values_supported": {"RS256"},
			"userinfo_signing_alg_values_supported": {"RS256"}, "request_object_signing_alg_values_supported": {"RS256"},
			"scopes_supported":                      {"openid", "profile", "email", "address", "phone", "offline_access"},
			"token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "private_key_jwt"},
			"claims_supported":                      slices.Concat(scopeClaims["profile"], scopeClaims["email"], scopeClaims["address"], scopeClaims["phone"], []string{"sub", "auth_time", "acr"}),
			"claim_types_supported":                 {"normal"}, "code_challenge_methods_supported": {"S256"},
		} {
			require.Subset(s.t, metadata[name], values, name)
		}
		for _, name := range []string{
			"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration",
			"authorization_response_iss_parameter_supported",
		} {
			require.Equal(s.t, true, metadata[name], name)
		}
		for _, locale := range metadata["ui_locales_supported"].([]any) {
			require.Regexp(s.t, `^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`, locale) // BCP 47
		}
		s.publishedKeys()
		require.Equal(s.t, metadata, s.do(http.MethodGet, "/.well-known/oauth-authorization-server", "").fields(s.t), "RFC 8414")
	}},
	{"oidcc-idtoken-rs256", func(s *suite) {
		s.addSuiteClient("certified-rs256", func(c *provider.Client) { c.IDTokenSignedResponseAlg = "RS256" })
		b, r := s.newBrowser(s.t), s.requestOf("certified-rs256", certifiedCB)
		_, kid := s.verified(s.exchange(r, s.authorize(b, r)).idToken)
		require.NotEmpty(s.t, kid)
	}},
	{"oidcc-userinfo-rs256", func(s *suite) {
		s.addSuiteClient("certified-userinfo", func(c *provider.Client) { c.UserinfoSignedResponseAlg = "RS256" })
		b, r := s.newBrowser(s.t), s.requestOf("certified-userinfo", certifiedCB, "scope", "openid email")
		t := s.exchange(r, s.authorize(b, r))
		a := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(t.access))
		require.Equal(s.t, http.StatusOK, a.status, a.body)
		require.Equal(s.t, "application/jwt", a.header.Get("Content-Type"))
		claims, _ := s.verified(a.body)
		require.Equal(s.t, map[string]any{
			"iss": s.URL, "aud": "certified-userinfo", "sub": t.id["sub"], "email": email, "email_verified": true,
		}, claims)
	}},
	{"oidcc-ensure-redirect-uri-in-authorization-request", func(s *suite) {
		s.addSuiteClient("certified-two", func(c *provider.Client) { c.RedirectURIs = []string{certifiedCB, certifiedCB + "?second"} })
		for _, id := range []string{"certified-two", certified} {
			r := s.requestOf(id, certifiedCB, "redirect_uri", "")
			s.errorShown(s.newBrowser(s.t).open(r.path()))
		}
	}},
	{"oidcc-redirect-uri-query-OK", func(s *suite) {
		r := s.addQueryClient("certified-query")
		s.exchange(r, s.authorize(s.newBrowser(s.t), r))
	}},
	{"oidcc-redirect-uri-query-mismatch", func(s *suite) {
		r := s.addQueryClient("certified-mismatch")
		r.Set("redirect_uri", certifiedCB+"?bar=foo")
		s.errorShown(s.newBrowser(s.t).open(r.path()))
	}},
	{"oidcc-redirect-uri-query-added", func(s *suite) {
		r := s.addQueryClient("certified-added")
		r.Set("redirect_uri", r.Get("redirect_uri")+"&bar=foo")
		s.errorShown(s.newBrowser(s.t).open(r.path()))
		r.Set("client_id", certified)
		r.Set("redirect_uri", certifiedCB+"?foo=bar")
		s.errorShown(s.newBrowser(s.t).open(r.path()))
	}},
	{"oidcc-registration-logo-uri", shown("client-logo", "img", "src", "https://app.example/logo.png")},
	{"oidcc-registration-policy-uri", shown("client-policy", "a", "href", "https://app.example/policy")},
	{"oidcc-registration-tos-uri", shown("client-tos", "a", "href", "https://app.example/tos")},
	{"oidcc-request-uri-signed-rs256", func(s *suite) {
		key := s.addSigningClient("certified-reference")
		b, r := s.newBrowser(s.t), s.requestOf("certified-reference", certifiedCB, "scope", "openid email", "max_age", "10000")
		published := s.publish(signObject(s.t, key, s.objectOf(r))) + "#" + rand.Text()
		s.changeClient("certified-reference", func(c *provider.Client) { c.RequestURIs = []string{published} })
		// The parameters inside win.
		outer := s.requestOf("certified-reference", certifiedCB, "request_uri", published)
		t := s.exchange(r, s.granted(s.finish(b, b.open(outer.path())), r))
		s.told(t, "email")

		other := s.requestOf("certified-reference", certifiedCB, "request_uri", published+"x")
		s.refused(b.open(other.path()), other, "invalid_request_uri")
	}},
	{"oidcc-server-rotate-keys", func(s *suite) {
		names := func() (names []string) {
			for _, k := range s.publishedKeys().Keys {
				names = append(names, k.KeyID)
			}
			return names
		}
		_, t := s.signedIn()
		_, old := s.verified(t.idToken)
		before := names()
		require.NoError(s.t, s.ring.Rotate(s.t.Context()))
		after := names()
		require.Subset(s.t, after, before, "what was signed can still be verified")
		require.Greater(s.t, len(after), len(before), "the next keys are known before they sign")
		s.clock.move(time.Hour / 4)
		_, t = s.signedIn()
		_, kid := s.verified(t.idToken)
		require.NotEqual(s.t, old, kid)
		require.Contains(s.t, after, kid)
		require.Contains(s.t, names(), old)
	}},
}

// TestConformance plays the suite's modules on one server, as the suite does: over https with a certificate of
// its own making, then with form_post, then on the stores that replicas share.
func TestConformance(t *testing.T) {
	server := newTestServer(t, overHTTPS)
	play(t, server, "", slices.Concat(basicModules, dynamicModules))
	t.Run("form_post", func(t *testing.T) { play(t, newTestServer(t, overHTTPS), "form_post", basicModules) })
	t.Run("mariadb+redis", func(t *testing.T) { play(t, onSharedStores(t), "", basicModules) })
	t.Run("cookies of an https issuer", func(t *testing.T) {
		s := suiteOn(t, server, "")
		b, r := s.newBrowser(t), s.request()
		p := b.open(r.path())
		path, body := b.filled(p, "login-submit", "username", email, "password", password)
		requireHostCookies(t, b.send(http.MethodPost, path, body, "Origin: "+s.URL), "__Host-signet-session")
		requireHostCookies(t, s.newBrowser(t).send(http.MethodGet, "/login", ""), "__Host-signet-browser")
	})
}

// play runs modules on a server.
func play(t *testing.T, server *testServer, mode string, modules []module) {
	server.addWebClients()
	server.completeUser()
	for _, m := range modules {
		t.Run(m.name, func(t *testing.T) { m.run(suiteOn(t, server, mode)) })
	}
}

// suiteOn is the suite in one test on a server that others used.
func suiteOn(t *testing.T, server *testServer, mode string) *suite {
	own := *server
	own.t = t
	return &suite{testServer: &own, mode: mode}
}

// scopeModule asks for scopes. What they stand for is told by userinfo, not in the ID token.
func scopeModule(scopes ...string) func(s *suite) {
	return func(s *suite) {
		_, t := s.signedIn("scope", "openid "+strings.Join(scopes, " "))
		claims := s.told(t, scopes...)
		for name, want := range (object{
			"name": "Ada Lovelace", "email": email, "email_verified": true, "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
			"address": map[string]any{
				"street_address": "12 St James's Square", "locality": "London", "region": "Greater London", "postal_code": "SW1Y 4JH", "country": "GB",
				"formatted": "12 St James's Square\nSW1Y 4JH London\nGreater London\nGB",
			},
		}) {
			if got, told := claims[name]; told {
				require.Equal(s.t, want, got)
			}
		}
	}
}

// ignored is a request with a parameter that must do no harm.
func ignored(name, value string) func(s *suite) {
	return func(s *suite) { s.signedIn(name, value) }
}

// shown is an element that the pages of a request show of what its client registered.
func shown(id, element, attr, uri string) func(s *suite) {
	return func(s *suite) {
		b, r := s.newBrowser(s.t), newRequest(webapp, webappCB, "prompt", "consent")
		login := b.open(r.path())
		consent := b.login(login)
		require.True(s.t, consent.has("consent-form"), consent.body)
		for _, p := range []page{login, consent} {
			require.NotNil(s.t, p.find(id), p.body)
			require.Equal(s.t, element, p.find(id).Data)
			require.Equal(s.t, uri, attribute(p.find(id), attr))
			require.Contains(s.t, p.header.Get("Content-Security-Policy"), "img-src 'self' https://app.example;", "else no browser shows the logo")
		}
	}
}

// same says that two sign-ins are one (OpenID Connect Core §12.2).
func (s *suite) same(first, later tokens) {
	s.t.Helper()
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
		require.Equal(s.t, first.id[name], later.id[name], name)
	}
}

// refreshBy has a client use a refresh token.
func (s *suite) refreshBy(clientID string, t tokens) answer {
	s.t.Helper()
	return s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", t.refresh}, basic(clientID, serviceSecret))
}

func (s *suite) metadata() map[string]any {
	s.t.Helper()
	a := s.do(http.MethodGet, "/.well-known/openid-configuration", "")
	require.Equal(s.t, http.StatusOK, a.status)
	require.Equal(s.t, "application/json", a.header.Get("Content-Type"))
	return a.fields(s.t)
}

// rotate makes new keys sign.
func (s *suite) rotate() {
	s.t.Helper()
	require.NoError(s.t, s.ring.Rotate(s.t.Context()))
	s.clock.move(time.Hour / 4)
}

// unpublish waits until the key of a token is published no more.
func (s *suite) unpublish(token string) {
	s.t.Helper()
	_, kid := s.verified(token)
	s.clock.move(2 * time.Hour)
	require.NoError(s.t, s.ring.Refresh(s.t.Context()))
	set := s.publishedKeys()
	require.Empty(s.t, set.Key(kid))
}

// addSuiteClient registers another client like the suite's.
func (s *suite) addSuiteClient(id string, change ...func(*provider.Client)) {
	s.t.Helper()
	c := provider.Client{
		ID: id, Name: "Suite", SecretHashes: []provider.SecretHash{{Hash: clientsecrets.Hash(serviceSecret)}}, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
		GrantTypes: []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken}, ResponseTypes: []string{"code"}, RedirectURIs: []string{certifiedCB},
		Scopes: []string{"openid", "profile", "email", "address", "phone", "offline_access"}, PKCEOptional: true,
	}
	for _, f := range change {
		f(&c)
	}
	s.addClient(c)
}

// addQueryClient registers a client whose redirect URI has a query, and returns a request of it.
func (s *suite) addQueryClient(id string) request {
	s.t.Helper()
	s.addSuiteClient(id, func(c *provider.Client) { c.RedirectURIs = []string{certifiedCB + "?foo=bar"} })
	return s.requestOf(id, certifiedCB+"?foo=bar")
}

// addSigningClient registers a client that signs request objects, and returns its key.
func (s *suite) addSigningClient(id string) *rsa.PrivateKey {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(s.t, err)
	// Without a kid, as the suite registers it.
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Algorithm: "RS256", Use: "sig"}}})
	require.NoError(s.t, err)
	s.addSuiteClient(id, func(c *provider.Client) { c.JWKS, c.RequestObjectSigningAlg = string(set), "RS256" })
	return key
}

// objectOf are the claims of a request object with the parameters of a request.
func (s *suite) objectOf(r request) object {
	claims := object{"iss": r.Get("client_id"), "aud": s.URL, "exp": s.clock.now().Add(time.Minute).Unix(), "iat": s.clock.now().Unix()}
	for name := range r.Values {
		claims[name] = r.Get(name)
	}
	if r.Has("max_age") {
		claims["max_age"] = json.Number(r.Get("max_age"))
	}
	return claims
}

func signObject(t *testing.T, key *rsa.PrivateKey, claims object) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	compact, err := signed.CompactSerialize()
	require.NoError(t, err)
	return compact
}

// unsignedObject is a request object that anybody can make.
func unsignedObject(t *testing.T, claims object) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
}

// publish serves a text at the URL that it returns.
func (s *suite) publish(body string) string {
	s.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/oauth-authz-req+jwt")
		_, _ = io.WriteString(w, body)
	}))
	s.t.Cleanup(server.Close)
	return server.URL + "/request.jwt"
}
