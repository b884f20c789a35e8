package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/signet-id/signet/provider"
)

// suite plays the OpenID Foundation's conformance suite: what that checks in every module is checked here.
type suite struct {
	*testServer
	// mode is the response_mode of every request; empty: the default.
	mode string
}

// request is a request of the suite's client, which sends no PKCE.
func (s *suite) request(pairs ...string) request {
	return s.requestOf(certified, certifiedCB, pairs...)
}

func (s *suite) requestOf(clientID, redirectURI string, pairs ...string) request {
	return newRequest(clientID, redirectURI, append([]string{"code_challenge", "", "code_challenge_method", "", "response_mode", s.mode}, pairs...)...)
}

// finish goes through the pages that a request needs.
func (s *suite) finish(b *browser, p page) page {
	s.t.Helper()
	if p.has("login-form") {
		p = b.login(p)
	}
	if p.has("consent-form") {
		p = b.submit(p, "consent-accept")
	}
	return p
}

// authorize gets a code from a request, on pages where that is needed.
func (s *suite) authorize(b *browser, r request) url.Values {
	s.t.Helper()
	return s.granted(s.finish(b, b.open(r.path())), r)
}

// silently gets a code from a request that must need no page.
func (s *suite) silently(b *browser, r request) url.Values {
	s.t.Helper()
	return s.granted(b.open(r.path()), r)
}

// granted are the parameters of an answer with a code.
func (s *suite) granted(p page, r request) url.Values {
	s.t.Helper()
	params := s.answered(p, r)
	s.onlyParams(params, "code", "state", "iss")
	require.GreaterOrEqual(s.t, len(params.Get("code")), 22, "at least 128 bit: %s", params)
	return params
}

// refused says with which of some errors an answer must refuse.
func (s *suite) refused(p page, r request, codes ...string) {
	s.t.Helper()
	params := s.answered(p, r)
	s.onlyParams(params, "error", "error_description", "state", "iss")
	require.Contains(s.t, codes, params.Get("error"), "%s", params)
	// RFC 6749 §4.1.2.1
	require.Regexp(s.t, `^[\x20\x21\x23-\x5B\x5D-\x7E]+$`, params.Get("error_description"))
}

func (s *suite) onlyParams(params url.Values, names ...string) {
	s.t.Helper()
	for name, values := range params {
		require.Contains(s.t, names, name, "%s", params)
		require.Len(s.t, values, 1, name)
		require.NotEmpty(s.t, values[0], name)
	}
}

// answered are the parameters that an answer brings to the redirect URI, however it does.
func (s *suite) answered(p page, r request) url.Values {
	s.t.Helper()
	var params url.Values
	if r.Get("response_mode") == "form_post" {
		params = s.posted(p, r.Get("redirect_uri"))
	} else {
		require.Nil(s.t, p.doc, "%s %s", p.url, p.body)
		require.Equal(s.t, http.StatusSeeOther, p.status)
		require.Equal(s.t, "no-store", p.header.Get("Cache-Control"))
		query, ok := strings.CutPrefix(p.url.String(), r.Get("redirect_uri"))
		require.True(s.t, ok, "%s", p.url)
		require.Contains(s.t, "?&", query[:1], "what is registered stays as it is: %s", p.url)
		require.Empty(s.t, p.url.Fragment)
		var err error
		params, err = url.ParseQuery(query[1:])
		require.NoError(s.t, err)
	}
	require.Equal(s.t, r.Has("state"), params.Has("state"))
	require.Equal(s.t, r.Get("state"), params.Get("state"))
	require.Equal(s.t, s.URL, params.Get("iss"), "RFC 9207")
	return params
}

// posted are the fields of the form that brings an answer to the client (OAuth 2.0 Form Post Response Mode).
func (s *suite) posted(p page, redirectURI string) url.Values {
	s.t.Helper()
	requirePage(s.t, http.StatusOK, `id="form-post"`, p.answer)
	target, err := url.Parse(redirectURI)
	require.NoError(s.t, err)
	require.Contains(s.t, p.header.Get("Content-Security-Policy"), "form-action 'self' "+target.Scheme+"://"+target.Host)
	form, button := p.find("form-post"), p.find("form-post-submit")
	require.Equal(s.t, "post", attribute(form, "method"))
	require.Equal(s.t, redirectURI, attribute(form, "action"))
	require.NotNil(s.t, button)
	require.Equal(s.t, "submit", attribute(button, "type"))
	require.Empty(s.t, attribute(button, "name"), "the button is no part of the answer")
	params := url.Values{}
	for n := range form.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" {
			require.Equal(s.t, "hidden", attribute(n, "type"))
			params.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return params
}

// errorShown says that a person sees an error page of ours, and the client nothing.
func (s *suite) errorShown(p page) {
	s.t.Helper()
	requirePage(s.t, http.StatusBadRequest, `id="error-page"`, p.answer)
	require.NotEmpty(s.t, text(p.find("error-code")))
	require.NotEmpty(s.t, text(p.find("error-description")))
	require.NotContains(s.t, p.body, "suite.example", "nothing leads to what was asked for")
	require.NotContains(s.t, p.header.Get("Content-Security-Policy"), "suite.example")
}

// tokens are what a code or a refresh token was exchanged for.
type tokens struct {
	access, refresh, idToken string
	// id are the claims of the ID token.
	id map[string]any
}

func (s *suite) exchange(r request, params url.Values) tokens {
	s.t.Helper()
	return s.checkTokens(s.redeem(r, params.Get("code")), r)
}

// checkTokens checks an answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
func (s *suite) checkTokens(a answer, r request) tokens {
	s.t.Helper()
	require.Equal(s.t, http.StatusOK, a.status, a.body)
	require.Equal(s.t, "application/json", a.header.Get("Content-Type"))
	require.Equal(s.t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(s.t, "no-cache", a.header.Get("Pragma"))
	fields := a.fields(s.t)
	require.Equal(s.t, "Bearer", fields["token_type"])
	lifetime, ok := fields["expires_in"].(float64)
	require.True(s.t, ok, "%v", fields["expires_in"])
	require.True(s.t, lifetime >= 1 && lifetime <= (365*24*time.Hour).Seconds(), "%v", lifetime)
	t := tokens{access: a.text(s.t, "access_token"), refresh: a.text(s.t, "refresh_token"), idToken: a.text(s.t, "id_token")}
	require.NotEmpty(s.t, t.access)
	require.Regexp(s.t, `^[\x20-\x7E]*$`, t.refresh) // RFC 6749 appendix A.17
	t.id = s.checkIDToken(t, r)
	return t
}

// publishedKeys are the provider's, all public and with a name of their own.
func (s *suite) publishedKeys() jose.JSONWebKeySet {
	s.t.Helper()
	var set jose.JSONWebKeySet
	require.NoError(s.t, json.Unmarshal([]byte(s.do(http.MethodGet, "/.well-known/jwks.json", "").body), &set))
	names := map[string]bool{}
	for _, k := range set.Keys {
		require.True(s.t, k.IsPublic() && k.Valid(), k.KeyID)
		require.NotEmpty(s.t, k.KeyID)
		require.False(s.t, names[k.KeyID], "two keys are named %s", k.KeyID)
		names[k.KeyID] = true
	}
	return set
}

// verified are the claims of a JWT that a published key signed with RS256, and the key's kid.
func (s *suite) verified(token string) (claims map[string]any, kid string) {
	s.t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	require.NoError(s.t, err)
	kid = jws.Signatures[0].Header.KeyID
	set := s.publishedKeys()
	named := set.Key(kid)
	require.Len(s.t, named, 1, "the key %q is published", kid)
	require.Equal(s.t, "RS256", named[0].Algorithm)
	payload, err := jws.Verify(named[0])
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(payload, &claims))
	return claims, kid
}

// idTokenClaims are those that surprise nobody.
var idTokenClaims = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "nbf", "jti", "sid", "txn"}

// checkIDToken checks an ID token (OpenID Connect Core §2, §3.1.3.7).
func (s *suite) checkIDToken(t tokens, r request) map[string]any {
	s.t.Helper()
	require.NotEmpty(s.t, t.idToken)
	claims, _ := s.verified(t.idToken)
	for name, value := range claims {
		require.Contains(s.t, idTokenClaims, name)
		require.NotNil(s.t, value, name)
		require.NotEqual(s.t, "", value, name)
	}
	now := float64(s.clock.now().Unix())
	require.Equal(s.t, s.URL, claims["iss"])
	require.Equal(s.t, r.Get("client_id"), claims["aud"])
	require.Regexp(s.t, `^[\x21-\x7E]{1,255}$`, claims["sub"])
	expiry, ok := claims["exp"].(float64)
	require.True(s.t, ok && expiry > now && expiry < now+50*365*24*3600, "%v", claims["exp"])
	require.InDelta(s.t, now, claims["iat"], 5, "iat")
	authTime, ok := claims["auth_time"].(float64)
	require.True(s.t, ok && authTime <= now && authTime > now-24*3600, "%v", claims["auth_time"])
	require.IsType(s.t, "", claims["acr"])
	require.NotEqual(s.t, "0", claims["acr"], "a sign-in with a password is more than a cookie")
	require.Equal(s.t, []any{"pwd"}, claims["amr"])
	require.IsType(s.t, "", claims["sid"])
	sum := sha256.Sum256([]byte(t.access))
	require.Equal(s.t, base64.RawURLEncoding.EncodeToString(sum[:16]), claims["at_hash"])
	if r.Has("nonce") {
		require.Equal(s.t, r.Get("nonce"), claims["nonce"])
	} else {
		require.NotContains(s.t, claims, "nonce")
	}
	return claims
}

// The ways to show a token to userinfo (RFC 6750 §2).
const (
	byGet        = "GET"
	byPostHeader = "POST with a header"
	byPostBody   = "POST with a body"
)

// userinfo are the claims that a token gives, each of its type (OpenID Connect Core §5.1, §5.3.2).
func (s *suite) userinfo(t tokens, way string) map[string]any {
	s.t.Helper()
	var a answer
	switch way {
	case byGet:
		a = s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(t.access))
	case byPostHeader:
		a = s.do(http.MethodPost, "/oauth2/userinfo", "", bearer(t.access))
	case byPostBody:
		a = s.form("/oauth2/userinfo", []string{"access_token", t.access})
	}
	require.Equal(s.t, http.StatusOK, a.status, a.body)
	require.Equal(s.t, "application/json", a.header.Get("Content-Type"))
	claims := a.fields(s.t)
	require.Equal(s.t, t.id["sub"], claims["sub"])
	for name, value := range claims {
		switch name {
		case "email_verified", "phone_number_verified":
			require.IsType(s.t, true, value, name)
		case "updated_at":
			require.IsType(s.t, 0.0, value, name)
		case "address":
			require.IsType(s.t, map[string]any{}, value, name)
			require.NotEmpty(s.t, value)
			for part, text := range value.(map[string]any) {
				require.Contains(s.t, []string{"formatted", "street_address", "locality", "region", "postal_code", "country"}, part)
				require.IsType(s.t, "", text, part)
				require.NotEmpty(s.t, text, part)
			}
		default:
			require.IsType(s.t, "", value, name)
			require.NotEmpty(s.t, value, name)
		}
	}
	return claims
}

// signedIn is a browser that came back from a first request with tokens, and that request.
func (s *suite) signedIn(pairs ...string) (*browser, tokens) {
	s.t.Helper()
	b, r := s.newBrowser(s.t), s.request(pairs...)
	return b, s.exchange(r, s.authorize(b, r))
}

// completeUser gives the user every standard claim.
func (s *testServer) completeUser() {
	s.t.Helper()
	verified, updated := true, s.clock.now().UTC()
	require.NoError(s.t, s.database.UpdateUser(s.t.Context(), s.user.ID, provider.UserChange{
		EmailVerified: &verified, UpdatedAt: &updated, Profile: &provider.Profile{
			MiddleName: "Augusta", Nickname: "Ada", PreferredUsername: "ada", PageURL: "https://people.example/ada", PictureURL: "https://people.example/ada.png",
			Website: "https://ada.example/", Gender: "female", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
			PhoneNumber: "+44 20 7946 0000", PhoneNumberVerified: true,
			Address: provider.Address{StreetAddress: "12 St James's Square", Locality: "London", Region: "Greater London", PostalCode: "SW1Y 4JH", Country: "GB"},
		},
	}))
}

// scopeClaims are the claims that a scope stands for (OpenID Connect Core §5.4).
var scopeClaims = map[string][]string{
	"profile": {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate",
		"zoneinfo", "locale", "updated_at",
	},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// told says that userinfo tells what some scopes stand for, and nothing else.
func (s *suite) told(t tokens, scopes ...string) map[string]any {
	s.t.Helper()
	want := []string{"sub"}
	for _, scope := range scopes {
		want = append(want, scopeClaims[scope]...)
	}
	claims := s.userinfo(t, byGet)
	var got []string
	for name := range claims {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(s.t, want, got)
	return claims
}

// requireHostCookies says that cookies of ours belong to this host alone, and to https (RFC 6265bis §4.1.3).
func requireHostCookies(t *testing.T, a answer, names ...string) {
	t.Helper()
	response := http.Response{Header: a.header}
	var got []string
	for _, c := range response.Cookies() {
		got = append(got, c.Name)
		require.True(t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode, c.Raw)
	}
	require.Equal(t, names, got)
}
