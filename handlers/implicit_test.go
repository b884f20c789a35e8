package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/oidc"
)

// fragment returns the parameters that a request is answered with behind "#", and nothing in the query.
func (b *browser) fragment(p page, r request) url.Values {
	b.t.Helper()
	require.Nil(b.t, p.doc, "%s %s", p.url, p.body)
	require.Empty(b.t, p.url.RawQuery)
	params, err := url.ParseQuery(p.url.EscapedFragment())
	require.NoError(b.t, err)
	require.Equal(b.t, r.Get("state"), params.Get("state"))
	require.Equal(b.t, b.s.URL, params.Get("iss"))
	return params
}

// OpenID Connect Core §15.2: a server that clients register themselves with has the response types "id_token"
// and "id_token token".
func TestImplicit(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		s.changeClient(firstParty, func(c *provider.Client) {
			c.GrantTypes, c.ResponseTypes = append(c.GrantTypes, provider.GrantImplicit), []string{"code", "id_token", "id_token token"}
		})
		b := s.newBrowser(t)
		implicit := func(pairs ...string) request {
			return newRequest(firstParty, webappCB, append([]string{"response_type", "id_token token", "code_challenge", "", "code_challenge_method", "", "scope", "openid email offline_access"}, pairs...)...)
		}

		r := implicit("response_type", "id_token")
		params := b.fragment(b.login(b.open(r.path())), r)
		claims := answer{body: string(decodeSegment(t, params.Get("id_token"), 1))}.fields(t)
		require.Equal(t, r.Get("nonce"), claims["nonce"])
		require.Equal(t, email, claims["email"], "without an access token the ID token tells (§5.4)")
		require.NotContains(t, claims, "at_hash")
		require.Empty(t, params.Get("access_token")+params.Get("code")+params.Get("refresh_token"))

		for _, order := range []string{"id_token token", "token id_token"} {
			r = implicit("response_type", order)
			params = b.fragment(b.open(r.path()), r)
			claims = answer{body: string(decodeSegment(t, params.Get("id_token"), 1))}.fields(t)
			require.NotEmpty(t, claims["at_hash"])
			require.NotContains(t, claims, "email")
			require.Equal(t, "Bearer", params.Get("token_type"))
			require.Equal(t, "300", params.Get("expires_in"))
			told := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(params.Get("access_token")))
			require.Equal(t, email, told.text(t, "email"), told.body)
			s.requireAlive(t, params.Get("access_token"))
		}
		s.clock.move(5*time.Minute + time.Second)
		s.requireDead(t, params.Get("access_token"))

		form := implicit("response_mode", "form_post")
		require.True(t, b.open(form.path()).has("form-post"))
		for code, pairs := range map[string][]string{"invalid_request": {"nonce", ""}, "invalid_scope": {"scope", "email"}} {
			r := implicit(pairs...)
			require.Equal(t, code, b.fragment(b.open(r.path()), r).Get("error"))
		}
		query := implicit("response_mode", "query")
		require.Equal(t, "invalid_request", b.fragment(b.open(query.path()), query).Get("error"))
		// AUZ-02: registered otherwise.
		other := newRequest(webapp, webappCB, "response_type", "id_token")
		require.Equal(t, "unauthorized_client", b.fragment(b.open(other.path()), other).Get("error"))
	}, func(with *setup) { with.settings.GrantTypes = append(with.settings.GrantTypes, provider.GrantImplicit) })
}

// A client registers itself for what Dynamic OPs must have.
func TestSelfRegisteredClientsMayBeImplicit(t *testing.T) {
	s := newTestServer(t, func(with *setup) {
		with.settings.Registration = oidc.RegistrationOpen
		with.settings.GrantTypes = append(with.settings.GrantTypes, provider.GrantImplicit)
	})
	metadata := s.do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
	require.Equal(t, []any{"code", "id_token", "id_token token"}, metadata["response_types_supported"])
	require.Subset(t, metadata["grant_types_supported"], []any{"authorization_code", "implicit"})
	a := s.json("/oauth2/register", object{
		"redirect_uris": []string{webappCB}, "grant_types": []string{"implicit"}, "response_types": []string{"id_token token"},
	})
	require.Equal(t, http.StatusCreated, a.status, a.body)
	r := newRequest(a.text(t, "client_id"), webappCB, "response_type", "id_token token", "code_challenge", "", "code_challenge_method", "")
	b := s.newBrowser(t)
	p := b.login(b.open(r.path()))
	require.NotEmpty(t, b.fragment(b.submit(p, "consent-accept"), r).Get("access_token"))
}
