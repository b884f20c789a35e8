package handlers_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIntrospection(t *testing.T) {
	s := newTestServer(t)
	access := s.signIn("openid").text(t, "access_token")
	t.Run("INT-01", func(t *testing.T) {
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.form("/oauth2/introspect", []string{"token", access}))
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.form("/oauth2/introspect", []string{"token", access, "client_id", spa}))
		other := s.form("/oauth2/introspect", []string{"token", access}, basic(stranger, serviceSecret))
		require.JSONEq(t, `{"active":false}`, other.body)
	})
	t.Run("own token and audience", func(t *testing.T) {
		own := s.form("/oauth2/token", []string{"grant_type", "password", "client_id", poster, "client_secret", serviceSecret, "username", email, "password", password})
		require.Equal(t, http.StatusOK, own.status, own.body)
		for _, name := range []string{"access_token", "refresh_token"} {
			seen := s.form("/oauth2/introspect", []string{"token", own.text(t, name), "client_id", poster, "client_secret", serviceSecret})
			require.Equal(t, true, seen.fields(t)["active"], name)
			require.Equal(t, poster, seen.text(t, "client_id"))
		}
	})
	t.Run("INT-03", func(t *testing.T) {
		for _, token := range []string{"garbage", strings.Repeat(".", 1000), s.signIn("openid").text(t, "id_token")} {
			s.requireDead(t, token)
		}
		requireRefused(t, http.StatusRequestEntityTooLarge, "invalid_request", s.introspect(strings.Repeat("a", 1<<20)))
		requireRefused(t, http.StatusRequestEntityTooLarge, "invalid_request", s.introspect(strings.Repeat("a", 20<<10)))
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/introspect", nil, basic(service, serviceSecret)))
		s.clock.move(6 * time.Minute)
		s.requireDead(t, access)
	})
	t.Run("what a client learns", func(t *testing.T) {
		a := s.introspect(s.signIn("openid email").text(t, "access_token"))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		seen := a.fields(t)
		require.Equal(t, s.URL, seen["iss"])
		require.Equal(t, s.user.Subject, seen["sub"])
		require.Equal(t, "openid email", seen["scope"])
		require.Equal(t, "Bearer", seen["token_type"])
		require.Equal(t, []any{"pwd"}, seen["amr"])
		require.InDelta(t, float64(s.clock.now().Unix()+300), seen["exp"], 3)
	})
}

func TestRevocation(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		for _, name := range []string{"access_token", "refresh_token"} {
			t.Run("REV-01: by "+name, func(t *testing.T) {
				a := s.signIn("openid offline_access")
				other := s.signIn("openid offline_access")
				revoked := s.form("/oauth2/revoke", []string{"token", a.text(t, name), "client_id", spa})
				require.Equal(t, http.StatusOK, revoked.status, revoked.body)
				s.requireDead(t, a.text(t, "access_token"))
				s.requireDead(t, a.text(t, "refresh_token"))
				requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(a.text(t, "refresh_token")))
				s.requireAlive(t, other.text(t, "access_token"))
				require.Equal(t, http.StatusOK, s.form("/oauth2/revoke", []string{"token", a.text(t, name), "client_id", spa}).status, "again")
			})
		}
		t.Run("REV-03", func(t *testing.T) {
			a := s.signIn("openid offline_access")
			refresh := a.text(t, "refresh_token")
			for _, name := range []string{"access_token", "refresh_token"} {
				requireRefused(t, http.StatusBadRequest, "unauthorized_client", s.form("/oauth2/revoke", []string{"token", a.text(t, name)}, basic(stranger, serviceSecret)))
			}
			for _, token := range []string{"unknown", "sgr_zzzz" + refresh[8:], refresh[:len(refresh)-1]} {
				require.Equal(t, http.StatusOK, s.form("/oauth2/revoke", []string{"token", token, "client_id", spa}).status)
			}
			requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/revoke", []string{"token", "", "client_id", spa}))
			requireRefused(t, http.StatusUnauthorized, "invalid_client", s.form("/oauth2/revoke", []string{"token", refresh}))
			s.requireAlive(t, refresh)
		})
		t.Run("REV-04: revocation and refresh at the same instant", func(t *testing.T) {
			for range 50 {
				a := s.signIn("offline_access")
				refresh := a.text(t, "refresh_token")
				answers := race(2, func(i int) answer {
					if i == 0 {
						return s.form("/oauth2/revoke", []string{"token", refresh, "client_id", spa})
					}
					return s.refresh(refresh)
				})
				require.Equal(t, http.StatusOK, answers[0].status)
				if answers[1].status == http.StatusOK {
					s.requireDead(t, answers[1].text(t, "access_token"))
					requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(answers[1].text(t, "refresh_token")))
				}
			}
		})
	})
}

func TestUserinfo(t *testing.T) {
	s := newTestServer(t)
	access := s.signIn("openid profile email").text(t, "access_token")
	want := `{"sub":"` + s.user.Subject + `","name":"Ada Lovelace","given_name":"Ada","family_name":"Lovelace","email":"` + email + `","email_verified":false,"updated_at":` + strconv.FormatInt(s.user.JoinedAt.Unix(), 10) + `}`
	t.Run("by header and by body", func(t *testing.T) {
		require.JSONEq(t, want, s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(access)).body)
		require.JSONEq(t, want, s.do(http.MethodPost, "/oauth2/userinfo", "", bearer(access)).body)
		require.JSONEq(t, want, s.form("/oauth2/userinfo", []string{"access_token", access}).body)
		require.JSONEq(t, want, s.do(http.MethodGet, "/oauth2/userinfo", "", "Authorization: bearer "+access).body)
	})
	t.Run("UIN-01", func(t *testing.T) {
		none := s.do(http.MethodGet, "/oauth2/userinfo", "")
		require.Equal(t, http.StatusUnauthorized, none.status)
		require.Contains(t, none.header.Get("WWW-Authenticate"), "Bearer ")
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.do(http.MethodGet, "/oauth2/userinfo?access_token="+url.QueryEscape(access), ""))
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/userinfo", []string{"access_token", access}, bearer(access)))
		requireRefused(t, http.StatusForbidden, "insufficient_scope", s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(s.signIn("email").text(t, "access_token"))))
		service := s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(service, serviceSecret)).text(t, "access_token")
		requireRefused(t, http.StatusForbidden, "insufficient_scope", s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(service)))
	})
}

func TestMetadata(t *testing.T) {
	s := newTestServer(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"} {
		a := s.do(http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "public, max-age=300", a.header.Get("Cache-Control"))
		require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, http.StatusNotModified, s.do(http.MethodGet, path, "", "If-None-Match: "+a.header.Get("ETag")).status)
		require.Equal(t, http.StatusOK, s.do(http.MethodGet, path, "", `If-None-Match: "other"`).status)
	}
	// What discovery lists is there.
	fields := s.do(http.MethodGet, "/.well-known/openid-configuration", "").fields(t)
	require.Equal(t, s.URL, fields["issuer"])
	for _, name := range []string{"token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"} {
		path := strings.TrimPrefix(fields[name].(string), s.URL)
		require.NotEqual(t, http.StatusNotFound, s.do(http.MethodPost, path, "").status, name)
	}
	for _, grantType := range fields["grant_types_supported"].([]any) {
		a := s.form("/oauth2/token", []string{"grant_type", grantType.(string), "client_id", spa})
		require.NotEqual(t, "unsupported_grant_type", a.text(t, "error"), grantType)
	}
}

func TestCORS(t *testing.T) { // WEB-04
	s := newTestServer(t)
	token := func(origin string) answer {
		return s.form("/oauth2/token", []string{"grant_type", "password", "client_id", spa, "username", email, "password", password, "scope", "openid"}, "Origin: "+origin)
	}
	good := token("https://spa.example")
	require.Equal(t, "https://spa.example", good.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, good.header.Get("Access-Control-Allow-Credentials"))
	info := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(good.text(t, "access_token")), "Origin: https://spa.example")
	require.Equal(t, "https://spa.example", info.header.Get("Access-Control-Allow-Origin"))
	for _, origin := range []string{"https://evil.example", "https://spa.example.evil.example", "https://evilspa.example", "http://spa.example", "null"} {
		require.Empty(t, token(origin).header.Get("Access-Control-Allow-Origin"), origin)
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			a := s.do(method, "/api/accounts/v1/login/", "", "Origin: "+origin)
			require.Empty(t, a.header.Get("Access-Control-Allow-Origin"), origin)
			require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"), origin)
		}
	}
	account := s.do(http.MethodOptions, "/api/accounts/v1/login/", "", "Origin: https://app.example", "Access-Control-Request-Method: POST")
	require.Equal(t, http.StatusNoContent, account.status)
	require.Equal(t, "https://app.example", account.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", account.header.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, http.StatusNoContent, s.do(http.MethodOptions, "/oauth2/token", "", "Origin: https://spa.example", "Access-Control-Request-Method: POST").status)
}
