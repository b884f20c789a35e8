package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

func TestDialect7RenamesTheKeys(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.handler.Compatible.Dialect, with.handler.Compatible.Expirations = "7", true })
	post := func(path string, body object) map[string]any { // not by json: the document describes dialect 2
		r := &replayRun{t: t, s: s, vars: map[string]any{}}
		a, _ := r.send(&replayRequest{Method: http.MethodPost, Path: path, Headers: map[string]string{"Content-Type": "application/json"}, Body: encodeJSON(t, body)})
		require.Less(t, a.status, http.StatusBadRequest, a.body)
		return a.fields(t)
	}
	keys := func(fields map[string]any) []string {
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		return names
	}
	require.ElementsMatch(t, []string{"access", "refresh", "user"}, keys(post(registration, object{"email": "new@example.com", "password1": password, "password2": password})))
	in := post(login, object{"email": email, "password": password})
	require.ElementsMatch(t, []string{"access", "refresh", "user", "access_expiration", "refresh_expiration"}, keys(in))
	require.ElementsMatch(t, []string{"access", "refresh", "access_expiration"}, keys(post(tokenRefresh, object{"refresh": in["refresh"]})))
}

func TestRegistrationCanSetTheCookies(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.handler.Compatible.CookiesAtSignUp = true })
	made := s.register("new@example.com", password)
	require.Equal(t, made.text(t, "access_token"), made.cookieOf("my-app-auth").Value)
	require.Equal(t, made.text(t, "refresh_token"), made.cookieOf("my-refresh-token").Value)
	require.Nil(t, newTestServer(t).register("new@example.com", password).cookieOf("my-app-auth"))
}

func TestCSRFTokenIsGivenAtLogin(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.handler.Compatible.CSRFToken = true })
	in := s.json(login, object{"email": email, "password": password})
	token := in.cookieOf("csrftoken")
	require.False(t, token.HttpOnly, "scripts send it back")
	cookies := "Cookie: my-app-auth=" + in.text(t, "access_token") + "; csrftoken=" + token.Value
	require.Equal(t, http.StatusOK, s.do(http.MethodPatch, userPath, "{}", cookies, "X-CSRFToken: "+token.Value, "Content-Type: application/json").status)
	require.Equal(t, http.StatusForbidden, s.do(http.MethodPatch, userPath, "{}", cookies, "X-CSRFToken: x", "Content-Type: application/json").status)
	require.Equal(t, http.StatusForbidden, s.do(http.MethodPatch, userPath, "{}", cookies, "X-CSRFToken: "+token.Value, "Origin: https://evil.example", "Content-Type: application/json").status)
}

func TestNewPasswordsMayBeAsLongAsWhatCanBeHashed(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.handler.Compatible.NewPasswordMax = 0 })
	uid, token := s.reset(t, email)
	long := strings.Repeat("a long phrase, ", 273)
	require.Equal(t, http.StatusBadRequest, s.confirmReset(uid, token, long+"too long").status)
	// Its document has the default limit.
	r := &replayRun{t: t, s: s, vars: map[string]any{}}
	a, _ := r.send(&replayRequest{Method: http.MethodPost, Path: resetConfirm, Headers: map[string]string{"Content-Type": "application/json"}, Body: encodeJSON(t, object{
		"uid": uid, "token": token, "new_password1": long, "new_password2": long,
	})})
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, http.StatusOK, s.json(login, object{"email": email, "password": long}).status)
}

func TestAccountAPILimitIsOneForAllItsDoors(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		require.Equal(t, http.StatusBadRequest, s.json(login, object{}).status)
		require.Equal(t, http.StatusOK, s.json(passwordReset, object{"email": email}).status)
		for _, path := range []string{login, logout, registration, passwordReset, resetConfirm, verifyEmail, resendEmail} {
			a := s.json(path, object{})
			require.Equal(t, http.StatusTooManyRequests, a.status, path)
			require.Equal(t, "30", a.header.Get("Retry-After"), path)
		}
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "").status)
		require.Equal(t, http.StatusUnauthorized, s.json(tokenRefresh, object{}).status)
	}, func(with *setup) {
		with.rates.AccountAPIPerAddress = provider.Rate{Limit: 2, Per: time.Minute, Burst: 2}
	})
}

func TestLoginSession(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		jsonType := "Content-Type: application/json"
		session := func(a answer) string {
			c := a.cookieOf("sessionid")
			require.NotNil(t, c, a.body)
			require.True(t, c.HttpOnly)
			require.Equal(t, 14*24*3600, c.MaxAge)
			require.Equal(t, http.SameSiteLaxMode, c.SameSite)
			return "Cookie: sessionid=" + c.Value
		}
		status := func(cookie string) int { return s.do(http.MethodGet, userPath, "", cookie).status }
		in := session(s.json(login, object{"email": email, "password": password}))
		other := session(s.json(login, object{"email": email, "password": password}, in))
		require.NotEqual(t, in, other, "LOG-08: a login never goes on with the session that was sent")
		require.Equal(t, http.StatusOK, status(session(s.register("new@example.com", password))))
		require.Equal(t, http.StatusUnauthorized, status("Cookie: sessionid=chosen"))

		t.Run("it acts for its user, from our pages only", func(t *testing.T) {
			s.clock.move(10 * 24 * time.Hour)
			require.Equal(t, http.StatusOK, status(in), "long after the tokens")
			require.Equal(t, http.StatusOK, s.do(http.MethodPatch, userPath, `{"first_name":"Ada"}`, in, jsonType).status)
			require.Equal(t, http.StatusForbidden, s.do(http.MethodPatch, userPath, `{"first_name":"Eve"}`, in, jsonType, "Origin: https://evil.example").status)
			require.Equal(t, http.StatusForbidden, s.do(http.MethodPost, logout, "", in, "Origin: https://evil.example").status)
			require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", in, bearer("dead")).status, "a header hides it")
		})
		t.Run("a new password gives it a new secret and ends all others", func(t *testing.T) {
			s.clock.move(time.Second)
			changed := s.json(passwordChange, object{"old_password": password, "new_password1": renewed, "new_password2": renewed}, in)
			require.Equal(t, http.StatusOK, changed.status, changed.body)
			require.Equal(t, http.StatusUnauthorized, status(in))
			require.Equal(t, http.StatusUnauthorized, status(other))
			in = session(changed)
			require.Equal(t, http.StatusOK, status(in))
		})
		t.Run("a logout ends it", func(t *testing.T) {
			out := s.do(http.MethodPost, logout, "", in)
			require.Equal(t, -1, out.cookieOf("sessionid").MaxAge)
			require.Equal(t, http.StatusUnauthorized, status(in))
		})
		t.Run("a reset, a disabled user and its time end it", func(t *testing.T) {
			in = session(s.json(login, object{"email": email, "password": renewed}))
			uid, token := s.reset(t, email)
			s.clock.move(time.Second)
			require.Equal(t, resetDone, s.confirmReset(uid, token, password).body)
			require.Equal(t, http.StatusUnauthorized, status(in))
			in = session(s.json(login, object{"email": email, "password": password}))
			s.clock.move(14 * 24 * time.Hour)
			require.Equal(t, http.StatusUnauthorized, status(in))
			in = session(s.json(login, object{"email": email, "password": password}))
			require.NoError(t, s.accounts.SetActive(t.Context(), s.user.ID, false))
			require.Equal(t, http.StatusUnauthorized, status(in))
		})
	}, func(with *setup) { with.handler.Cookies.Session = "sessionid" })
}

const browserAccept = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestEndpointsHaveAPageForBrowsers(t *testing.T) {
	s := newTestServer(t)
	browse := func(method, path, body string, headers ...string) answer {
		r := &replayRun{t: t, s: s, vars: map[string]any{}}
		in := &replayRequest{Method: method, Path: path, RawBody: &body, Headers: map[string]string{}}
		for _, h := range append(headers, browserAccept) {
			name, value, _ := strings.Cut(h, ": ")
			in.Headers[name] = value
		}
		a, _ := r.send(in)
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-")
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.NotContains(t, a.body, "<script")
		return a
	}
	t.Run("what it does, an answer and a form", func(t *testing.T) {
		for _, path := range []string{login, logout, registration, passwordReset, passwordChange, resetConfirm, verifyEmail, resendEmail, tokenRefresh, tokenVerify} {
			page := browse(http.MethodGet, path, "")
			require.Equal(t, http.StatusOK, page.status, path)
			require.Contains(t, page.body, `<form id="try" method="post" action="`+path+`">`)
			require.Contains(t, page.body, `<pre id="answer">{`)
		}
	})
	t.Run("the JSON of a GET", func(t *testing.T) {
		page := browse(http.MethodGet, userPath, "", "Authorization: Bearer "+s.json(login, object{"email": email, "password": password}).text(t, "access_token"))
		require.Equal(t, http.StatusOK, page.status)
		require.Contains(t, page.body, "Lovelace")
		require.Equal(t, http.StatusUnauthorized, browse(http.MethodGet, userPath, "").status)
	})
	t.Run("the form works as it is sent by a browser", func(t *testing.T) {
		page := browse(http.MethodPost, login, encodeForm([]string{"email", email, "password", password}), formType)
		require.Equal(t, http.StatusOK, page.status)
		require.Contains(t, page.body, "access_token")
		require.NotNil(t, page.cookieOf("my-app-auth"))
		wrong := browse(http.MethodPost, login, encodeForm([]string{"email", `"><b>`, "password", "x"}), formType)
		require.Equal(t, http.StatusBadRequest, wrong.status)
		require.Contains(t, wrong.body, "Enter a valid email address.")
	})
	t.Run("who does not ask for a page first gets JSON", func(t *testing.T) {
		for _, accept := range []string{"*/*", "application/json, text/html", "text/html;q=0.5, */*", "application/*"} {
			require.Equal(t, "application/json", s.do(http.MethodGet, userPath, "", "Accept: "+accept).header.Get("Content-Type"), accept)
		}
	})
}
