package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/oidc"
)

// TestDiscoveryListsWhatWorks calls each thing that the metadata advertises. A field that it does not know fails.
func TestDiscoveryListsWhatWorks(t *testing.T) {
	s := newSignInServer(t, func(with *setup) {
		with.settings.Registration = oidc.RegistrationOpen
		with.settings.GrantTypes = append(with.settings.GrantTypes, provider.GrantImplicit)
	})
	s.changeClient(firstParty, func(c *provider.Client) {
		c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, provider.GrantImplicit), []string{"code", "id_token", "token id_token"}
	})
	b := s.newBrowser(t)
	metadata := s.do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
	require.Equal(t, metadata, s.do(http.MethodGet, "/.well-known/oauth-authorization-server", "").fields(t))
	known := map[string]bool{}
	text := func(name string) string {
		known[name] = true
		value, ok := metadata[name].(string)
		require.True(t, ok, name)
		return value
	}
	list := func(name string) []string {
		known[name] = true
		values, ok := metadata[name].([]any)
		require.True(t, ok, name)
		require.NotEmpty(t, values, name)
		var names []string
		for _, v := range values {
			names = append(names, v.(string))
		}
		return names
	}
	require.Equal(t, s.URL, text("issuer"))

	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri",
		"end_session_endpoint", "registration_endpoint",
	} {
		path, ok := strings.CutPrefix(text(name), s.URL)
		require.True(t, ok, name)
		require.NotEqual(t, http.StatusNotFound, b.send(http.MethodGet, path, "").status, name)
	}

	user := s.fullUser(t)
	code := func(t *testing.T, r request) string {
		t.Helper()
		return b.signIn(r).Get("code")
	}
	for _, responseType := range list("response_types_supported") {
		r := newRequest(firstParty, webappCB, "response_type", responseType)
		if responseType == "code" {
			require.NotEmpty(t, code(t, r))
			continue
		}
		require.NotEmpty(t, b.fragment(b.open(r.path()), r).Get("id_token"), responseType)
	}
	for _, mode := range list("response_modes_supported") {
		p := b.open(newRequest(firstParty, webappCB, "response_mode", mode).path())
		switch mode {
		case "query":
			require.NotEmpty(t, p.url.Query().Get("code"))
		case "fragment":
			values, err := url.ParseQuery(p.url.Fragment)
			require.NoError(t, err)
			require.NotEmpty(t, values.Get("code"))
			require.Empty(t, p.url.RawQuery)
		case "form_post":
			require.True(t, p.has("form-post"))
		default:
			require.Fail(t, "unknown response mode", mode)
		}
	}
	for _, prompt := range list("prompt_values_supported") {
		p := b.open(newRequest(firstParty, webappCB, "prompt", prompt).path())
		want := map[string]bool{
			"none": p.doc == nil, "login": p.has("login-form"), "select_account": p.has("login-form"), "consent": p.has("consent-form"), "create": p.has("signup-form"),
		}
		require.True(t, want[prompt], "%s: %s %s", prompt, p.url, p.body)
	}
	require.Equal(t, []string{"S256"}, list("code_challenge_methods_supported"))
	for _, scope := range list("scopes_supported") {
		s.changeClient(firstParty, func(c *provider.Client) { c.Scopes = append(slices.Clone(c.Scopes), scope) })
		require.NotEmpty(t, code(t, newRequest(firstParty, webappCB, "scope", scope)), scope)
	}
	for _, language := range list("ui_locales_supported") {
		p := b.open(newRequest(firstParty, webappCB, "prompt", "login", "ui_locales", language).path())
		require.Contains(t, p.body, `<html lang="`+language+`"`)
	}
	require.Equal(t, []string{"public"}, list("subject_types_supported"))
	require.Equal(t, []string{"normal"}, list("claim_types_supported"))

	idToken := func(t *testing.T, r request) (answer, answer) {
		t.Helper()
		a := s.redeem(r, code(t, r))
		require.Equal(t, http.StatusOK, a.status, a.body)
		return a, answer{body: string(decodeSegment(t, a.text(t, "id_token"), 1))}
	}
	everything := newRequest(firstParty, webappCB, "scope", "openid profile email address phone roles groups")
	tokens, claims := idToken(t, everything)
	told := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(tokens.text(t, "access_token"))).fields(t)
	require.Equal(t, user.Subject, told["sub"])
	for _, name := range list("claims_supported") {
		require.True(t, told[name] != nil || claims.fields(t)[name] != nil, "claim %s", name)
	}
	require.Contains(t, list("acr_values_supported"), claims.text(t, "acr"))
	for _, alg := range list("id_token_signing_alg_values_supported") {
		s.changeClient(firstParty, func(c *provider.Client) { c.IDTokenSignedResponseAlg = alg })
		signed, _ := idToken(t, newRequest(firstParty, webappCB))
		require.Contains(t, string(decodeSegment(t, signed.text(t, "id_token"), 0)), `"alg":"`+alg+`"`)
	}
	for _, alg := range list("userinfo_signing_alg_values_supported") {
		s.changeClient(firstParty, func(c *provider.Client) { c.UserinfoSignedResponseAlg = alg })
		a := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(tokens.text(t, "access_token")))
		require.Contains(t, string(decodeSegment(t, a.body, 0)), `"alg":"`+alg+`"`)
	}

	for _, grantType := range list("grant_types_supported") {
		if grantType == provider.GrantImplicit {
			continue // has no business at the token endpoint
		}
		a := s.form("/oauth2/token", []string{"grant_type", grantType, "code", "x", "refresh_token", "x", "username", "x", "password", "x"}, basic(service, serviceSecret))
		require.NotEqual(t, "unsupported_grant_type", a.text(t, "error"), grantType)
	}
	a := s.form("/oauth2/token", []string{"grant_type", provider.GrantDeviceCode}, basic(service, serviceSecret))
	require.Equal(t, "unsupported_grant_type", a.text(t, "error"))

	for _, flag := range []string{"claims_parameter_supported", "authorization_response_iss_parameter_supported"} {
		known[flag] = true
		require.Equal(t, true, metadata[flag], flag)
	}
	_, asked := idToken(t, newRequest(firstParty, webappCB, "claims", `{"id_token":{"nickname":null}}`))
	require.Equal(t, user.Profile.Nickname, asked.text(t, "nickname"))

	s.tryRequestObjects(t, b, list("request_object_signing_alg_values_supported"))
	for _, flag := range []string{"request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"} {
		known[flag] = true
		require.Equal(t, true, metadata[flag], flag)
	}

	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		s.tryAuthentication(t, strings.TrimPrefix(text(endpoint+"_endpoint"), s.URL), list(endpoint+"_endpoint_auth_methods_supported"), list(endpoint+"_endpoint_auth_signing_alg_values_supported"))
	}
	for _, flag := range []string{
		"backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported", "frontchannel_logout_session_supported",
	} { // logout_test.go signs out in each of these ways
		known[flag] = true
		require.Equal(t, true, metadata[flag], flag)
	}
	for name := range metadata {
		require.True(t, known[name], "%s is advertised, and not tried", name)
	}
}

// fullUser gives the user every claim.
func (s *testServer) fullUser(t *testing.T) provider.User {
	t.Helper()
	s.completeUser()
	roles, groups := []string{"editor"}, []string{"staff", "analysts"}
	require.NoError(t, s.database.UpdateUser(t.Context(), s.user.ID, provider.UserChange{Roles: &roles, Groups: &groups}))
	user, err := s.database.UserByID(t.Context(), s.user.ID)
	require.NoError(t, err)
	return user
}

// tryRequestObjects sends signed requests by value and by reference, with each algorithm.
func (s *testServer) tryRequestObjects(t *testing.T, b *browser, algorithms []string) {
	t.Helper()
	var signed string
	publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, signed) }))
	defer publisher.Close()
	published := publisher.URL + "/request.jwt"
	for _, alg := range algorithms {
		key := newKey(t, jose.SignatureAlgorithm(alg), alg)
		s.changeClient(firstParty, func(c *provider.Client) {
			c.JWKS, c.RequestURIs = keySet(t, key), []string{published}
		})
		r := newRequest(firstParty, webappCB)
		signed = signClaims(t, jose.SignatureAlgorithm(alg), key, object{
			"iss": firstParty, "aud": s.URL, "client_id": firstParty, "response_type": "code", "redirect_uri": webappCB, "scope": "openid", "state": r.Get("state"),
			"code_challenge": r.Get("code_challenge"), "code_challenge_method": "S256", "max_age": 3600,
		})
		for _, by := range []string{"request", "request_uri"} {
			value := signed
			if by == "request_uri" {
				value = published
			}
			p := b.open("/oauth2/authorize?" + url.Values{"client_id": {firstParty}, by: {value}}.Encode())
			require.NotEmpty(t, b.arrived(p, r).Get("code"), "%s by %s", alg, by)
		}
	}
}

// tryAuthentication authenticates a client in each advertised way.
func (s *testServer) tryAuthentication(t *testing.T, path string, methods, algorithms []string) {
	t.Helper()
	const id = "authenticating"
	secret := strings.Repeat("s", 40)
	hashed := []provider.SecretHash{{Hash: clientsecrets.Hash(secret)}}
	for _, method := range methods {
		tried := []string{""}
		switch method {
		case provider.AuthMethodPrivateKeyJWT:
			tried = slices.DeleteFunc(slices.Clone(algorithms), func(alg string) bool { return alg == "HS256" })
		case provider.AuthMethodClientSecretJWT:
			require.Contains(t, algorithms, "HS256")
			tried = []string{"HS256"}
		}
		for _, alg := range tried {
			form, header := []string{"grant_type", "refresh_token", "refresh_token", "x", "token", "x"}, []string(nil)
			client := provider.Client{ID: id, TokenEndpointAuthMethod: method, GrantTypes: []string{provider.GrantRefreshToken}}
			switch method {
			case provider.AuthMethodClientSecretBasic:
				client.SecretHashes, header = hashed, []string{basic(id, secret)}
			case provider.AuthMethodClientSecretPost:
				client.SecretHashes, form = hashed, append(form, "client_id", id, "client_secret", secret)
			case provider.AuthMethodNone:
				form = append(form, "client_id", id)
			case provider.AuthMethodClientSecretJWT:
				sealed, err := clientsecrets.Seal(s.engine.Master, id, secret)
				require.NoError(t, err)
				client.SealedSecret = sealed
				form = append(form, asserted(signClaims(t, jose.HS256, []byte(secret), s.claims(id)))...)
			case provider.AuthMethodPrivateKeyJWT:
				key := newKey(t, jose.SignatureAlgorithm(alg), "k")
				client.JWKS = keySet(t, key)
				form = append(form, asserted(signClaims(t, jose.SignatureAlgorithm(alg), key, s.claims(id)))...)
			default:
				require.Fail(t, "unknown method", method)
			}
			s.addClient(client)
			a := s.form(path, form, header...)
			require.NotEqual(t, http.StatusUnauthorized, a.status, "%s at %s with %s: %s", method, path, alg, a.body)
			require.NoError(t, s.database.DeleteClient(t.Context(), id))
			s.clock.move(2e9)
		}
	}
}
