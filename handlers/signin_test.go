package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
)

// The clients of people who sign in on pages.
const (
	webapp      = "webapp" // confidential, Basic
	webappCB    = "https://app.example/callback"
	firstParty  = "first"
	nativeApp   = "native" // public, loopback and private-use scheme
	certified   = "certified"
	certifiedCB = "https://suite.example/test/a/signet/callback"
)

// browser is a browser without scripts: it keeps cookies, follows redirects on this server and sends forms.
type browser struct {
	s       *testServer
	t       *testing.T
	cookies map[string]*http.Cookie
}

func (s *testServer) newBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{s, t, map[string]*http.Cookie{}}
}

// page is an answer that a browser shows.
type page struct {
	answer
	url *url.URL
	doc *html.Node
}

// send makes one request with the browser's cookies.
func (b *browser) send(method, path, body string, headers ...string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, b.s.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	for _, c := range b.cookies {
		request.AddCookie(c)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	client := *b.s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	require.NoError(b.t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, response.Body.Close())
	for _, c := range response.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = &http.Cookie{Name: c.Name, Value: c.Value}
		}
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(raw)}
}

// follow goes on from an answer to the page that it leads to: a page of this server, or the URL of another site
// that was not visited.
func (b *browser) follow(a answer, from string) page {
	b.t.Helper()
	at, err := url.Parse(b.s.URL + from)
	require.NoError(b.t, err)
	for range 10 {
		location := a.header.Get("Location")
		if location == "" {
			doc, err := html.Parse(strings.NewReader(a.body))
			require.NoError(b.t, err)
			return page{a, at, doc}
		}
		require.Contains(b.t, []int{http.StatusSeeOther, http.StatusFound, http.StatusMovedPermanently}, a.status, "a POST must not be repeated elsewhere")
		at, err = at.Parse(location)
		require.NoError(b.t, err)
		if at.Scheme+"://"+at.Host != b.s.URL {
			return page{a, at, nil}
		}
		a = b.send(http.MethodGet, at.RequestURI(), "")
	}
	b.t.Fatal("too many redirects")
	return page{}
}

func (b *browser) open(path string) page {
	b.t.Helper()
	return b.follow(b.send(http.MethodGet, path, ""), path)
}

// find returns the element with an id.
func (p page) find(id string) *html.Node {
	if p.doc == nil {
		return nil
	}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func (p page) has(id string) bool { return p.find(id) != nil }

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// submit presses a button, with what is typed into the fields, and goes where it leads.
func (b *browser) submit(p page, button string, typed ...string) page {
	b.t.Helper()
	path, body := b.filled(p, button, typed...)
	return b.follow(b.send(http.MethodPost, path, body, "Origin: "+b.s.URL, "Sec-Fetch-Site: same-origin"), path)
}

// filled is what pressing a button would send.
func (b *browser) filled(p page, button string, typed ...string) (path, body string) {
	b.t.Helper()
	pressed := p.find(button)
	require.NotNil(b.t, pressed, "no %s in %s", button, p.body)
	form := pressed
	for form.Data != "form" {
		form = form.Parent
		require.NotNil(b.t, form, "%s is in no form", button)
	}
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Data == "input" && attribute(n, "name") != "" && attribute(n, "type") != "checkbox" {
			values.Set(attribute(n, "name"), attribute(n, "value"))
		}
	}
	for i := 0; i < len(typed); i += 2 {
		values.Set(typed[i], typed[i+1])
	}
	if name := attribute(pressed, "name"); name != "" {
		values.Set(name, attribute(pressed, "value"))
	}
	action := attribute(form, "action")
	if action == "" {
		action = p.url.RequestURI()
	}
	return action, values.Encode()
}

// request is an authorization request; pairs change or, with "", leave out parameters.
type request struct {
	url.Values
	verifier string
}

func newRequest(clientID, redirectURI string, pairs ...string) request {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	r := request{url.Values{
		"client_id": {clientID}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid"}, "state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}, verifier}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			r.Del(pairs[i])
		} else {
			r.Set(pairs[i], pairs[i+1])
		}
	}
	return r
}

func (r request) path() string { return "/oauth2/authorize?" + r.Encode() }

// login fills the login form in.
func (b *browser) login(p page) page {
	b.t.Helper()
	require.True(b.t, p.has("login-form"), p.body)
	return b.submit(p, "login-submit", "username", email, "password", password)
}

// signIn goes through all pages of a request to the client's redirect URI and returns the answer's parameters.
func (b *browser) signIn(r request) url.Values {
	b.t.Helper()
	p := b.open(r.path())
	if p.has("login-form") {
		p = b.login(p)
	}
	if p.has("consent-form") {
		p = b.submit(p, "consent-accept")
	}
	return b.arrived(p, r)
}

// arrived returns the parameters that a request is answered with at its redirect URI.
func (b *browser) arrived(p page, r request) url.Values {
	b.t.Helper()
	require.Nil(b.t, p.doc, "%s %s", p.url, p.body)
	require.True(b.t, strings.HasPrefix(p.url.String(), r.Get("redirect_uri")), "%s", p.url)
	params := p.url.Query()
	require.Equal(b.t, r.Get("state"), params.Get("state"))
	require.Equal(b.t, b.s.URL, params.Get("iss"), "RFC 9207")
	return params
}

// redeem exchanges a code as the web application.
func (s *testServer) redeem(r request, code string, more ...string) answer {
	s.t.Helper()
	form := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", r.Get("redirect_uri")}
	if r.Has("code_challenge") {
		form = append(form, "code_verifier", r.verifier)
	}
	form = append(form, more...)
	if r.Get("client_id") == nativeApp {
		return s.form("/oauth2/token", append(form, "client_id", nativeApp))
	}
	return s.form("/oauth2/token", form, basic(r.Get("client_id"), serviceSecret))
}

// addWebClients registers the clients of people who sign in on pages.
func (s *testServer) addWebClients() {
	hashed := []provider.SecretHash{{Hash: clientsecrets.Hash(serviceSecret)}}
	grants := []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken}
	scopes := []string{"openid", "profile", "email", "address", "phone", "roles", "groups", "offline_access"}
	s.addClient(provider.Client{
		ID: webapp, Name: "Web App", SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic, GrantTypes: grants,
		ResponseTypes: []string{"code"}, RedirectURIs: []string{webappCB, "https://app.example/cb?registered=1"}, Scopes: scopes,
		LogoURI: "https://app.example/logo.png", PolicyURI: "https://app.example/policy", TermsURI: "https://app.example/tos",
	})
	s.addClient(provider.Client{
		ID: firstParty, Name: "Own", SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic, GrantTypes: grants,
		ResponseTypes: []string{"code"}, RedirectURIs: []string{webappCB}, Scopes: scopes, FirstParty: true,
	})
	s.addClient(provider.Client{
		ID: nativeApp, Name: "Native", TokenEndpointAuthMethod: provider.AuthMethodNone, GrantTypes: grants,
		ResponseTypes: []string{"code"}, RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:80/cb", "com.example.app:/cb"}, Scopes: scopes,
	})
	s.addClient(provider.Client{
		ID: certified, Name: "Suite", SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic, GrantTypes: grants,
		ResponseTypes: []string{"code"}, RedirectURIs: []string{certifiedCB}, Scopes: scopes, PKCEOptional: true,
	})
}

func TestSignIn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(webapp, webappCB, "scope", "openid email offline_access")
		params := b.signIn(r)
		require.NotEmpty(t, params.Get("code"), params)
		a := s.redeem(r, params.Get("code"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.NotEmpty(t, a.text(t, "id_token"))
		require.NotEmpty(t, a.text(t, "refresh_token"))
		require.Contains(t, string(decodeSegment(t, a.text(t, "id_token"), 1)), r.Get("nonce"))
		u := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token")))
		require.Equal(t, email, u.text(t, "email"), u.body)

		// The second time neither password nor consent is asked for.
		again := newRequest(webapp, webappCB, "prompt", "none")
		require.NotEmpty(t, b.arrived(b.open(again.path()), again).Get("code"))
	})
}
