package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// requirePage says that an answer is our error page, and leads nowhere.
func requireErrorPage(t *testing.T, p page, status int, code string) {
	t.Helper()
	require.Equal(t, status, p.status, p.body)
	require.Empty(t, p.header.Get("Location"))
	require.True(t, p.has("error-page"), p.body)
	require.Equal(t, code, text(p.find("error-code")))
	require.NotEmpty(t, text(p.find("error-description")))
	require.Contains(t, p.body, p.header.Get("X-Request-Id"))
}

// requireError says that a request is answered with an error at the client.
func (b *browser) requireError(r request, p page, code string) {
	b.t.Helper()
	params := b.arrived(p, r)
	require.Equal(b.t, code, params.Get("error"), params)
	for name := range params {
		require.Contains(b.t, []string{"error", "error_description", "state", "iss"}, name)
	}
	for _, c := range params.Get("error_description") {
		require.True(b.t, c >= 0x20 && c <= 0x7e && c != '"' && c != '\\')
	}
}

func newSignInServer(t *testing.T, configure ...func(*setup)) *testServer {
	t.Helper()
	s := newTestServer(t, configure...)
	s.addWebClients()
	return s
}

func TestAUZ01UnknownClientsAndRedirectURIsAreShownAPage(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for _, prompt := range []string{"", "none"} {
		requireErrorPage(t, b.open(newRequest("nobody", webappCB, "prompt", prompt).path()), http.StatusBadRequest, "invalid_client")
		requireErrorPage(t, b.open(newRequest("", webappCB, "prompt", prompt).path()), http.StatusBadRequest, "invalid_client")
		requireErrorPage(t, b.open(newRequest(webapp, "https://evil.example/callback", "prompt", prompt).path()), http.StatusBadRequest, "invalid_request")
		requireErrorPage(t, b.open(newRequest(webapp, webappCB, "redirect_uri", "", "prompt", prompt).path()), http.StatusBadRequest, "invalid_request") // RUR-05
	}
	s.changeClient(webapp, func(c *provider.Client) { c.Disabled = true })
	requireErrorPage(t, b.open(newRequest(webapp, webappCB).path()), http.StatusBadRequest, "invalid_client")
}

func TestAUZ02OtherResponseTypesAreRefused(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for _, responseType := range []string{"token", "id_token", "code id_token", "none", "CODE"} {
		r := newRequest(webapp, webappCB, "response_type", responseType)
		if strings.Contains(responseType, "token") {
			require.Equal(t, "unsupported_response_type", b.fragment(b.open(r.path()), r).Get("error"), responseType)
			continue
		}
		b.requireError(r, b.open(r.path()), "unsupported_response_type")
	}
	r := newRequest(webapp, webappCB, "response_type", "")
	b.requireError(r, b.open(r.path()), "invalid_request")
	s.changeClient(webapp, func(c *provider.Client) { c.ResponseTypes = nil })
	r = newRequest(webapp, webappCB)
	b.requireError(r, b.open(r.path()), "unauthorized_client")

	// What is added to a request on its way back changes nothing: it was sealed when it was checked.
	login := b.open(newRequest(firstParty, webappCB).path())
	interaction := login.url.Query().Get("interaction")
	p := b.open("/oauth2/authorize?response_type=token&redirect_uri=https://evil.example&interaction=" + url.QueryEscape(interaction))
	require.True(t, p.has("login-form"))
}

func TestAUZ04PromptsAndAges(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(webapp, webappCB, "prompt", "none")
		b.requireError(r, b.open(r.path()), "login_required")
		require.NotEmpty(t, b.signIn(newRequest(firstParty, webappCB)).Get("code"))
		b.requireError(r, b.open(r.path()), "consent_required")

		for _, pairs := range [][]string{{"max_age", "0"}, {"prompt", "login"}, {"prompt", "select_account"}} {
			s.clock.move(2 * time.Second)
			before := s.clock.now()
			r := newRequest(firstParty, webappCB, pairs...)
			p := b.open(r.path())
			require.True(t, p.has("login-form"), "%v", pairs)

			canceled := b.submit(p, "login-cancel")
			b.requireError(r, canceled, "access_denied")
			silent := newRequest(firstParty, webappCB, "prompt", "none")
			require.NotEmpty(t, b.arrived(b.open(silent.path()), silent).Get("code"), "who does not sign in again stays signed in")

			a := s.redeem(r, b.arrived(b.login(b.open(r.path())), r).Get("code"))
			require.Equal(t, http.StatusOK, a.status, a.body)
			claims := answer{body: string(decodeSegment(t, a.text(t, "id_token"), 1))}.fields(t)
			require.GreaterOrEqual(t, claims["auth_time"], float64(before.Unix()), "%v", pairs)
		}
		for _, pairs := range [][]string{{"prompt", "none login"}, {"prompt", "later"}, {"max_age", "-1"}, {"max_age", "soon"}, {"response_mode", "web_message"}, {"scope", "openid admin"}} {
			r := newRequest(webapp, webappCB, pairs...)
			code := "invalid_request"
			if pairs[0] == "scope" {
				code = "invalid_scope"
			}
			b.requireError(r, b.open(r.path()), code)
		}
	})
}

func TestAUZ05RepeatedParameters(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	r := newRequest(webapp, webappCB)
	requireErrorPage(t, b.open(r.path()+"&client_id=first"), http.StatusBadRequest, "invalid_request")
	requireErrorPage(t, b.open(r.path()+"&redirect_uri="+url.QueryEscape(webappCB)), http.StatusBadRequest, "invalid_request")
	b.requireError(r, b.open(r.path()+"&scope=openid"), "invalid_request")
	b.requireError(r, b.open(r.path()+"&nonce=2"), "invalid_request")
	p := b.open(r.path() + "&state=2")
	require.Equal(t, "invalid_request", p.url.Query().Get("error"))
	require.False(t, p.url.Query().Has("state"), "which of them?")
}

func TestAUZ06ASignInIsFinishedInTheBrowserThatBeganIt(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		attacker, victim := s.newBrowser(t), s.newBrowser(t)
		require.NotEmpty(t, victim.signIn(newRequest(firstParty, webappCB)).Get("code"))

		// The attacker's link in the victim's browser.
		login := attacker.open(newRequest(webapp, webappCB).path())
		for _, path := range []string{login.url.RequestURI(), "/oauth2/authorize?" + login.url.RawQuery, "/consent?" + login.url.RawQuery} {
			requireErrorPage(t, victim.open(path), http.StatusForbidden, "access_denied")
		}
		// The victim's consent page in the attacker's browser.
		consent := victim.open(newRequest(webapp, webappCB).path())
		require.True(t, consent.has("consent-form"))
		requireErrorPage(t, attacker.open(consent.url.RequestURI()), http.StatusForbidden, "access_denied")
		path, body := victim.filled(consent, "consent-accept")
		a := attacker.send(http.MethodPost, path, body, "Origin: "+s.URL)
		require.Equal(t, http.StatusForbidden, a.status)

		// A guessed or damaged handle.
		handle := login.url.Query().Get("interaction")
		for _, damaged := range []string{"x", ".x", handle + "A", handle[:len(handle)-2], strings.ToUpper(handle)} {
			p := attacker.open("/login?interaction=" + url.QueryEscape(damaged))
			require.Equal(t, http.StatusBadRequest, p.status, damaged)
		}
		s.clock.move(31 * time.Minute)
		requireErrorPage(t, attacker.open(login.url.RequestURI()), http.StatusBadRequest, "invalid_request")
	})
}

func TestAUZ07ApprovingTwiceGivesOneCode(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(webapp, webappCB)
		consent := b.login(b.open(r.path()))
		path, body := b.filled(consent, "consent-accept")
		approved := b.send(http.MethodPost, path, body, "Origin: "+s.URL)
		require.Equal(t, http.StatusSeeOther, approved.status)
		back := approved.header.Get("Location")
		answers := race(10, func(int) answer { return b.send(http.MethodGet, back, "") })
		codes := 0
		for _, a := range answers {
			if a.status == http.StatusSeeOther {
				require.Contains(t, a.header.Get("Location"), "code=")
				codes++
				continue
			}
			require.Equal(t, http.StatusBadRequest, a.status, a.body)
		}
		require.Equal(t, 1, codes)
		again := b.follow(b.send(http.MethodPost, path, body, "Origin: "+s.URL), path) // the back button
		requireErrorPage(t, again, http.StatusBadRequest, "invalid_request")
	})
}

func TestAUZ08ConsentIsForWhatWasAskedFor(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	r := newRequest(webapp, webappCB, "scope", "openid email")
	consent := b.login(b.open(r.path()))
	p := b.submit(consent, "consent-accept", "scope", "openid email profile offline_access", "client_id", firstParty, "scopes", "profile")
	a := s.redeem(r, b.arrived(p, r).Get("code"))
	require.Equal(t, "openid email", a.text(t, "scope"), a.body)

	denied := newRequest(webapp, webappCB, "scope", "openid profile")
	b.requireError(denied, b.submit(b.open(denied.path()), "consent-deny"), "access_denied")
	ask := newRequest(webapp, webappCB, "scope", "openid profile", "prompt", "none")
	b.requireError(ask, b.open(ask.path()), "consent_required")
}

func TestAUZ10NothingOfARequestIsMarkup(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for _, hostile := range []string{`"><script>alert(1)</script>`, "a\r\nSet-Cookie: x=1", "'\"&<>`", strings.Repeat("s", 1500), "ünïcode 한국어 \U0001F600"} {
		r := newRequest(firstParty, webappCB, "state", hostile)
		require.NotEmpty(t, b.signIn(r).Get("code"), "the state comes back as it was")

		form := newRequest(firstParty, webappCB, "state", hostile, "response_mode", "form_post")
		p := b.open(form.path())
		require.True(t, p.has("form-post"), p.body)
		require.Equal(t, webappCB, attribute(p.find("form-post"), "action"))
		require.NotContains(t, p.body, "<script>alert")
		found := false
		for n := range p.doc.Descendants() {
			found = found || (n.Data == "input" && attribute(n, "name") == "state" && strings.ReplaceAll(attribute(n, "value"), "\r\n", "\n") == strings.ReplaceAll(hostile, "\r\n", "\n"))
		}
		require.True(t, found, p.body)

		for _, name := range []string{"client_id", "redirect_uri", "scope", "interaction", "login_hint", "ui_locales"} {
			p := b.open(newRequest(webapp, webappCB, name, hostile, "prompt", "login").path())
			require.Less(t, p.status, 500, name)
			require.NotContains(t, p.body, "<script>alert")
			require.Empty(t, p.header.Get("X"), name)
		}
	}
	long := newRequest(firstParty, webappCB, "state", strings.Repeat("s", 9000))
	require.Equal(t, http.StatusRequestURITooLong, b.open(long.path()).status)
	posted := b.follow(b.send(http.MethodPost, "/oauth2/authorize", long.Encode()), "/oauth2/authorize")
	require.NotEmpty(t, b.arrived(posted, long).Get("code"), "by POST a state may be longer than a URL")
}

func TestAUZ11AfterAPostBrowsersGoOnByGet(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	p := b.open(newRequest(webapp, webappCB).path())
	path, body := b.filled(p, "login-submit", "username", email, "password", password)
	require.Equal(t, http.StatusSeeOther, b.send(http.MethodPost, path, body, "Origin: "+s.URL).status)
}

func TestRUR01To03RedirectURIsAreComparedByteForByte(t *testing.T) {
	s := newSignInServer(t)
	s.changeClient(webapp, func(c *provider.Client) { c.RedirectURIs = []string{"https://app.example/cb"} })
	b := s.newBrowser(t)
	for _, uri := range []string{
		"https://app.example/cb/", "https://app.example/cb?x", "https://app.example/CB", "HTTPS://app.example/cb", "https://APP.example/cb", "https://app.example:443/cb",
		"https://app.example/x/../cb", "https://app.example/%63b", "https://app.example/cb%2f..", "https://app.example/cb/..;/x", " https://app.example/cb", "\thttps://app.example/cb",
		"https://app.example@evil/cb", "https://u@app.example/cb", `https://app.example\@evil`, "https://app.example.evil/cb", "https://appXexample/cb",
		"https://app.example/cb#", "https://app.example/cb#f", "javascript:alert(1)", "data:text/html,x", "http://app.example/cb",
	} {
		requireErrorPage(t, b.open(newRequest(webapp, uri).path()), http.StatusBadRequest, "invalid_request")
	}
	require.True(t, b.open(newRequest(webapp, "https://app.example/cb").path()).has("login-form"))
}

func TestRUR04LoopbackPortsAreFree(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for _, uri := range []string{"http://127.0.0.1/cb", "http://127.0.0.1:5555/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb", "http://[::1]:4000/cb", "com.example.app:/cb"} {
		require.True(t, b.open(newRequest(nativeApp, uri).path()).has("login-form"), uri)
	}
	for _, uri := range []string{
		"https://127.0.0.1/cb", "https://127.0.0.1:5555/cb", "http://evil@127.0.0.1:5555/cb", "http://127.0.0.1:5555/%63b", "http://localhost:5555/cb", "http://127.0.0.2:5555/cb",
		"http://127.0.0.1:0/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:+80/cb", "http://127.0.0.1:080/cb", "http://2130706433/cb", "http://127.0.0.1:80@evil/cb",
		"http://127.0.0.1:5555/cb?x", "http://127.0.0.1:5555/cb#", "http://127.0.0.1.evil/cb", "com.example.app:/cb/", "com.example.app:/other", "http://[::1]:4000@evil/cb",
	} {
		requireErrorPage(t, b.open(newRequest(nativeApp, uri).path()), http.StatusBadRequest, "invalid_request")
	}
}

func TestPKC01AChallengeIsNeeded(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for _, client := range []string{webapp, firstParty, nativeApp} {
		uri := webappCB
		if client == nativeApp {
			uri = "com.example.app:/cb"
		}
		for _, pairs := range [][]string{
			{"code_challenge", "", "code_challenge_method", ""},
			{"code_challenge_method", "plain"},
			{"code_challenge_method", ""},
			{"code_challenge", ""},
			{"code_challenge", "short"},
			{"code_challenge", strings.Repeat("=", 43)},
			{"code_challenge_method", "s256"},
		} {
			r := newRequest(client, uri, pairs...)
			p := b.open(r.path())
			require.Nil(t, p.doc, "%s %v", client, pairs)
			require.Equal(t, "invalid_request", p.url.Query().Get("error"))
		}
	}
	s.changeClient(nativeApp, func(c *provider.Client) { c.PKCEOptional = true })
	p := b.open(newRequest(nativeApp, "com.example.app:/cb", "code_challenge", "", "code_challenge_method", "").path())
	require.Equal(t, "invalid_request", p.url.Query().Get("error"), "a public client cannot go without")
}

func TestPKC02To04AWrongVerifierSpendsTheCode(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		right := func(r request) string { return r.verifier }
		for _, wrong := range map[string]func(r request) string{
			"wrong":        func(request) string { return strings.Repeat("w", 43) },
			"absent":       func(request) string { return "" },
			"short":        func(r request) string { return r.verifier[:42] },
			"long":         func(r request) string { return r.verifier + strings.Repeat("a", 129) },
			"bad alphabet": func(r request) string { return r.verifier + "=" },
			"challenge":    func(r request) string { return r.Get("code_challenge") },
		} {
			r := newRequest(firstParty, webappCB)
			code := b.signIn(r).Get("code")
			for _, verifier := range []func(request) string{wrong, right, func(request) string { return "" }} {
				form := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", webappCB}
				if v := verifier(r); v != "" {
					form = append(form, "code_verifier", v)
				}
				a := s.form("/oauth2/token", form, basic(firstParty, serviceSecret))
				requireRefused(t, http.StatusBadRequest, "invalid_grant", a)
			}
		}
		// A verifier for a code that has no challenge.
		r := newRequest(certified, certifiedCB, "code_challenge", "", "code_challenge_method", "")
		code := b.signIn(r).Get("code")
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code, "code_verifier", r.verifier))
		r = newRequest(certified, certifiedCB, "code_challenge", "", "code_challenge_method", "")
		require.Equal(t, http.StatusOK, s.redeem(r, b.signIn(r).Get("code")).status)
	})
}

func TestTOK01To03Codes(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		fresh := func() (request, string) {
			r := newRequest(firstParty, webappCB, "scope", "openid offline_access")
			return r, b.signIn(r).Get("code")
		}
		t.Run("TOK-01: used twice, later", func(t *testing.T) {
			r, code := fresh()
			first := s.redeem(r, code)
			require.Equal(t, http.StatusOK, first.status, first.body)
			s.clock.move(30 * time.Second)
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
			s.requireDead(t, first.text(t, "access_token"))
			s.requireDead(t, first.text(t, "refresh_token"))
		})
		t.Run("TOK-02: twenty at once, and again", func(t *testing.T) {
			r, code := fresh()
			answers := race(20, func(int) answer { return s.redeem(r, code) })
			won := slices.IndexFunc(answers, func(a answer) bool { return a.status == http.StatusOK })
			require.GreaterOrEqual(t, won, 0)
			for i, a := range answers {
				if i != won {
					requireRefused(t, http.StatusBadRequest, "invalid_grant", a)
				}
			}
			s.requireAlive(t, answers[won].text(t, "access_token"))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
			s.requireAlive(t, answers[won].text(t, "refresh_token"))
		})
		t.Run("TOK-03: of another client, for another redirect URI, too late", func(t *testing.T) {
			r, code := fresh()
			stolen := request{url.Values{"client_id": {webapp}, "redirect_uri": {webappCB}, "code_challenge": {"x"}}, r.verifier}
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(stolen, code))
			require.Equal(t, http.StatusOK, s.redeem(r, code).status, "a stranger's try spends nothing")

			r, code = fresh()
			r.Set("redirect_uri", "https://app.example/cb?registered=1")
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))

			r, code = fresh()
			s.clock.move(61 * time.Second)
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
		})
		t.Run("TOK-09: after the user was disabled", func(t *testing.T) {
			r, code := fresh()
			s.clock.move(time.Second)
			require.NoError(t, s.accounts.SetActive(t.Context(), s.user.ID, false))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
			require.NoError(t, s.accounts.SetActive(t.Context(), s.user.ID, true))
			require.True(t, b.open(newRequest(firstParty, webappCB).path()).has("login-form"), "signed out")
		})
		t.Run("TOK-15, TOK-16: what is no code", func(t *testing.T) {
			r, code := fresh()
			tokens := s.redeem(r, code)
			r, code = fresh()
			swapped := []byte(code)
			swapped[20] ^= 1
			for _, other := range []string{tokens.text(t, "refresh_token"), tokens.text(t, "access_token"), tokens.text(t, "id_token"), code + "A", code[:len(code)-1], string(swapped), "x"} {
				requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, other))
			}
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", code}, basic(firstParty, serviceSecret)))
			require.Equal(t, http.StatusOK, s.redeem(r, code).status, "none of them changed anything")
		})
	})
}

// AUZ-09: what a client did not sign is not believed, and nothing is fetched that it did not register.
func TestAUZ09RequestObjects(t *testing.T) {
	s := newSignInServer(t)
	key := newKey(t, jose.ES256, "k")
	fetched := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched++ }))
	defer inside.Close()
	s.changeClient(firstParty, func(c *provider.Client) { c.JWKS = keySet(t, key) })
	b := s.newBrowser(t)
	good := func(change object) object {
		claims := object{"iss": firstParty, "aud": s.URL, "client_id": firstParty, "response_type": "code", "redirect_uri": webappCB, "scope": "openid"}
		maps.Copy(claims, change)
		return claims
	}
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	payload, err := json.Marshal(good(nil))
	require.NoError(t, err)
	for _, hostile := range map[string]string{
		"alg none":            encode(`{"alg":"none"}`) + "." + encode(string(payload)) + ".",
		"another's key":       signClaims(t, jose.ES256, newKey(t, jose.ES256, "k"), good(nil)),
		"HS256 by public key": signClaims(t, jose.HS256, []byte(keySet(t, key)), good(nil)),
		"for somebody else":   signClaims(t, jose.ES256, key, good(object{"aud": "https://other.example"})),
		"by somebody else":    signClaims(t, jose.ES256, key, good(object{"iss": webapp})),
		"expired":             signClaims(t, jose.ES256, key, good(object{"exp": s.clock.now().Add(-2 * time.Minute).Unix()})),
		"from the future":     signClaims(t, jose.ES256, key, good(object{"nbf": s.clock.now().Add(2 * time.Minute).Unix()})),
		"another client_id":   signClaims(t, jose.ES256, key, good(object{"client_id": webapp})),
		"an object in it":     signClaims(t, jose.ES256, key, good(object{"request_uri": inside.URL})),
		"a list":              signClaims(t, jose.ES256, key, good(object{"scope": []string{"openid"}})),
		"not JSON":            encode("raw") + "." + encode("raw") + "." + encode("raw"),
		"encrypted":           "a.b.c.d.e",
		"very long":           strings.Repeat("a", 6000),
	} {
		r := newRequest(firstParty, webappCB, "request", hostile)
		b.requireError(r, b.open(r.path()), "invalid_request_object")
	}
	for _, uri := range []string{inside.URL, "http://169.254.169.254/latest", "file:///etc/passwd", "https://app.example/request.jwt"} {
		r := newRequest(firstParty, webappCB, "request_uri", uri)
		b.requireError(r, b.open(r.path()), "invalid_request_uri")
	}
	require.Zero(t, fetched)
	r := newRequest(firstParty, webappCB, "request", "x", "request_uri", "y")
	b.requireError(r, b.open(r.path()), "invalid_request")

	// What is inside wins, also over a redirect URI outside that is not registered.
	signed := newRequest(firstParty, webappCB)
	object := good(object{"state": signed.Get("state"), "code_challenge": signed.Get("code_challenge"), "code_challenge_method": "S256", "max_age": 10})
	p := b.login(b.open("/oauth2/authorize?" + url.Values{
		"client_id": {firstParty}, "response_type": {"code"}, "scope": {"profile"}, "redirect_uri": {"https://evil.example/"}, "state": {"outside"},
		"request": {signClaims(t, jose.ES256, key, object)},
	}.Encode()))
	a := s.redeem(signed, b.arrived(p, signed).Get("code"))
	require.Equal(t, "openid", a.text(t, "scope"), a.body)
}

// OpenID Connect Core §5.5.1: "sub" asked for with a value is answered for that user alone.
func TestASubjectThatIsAskedForIsTheOnlyOne(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	for subject, code := range map[string]string{s.user.Subject: "", "somebody-else": "login_required"} {
		r := newRequest(firstParty, webappCB, "claims", `{"id_token":{"sub":{"value":"`+subject+`"}}}`)
		p := b.open(r.path())
		if p.has("login-form") {
			p = b.login(p)
		}
		require.Equal(t, code, b.arrived(p, r).Get("error"))
	}
	for _, claims := range []string{"x", "[]", `{"id_token":3}`, strings.Repeat("[", 1000)} {
		r := newRequest(firstParty, webappCB, "claims", claims)
		b.requireError(r, b.open(r.path()), "invalid_request")
	}
	r := newRequest(firstParty, webappCB, "claims", `{"id_token":{"acr":{"essential":true,"value":"urn:other"}}}`)
	b.requireError(r, b.open(r.path()), "unmet_authentication_requirements")
}

// A claim that is asked for by name is told to clients that are registered for its scope, and to nobody else.
func TestAClaimByNameOpensNoDoor(t *testing.T) {
	s := newSignInServer(t)
	s.fullUser(t)
	s.changeClient(firstParty, func(c *provider.Client) { c.Scopes = []string{"openid", "profile"} })
	b := s.newBrowser(t)
	r := newRequest(firstParty, webappCB, "claims", `{"userinfo":{"roles":null,"email":{"essential":true},"nickname":null},"id_token":{"groups":null,"gender":null}}`)
	a := s.redeem(r, b.signIn(r).Get("code"))
	told := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token"))).fields(t)
	require.Equal(t, map[string]any{"sub": s.user.Subject, "nickname": "Ada"}, told)
	claims := answer{body: string(decodeSegment(t, a.text(t, "id_token"), 1))}.fields(t)
	require.Equal(t, "female", claims["gender"])
	require.NotContains(t, claims, "groups")
}

// A short-lived store that comes back with old data revives no login session.
func TestASignedOutSessionStaysSignedOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		require.NotEmpty(t, b.signIn(newRequest(firstParty, webappCB)).Get("code"))
		sessions, err := s.sessions.LoginSessionsOfUser(t.Context(), s.user.ID)
		require.NoError(t, err)
		require.Len(t, sessions, 1)
		cookies := maps.Clone(b.cookies)
		require.True(t, b.submit(b.open("/logout"), "logout-confirm").has("logged-out"))

		require.NoError(t, s.sessions.CreateLoginSession(t.Context(), sessions[0]))
		b.cookies = cookies
		silent := newRequest(firstParty, webappCB, "prompt", "none")
		b.requireError(silent, b.open(silent.path()), "login_required")
		require.True(t, b.open("/account/profile").has("login-form"))
		require.NotEmpty(t, b.signIn(newRequest(firstParty, webappCB)).Get("code"), "and its owner signs in anew")
	})
}

// AUZ-03, RFC 9207: every answer says who answers, in every mode.
func TestAUZ03EveryAnswerHasTheIssuer(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	issuer := s.do(http.MethodGet, "/.well-known/openid-configuration", "").text(t, "issuer")
	require.NotEmpty(t, b.signIn(newRequest(firstParty, webappCB)).Get("code"))
	for _, pairs := range [][]string{{"scope", "openid"}, {"scope", "admin"}, {"prompt", "later"}, {"code_challenge", ""}} {
		for _, mode := range []string{"query", "fragment", "form_post"} {
			r := newRequest(firstParty, webappCB, append(pairs, "response_mode", mode)...)
			p := b.open(r.path())
			switch mode {
			case "query":
				require.Equal(t, issuer, p.url.Query().Get("iss"))
			case "fragment":
				require.Equal(t, issuer, b.fragment(p, r).Get("iss"))
			default:
				require.Contains(t, p.body, `name="iss" value="`+issuer+`"`)
			}
		}
	}
}

// PKC-05: a code whose record was lost gives nothing, with a verifier or without.
func TestPKC05ALostRecordGivesNoTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(firstParty, webappCB)
		code := b.signIn(r).Get("code")
		grants, err := s.sessions.GrantsOfUser(t.Context(), s.user.ID)
		require.NoError(t, err)
		require.Len(t, grants, 1)
		require.NoError(t, s.sessions.EndGrant(t.Context(), grants[0].ID))
		without := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", webappCB}
		for range 2 {
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.form("/oauth2/token", without, basic(firstParty, serviceSecret)))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
		}
	})
}

// A code that was issued while its user signed out gives nothing, even when the logout did not see its grant.
func TestACodeDiesWithItsLoginSession(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(firstParty, webappCB)
		code := b.signIn(r).Get("code")
		grants, err := s.sessions.GrantsOfUser(t.Context(), s.user.ID)
		require.NoError(t, err)
		require.NoError(t, s.sessions.EndGrant(t.Context(), grants[0].ID)) // not yet written
		require.True(t, b.submit(b.open("/logout"), "logout-confirm").has("logged-out"))
		require.NoError(t, s.sessions.CreateGrant(t.Context(), grants[0]))
		ended, err := s.database.GrantEnded(t.Context(), grants[0].ID)
		require.NoError(t, err)
		require.False(t, ended)
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
	})
}
