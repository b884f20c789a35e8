package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

const (
	registration = "/api/accounts/v1/registration/"
	login        = "/api/accounts/v1/login/"
	logout       = "/api/accounts/v1/logout/"
	userPath     = "/api/accounts/v1/user/"
	tokenRefresh = "/api/accounts/v1/token/refresh/"
	tokenVerify  = "/api/accounts/v1/token/verify/"
)

type object map[string]any

func (s *testServer) register(email, password string, more ...object) answer {
	s.t.Helper()
	body := object{"email": email, "password1": password, "password2": password}
	for _, m := range more {
		for name, value := range m {
			body[name] = value
		}
	}
	return s.json(registration, body)
}

// cookieOf is the value of a cookie that an answer sets.
func (a answer) cookieOf(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestAccountAPIFromSignUpToLogout(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		made := s.register("Bob@Example.com", password)
		require.Equal(t, http.StatusCreated, made.status, made.body)
		user := made.fields(t)["user"].(map[string]any)
		require.Equal(t, "Bob@Example.com", user["email"], "the address stays as it was typed")

		in := s.json(login, object{"email": "bob@EXAMPLE.com", "password": password})
		require.Equal(t, http.StatusOK, in.status, in.body)
		access, refresh := in.text(t, "access_token"), in.text(t, "refresh_token")
		require.True(t, strings.HasPrefix(in.body, `{"access_token":`), "the keys keep their order")
		require.Equal(t, access, in.cookieOf("my-app-auth").Value)
		require.Equal(t, refresh, in.cookieOf("my-refresh-token").Value)
		for _, name := range []string{"my-app-auth", "my-refresh-token"} {
			c := in.cookieOf(name)
			require.True(t, c.HttpOnly)
			require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		}
		require.Equal(t, "/", in.cookieOf("my-refresh-token").Path)

		want := fmt.Sprintf(`{"pk":%v,"email":"Bob@Example.com","first_name":"","last_name":""}`, user["pk"])
		require.Equal(t, want, s.do(http.MethodGet, userPath, "", bearer(access)).body)
		require.Equal(t, want, s.do(http.MethodGet, strings.TrimSuffix(userPath, "/"), "", "Cookie: my-app-auth="+access).body)
		patched := s.do(http.MethodPatch, userPath, `{"first_name":"Bob"}`, bearer(access), "Content-Type: application/json")
		require.JSONEq(t, fmt.Sprintf(`{"pk":%v,"email":"Bob@Example.com","first_name":"Bob","last_name":""}`, user["pk"]), patched.body)

		require.Equal(t, "{}", s.json(tokenVerify, object{"token": access}).body)
		require.Equal(t, "{}", s.json(tokenVerify, object{"token": refresh}).body)
		fresh := s.json(tokenRefresh, object{"refresh": refresh})
		require.Equal(t, http.StatusOK, fresh.status, fresh.body)
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, fresh.text(t, "access_token_expiration"))
		require.NotEmpty(t, fresh.text(t, "refresh"))

		// LOG-13
		out := s.json(logout, object{"refresh": fresh.text(t, "refresh")}, bearer(fresh.text(t, "access")))
		require.Equal(t, `{"detail":"Successfully logged out."}`, out.body)
		require.Equal(t, -1, out.cookieOf("my-app-auth").MaxAge)
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(fresh.text(t, "access"))).status)
		require.Equal(t, http.StatusUnauthorized, s.json(tokenRefresh, object{"refresh": fresh.text(t, "refresh")}).status)
		require.Equal(t, http.StatusUnauthorized, s.json(tokenVerify, object{"token": access}).status)
		s.requireDead(t, fresh.text(t, "access"))
		require.Equal(t, http.StatusOK, s.json(logout, object{}, bearer("dead")).status, "a dead token does not keep anybody signed in")
		require.Equal(t, http.StatusMethodNotAllowed, s.do(http.MethodGet, logout, "").status)
	})
}

func TestAccountTokensAreThoseOfAnyClient(t *testing.T) {
	s := newTestServer(t)
	in := s.json(login, object{"email": email, "password": password})
	seen := s.introspect(in.text(t, "access_token")).fields(t)
	require.Equal(t, provider.AccountClientID, seen["client_id"])
	require.Equal(t, s.user.Subject, seen["sub"])
	claims := payload(t, in.text(t, "access_token"))
	require.Equal(t, "access", claims["token_type"])
	require.EqualValues(t, s.user.ID, claims["user_id"])
	require.Regexp(t, "^[0-9a-f]{32}$", claims["jti"])

	t.Run("a third party's token is not for the account API", func(t *testing.T) {
		third := s.signIn("openid email").text(t, "access_token")
		require.NotContains(t, payload(t, third), "user_id")
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(third)).status)
	})
}

// payload decodes a JWT's claims without looking at its signature.
func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	require.NoError(t, json.Unmarshal(decodeSegment(t, token, 1), &claims))
	return claims
}

func TestRegistrationRefusals(t *testing.T) {
	s := newTestServer(t)
	const taken = `{"email":["A user is already registered with this e-mail address."]}`
	t.Run("REG-01, REG-02: one account per address, however it is spelled", func(t *testing.T) {
		for _, spelling := range []string{email, "User@Example.COM", "user@example.com.", " user@example.com "} {
			a := s.register(spelling, password)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, taken, a.body, spelling)
		}
	})
	t.Run("REG-03, REG-04: look-alikes and malformed addresses", func(t *testing.T) {
		for _, bad := range []any{
			"mıke@x.kr", "mİke@x.kr", "\u212aim@x.kr", "ſam@x.kr", "ａdmin@x.kr", "a\u200bdmin@x.kr", "a@x.kr\r\nBcc: e@e.kr", "a@x.kr,b@y.kr",
			`"a b"@x.kr`, strings.Repeat("a", 255) + "@x.kr",
			[]string{"a@x.kr", "b@x.kr"},
			true,
			object{"$ne": ""},
		} {
			a := s.json(registration, object{"email": bad, "password1": password, "password2": password})
			require.Equal(t, http.StatusBadRequest, a.status, "%v: %s", bad, a.body)
			require.Contains(t, a.fields(t), "email")
		}
	})
	t.Run("REG-06: what the caller may not set is ignored", func(t *testing.T) {
		a := s.register("plain@example.com", password, object{
			"is_staff": true, "is_superuser": true, "is_active": false, "email_verified": true, "id": 77, "pk": 77, "first_name": "X",
		})
		require.Equal(t, http.StatusCreated, a.status, a.body)
		user, err := s.database.UserByEmail(context.Background(), "plain@example.com")
		require.NoError(t, err)
		require.False(t, user.Staff || user.Superuser || user.EmailVerified)
		require.True(t, user.Active)
		require.NotEqualValues(t, 77, user.ID)
		require.Empty(t, user.FirstName)
	})
	t.Run("REG-11: every byte of a password counts, and there are not too many", func(t *testing.T) {
		long := strings.Repeat("a1", 36)
		require.Equal(t, http.StatusCreated, s.register("long@example.com", long+"X").status)
		require.Equal(t, http.StatusBadRequest, s.json(login, object{"email": "long@example.com", "password": long + "Y"}).status)
		require.Equal(t, http.StatusOK, s.json(login, object{"email": "long@example.com", "password": long + "X"}).status)
		require.Equal(t, http.StatusBadRequest, s.register("toolong@example.com", strings.Repeat("a", 4097)).status)
	})
	t.Run("REG-12, REG-13: weak, absent and different passwords", func(t *testing.T) {
		for name, tc := range map[string]struct {
			body object
			want string
		}{
			"nothing":   {object{}, `{"email":["This field is required."],"password1":["This field is required."],"password2":["This field is required."]}`},
			"different": {object{"email": "n@x.kr", "password1": password, "password2": password + "1"}, `{"non_field_errors":["The two password fields didn't match."]}`},
			"blank":     {object{"email": "n@x.kr", "password1": "", "password2": ""}, `{"password1":["This field may not be blank."],"password2":["This field may not be blank."]}`},
			"null":      {object{"email": "n@x.kr", "password1": nil, "password2": nil}, `{"password1":["This field may not be null."],"password2":["This field may not be null."]}`},
		} {
			a := s.json(registration, tc.body)
			require.Equal(t, http.StatusBadRequest, a.status, name)
			require.Equal(t, tc.want, a.body, name)
		}
		weak := s.register("n@x.kr", "1234567")
		require.Equal(t, http.StatusBadRequest, weak.status)
		require.Contains(t, weak.body, "This password is too short. It must contain at least 8 characters.")
		require.Contains(t, weak.body, "This password is entirely numeric.")
		composed, decomposed := "caf\u00e9-Teapot-9", "cafe\u0301-Teapot-9"
		require.Equal(t, http.StatusCreated, s.register("nfc@example.com", decomposed).status)
		require.Equal(t, http.StatusOK, s.json(login, object{"email": "nfc@example.com", "password": composed}).status)
	})
	t.Run("REG-09: closed", func(t *testing.T) {
		s.handler.SignUpOpen = false
		defer func() { s.handler.SignUpOpen = true }()
		require.Equal(t, http.StatusForbidden, s.register("late@example.com", password).status)
	})
}

func TestRegistrationRace(t *testing.T) { // REG-07
	onEachStore(t, func(t *testing.T, s *testServer) {
		created := 0
		for _, a := range race(20, func(i int) answer { return s.register([]string{"race@example.com", "RACE@example.com"}[i%2], password) }) {
			if a.status == http.StatusCreated {
				created++
				continue
			}
			require.Equal(t, http.StatusBadRequest, a.status, a.body)
			require.Equal(t, `{"email":["A user is already registered with this e-mail address."]}`, a.body)
		}
		require.Equal(t, 1, created)
	})
}

func TestLoginRefusals(t *testing.T) {
	s := newTestServer(t)
	no := false
	require.Equal(t, http.StatusCreated, s.register("gone@example.com", password).status)
	gone, err := s.database.UserByEmail(context.Background(), "gone@example.com")
	require.NoError(t, err)
	require.NoError(t, s.database.UpdateUser(context.Background(), gone.ID, provider.UserChange{Active: &no}))

	t.Run("LOG-01: one answer", func(t *testing.T) {
		for _, in := range []object{
			{"email": "nobody@example.com", "password": password},
			{"email": email, "password": "wrong"},
			{"email": "gone@example.com", "password": password},
			{"email": "gone@example.com", "password": "wrong"},
		} {
			a := s.json(login, in)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, `{"non_field_errors":["Unable to log in with provided credentials."]}`, a.body)
			require.Empty(t, a.header.Values("Set-Cookie"))
		}
	})
	t.Run("LOG-11: strange values", func(t *testing.T) {
		for _, body := range []string{
			`{"email":["a","b"],"password":"x"}`, `{"email":"` + email + `","password":{"$ne":""}}`, `{"email":"` + email + `","EMAIL":"b"}`,
			`{"email":"` + email + `","paſſword":"` + password + `"}`, `{"EMAIL":"` + email + `","PASSWORD":"` + password + `"}`, `[]`, `"x"`, `null`, `{`, `{}{}`, `{"email":NaN}`,
			strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
		} {
			a := s.do(http.MethodPost, login, body, "Content-Type: application/json")
			require.Equal(t, http.StatusBadRequest, a.status, "%s: %s", body, a.body)
		}
	})
	t.Run("INP-01", func(t *testing.T) {
		require.Equal(t, http.StatusRequestEntityTooLarge, s.json(login, object{"email": email, "password": strings.Repeat("x", 70<<10)}).status)
		require.Equal(t, http.StatusUnsupportedMediaType, s.do(http.MethodPost, login, "x", "Content-Type: text/plain").status)
		require.Equal(t, http.StatusBadRequest, s.do(http.MethodPost, login, "{\"email\":\"\xff\"}", "Content-Type: application/json").status)
	})
}

// LOG-03, LOG-04: guesses at one account are counted together, whatever the door, spelling and
// parallelism, before they are hashed.
func TestGuessesAreLimited(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		doors := []func() answer{
			func() answer { return s.json(login, object{"email": email, "password": "wrong"}) },
			func() answer { return s.json(login, object{"email": "USER@example.com", "password": "wrong"}) },
			func() answer {
				return s.form("/oauth2/token", []string{"grant_type", "password", "client_id", spa, "username", "User@Example.com", "password", "wrong"})
			},
		}
		limited := 0
		for _, a := range race(60, func(i int) answer { return doors[i%len(doors)]() }) {
			if a.status == http.StatusTooManyRequests {
				require.NotEmpty(t, a.header.Get("Retry-After"))
				limited++
				continue
			}
			require.Equal(t, http.StatusBadRequest, a.status, a.body)
		}
		require.Equal(t, 55, limited, "five may be hashed")
		refused := s.json(login, object{"email": email, "password": password})
		require.Equal(t, http.StatusTooManyRequests, refused.status)
		require.Regexp(t, `^\{"detail":"Request was throttled. Expected available in \d+ seconds."\}$`, refused.body)
		s.clock.move(61 * time.Second)
		require.Equal(t, http.StatusOK, s.json(login, object{"email": email, "password": password}).status)
		for range 5 { // a success forgets the failures
			require.Equal(t, http.StatusBadRequest, s.json(login, object{"email": email, "password": "wrong"}).status)
		}
	})
}

// LOG-09, WEB-03: a page of another origin cannot use our cookies.
func TestCrossOriginRequestsWithCookiesAreRefused(t *testing.T) {
	s := newTestServer(t)
	in := s.json(login, object{"email": email, "password": password})
	cookies := "Cookie: my-app-auth=" + in.text(t, "access_token") + "; my-refresh-token=" + in.text(t, "refresh_token")
	for _, origin := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		require.Equal(t, http.StatusForbidden, s.do(http.MethodPatch, userPath, `{"first_name":"Eve"}`, cookies, origin, "Content-Type: application/json").status, origin)
		require.Equal(t, http.StatusForbidden, s.do(http.MethodPost, tokenRefresh, "", cookies, origin).status, origin)
		require.Equal(t, http.StatusForbidden, s.do(http.MethodPost, logout, "", cookies, origin).status, origin)
	}
	for _, origin := range []string{"Origin: https://app.example", "Origin: " + s.URL, "Sec-Fetch-Site: same-origin", "X-Any: none"} {
		require.Equal(t, http.StatusOK, s.do(http.MethodPatch, userPath, `{"first_name":"Ada"}`, cookies, origin, "Content-Type: application/json").status, origin)
	}
	require.Equal(t, http.StatusOK, s.do(http.MethodPatch, userPath, `{"first_name":"Ada"}`, bearer(in.text(t, "access_token")), "Origin: https://evil.example", "Content-Type: application/json").status,
		"a Bearer token is not sent by itself")
}

// RAT-01: only a trusted proxy says for whom it speaks.
func TestForwardedAddresses(t *testing.T) {
	s := newTestServer(t)
	s.handler.Limits.Rates.LoginPerAddress = provider.Rate{Limit: 3, Per: time.Minute, Burst: 3}
	statuses := make([]int, 0, 20)
	for i := range 20 {
		fake := fmt.Sprintf("192.0.2.%d", i)
		a := s.json(login, object{"email": fmt.Sprintf("n%d@example.com", i), "password": "wrong"},
			"X-Forwarded-For: "+fake, "X-Real-IP: "+fake, "Forwarded: for="+fake)
		statuses = append(statuses, a.status)
	}
	require.Equal(t, 3, len(statuses)-count(statuses, http.StatusTooManyRequests))
}

func count(values []int, wanted int) int {
	return len(values) - len(slices.DeleteFunc(slices.Clone(values), func(v int) bool { return v == wanted }))
}

// OPS-01: nothing secret is logged or stored in clear.
func TestSecretsStayOutOfLogs(t *testing.T) {
	s := newTestServer(t)
	a := s.signIn("openid offline_access")
	s.refresh(a.text(t, "refresh_token"))
	s.introspect(a.text(t, "access_token"))
	s.json(login, object{"email": email, "password": "a-wrong-Password-1"})
	s.do(http.MethodGet, "/oauth2/userinfo?access_token="+a.text(t, "access_token"), "")
	log := s.logs.String()
	require.Contains(t, log, "grant_type=password")
	require.Contains(t, log, "client_id="+spa)
	for _, secret := range []string{password, "a-wrong-Password-1", serviceSecret, a.text(t, "access_token"), a.text(t, "refresh_token"), a.text(t, "id_token")} {
		require.NotContains(t, log, secret)
	}
}

// Every answer carries the headers that keep browsers out of trouble.
func TestSecurityHeaders(t *testing.T) {
	s := newTestServer(t)
	for _, path := range []string{"/", "/.well-known/jwks.json", "/oauth2/token", login, userPath} {
		a := s.do(http.MethodGet, path, "")
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", a.header.Get("X-Frame-Options"), path)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		if a.header.Get("Etag") == "" { // documents are the same for everybody
			require.NotEmpty(t, a.header.Get("X-Request-Id"), path)
		}
	}
	require.Equal(t, `{"detail":"Not found."}`, s.do(http.MethodGet, "/api/accounts/v1/nothing/", "").body)
}
