package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/oidc"
)

const (
	registerPath = "/oauth2/register"
	selfCB       = "https://self.example/cb"
)

// selfRegistered is a client that registered itself.
type selfRegistered struct {
	answer
	id, secret, token, path string
}

// registerClient sends metadata, which must be accepted.
func (s *testServer) registerClient(t *testing.T, metadata object) selfRegistered {
	t.Helper()
	a := s.tryClient(metadata)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	path := strings.TrimPrefix(a.text(t, "registration_client_uri"), s.URL)
	require.Equal(t, registerPath+"/"+a.text(t, "client_id"), path)
	return selfRegistered{a, a.text(t, "client_id"), a.text(t, "client_secret"), a.text(t, "registration_access_token"), path}
}

func (s *testServer) tryClient(metadata object, headers ...string) answer {
	s.t.Helper()
	if _, ok := metadata["redirect_uris"]; !ok {
		metadata["redirect_uris"] = []string{selfCB}
	}
	return s.json(registerPath, metadata, headers...)
}

// manage sends a request to a client's own registration.
func (s *testServer) manage(method string, r selfRegistered, metadata object) answer {
	s.t.Helper()
	if metadata == nil {
		return s.do(method, r.path, "", bearer(r.token))
	}
	raw, err := json.Marshal(metadata)
	require.NoError(s.t, err)
	return s.do(method, r.path, string(raw), bearer(r.token), "Content-Type: application/json")
}

// tokensOf signs the user in to a client that registered itself and returns its tokens.
func (s *testServer) tokensOf(t *testing.T, r selfRegistered, scope string, authentication []string, headers ...string) answer {
	t.Helper()
	q := newRequest(r.id, selfCB, "scope", scope, "code_challenge", "", "code_challenge_method", "", "prompt", "consent")
	code := s.newBrowser(t).signIn(q).Get("code")
	require.NotEmpty(t, code)
	return s.form("/oauth2/token", append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", selfCB}, authentication...), headers...)
}

func TestDCR_01_ClientsRegisterThemselvesOnlyWhereTheyMay(t *testing.T) {
	t.Run("off", func(t *testing.T) {
		for _, off := range []oidc.Registration{oidc.RegistrationOff, ""} {
			s := newTestServer(t, func(with *setup) { with.settings.Registration = off })
			requireRefused(t, http.StatusNotFound, "not_found", s.tryClient(object{}))
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				requireRefused(t, http.StatusNotFound, "not_found", s.do(method, registerPath+"/"+service, "{}", bearer("x"), "Content-Type: application/json"))
			}
		}
	})
	t.Run("open", func(t *testing.T) {
		s := newTestServer(t, func(with *setup) {
			with.rates.ClientRegistrationPerAddress = provider.Rate{Limit: 10, Per: time.Hour, Burst: 10}
		})
		for range 10 {
			s.registerClient(t, object{})
		}
		a := s.tryClient(object{})
		requireRefused(t, http.StatusTooManyRequests, "temporarily_unavailable", a)
		require.NotEmpty(t, a.header.Get("Retry-After"))
		s.clock.move(6 * time.Minute)
		r := s.registerClient(t, object{})
		stored, err := s.database.Client(t.Context(), r.id)
		require.NoError(t, err)
		require.True(t, stored.SelfRegistered)
	})
	t.Run("by token", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, s *testServer) {
			for _, headers := range [][]string{nil, {bearer("x")}, {bearer("sgi_x_1")}, {bearer("sgi_x_99")}, {basic("a", "b")}} {
				requireRefused(t, http.StatusUnauthorized, "invalid_token", s.tryClient(object{}, headers...))
			}
			newToken := func(uses int) string {
				token, err := oidc.NewInitialAccessToken(t.Context(), s.sessions, uses, s.clock.now().Add(time.Hour))
				require.NoError(t, err)
				return token
			}
			token := newToken(3)
			requireRefused(t, http.StatusBadRequest, "invalid_redirect_uri", s.tryClient(object{"redirect_uris": []string{"https://a/#b"}}, bearer(token)))
			requireRefused(t, http.StatusUnauthorized, "invalid_token", s.tryClient(object{}, bearer(strings.TrimSuffix(token, "_3")+"_9")))
			created := 0
			for _, a := range race(8, func(int) answer { return s.tryClient(object{}, bearer(token)) }) {
				if a.status == http.StatusCreated {
					created++
					continue
				}
				requireRefused(t, http.StatusUnauthorized, "invalid_token", a)
			}
			require.Equal(t, 3, created)

			late := newToken(1)
			s.clock.move(2 * time.Hour)
			requireRefused(t, http.StatusUnauthorized, "invalid_token", s.tryClient(object{}, bearer(late)))
		}, func(with *setup) { with.settings.Registration = oidc.RegistrationByToken })
		_, err := oidc.NewInitialAccessToken(t.Context(), nil, 51, time.Now())
		require.Error(t, err)
	})
}

// DCR-01: nobody vouches for such a client, so its users are asked, each time that it is asked for.
func TestDCR_01_ConsentIsAlwaysShown(t *testing.T) {
	s := newTestServer(t)
	r := s.registerClient(t, object{"client_name": "Self"})
	b := s.newBrowser(t)
	p := b.login(b.open(newRequest(r.id, selfCB).path()))
	require.True(t, p.has("consent-form"), p.body)
	require.Contains(t, p.body, "Self")
}

func TestDCR_02_URIsThatLeadInsideAreRefused(t *testing.T) {
	s := newTestServer(t, func(with *setup) {
		with.fetcher = outbound.New(outbound.Options{Timeout: time.Second, AllowHTTP: true})
	})
	refused := ""
	for _, host := range []string{
		"127.0.0.1", "[::1]", "[::ffff:169.254.169.254]", "169.254.169.254", "10.0.0.1", "100.64.0.1", "0.0.0.0", "[fd00::1]", "localhost", "2130706433", "0x7f.1",
	} {
		for _, field := range []string{"jwks_uri", "sector_identifier_uri", "logo_uri", "request_uris", "backchannel_logout_uri"} {
			var value any = "https://" + host + "/x"
			if field == "request_uris" {
				value = []string{"https://" + host + "/x"}
			}
			a := s.tryClient(object{field: value})
			requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", a)
			require.Equal(t, field+" cannot be used.", a.text(t, "error_description"), host)
			refused = a.body
		}
	}
	require.NotContains(t, refused, "127.0.0.1")
	requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", s.tryClient(object{"jwks_uri": "http://127.0.0.1:1/keys"}))
	// A name that nobody has leads nowhere, and is judged again when it is used.
	s.registerClient(t, object{"jwks_uri": "https://nobody.invalid/keys"})
}

// DCR-02: what is read at registration is bounded in time and size, and redirects are not followed.
func TestDCR_02_SectorIdentifierIsReadWithCare(t *testing.T) {
	s := newTestServer(t)
	var inside atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/inside", http.StatusFound)
		case "/inside":
			inside.Add(1)
		case "/large":
			for range 1 << 10 {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<17)); err != nil {
					return
				}
			}
		case "/slow":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		case "/other":
			_, _ = io.WriteString(w, `["https://other.example/cb"]`)
		case "/page":
			_, _ = io.WriteString(w, `<html>`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/redirect", "/large", "/slow", "/other", "/page", "/missing"} {
		begun := time.Now()
		a := s.tryClient(object{"sector_identifier_uri": server.URL + path})
		requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", a)
		require.Contains(t, a.text(t, "error_description"), "sector_identifier_uri cannot be used", path)
		require.Less(t, time.Since(begun), 5*time.Second, path)
	}
	require.Zero(t, inside.Load(), "the redirect was followed")
}

func TestDCR_03_NothingBeyondThePolicy(t *testing.T) {
	s := newTestServer(t)
	r := s.registerClient(t, object{
		"scope": "openid account roles orders:read email email", "first_party": true, "skip_consent": true, "trusted": true, "resource_server": true, "client_id": "mine",
		"client_secret": "chosen-by-me", "audience": []string{"https://api.example"}, "allowed_origins": []string{"https://evil.example"}, "CLIENT_NAME": "x",
	})
	require.NotEqual(t, "mine", r.id)
	require.NotEqual(t, "chosen-by-me", r.secret)
	require.Equal(t, "openid email", r.text(t, "scope"))
	c, err := s.database.Client(t.Context(), r.id)
	require.NoError(t, err)
	require.False(t, c.FirstParty || c.ResourceServer || c.NoRefreshRotation || c.Disabled)
	require.Empty(t, c.Audience)
	require.Empty(t, c.AllowedOrigins)
	require.Empty(t, c.Name)
	for _, grants := range [][]string{
		{"password"},
		{"authorization_code", "client_credentials"},
		{"authorization_code", "implicit"},
		{"refresh_token"},
		{"urn:ietf:params:oauth:grant-type:device_code"},
		{"urn:ietf:params:oauth:grant-type:jwt-bearer"},
	} {
		requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", s.tryClient(object{"grant_types": grants}))
	}

	public := s.registerClient(t, object{"token_endpoint_auth_method": "none"})
	require.Empty(t, public.secret)
	require.NotContains(t, public.fields(t), "client_secret_expires_at")
	keys := s.registerClient(t, object{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(keySet(t, signingKey))})
	require.Empty(t, keys.secret)
	for _, method := range []string{"client_secret_basic", "client_secret_post", "client_secret_jwt"} {
		withSecret := s.registerClient(t, object{"token_endpoint_auth_method": method})
		require.NotEmpty(t, withSecret.secret)
		require.InDelta(t, 0, withSecret.fields(t)["client_secret_expires_at"], 0)
	}
	// A public client has nothing but PKCE to bind a code to itself.
	q := newRequest(public.id, selfCB, "code_challenge", "", "code_challenge_method", "")
	require.Equal(t, "invalid_request", s.newBrowser(t).arrived(s.newBrowser(t).open(q.path()), q).Get("error"))
}

func TestDCR_03_MetadataThatIsRefused(t *testing.T) {
	s := newTestServer(t)
	for name, tc := range map[string]struct {
		metadata object
		code     string
	}{
		"no redirect URI":                  {object{"redirect_uris": []string{}}, "invalid_redirect_uri"},
		"redirect over http":               {object{"redirect_uris": []string{"http://self.example/cb"}}, "invalid_redirect_uri"},
		"redirect to us":                   {object{"redirect_uris": []string{s.URL + "/login"}}, "invalid_redirect_uri"},
		"redirect URIs that are no list":   {object{"redirect_uris": selfCB}, "invalid_client_metadata"},
		"a response type that we have not": {object{"response_types": []string{"code id_token"}}, "invalid_client_metadata"},
		"keys in two ways":                 {object{"jwks": json.RawMessage(keySet(t, signingKey)), "jwks_uri": "https://self.example/keys"}, "invalid_client_metadata"},
		"no keys":                          {object{"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"},
		"pairwise":                         {object{"subject_type": "pairwise"}, "invalid_client_metadata"},
		"unsigned ID tokens":               {object{"id_token_signed_response_alg": "none"}, "invalid_client_metadata"},
		"encrypted ID tokens":              {object{"id_token_encrypted_response_alg": "RSA-OAEP"}, "invalid_client_metadata"},
		"mutual TLS":                       {object{"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"},
		"a negative default_max_age":       {object{"default_max_age": -1}, "invalid_client_metadata"},
		"a default_max_age that is a text": {object{"default_max_age": "10"}, "invalid_client_metadata"},
		"a software statement":             {object{"software_statement": "e30.e30.x"}, "unapproved_software_statement"},
		"DCR-04: a name with script":       {object{"client_name": "<script>alert(1)</script>"}, "invalid_client_metadata"},
		"DCR-04: a name that turns around": {object{"client_name": "Bank\u202egnikcah"}, "invalid_client_metadata"},
		"DCR-04: a name of a mebibyte":     {object{"client_name": strings.Repeat("x", 1<<20)}, "invalid_client_metadata"},
		"a logo that is a script":          {object{"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata"},
		"too many contacts":                {object{"contacts": slices.Repeat([]string{"a@self.example"}, 51)}, "invalid_client_metadata"},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, http.StatusBadRequest, tc.code, s.tryClient(tc.metadata)) })
	}
	for _, body := range []string{"", "[]", "null", `"x"`, "{"} {
		requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", s.do(http.MethodPost, registerPath, body, "Content-Type: application/json"))
	}
	requireRefused(t, http.StatusUnsupportedMediaType, "invalid_client_metadata", s.form(registerPath, []string{"redirect_uris", selfCB}))
}

func TestDCR_04_RegistrationIsManagedByItsOwnTokenAlone(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		first, second := s.registerClient(t, object{"client_name": "First"}), s.registerClient(t, object{})
		read := s.manage(http.MethodGet, first, nil)
		require.Equal(t, http.StatusOK, read.status, read.body)
		require.Equal(t, "First", read.text(t, "client_name"))
		require.NotContains(t, read.fields(t), "client_secret", "it is told once")

		foreign := first
		foreign.token = second.token
		unknown := first
		unknown.path = registerPath + "/unknown"
		operators := first
		operators.path = registerPath + "/" + service
		nobody := operators
		nobody.token = ""
		for _, r := range []selfRegistered{foreign, unknown, operators, nobody} {
			var refused string
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				a := s.manage(method, r, object{"redirect_uris": []string{"https://evil.example/cb"}})
				requireRefused(t, http.StatusUnauthorized, "invalid_token", a)
				require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
				require.True(t, refused == "" || refused == a.body, "answers differ")
				refused = a.body
			}
		}
		require.Equal(t, http.StatusOK, s.manage(http.MethodGet, first, nil).status)

		require.Equal(t, http.StatusNoContent, s.manage(http.MethodDelete, first, nil).status)
		requireRefused(t, http.StatusUnauthorized, "invalid_token", s.manage(http.MethodGet, first, nil))
		requireRefused(t, http.StatusUnauthorized, "invalid_token", s.manage(http.MethodDelete, first, nil))

		s.changeClient(second.id, func(c *provider.Client) { c.Disabled = true })
		requireRefused(t, http.StatusUnauthorized, "invalid_token", s.manage(http.MethodPut, second, object{"redirect_uris": []string{selfCB}}))
	})
}

func TestDCR_04_ChangeKeepsWhatProtectsTheClient(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.registerClient(t, object{
			"client_name": "Before", "token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(keySet(t, signingKey)), "token_endpoint_auth_signing_alg": "ES256",
			"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256", "request_object_signing_alg": "ES256", "scope": "openid", "contacts": []string{"a@self.example"},
			"grant_types": []string{"authorization_code", "refresh_token"},
		})
		s.changeClient(r.id, func(c *provider.Client) { c.PKCEOptional, c.RefreshTokenMax = false, time.Hour })
		a := s.manage(http.MethodPut, r, object{"client_id": r.id, "redirect_uris": []string{selfCB, selfCB + "2"}, "client_name": "After"})
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, r.token, a.text(t, "registration_access_token"))
		want := r.fields(t)
		want["client_name"], want["redirect_uris"] = "After", []any{selfCB, selfCB + "2"}
		delete(want, "contacts")
		require.Equal(t, want, a.fields(t))
		require.Equal(t, want, s.manage(http.MethodGet, r, nil).fields(t))
		c, err := s.database.Client(t.Context(), r.id)
		require.NoError(t, err)
		require.False(t, c.PKCEOptional, "the operator's decision")
		require.Equal(t, time.Hour, c.RefreshTokenMax)

		for _, metadata := range []object{
			{"client_id": "other", "redirect_uris": []string{selfCB}},
			{"redirect_uris": []string{selfCB}, "grant_types": []string{"password"}},
			{"redirect_uris": []string{selfCB}, "client_secret": "chosen-by-me"},
			{"redirect_uris": []string{selfCB}, "jwks_uri": "https://10.0.0.1/"},
		} {
			requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", s.manage(http.MethodPut, r, metadata))
		}
		requireRefused(t, http.StatusBadRequest, "invalid_redirect_uri", s.manage(http.MethodPut, r, object{"client_name": "x"}))
		a = s.manage(http.MethodPut, r, object{"redirect_uris": []string{selfCB}, "scope": "openid account email"})
		require.Equal(t, "openid email", a.text(t, "scope"))
	})
}

func TestSecretOfARegisteredClientIsRotated(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.registerClient(t, object{})
		works := func(secret string) bool {
			a := s.form("/oauth2/revoke", []string{"token", "x"}, basic(r.id, secret))
			return a.status == http.StatusOK
		}
		change := func(more object) answer {
			more["redirect_uris"] = []string{selfCB}
			a := s.manage(http.MethodPut, r, more)
			require.Equal(t, http.StatusOK, a.status, a.body)
			return a
		}
		require.True(t, works(r.secret))
		require.Empty(t, change(object{"client_secret": r.secret}).text(t, "client_secret"))
		require.True(t, works(r.secret))
		fresh := change(object{"rotate_client_secret": true}).text(t, "client_secret")
		require.NotEmpty(t, fresh)
		require.False(t, works(r.secret))
		require.True(t, works(fresh))

		require.Empty(t, change(object{"token_endpoint_auth_method": "none"}).text(t, "client_secret"))
		require.False(t, works(fresh))
		again := change(object{"token_endpoint_auth_method": "client_secret_basic"}).text(t, "client_secret")
		require.NotEmpty(t, again)
		require.True(t, works(again))
		require.False(t, works(fresh))
	})
}

func TestTokensDieWithTheRegistration(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.registerClient(t, object{"grant_types": []string{"authorization_code", "refresh_token"}})
		a := s.tokensOf(t, r, "openid offline_access", nil, basic(r.id, r.secret))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, http.StatusOK, s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token"))).status)
		require.Equal(t, http.StatusNoContent, s.manage(http.MethodDelete, r, nil).status)
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token"))).status)
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", a.text(t, "refresh_token")}, basic(r.id, r.secret)))
		s.requireDead(t, a.text(t, "access_token"))
	})
}

// Modules of OpenID's conformance suite, by clients that register themselves as the suite does.
func TestConformanceOfRegistration(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		for name, module := range map[string]func(*testing.T, *testServer){
			"oidcc-server (registration)":        registersAsTheSuite,
			"oidcc-server-client-secret-post":    registersForSecretPost,
			"oidcc-redirect-uri-regfrag":         refusesFragments,
			"oidcc-redirect-uri-query-OK":        acceptsQueries,
			"oidcc-userinfo-rs256":               signsUserinfo,
			"oidcc-3rd_party-init-login":         returnsInitiation,
			"oidcc-3rd_party-init-login-nohttps": refusesPlainInitiation,
			"oidcc-registration-logo-uri, oidcc-registration-policy-uri, oidcc-registration-tos-uri": showsWhatIsRegistered,
			"oidcc-registration-sector-uri, oidcc-registration-sector-bad":                           readsSectors,
			"oidcc-registration-jwks-uri":                         readsKeys,
			"oidcc-refresh-token-rp-key-rotation":                 seesRotatedKeys,
			"oidcc-ensure-client-assertion-with-iss-aud-succeeds": acceptsTheIssuerAsAudience,
		} {
			t.Run(name, func(t *testing.T) { module(t, s) })
		}
	})
}

// The registration of oidcc-server and all others: what the suite sends, and what it expects.
func registersAsTheSuite(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{
		"client_name": "conformance xyz", "grant_types": []string{"authorization_code"}, "response_types": []string{"code"}, "redirect_uris": []string{selfCB},
		"jwks": json.RawMessage(keySet(t, jose.JSONWebKey{Key: signingKey.Key, Use: "sig"})), "token_endpoint_auth_method": "client_secret_basic", "contacts": []string{"certification@oidf.org"},
	})
	fields := r.fields(t)
	require.InDelta(t, 0, fields["client_secret_expires_at"], 0)
	require.InDelta(t, s.clock.now().Unix(), fields["client_id_issued_at"], 5)
	require.Equal(t, "openid profile email address phone offline_access", fields["scope"])
	require.Equal(t, "RS256", fields["id_token_signed_response_alg"])
	require.Equal(t, []any{"code"}, fields["response_types"])
	require.NotEmpty(t, r.token)

	a := s.tokensOf(t, r, "openid profile email address phone", nil, basic(r.id, r.secret))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, string(decodeSegment(t, a.text(t, "id_token"), 0)), `"RS256"`)
	require.Equal(t, http.StatusNoContent, s.manage(http.MethodDelete, r, nil).status)
}

func registersForSecretPost(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"token_endpoint_auth_method": "client_secret_post"})
	a := s.tokensOf(t, r, "openid", []string{"client_id", r.id, "client_secret", r.secret})
	require.Equal(t, http.StatusOK, a.status, a.body)
	requireRefused(t, http.StatusUnauthorized, "invalid_client", s.tokensOf(t, r, "openid", nil, basic(r.id, r.secret)))
}

func refusesFragments(t *testing.T, s *testServer) {
	t.Helper()
	requireRefused(t, http.StatusBadRequest, "invalid_redirect_uri", s.tryClient(object{"redirect_uris": []string{selfCB + "#fragment"}}))
}

func acceptsQueries(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"redirect_uris": []string{selfCB + "?foo=bar"}})
	require.NotEmpty(t, s.newBrowser(t).signIn(newRequest(r.id, selfCB+"?foo=bar")).Get("code"))
}

func signsUserinfo(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"userinfo_signed_response_alg": "RS256"})
	a := s.tokensOf(t, r, "openid email", nil, basic(r.id, r.secret))
	u := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token")))
	require.Equal(t, http.StatusOK, u.status, u.body)
	require.Equal(t, "application/jwt", u.header.Get("Content-Type"))
	header, payload, err := s.ring.Verify(u.body)
	require.NoError(t, err)
	require.Equal(t, "RS256", header.Algorithm)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, map[string]any{"iss": s.URL, "aud": r.id, "sub": s.user.Subject, "email": email, "email_verified": false}, claims)
}

func returnsInitiation(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"initiate_login_uri": "https://self.example/initiate"})
	require.Equal(t, "https://self.example/initiate", r.text(t, "initiate_login_uri"))
	a := s.manage(http.MethodGet, r, nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "https://self.example/initiate", a.text(t, "initiate_login_uri"))
}

func refusesPlainInitiation(t *testing.T, s *testServer) {
	t.Helper()
	for _, uri := range []string{"http://self.example/initiate", "http://localhost/initiate"} {
		requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", s.tryClient(object{"initiate_login_uri": uri}))
	}
}

func showsWhatIsRegistered(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"logo_uri": "https://self.example/logo.png", "policy_uri": "https://self.example/policy", "tos_uri": "https://self.example/tos"})
	p := s.newBrowser(t).open(newRequest(r.id, selfCB).path())
	require.True(t, p.has("login-form"))
	require.Equal(t, "https://self.example/logo.png", attribute(p.find("client-logo"), "src"))
	require.Equal(t, "https://self.example/policy", attribute(p.find("client-policy"), "href"))
	require.Equal(t, "https://self.example/tos", attribute(p.find("client-tos"), "href"))
}

func readsSectors(t *testing.T, s *testServer) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]string{"https://other.example/cb", selfCB})
	}))
	t.Cleanup(server.Close)
	r := s.registerClient(t, object{"sector_identifier_uri": server.URL})
	require.Equal(t, server.URL, r.text(t, "sector_identifier_uri"))
	requireRefused(t, http.StatusBadRequest, "invalid_client_metadata", // oidcc-registration-sector-bad
		s.tryClient(object{"sector_identifier_uri": server.URL, "redirect_uris": []string{selfCB, selfCB + "2"}}))
}

// publisher is a client's own server, with its keys.
type publisher struct {
	*httptest.Server
	keys    atomic.Pointer[string]
	fetched atomic.Int32
}

func newPublisher(t *testing.T, keys ...jose.JSONWebKey) *publisher {
	t.Helper()
	p := &publisher{}
	p.publish(t, keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetched.Add(1)
		_, _ = io.WriteString(w, *p.keys.Load())
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(t *testing.T, keys ...jose.JSONWebKey) {
	t.Helper()
	set := keySet(t, keys...)
	p.keys.Store(&set)
}

func readsKeys(t *testing.T, s *testServer) {
	t.Helper()
	p := newPublisher(t, signingKey)
	r := s.registerClient(t, object{"jwks_uri": p.URL, "token_endpoint_auth_method": "private_key_jwt"})
	require.Empty(t, r.secret)
	a := s.tokensOf(t, r, "openid", assertion(t, signingKey, s.claims(r.id, "aud", s.URL+"/oauth2/token")))
	require.Equal(t, http.StatusOK, a.status, a.body)
}

func seesRotatedKeys(t *testing.T, s *testServer) {
	t.Helper()
	p := newPublisher(t, signingKey)
	r := s.registerClient(t, object{"jwks_uri": p.URL, "token_endpoint_auth_method": "private_key_jwt", "grant_types": []string{"authorization_code", "refresh_token"}})
	a := s.tokensOf(t, r, "openid offline_access", assertion(t, signingKey, s.claims(r.id)))
	require.Equal(t, http.StatusOK, a.status, a.body)

	rotated := newKey(t, jose.ES256, "rotated")
	p.publish(t, rotated)
	refresh := func(key jose.JSONWebKey) answer {
		return s.form("/oauth2/token", append([]string{"grant_type", "refresh_token", "refresh_token", a.text(t, "refresh_token")}, assertion(t, key, s.claims(r.id))...))
	}
	a = refresh(rotated)
	require.Equal(t, http.StatusOK, a.status, a.body)
	requireRefused(t, http.StatusUnauthorized, "invalid_client", refresh(signingKey))
	fetched := p.fetched.Load()
	for range 20 {
		requireRefused(t, http.StatusUnauthorized, "invalid_client", refresh(newKey(t, jose.ES256, "made up")))
	}
	require.LessOrEqual(t, p.fetched.Load(), fetched+1, "a storm of unknown keys")
}

func acceptsTheIssuerAsAudience(t *testing.T, s *testServer) {
	t.Helper()
	r := s.registerClient(t, object{"jwks": json.RawMessage(keySet(t, signingKey)), "token_endpoint_auth_method": "private_key_jwt"})
	a := s.tokensOf(t, r, "openid", assertion(t, signingKey, s.claims(r.id, "aud", s.URL)))
	require.Equal(t, http.StatusOK, a.status, a.body)
}

// fetcherOf answers with what a test says; everything may be fetched at registration.
type fetcherOf func(url string) ([]byte, error)

func (f fetcherOf) Fetch(_ context.Context, url string) ([]byte, error) { return f(url) }

func (f fetcherOf) Check(context.Context, string) error { return nil }

// DCR-02: a name that led elsewhere when it was registered is judged again when it is used.
func TestDCR_02_KeysBehindAForbiddenAddressAreNoKeys(t *testing.T) {
	s := newTestServer(t, func(with *setup) {
		with.fetcher = fetcherOf(func(string) ([]byte, error) {
			return nil, fmt.Errorf("%w: address 10.0.0.1", provider.ErrForbiddenTarget)
		})
	})
	r := s.registerClient(t, object{"jwks_uri": "https://rebinding.example/keys", "token_endpoint_auth_method": "private_key_jwt"})
	a := s.form("/oauth2/token", append([]string{"grant_type", "authorization_code", "code", "x", "redirect_uri", selfCB}, assertion(t, signingKey, s.claims(r.id))...))
	requireRefused(t, http.StatusUnauthorized, "invalid_client", a)
	require.NotContains(t, a.body, "10.0.0.1")
}

func TestRegistrationURIIsOfTheClient(t *testing.T) {
	s := newTestServer(t)
	r := s.registerClient(t, object{})
	u, err := url.Parse(r.text(t, "registration_client_uri"))
	require.NoError(t, err)
	require.Equal(t, registerPath+"/"+r.id, u.Path)
	for _, secret := range []string{r.secret, r.token} {
		require.NotContains(t, s.logs.String(), secret)
		require.GreaterOrEqual(t, len(secret), 50)
	}
}
