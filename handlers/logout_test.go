package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/outbox"
)

// The relying party of these tests.
const (
	party         = "party"
	partyCallback = "https://party.example/callback"
	partyGoodbye  = "https://party.example/goodbye?from=signet"
	partyNative   = "com.example.party:/goodbye"
)

// person is somebody with a browser.
type person struct {
	t       *testing.T
	s       *testServer
	cookies map[string]string
}

func (s *testServer) person(t *testing.T) *person {
	return &person{t: t, s: s, cookies: map[string]string{}}
}

// do sends a request with the browser's cookies, and keeps those that come back. It follows nothing.
func (p *person) do(method, target, body string, headers ...string) answer {
	p.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, p.s.URL+target, strings.NewReader(body))
	require.NoError(p.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Add(name, value)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range p.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(p.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	for _, c := range response.Cookies() {
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		} else {
			p.cookies[c.Name] = c.Value
		}
	}
	a := answer{response.StatusCode, response.Header, string(raw)}
	if path, _, _ := strings.Cut(target, "?"); strings.HasSuffix(path, "/logout") {
		document, err := readContract()
		require.NoError(p.t, err)
		require.NoError(p.t, document.check(request, body, a))
	}
	return a
}

func (p *person) get(path string, query ...string) answer {
	p.t.Helper()
	if len(query) > 0 {
		path += "?" + encodeForm(query)
	}
	return p.do(http.MethodGet, path, "")
}

var (
	formTag  = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	frameTag = regexp.MustCompile(`<iframe src="([^"]*)"`)
)

// submit sends the form of a page, with what it carries unseen.
func (p *person) submit(page answer, fields ...string) answer {
	p.t.Helper()
	action := formTag.FindStringSubmatch(page.body)
	require.NotNil(p.t, action, page.body)
	for _, hidden := range inputTag.FindAllStringSubmatch(page.body, -1) {
		fields = append(fields, hidden[1], html.UnescapeString(hidden[2]))
	}
	return p.do(http.MethodPost, html.UnescapeString(action[1]), encodeForm(fields), "Origin: "+p.s.URL, "Sec-Fetch-Site: same-origin")
}

// logIn signs the browser in.
func (p *person) logIn() {
	p.t.Helper()
	a := p.submit(p.get("/login"), "username", email, "password", password)
	require.Equal(p.t, http.StatusSeeOther, a.status, a.body)
}

// authorize asks for a code and returns what the client is answered.
func (p *person) authorize(clientID, scope string, more ...string) url.Values {
	p.t.Helper()
	a := p.get("/oauth2/authorize", append([]string{
		"client_id", clientID, "redirect_uri", partyCallback, "response_type", "code", "scope", scope, "state", "some state",
	}, more...)...)
	require.Equal(p.t, http.StatusSeeOther, a.status, a.body)
	query, ok := strings.CutPrefix(a.header.Get("Location"), partyCallback+"?")
	require.True(p.t, ok, a.header.Get("Location"))
	values, err := url.ParseQuery(query)
	require.NoError(p.t, err)
	return values
}

// use has a client sign the person in, who is logged in, and returns its tokens.
func (p *person) use(clientID, scope string) answer {
	p.t.Helper()
	answered := p.authorize(clientID, scope)
	require.NotEmpty(p.t, answered.Get("code"), answered)
	a := p.do(http.MethodPost, "/oauth2/token", encodeForm([]string{
		"grant_type", "authorization_code", "code", answered.Get("code"), "redirect_uri", partyCallback,
	}), basic(clientID, serviceSecret))
	require.Equal(p.t, http.StatusOK, a.status, a.body)
	return a
}

// requireIn and requireOut say whether the browser is signed in, as a client learns it.
func (p *person) requireIn() {
	p.t.Helper()
	require.NotEmpty(p.t, p.authorize(party, "openid", "prompt", "none").Get("code"))
}

func (p *person) requireOut() {
	p.t.Helper()
	require.Equal(p.t, "login_required", p.authorize(party, "openid", "prompt", "none").Get("error"))
}

// addParty registers a client that people sign in to. Those of the operator ask for no consent.
func (s *testServer) addParty(id string, change ...func(*provider.Client)) {
	s.t.Helper()
	c := provider.Client{
		ID: id, Name: "The " + id, SecretHashes: []provider.SecretHash{{Hash: clientsecrets.Hash(serviceSecret)}}, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
		GrantTypes: []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken}, ResponseTypes: []string{"code"}, RedirectURIs: []string{partyCallback},
		PostLogoutRedirectURIs: []string{partyGoodbye, partyNative}, Scopes: []string{"openid", "offline_access"}, FirstParty: true, PKCEOptional: true,
	}
	for _, f := range change {
		f(&c)
	}
	s.addClient(c)
}

// withParty starts a server with a person who uses the relying party.
func withParty(t *testing.T, change ...func(*provider.Client)) (s *testServer, p *person, hint string) {
	t.Helper()
	s = newTestServer(t)
	s.addParty(party, change...)
	p = s.person(t)
	p.logIn()
	return s, p, p.use(party, "openid").text(t, "id_token")
}

// claimsOf are the claims of a JWT.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	require.NoError(t, json.Unmarshal(decodeSegment(t, token, 1), &claims))
	return claims
}

func requireRedirect(t *testing.T, location string, a answer) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	require.Equal(t, location, a.header.Get("Location"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
}

// requirePage says which element an answer must have, and that it is a page as every page has to be.
func requirePage(t *testing.T, status int, element string, a answer) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Contains(t, a.body, element)
	require.Empty(t, a.header.Get("Location"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	csp := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		require.Contains(t, csp, part)
	}
	require.NotContains(t, csp, "unsafe")
	require.Equal(t, "DENY", a.header.Get("X-Frame-Options"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	require.NotRegexp(t, `<script(>| [^>]*>[^<])|<style|\son[a-z]+=|style="`, a.body, "inline")
}

const (
	confirmButton = `id="logout-confirm"`
	loggedOut     = `id="logged-out"`
	errorElement  = `id="error-page"`
)

// forgedHints are ID tokens that the provider did not sign so.
func forgedHints(t *testing.T, hint string) map[string]string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	header := map[string]any{}
	require.NoError(t, json.Unmarshal(decodeSegment(t, hint, 0), &header))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", header["kid"]))
	require.NoError(t, err)
	signed, err := signer.Sign(decodeSegment(t, hint, 1))
	require.NoError(t, err)
	selfSigned, err := signed.CompactSerialize()
	require.NoError(t, err)
	parts := strings.Split(hint, ".")
	claims := claimsOf(t, hint)
	claims["sub"] = "somebody else"
	changed, err := json.Marshal(claims)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"self-signed":     selfSigned,
		"alg none":        encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
		"changed payload": parts[0] + "." + encode(changed) + "." + parts[2],
		"not a token":     "hint",
	}
}

func TestRPInitiatedLogout(t *testing.T) {
	t.Run("oidcc-rp-initiated-logout-discovery-endpoint-verification", func(t *testing.T) {
		s := newTestServer(t)
		metadata := s.do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
		require.Equal(t, s.URL+"/oauth2/logout", metadata["end_session_endpoint"])
	})
	t.Run("oidcc-rp-initiated-logout", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, s *testServer) {
			s.addParty(party)
			p := s.person(t)
			p.logIn()
			hint := p.use(party, "openid").text(t, "id_token")
			p.requireIn()
			state := strings.Repeat("Aa0-._~ +/=&?%", 9) + "äß"
			a := p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye, "state", state)
			requireRedirect(t, partyGoodbye+"&state="+url.QueryEscape(state), a)
			require.NotContains(t, p.cookies, "signet-session")
			p.requireOut()
		})
	})
	t.Run("oidcc-rp-initiated-logout-no-state", func(t *testing.T) {
		_, p, hint := withParty(t)
		requireRedirect(t, partyGoodbye, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		p.requireOut()
	})
	for _, module := range []struct{ name, uri string }{
		{"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", "https://party.example/other"},
		{"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", partyGoodbye + "&foo=bar"},
	} {
		t.Run(module.name, func(t *testing.T) {
			_, p, hint := withParty(t)
			a := p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", module.uri, "state", "1")
			requirePage(t, http.StatusBadRequest, errorElement, a)
			require.Contains(t, a.body, "invalid_request")
			p.requireIn()
		})
	}
	t.Run("oidcc-rp-initiated-logout-no-id-token-hint", func(t *testing.T) {
		for _, more := range [][]string{{}, {"client_id", party}} {
			_, p, _ := withParty(t)
			a := p.get("/oauth2/logout", append(more, "post_logout_redirect_uri", partyGoodbye, "state", "1")...)
			requirePage(t, http.StatusOK, confirmButton, a)
			require.NotContains(t, a.body, "The party", "nobody proved who asks")
			p.requireIn()
			requirePage(t, http.StatusOK, loggedOut, p.submit(a, "action", "confirm"))
			p.requireOut()
		}
	})
	t.Run("oidcc-rp-initiated-logout-modified-id-token-hint, oidcc-rp-initiated-logout-bad-id-token-hint", func(t *testing.T) {
		_, p, hint := withParty(t)
		for name, forged := range forgedHints(t, hint) {
			a := p.get("/oauth2/logout", "id_token_hint", forged, "post_logout_redirect_uri", partyGoodbye, "state", "1")
			require.Equal(t, http.StatusOK, a.status, name)
			requirePage(t, http.StatusOK, confirmButton, a)
			require.NotContains(t, a.body, "party.example", name)
			require.NotContains(t, a.header.Get("Content-Security-Policy"), "party.example", name)
			p.requireIn()
		}
	})
	t.Run("oidcc-rp-initiated-logout-no-params, oidcc-rp-initiated-logout-only-state", func(t *testing.T) {
		for _, query := range [][]string{nil, {"state", "only"}} {
			_, p, _ := withParty(t)
			a := p.get("/oauth2/logout", query...)
			requirePage(t, http.StatusOK, confirmButton, a)
			require.Contains(t, a.body, email)
			requirePage(t, http.StatusOK, loggedOut, p.submit(a, "action", "confirm"))
			p.requireOut()
		}
	})
	t.Run("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", func(t *testing.T) {
		_, p, hint := withParty(t)
		requirePage(t, http.StatusOK, loggedOut, p.get("/oauth2/logout", "id_token_hint", hint, "state", "1"))
		p.requireOut()
	})
}

func TestLogoutHint(t *testing.T) {
	t.Run("it may be as old as it likes", func(t *testing.T) {
		s, p, hint := withParty(t)
		s.clock.move(2 * time.Hour)
		requireRedirect(t, partyGoodbye, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		p.requireOut()
	})
	t.Run("it leads back when nobody is signed in any more", func(t *testing.T) {
		s, p, hint := withParty(t)
		p.get("/oauth2/logout", "id_token_hint", hint)
		requireRedirect(t, partyNative+"?state=x", p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyNative, "state", "x"))
		requireRedirect(t, partyGoodbye, s.person(t).get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
	})
	t.Run("of another session the user is asked, and may refuse", func(t *testing.T) {
		s, p, hint := withParty(t)
		other := s.person(t)
		other.logIn()
		a := other.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye, "state", "x", "ui_locales", "ko")
		requirePage(t, http.StatusOK, confirmButton, a)
		require.Contains(t, a.body, "The party")
		require.Contains(t, a.body, `lang="ko"`)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "form-action 'self' https://party.example;", "browsers hold the redirect against it")
		requireRedirect(t, "/account", other.submit(a, "action", "cancel"))
		other.requireIn()
		requireRedirect(t, partyGoodbye+"&state=x", other.submit(a, "action", "confirm"))
		other.requireOut()
		p.requireIn()
	})
	t.Run("of a grant without browser it is enough that it is the user's", func(t *testing.T) {
		_, p, _ := withParty(t)
		hint := p.s.signIn("openid").text(t, "id_token")
		requirePage(t, http.StatusOK, loggedOut, p.get("/oauth2/logout", "id_token_hint", hint))
		p.requireOut()
	})
	t.Run("its client is the one that is named", func(t *testing.T) {
		s, p, hint := withParty(t)
		s.addParty("other")
		a := p.get("/oauth2/logout", "id_token_hint", hint, "client_id", "other", "post_logout_redirect_uri", partyGoodbye)
		requirePage(t, http.StatusBadRequest, errorElement, a)
		p.requireIn()
		requireRedirect(t, partyGoodbye, p.get("/oauth2/logout", "id_token_hint", hint, "client_id", party, "post_logout_redirect_uri", partyGoodbye))
	})
	t.Run("of a client that is disabled or gone leads nowhere", func(t *testing.T) {
		s, p, hint := withParty(t)
		s.changeClient(party, func(c *provider.Client) { c.Disabled = true })
		requirePage(t, http.StatusBadRequest, errorElement, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		require.NoError(t, s.database.DeleteClient(t.Context(), party))
		s.clock.move(2 * time.Second)
		requirePage(t, http.StatusBadRequest, errorElement, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		requirePage(t, http.StatusOK, loggedOut, p.get("/oauth2/logout", "id_token_hint", hint))
	})
	t.Run("only an ID token is one", func(t *testing.T) {
		_, p, _ := withParty(t)
		access := p.use(party, "openid").text(t, "access_token")
		requirePage(t, http.StatusOK, confirmButton, p.get("/oauth2/logout", "id_token_hint", access, "post_logout_redirect_uri", partyGoodbye))
	})
}

// A form of another site brings no SameSite cookies: the browser has to come again.
func TestLogoutByPost(t *testing.T) {
	s, p, hint := withParty(t)
	form := encodeForm([]string{"id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye, "state", "x"})
	a := s.person(t).do(http.MethodPost, "/oauth2/logout", form, "Origin: https://party.example", "Sec-Fetch-Site: cross-site")
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	require.Empty(t, a.header.Values("Set-Cookie"), "it would take the place of what the browser has")
	location := a.header.Get("Location")
	require.True(t, strings.HasPrefix(location, "/logout?request="), location)
	require.NotContains(t, location, hint)
	requireRedirect(t, partyGoodbye+"&state=x", p.get(location))
	p.requireOut()

	requirePage(t, http.StatusBadRequest, errorElement, s.person(t).do(http.MethodPost, "/oauth2/logout", form+"&state=y"))
	requirePage(t, http.StatusBadRequest, errorElement, s.person(t).get("/oauth2/logout", "state", strings.Repeat("x", 3000)))
}

func TestLogoutPage(t *testing.T) {
	t.Run("asks, and signs out", func(t *testing.T) {
		_, p, _ := withParty(t)
		a := p.get("/logout")
		requirePage(t, http.StatusOK, confirmButton, a)
		p.requireIn()
		requirePage(t, http.StatusOK, loggedOut, p.submit(a, "action", "confirm"))
		p.requireOut()
		requirePage(t, http.StatusOK, loggedOut, p.get("/logout"))
	})
	t.Run("WEB-03: a form that is not ours does nothing", func(t *testing.T) {
		s, p, _ := withParty(t)
		page := p.get("/logout")
		stranger := inputTag.FindStringSubmatch(s.person(t).get("/login").body)
		for name, fields := range map[string][]string{"no token": nil, "token of another browser": {"form_token", stranger[2]}} {
			a := p.do(http.MethodPost, "/logout", encodeForm(append(fields, "action", "confirm")), "Origin: "+s.URL)
			require.Equal(t, http.StatusForbidden, a.status, name)
			requirePage(t, http.StatusForbidden, errorElement, a)
		}
		token := inputTag.FindStringSubmatch(page.body)
		a := p.do(http.MethodPost, "/logout", encodeForm([]string{"form_token", token[2]}), "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
		requirePage(t, http.StatusForbidden, errorElement, a)
		p.requireIn()
	})
	t.Run("a request on its way that is damaged or too old leads nowhere, but out", func(t *testing.T) {
		s, p, hint := withParty(t)
		a := s.person(t).do(http.MethodPost, "/oauth2/logout", encodeForm([]string{"id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye}))
		location := a.header.Get("Location")
		requirePage(t, http.StatusOK, confirmButton, p.get(location[:len(location)-2]+"AA"))
		s.clock.move(time.Hour)
		page := p.get(location)
		requirePage(t, http.StatusOK, confirmButton, page)
		requirePage(t, http.StatusOK, loggedOut, p.submit(page, "action", "confirm"))
		p.requireOut()
	})
	t.Run("WEB-07: behind it nothing is left", func(t *testing.T) {
		_, p, hint := withParty(t)
		old := maps.Clone(p.cookies)
		p.get("/oauth2/logout", "id_token_hint", hint)
		p.cookies = old
		p.requireOut()
	})
}

func TestLGO_01_LogoutThatNobodyProved(t *testing.T) {
	s, p, hint := withParty(t)
	s.addParty("other", func(c *provider.Client) { c.PostLogoutRedirectURIs = []string{"https://other.example/"} })
	requirePage(t, http.StatusOK, confirmButton, p.get("/oauth2/logout"))
	p.requireIn()
	a := p.do(http.MethodGet, "/oauth2/logout", "", "Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors", "Accept: image/*")
	requirePage(t, http.StatusOK, confirmButton, a)
	p.requireIn()
	requirePage(t, http.StatusBadRequest, errorElement, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", "https://other.example/"))
	p.requireIn()
	requirePage(t, http.StatusOK, confirmButton, p.get("/oauth2/logout", "id_token_hint", forgedHints(t, hint)["alg none"], "post_logout_redirect_uri", partyGoodbye))
	p.requireIn()
}

func TestLogoutEndsWhatWasGrantedInTheSession(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addParty(party)
		p, elsewhere := s.person(t), s.person(t)
		p.logIn()
		elsewhere.logIn()
		online, offline, other := p.use(party, "openid"), p.use(party, "openid offline_access"), elsewhere.use(party, "openid")
		pending := p.authorize(party, "openid").Get("code")
		require.NotEmpty(t, pending)
		p.get("/oauth2/logout", "id_token_hint", online.text(t, "id_token"))

		s.requireDead(t, online.text(t, "access_token"))
		s.requireAlive(t, offline.text(t, "access_token"))
		s.requireAlive(t, other.text(t, "access_token"))
		refresh := func(a answer) answer {
			return s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", a.text(t, "refresh_token")}, basic(party, serviceSecret))
		}
		requireRefused(t, http.StatusBadRequest, "invalid_grant", refresh(online))
		require.Equal(t, http.StatusOK, refresh(offline).status, "Back-Channel Logout §2.7")
		require.Equal(t, http.StatusOK, refresh(other).status)
		requireRefused(t, http.StatusBadRequest, "invalid_grant", p.do(http.MethodPost, "/oauth2/token", encodeForm([]string{
			"grant_type", "authorization_code", "code", pending, "redirect_uri", partyCallback,
		}), basic(party, serviceSecret)))
		elsewhere.requireIn()

		require.NoError(t, s.engine.EndAllSessions(t.Context(), s.user.ID))
		elsewhere.requireOut()
		for name, a := range map[string]answer{"offline": offline, "other": other} {
			s.requireDead(t, a.text(t, "access_token"))
			require.Equal(t, http.StatusBadRequest, refresh(a).status, name)
		}
		left, err := s.sessions.LoginSessionsOfUser(t.Context(), s.user.ID)
		require.NoError(t, err)
		require.Empty(t, left)
		elsewhere.logIn()
		elsewhere.requireIn()
	})
}

// receiver is a client's server, which keeps what it is told.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
	// answer replaces the answer 200, by the number of the request.
	answer func(w http.ResponseWriter, r *http.Request, number int)
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, number int)) *receiver {
	t.Helper()
	re := &receiver{answer: answer}
	re.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		re.mu.Lock()
		re.heard = append(re.heard, r.Method+" "+r.Header.Get("Content-Type")+" "+r.URL.RequestURI()+" "+string(body))
		number := len(re.heard)
		re.mu.Unlock()
		if re.answer != nil {
			re.answer(w, r, number)
		}
	}))
	re.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	t.Cleanup(re.Close)
	return re
}

func (re *receiver) requests() []string {
	re.mu.Lock()
	defer re.mu.Unlock()
	return slices.Clone(re.heard)
}

// waitFor returns the requests once there are n.
func (re *receiver) waitFor(t *testing.T, n int) []string {
	t.Helper()
	require.Eventually(t, func() bool { return len(re.requests()) >= n }, 10*time.Second, 5*time.Millisecond)
	return re.requests()
}

// outcomes counts what came of attempts.
type outcomes struct {
	mu     sync.Mutex
	counts map[outbox.Outcome]int
}

func (o *outcomes) of(outcome outbox.Outcome) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[outcome]
}

// tellClients runs the worker that tells clients of logouts. Its way out trusts the receivers, and reaches this
// machine if allowed.
func (s *testServer) tellClients(t *testing.T, loopback bool, receivers ...*receiver) *outcomes {
	t.Helper()
	options := outbound.Options{RootCAs: x509.NewCertPool(), Timeout: 2 * time.Second}
	for _, re := range receivers {
		options.RootCAs.AddCert(re.Certificate())
	}
	if loopback {
		options.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	counted := &outcomes{counts: map[outbox.Outcome]int{}}
	worker := &oidc.NoticeWorker{
		Engine: s.engine, Poster: outbound.New(options), Timeout: 3 * time.Second, Log: slog.New(slog.NewTextHandler(s.logs, nil)),
		Count: func(outcome outbox.Outcome) {
			counted.mu.Lock()
			defer counted.mu.Unlock()
			counted.counts[outcome]++
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); worker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return counted
}

func TestBackChannelLogout(t *testing.T) {
	t.Run("oidcc-backchannel-logout-discovery-endpoint-verification", func(t *testing.T) {
		metadata := newTestServer(t).do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
		require.Equal(t, true, metadata["backchannel_logout_supported"])
		require.Equal(t, true, metadata["backchannel_logout_session_supported"])
	})
	t.Run("oidcc-backchannel-rp-initiated-logout", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, s *testServer) {
			first, second, unused := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
			s.addParty(party, func(c *provider.Client) { c.BackchannelLogoutURI = first.URL + "/hear?of=logout" })
			s.addParty("second", func(c *provider.Client) {
				c.BackchannelLogoutURI, c.IDTokenSignedResponseAlg = second.URL+"/", "ES256"
			})
			s.addParty("unused", func(c *provider.Client) { c.BackchannelLogoutURI = unused.URL })
			counted := s.tellClients(t, true, first, second, unused)
			p := s.person(t)
			p.logIn()
			hint := p.use(party, "openid").text(t, "id_token")
			p.use(party, "openid")
			p.use("second", "openid")
			requireRedirect(t, partyGoodbye+"&state=x", p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye, "state", "x"))

			for _, told := range []struct {
				re                       *receiver
				clientID, uri, algorithm string
			}{{first, party, "/hear?of=logout", "RS256"}, {second, "second", "/", "ES256"}} {
				requests := told.re.waitFor(t, 1)
				token, ok := strings.CutPrefix(requests[0], "POST application/x-www-form-urlencoded "+told.uri+" logout_token=")
				require.True(t, ok, requests[0])
				require.NotContains(t, token, "&", "and nothing else")
				header, _, err := s.ring.Verify(token)
				require.NoError(t, err)
				require.Equal(t, "logout+jwt", header.Type)
				require.Equal(t, told.algorithm, header.Algorithm)
				claims := claimsOf(t, token)
				require.Equal(t, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}, slices.Sorted(maps.Keys(claims)), "no nonce among them")
				require.Equal(t, s.URL, claims["iss"])
				require.Equal(t, told.clientID, claims["aud"])
				require.Equal(t, s.user.Subject, claims["sub"])
				require.Equal(t, claimsOf(t, hint)["sid"], claims["sid"])
				require.NotEmpty(t, claims["jti"])
				require.InDelta(t, s.clock.now().Unix(), claims["iat"], 10)
				require.InDelta(t, claims["iat"], claims["exp"], 120)
				require.Greater(t, claims["exp"], claims["iat"])
				require.Equal(t, map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}, claims["events"])
				requirePage(t, http.StatusOK, loggedOut, p.get("/oauth2/logout", "id_token_hint", token, "post_logout_redirect_uri", partyGoodbye)) // it is no hint
			}
			require.Eventually(t, func() bool { return counted.of(outbox.Delivered) == 2 }, 10*time.Second, 5*time.Millisecond)
			require.Len(t, first.requests(), 1, "one for each client, however often it asked")
			require.Empty(t, unused.requests())
			require.Contains(t, s.logs.String(), "client_id=second")
			require.NotContains(t, s.logs.String(), "eyJ", "no token in the log")
		})
	})
	t.Run("a session that is ended in another way is told of too", func(t *testing.T) {
		re := newReceiver(t, nil)
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		s.tellClients(t, true, re)
		requirePage(t, http.StatusOK, loggedOut, p.submit(p.get("/logout"), "action", "confirm"))
		re.waitFor(t, 1)
		p.logIn()
		again := p.use(party, "openid").text(t, "id_token")
		require.NotEqual(t, claimsOf(t, hint)["sid"], claimsOf(t, again)["sid"])
		require.NoError(t, s.engine.EndAllSessions(t.Context(), s.user.ID))
		_, token, _ := strings.Cut(re.waitFor(t, 2)[1], "logout_token=")
		require.Equal(t, claimsOf(t, again)["sid"], claimsOf(t, token)["sid"])
	})
	t.Run("a new password tells of every session", func(t *testing.T) {
		re := newReceiver(t, nil)
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		s.tellClients(t, true, re)
		in := s.json(login, object{"email": email, "password": password}).text(t, "access_token")
		require.Equal(t, http.StatusOK, s.json(passwordChange, object{
			"old_password": password, "new_password1": renewed, "new_password2": renewed,
		}, bearer(in)).status)
		_, token, _ := strings.Cut(re.waitFor(t, 1)[0], "logout_token=")
		require.Equal(t, claimsOf(t, hint)["sid"], claimsOf(t, token)["sid"])
		p.requireOut()
	})
}

func TestLGO_02_BackChannelLogoutToABadServer(t *testing.T) {
	signOut := func(t *testing.T, p *person, hint string) {
		t.Helper()
		begun := time.Now()
		requireRedirect(t, partyGoodbye, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		require.Less(t, time.Since(begun), time.Second)
		p.requireOut()
	}
	t.Run("one that hangs is tried again", func(t *testing.T) {
		re := newReceiver(t, func(_ http.ResponseWriter, r *http.Request, number int) {
			if number == 1 {
				<-r.Context().Done()
			}
		})
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		counted := s.tellClients(t, true, re)
		signOut(t, p, hint)
		requests := re.waitFor(t, 2)
		require.NotEqual(t, requests[0], requests[1], "each attempt has a token of its own")
		require.Eventually(t, func() bool { return counted.of(outbox.Delivered) == 1 }, 10*time.Second, 5*time.Millisecond)
		require.Equal(t, 1, counted.of(outbox.Deferred))
	})
	t.Run("one that fails is tried again", func(t *testing.T) {
		re := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, number int) {
			if number == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		s.tellClients(t, true, re)
		signOut(t, p, hint)
		re.waitFor(t, 2)
	})
	t.Run("one that redirects is not followed", func(t *testing.T) {
		inside := newReceiver(t, nil)
		re := newReceiver(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		})
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		counted := s.tellClients(t, true, re, inside)
		signOut(t, p, hint)
		require.Eventually(t, func() bool { return counted.of(outbox.Deferred) >= 1 }, 10*time.Second, 5*time.Millisecond)
		require.Empty(t, inside.requests())
	})
	t.Run("one of the inside is not reached, and given up", func(t *testing.T) {
		re := newReceiver(t, nil)
		s, p, hint := withParty(t, func(c *provider.Client) { c.BackchannelLogoutURI = re.URL })
		counted := s.tellClients(t, false, re)
		signOut(t, p, hint)
		require.Eventually(t, func() bool { return counted.of(outbox.Dead) == 1 }, 10*time.Second, 5*time.Millisecond)
		require.Empty(t, re.requests())
		require.Regexp(t, `level=ERROR msg="client not told of a logout, given up" .*client_id=party.*forbidden target`, s.logs.String())
	})
}

func TestFrontChannelLogout(t *testing.T) {
	t.Run("oidcc-frontchannel-logout-discovery-endpoint-verification", func(t *testing.T) {
		metadata := newTestServer(t).do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
		require.Equal(t, true, metadata["frontchannel_logout_supported"])
		require.Equal(t, true, metadata["frontchannel_logout_session_supported"])
	})
	t.Run("oidcc-frontchannel-rp-initiated-logout", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, s *testServer) {
			s.addParty(party, func(c *provider.Client) { c.FrontchannelLogoutURI = "https://party.example:8443/hear?of=logout" })
			s.addParty("second", func(c *provider.Client) {
				c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = "https://second.example/hear", true
			})
			s.addParty("unused", func(c *provider.Client) { c.FrontchannelLogoutURI = "https://unused.example/hear" })
			s.addParty("odd", func(c *provider.Client) { c.FrontchannelLogoutURI = "javascript:alert(1)" })
			p := s.person(t)
			p.logIn()
			hint := p.use(party, "openid").text(t, "id_token")
			p.use("second", "openid")
			p.use("odd", "openid")
			a := p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye, "state", "a&b")
			requirePage(t, http.StatusOK, loggedOut, a)
			iss, sid := url.QueryEscape(s.URL), claimsOf(t, hint)["sid"].(string)
			var frames []string
			for _, frame := range frameTag.FindAllStringSubmatch(a.body, -1) {
				frames = append(frames, html.UnescapeString(frame[1]))
			}
			require.ElementsMatch(t, []string{
				"https://party.example:8443/hear?of=logout&iss=" + iss + "&sid=" + sid, "https://second.example/hear?iss=" + iss + "&sid=" + sid,
			}, frames)
			require.Regexp(t, `; frame-src (https://party\.example:8443 https://second\.example|https://second\.example https://party\.example:8443)$`, a.header.Get("Content-Security-Policy"))
			require.Equal(t, "2; url="+partyGoodbye+"&state=a%26b", a.header.Get("Refresh"))
			require.Contains(t, a.body, `href="`+html.EscapeString(partyGoodbye+"&state=a%26b")+`"`)
			p.requireOut()

			requireRedirect(t, partyGoodbye, p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye))
		})
	})
	t.Run("from the page that asks", func(t *testing.T) {
		_, p, _ := withParty(t, func(c *provider.Client) { c.FrontchannelLogoutURI = "https://party.example/hear" })
		a := p.submit(p.get("/logout"), "action", "confirm")
		requirePage(t, http.StatusOK, loggedOut, a)
		require.Len(t, frameTag.FindAllString(a.body, -1), 1)
		require.Empty(t, a.header.Get("Refresh"))
	})
}

func TestLogoutWhileAStoreIsDown(t *testing.T) {
	s, p, hint := withParty(t)
	require.NoError(t, s.database.Close())
	a := p.get("/oauth2/logout", "id_token_hint", hint, "post_logout_redirect_uri", partyGoodbye)
	require.Contains(t, []int{http.StatusInternalServerError, http.StatusServiceUnavailable}, a.status)
	require.Contains(t, a.body, errorElement)
	require.Empty(t, a.header.Get("Location"))
	require.Contains(t, p.cookies, "signet-session", "who is told of an error can try again")
}
