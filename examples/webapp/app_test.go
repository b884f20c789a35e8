package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const clientID = "demo-webapp"

// claims are a payload; change returns one with one of them replaced, or without it if the value is nil.
type claims map[string]any

func (c claims) change(name string, value any) claims {
	c = maps.Clone(c)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

// issuer is an authorization server that says what a test wants it to.
type issuer struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey
	// idToken and userinfo are what it answers; refuses is an error of the token endpoint.
	idToken, userinfo claims
	refuses           string
	// asked is the last request at the token endpoint.
	asked url.Values
}

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mux := http.NewServeMux()
	i := &issuer{Server: httptest.NewServer(mux), t: t, key: key}
	t.Cleanup(i.Close)
	answer := func(path string, body func(r *http.Request) any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if path == "/token" && i.refuses != "" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_ = json.NewEncoder(w).Encode(body(r))
		})
	}
	answer("/.well-known/openid-configuration", func(*http.Request) any {
		return claims{
			"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
			"userinfo_endpoint": i.URL + "/userinfo", "end_session_endpoint": i.URL + "/logout?a=b", "id_token_signing_alg_values_supported": []string{"RS256"},
			"authorization_response_iss_parameter_supported": true,
		}
	})
	answer("/jwks", func(*http.Request) any {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}
	})
	answer("/token", func(r *http.Request) any {
		_ = r.ParseForm()
		if i.asked = r.PostForm; i.refuses != "" {
			return claims{"error": i.refuses}
		}
		return claims{"access_token": "a", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r", "id_token": i.sign("JWT", i.idToken)}
	})
	answer("/userinfo", func(*http.Request) any { return i.userinfo })
	i.idToken = claims{
		"iss": i.URL, "aud": clientID, "sub": "ada", "sid": "s1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	i.userinfo = claims{"sub": "ada", "email": "ada@example.com", "name": "Ada <i>"}
	return i
}

func (i *issuer) sign(typ string, c claims) string {
	i.t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", "k1").WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, options)
	require.NoError(i.t, err)
	payload, err := json.Marshal(c)
	require.NoError(i.t, err)
	signed, err := signer.Sign(payload)
	require.NoError(i.t, err)
	token, err := signed.CompactSerialize()
	require.NoError(i.t, err)
	return token
}

// browser keeps cookies and follows no redirects.
type browser struct {
	t   *testing.T
	app *httptest.Server
	*http.Client
}

func (i *issuer) open() *browser {
	i.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	app, err := newApp(i.t.Context(), i.URL, clientID, "s3cret", "http://"+server.Listener.Addr().String())
	require.NoError(i.t, err)
	server.Config.Handler = app.routes()
	server.Start()
	i.t.Cleanup(server.Close)
	b := &browser{t: i.t, app: server}
	return b.other()
}

// other is another browser at the same application.
func (b *browser) other() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(b.t, err)
	return &browser{t: b.t, app: b.app, Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send returns status, where the answer leads, and the page.
func (b *browser) send(method, path string, form url.Values, header ...string) (int, string, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.app.URL+path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n+1 < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response, err := b.Do(request)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return response.StatusCode, response.Header.Get("Location"), string(page)
}

// begin begins a sign-in and returns the request and the answer to it.
func (b *browser) begin(i *issuer) (asked, answer url.Values) {
	b.t.Helper()
	status, location, _ := b.send(http.MethodGet, "/login", nil)
	require.Equal(b.t, http.StatusSeeOther, status)
	there, err := url.Parse(location)
	require.NoError(b.t, err)
	asked = there.Query()
	i.idToken = i.idToken.change("nonce", asked.Get("nonce"))
	return asked, url.Values{"code": {"c"}, "state": {asked.Get("state")}, "iss": {i.URL}}
}

func (b *browser) signIn(i *issuer) {
	b.t.Helper()
	_, answer := b.begin(i)
	status, location, page := b.send(http.MethodGet, "/callback?"+answer.Encode(), nil)
	require.Equal(b.t, http.StatusSeeOther, status, page)
	require.Equal(b.t, b.app.URL+"/", location)
	require.True(b.t, b.signedIn())
}

func (b *browser) signedIn() bool {
	b.t.Helper()
	_, _, page := b.send(http.MethodGet, "/", nil)
	return strings.Contains(page, `id="email">ada@example.com<`)
}

func TestSignIn(t *testing.T) {
	i := startIssuer(t)
	b := i.open()
	asked, answer := b.begin(i)
	require.Equal(t, []string{"code", clientID, b.app.URL + "/callback", "S256", "openid profile email"}, []string{
		asked.Get("response_type"), asked.Get("client_id"), asked.Get("redirect_uri"), asked.Get("code_challenge_method"), asked.Get("scope"),
	})
	path := "/callback?" + answer.Encode()
	status, _, _ := b.send(http.MethodGet, path, nil)
	require.Equal(t, http.StatusSeeOther, status)
	require.NotEmpty(t, i.asked.Get("code_verifier"))
	require.True(t, b.signedIn())
	_, _, page := b.send(http.MethodGet, "/", nil)
	require.Contains(t, page, "Welcome, Ada &lt;i&gt;")

	status, _, _ = b.send(http.MethodGet, path, nil) // the back button
	require.Equal(t, http.StatusBadRequest, status)
	require.True(t, b.signedIn())
}

func TestSignInIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		change func(i *issuer, answer url.Values)
	}{
		"an answer nobody asked for":       {400, func(_ *issuer, answer url.Values) { answer.Set("state", "x") }},
		"an answer without state":          {400, func(_ *issuer, answer url.Values) { answer.Del("state") }},
		"another issuer's answer":          {400, func(_ *issuer, answer url.Values) { answer.Set("iss", "https://evil.example") }},
		"an answer that does not say who":  {400, func(_ *issuer, answer url.Values) { answer.Del("iss") }},
		"the user said no":                 {403, func(_ *issuer, answer url.Values) { answer.Set("error", "access_denied") }},
		"the issuer failed":                {502, func(_ *issuer, answer url.Values) { answer.Set("error", "server_error") }},
		"the code is refused":              {502, func(i *issuer, _ url.Values) { i.refuses = "invalid_grant" }},
		"the nonce of another request":     {502, func(i *issuer, _ url.Values) { i.idToken = i.idToken.change("nonce", "x") }},
		"no nonce":                         {502, func(i *issuer, _ url.Values) { i.idToken = i.idToken.change("nonce", nil) }},
		"an ID token for somebody else":    {502, func(i *issuer, _ url.Values) { i.idToken = i.idToken.change("aud", "other") }},
		"an expired ID token":              {502, func(i *issuer, _ url.Values) { i.idToken = i.idToken.change("exp", 1) }},
		"userinfo is about somebody else":  {502, func(i *issuer, _ url.Values) { i.userinfo = i.userinfo.change("sub", "eve") }},
		"an ID token from somewhere else ": {502, func(i *issuer, _ url.Values) { i.idToken = i.idToken.change("iss", "https://evil.example") }},
	} {
		t.Run(name, func(t *testing.T) {
			i := startIssuer(t)
			b := i.open()
			_, answer := b.begin(i)
			c.change(i, answer)
			status, _, page := b.send(http.MethodGet, "/callback?"+answer.Encode(), nil)
			require.Equal(t, c.status, status, page)
			require.False(t, b.signedIn())
		})
	}
	t.Run("the answer to another browser", func(t *testing.T) {
		i := startIssuer(t)
		b := i.open()
		_, answer := b.begin(i)
		victim := b.other()
		status, _, _ := victim.send(http.MethodGet, "/callback?"+answer.Encode(), nil)
		require.Equal(t, http.StatusBadRequest, status)
		require.False(t, victim.signedIn())
	})
}

func TestRefresh(t *testing.T) {
	i := startIssuer(t)
	b := i.open()
	b.signIn(i)
	i.userinfo = i.userinfo.change("name", "Countess")
	status, _, _ := b.send(http.MethodPost, "/refresh", nil)
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, "r", i.asked.Get("refresh_token"))
	_, _, page := b.send(http.MethodGet, "/", nil)
	require.Contains(t, page, "Countess")

	status, _, _ = b.send(http.MethodPost, "/refresh", nil, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, status)

	wasToken, wasInfo := i.idToken, i.userinfo
	i.idToken, i.userinfo = wasToken.change("sub", "eve"), wasInfo.change("sub", "eve")
	status, _, _ = b.send(http.MethodPost, "/refresh", nil)
	require.Equal(t, http.StatusBadGateway, status)
	require.False(t, b.signedIn())
	i.idToken, i.userinfo = wasToken, wasInfo
	b.signIn(i)

	i.refuses = "temporarily_unavailable"
	status, _, _ = b.send(http.MethodPost, "/refresh", nil)
	require.Equal(t, http.StatusBadGateway, status)
	require.True(t, b.signedIn())
	i.refuses = "invalid_grant"
	status, _, _ = b.send(http.MethodPost, "/refresh", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	require.False(t, b.signedIn())
}

func TestSignOut(t *testing.T) {
	i := startIssuer(t)
	b := i.open()
	b.signIn(i)
	status, _, _ := b.send(http.MethodPost, "/logout", nil, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, status)
	require.True(t, b.signedIn())

	_, location, _ := b.send(http.MethodPost, "/logout", nil)
	require.False(t, b.signedIn())
	there, err := url.Parse(location)
	require.NoError(t, err)
	require.Equal(t, "/logout", there.Path)
	query := there.Query()
	require.Equal(t, []string{"b", b.app.URL + "/signed-out"}, []string{query.Get("a"), query.Get("post_logout_redirect_uri")})
	require.Equal(t, i.sign("JWT", i.idToken), query.Get("id_token_hint"))

	_, location, _ = b.send(http.MethodGet, "/signed-out?state=x", nil)
	require.Equal(t, b.app.URL+"/", location)
	status, _, page := b.send(http.MethodGet, "/signed-out?state="+query.Get("state"), nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "You are signed out")
}

func TestBackchannelLogout(t *testing.T) {
	i := startIssuer(t)
	event := claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}
	good := claims{
		"iss": i.URL, "aud": clientID, "sub": "ada", "sid": "s1", "jti": "j", "events": event,
		"iat": time.Now().Unix(), "exp": time.Now().Add(2 * time.Minute).Unix(),
	}
	for name, c := range map[string]struct {
		token  string
		status int
		ends   bool
	}{
		"of the session":            {i.sign("logout+jwt", good), 200, true},
		"of the session alone":      {i.sign("logout+jwt", good.change("sub", nil)), 200, true},
		"of all of the user's":      {i.sign("logout+jwt", good.change("sid", nil)), 200, true},
		"of another session":        {i.sign("logout+jwt", good.change("sid", "s2")), 200, false},
		"of another user's session": {i.sign("logout+jwt", good.change("sub", "eve")), 200, false},
		"of another user":           {i.sign("logout+jwt", good.change("sub", "eve").change("sid", nil)), 200, false},
		"of nobody":                 {i.sign("logout+jwt", good.change("sub", nil).change("sid", nil)), 400, false},
		"of another type":           {i.sign("JWT", good), 400, false},
		"an access token":           {i.sign("at+jwt", good), 400, false},
		"with a nonce":              {i.sign("logout+jwt", good.change("nonce", "n")), 400, false},
		"without the event":         {i.sign("logout+jwt", good.change("events", claims{})), 400, false},
		"for another application":   {i.sign("logout+jwt", good.change("aud", "other")), 400, false},
		"of another issuer":         {i.sign("logout+jwt", good.change("iss", "https://id.example.com")), 400, false},
		"expired":                   {i.sign("logout+jwt", good.change("exp", time.Now().Add(-time.Second).Unix())), 400, false},
		"without end":               {i.sign("logout+jwt", good.change("exp", nil)), 400, false},
		"without beginning":         {i.sign("logout+jwt", good.change("iat", nil)), 400, false},
		"issued long ago":           {i.sign("logout+jwt", good.change("iat", time.Now().Add(-time.Hour).Unix())), 400, false},
		"issued tomorrow":           {i.sign("logout+jwt", good.change("iat", time.Now().Add(24*time.Hour).Unix())), 400, false},
		"without jti":               {i.sign("logout+jwt", good.change("jti", nil)), 400, false},
		"signed by others":          {startIssuer(t).sign("logout+jwt", good), 400, false},
		"nothing":                   {"", 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := i.open()
			b.signIn(i)
			provider := b.other() // it has no cookies
			status, _, _ := provider.send(http.MethodPost, "/backchannel-logout", url.Values{"logout_token": {c.token}})
			require.Equal(t, c.status, status)
			require.Equal(t, c.ends, !b.signedIn())
		})
	}
	t.Run("is good once", func(t *testing.T) {
		b := i.open()
		for range 2 { // who comes again is answered as before
			b.signIn(i)
			status, _, _ := b.send(http.MethodPost, "/backchannel-logout", url.Values{"logout_token": {i.sign("logout+jwt", good)}})
			require.Equal(t, http.StatusOK, status)
		}
		require.True(t, b.signedIn(), "a token that was used ended another session")
	})
}
