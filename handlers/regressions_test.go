package handlers_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// grantOf reads the grant of an access token.
func (s *testServer) grantOf(t *testing.T, accessToken string) provider.Grant {
	t.Helper()
	grant, err := s.sessions.Grant(context.Background(), payload(t, accessToken)["gid"].(string))
	require.NoError(t, err)
	return grant
}

// What was revoked while the short-lived store had lost it stays revoked when the store comes back with
// its old data.
func TestRevocationOfALostGrantLasts(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		ctx := context.Background()
		for _, name := range []string{"access_token", "refresh_token"} {
			for door, end := range map[string]func(token string) answer{
				"revocation": func(token string) answer {
					return s.form("/oauth2/revoke", []string{"token", token, "client_id", spa})
				},
				"logout": func(token string) answer { return s.json(logout, object{"refresh": token}) },
			} {
				a := s.signIn("openid offline_access")
				grant := s.grantOf(t, a.text(t, "access_token"))
				require.NoError(t, s.sessions.EndGrant(ctx, grant.ID), "the store loses it")
				require.Equal(t, http.StatusOK, end(a.text(t, name)).status, door)
				require.NoError(t, s.sessions.CreateGrant(ctx, grant), "and comes back with it")
				s.requireDead(t, a.text(t, "access_token"))
				requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(a.text(t, "refresh_token")))
			}
		}
	})
}

// CLI-05: who has not proved to be a client cannot use up its limit.
func TestWrongSecretsDoNotLockTheClient(t *testing.T) {
	s := newTestServer(t)
	s.handler.Limits.Rates.TokenPerClient = perMinute(20)
	s.handler.Limits.Rates.TokenPerAddress = perMinute(50)
	statuses := map[int]int{}
	for range 60 {
		statuses[s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(service, "wrong")).status]++
	}
	require.Equal(t, map[int]int{http.StatusUnauthorized: 50, http.StatusTooManyRequests: 10}, statuses)
	require.Equal(t, http.StatusOK, s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(service, serviceSecret)).status)
}

// A refresh that is refused for its scope or audience does not spend the token, and a client that may ask
// for less than it was granted gets less.
func TestRefusedRefreshKeepsTheToken(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.changeClient(spa, func(c *provider.Client) { c.Audience = []string{"https://a.example", "https://b.example"} })
		a := s.form("/oauth2/token", []string{
			"grant_type", "password", "client_id", spa, "username", email, "password", password, "scope", "openid email", "resource", "https://a.example",
		})
		token := a.text(t, "refresh_token")
		requireRefused(t, http.StatusBadRequest, "invalid_target", s.refresh(token, "resource", "https://b.example"))
		requireRefused(t, http.StatusBadRequest, "invalid_scope", s.refresh(token, "scope", "profile"))
		s.clock.move(time.Minute)
		s.changeClient(spa, func(c *provider.Client) { c.Scopes = []string{"openid"} })
		requireRefused(t, http.StatusBadRequest, "invalid_scope", s.refresh(token, "scope", "email"))
		next := s.refresh(token)
		require.Equal(t, http.StatusOK, next.status, next.body)
		require.Equal(t, "openid", next.text(t, "scope"))
	})
}

// LOG-09: a foreign page does not sign a browser in.
func TestForeignPagesSignNobodyIn(t *testing.T) {
	s := newTestServer(t)
	refresh := s.json(login, object{"email": email, "password": password}).text(t, "refresh_token")
	for _, origin := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"} {
		for path, body := range map[string]string{
			login:        encodeForm([]string{"email", email, "password", password}),
			tokenRefresh: encodeForm([]string{"refresh", refresh}),
			registration: encodeForm([]string{"email", "eve@example.com", "password1", password, "password2", password}),
		} {
			a := s.do(http.MethodPost, path, body, formType, origin)
			require.Equal(t, http.StatusForbidden, a.status, "%s %s", path, origin)
			require.Empty(t, a.header.Values("Set-Cookie"))
		}
	}
}

// A page must see why it was refused.
func TestRefusalsCanBeReadAcrossOrigins(t *testing.T) {
	s := newTestServer(t)
	a := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer("x"), "Origin: https://spa.example")
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
	a = s.form("/oauth2/token", []string{"grant_type", "implicit", "client_id", spa}, "Origin: https://spa.example")
	requireRefused(t, http.StatusBadRequest, "unsupported_grant_type", a)
	require.Equal(t, "https://spa.example", a.header.Get("Access-Control-Allow-Origin"))
}

// OPS-01: what a stranger sends as a client's id is not logged: it may be a secret in the wrong place.
func TestUnknownClientIDsStayOutOfLogs(t *testing.T) {
	s := newTestServer(t)
	s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic("a-secret-in-the-wrong-place", "x"))
	require.NotContains(t, s.logs.String(), "a-secret-in-the-wrong-place")
}

// Without the refresh grant nobody gets a refresh token that nothing accepts.
func TestNoRefreshTokenWithoutItsGrant(t *testing.T) {
	s := newTestServer(t)
	s.engine.Settings.GrantTypes = []string{provider.GrantPassword}
	require.Empty(t, s.signIn("openid offline_access").text(t, "refresh_token"))
	require.NotEmpty(t, s.json(login, object{"email": email, "password": password}).text(t, "refresh_token"), "the account API does not depend on it")
}
