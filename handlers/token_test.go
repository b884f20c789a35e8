package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
)

func TestPasswordGrant(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		a := s.signIn("openid email offline_access")
		require.Equal(t, "Bearer", a.text(t, "token_type"))
		require.EqualValues(t, 300, a.fields(t)["expires_in"])
		require.Equal(t, "openid email offline_access", a.text(t, "scope"))
		require.NotEmpty(t, a.text(t, "id_token"))
		s.requireAlive(t, a.text(t, "access_token"))
		s.requireAlive(t, a.text(t, "refresh_token"))

		info := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token")))
		require.JSONEq(t, `{"sub":"`+s.user.Subject+`","email":"`+email+`","email_verified":false}`, info.body)
	})
}

func TestWrongPasswordIsInvalidGrant(t *testing.T) {
	s := newTestServer(t)
	for _, tc := range [][2]string{{email, "wrong"}, {"nobody@example.com", password}, {"not an address", password}} {
		requireRefused(t, http.StatusBadRequest, "invalid_grant",
			s.form("/oauth2/token", []string{"grant_type", "password", "client_id", spa, "username", tc[0], "password", tc[1]}))
	}
}

func TestRefresh(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		t.Run("rotates, and keeps openid through every refresh", func(t *testing.T) {
			a := s.signIn("openid offline_access")
			seen := map[string]bool{}
			for range 4 {
				token := a.text(t, "refresh_token")
				require.False(t, seen[token])
				seen[token] = true
				a = s.refresh(token)
				require.Equal(t, http.StatusOK, a.status, a.body)
				require.NotEmpty(t, a.text(t, "id_token"))
				require.Equal(t, "openid offline_access", a.text(t, "scope"))
			}
		})
		t.Run("a lost answer is repeated with the same successor", func(t *testing.T) {
			first := s.signIn("offline_access").text(t, "refresh_token")
			lost := s.refresh(first).text(t, "refresh_token")
			s.clock.move(29 * time.Second)
			again := s.refresh(first)
			require.Equal(t, lost, again.text(t, "refresh_token"))
			require.Equal(t, http.StatusOK, s.refresh(lost).status)
		})
		t.Run("TOK-05: 32 at once get one successor and the grant lives", func(t *testing.T) {
			first := s.signIn("offline_access").text(t, "refresh_token")
			successors := map[string]bool{}
			for _, a := range race(32, func(int) answer { return s.refresh(first) }) {
				require.Equal(t, http.StatusOK, a.status, a.body)
				successors[a.text(t, "refresh_token")] = true
			}
			require.Len(t, successors, 1)
			for successor := range successors {
				require.Equal(t, http.StatusOK, s.refresh(successor).status)
			}
		})
		t.Run("TOK-04: reuse after the window ends the grant", func(t *testing.T) {
			first := s.signIn("offline_access")
			other := s.signIn("offline_access")
			second := s.refresh(first.text(t, "refresh_token"))
			s.clock.move(31 * time.Second)
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(first.text(t, "refresh_token")))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(second.text(t, "refresh_token")))
			s.requireDead(t, second.text(t, "access_token"))
			s.requireDead(t, first.text(t, "access_token"))
			s.requireAlive(t, other.text(t, "access_token"))
			require.Contains(t, s.logs.String(), "refresh token reused, grant ended")
		})
		t.Run("reuse of a grandparent ends the grant at once", func(t *testing.T) {
			first := s.signIn("offline_access").text(t, "refresh_token")
			second := s.refresh(first).text(t, "refresh_token")
			third := s.refresh(second).text(t, "refresh_token")
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(first))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(third))
		})
		t.Run("TOK-07: another client, and a client without its secret", func(t *testing.T) {
			token := s.signIn("offline_access").text(t, "refresh_token")
			requireRefused(t, http.StatusBadRequest, "invalid_grant",
				s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", token}, basic(stranger, serviceSecret)))
			requireRefused(t, http.StatusUnauthorized, "invalid_client",
				s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", token, "client_id", stranger}))
			require.Equal(t, http.StatusOK, s.refresh(token).status, "the rightful client still has it")
		})
		t.Run("TOK-08: scope and audience", func(t *testing.T) {
			token := s.signIn("openid email offline_access").text(t, "refresh_token")
			requireRefused(t, http.StatusBadRequest, "invalid_scope", s.refresh(token, "scope", "openid profile"))
			narrowed := s.refresh(token, "scope", "email")
			require.Equal(t, "email", narrowed.text(t, "scope"))
			requireRefused(t, http.StatusBadRequest, "invalid_target", s.refresh(narrowed.text(t, "refresh_token"), "resource", "https://unknown.example"))
			whole := s.refresh(narrowed.text(t, "refresh_token"))
			require.Equal(t, "openid email offline_access", whole.text(t, "scope"), "the grant keeps its scope (RFC 6749 §6)")
		})
		t.Run("ends after a day without use", func(t *testing.T) {
			token := s.signIn("offline_access").text(t, "refresh_token")
			s.clock.move(25 * time.Hour)
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(token))
		})
		t.Run("TOK-10: ends after 30 days of use", func(t *testing.T) {
			token := s.signIn("offline_access").text(t, "refresh_token")
			for range 33 {
				s.clock.move(22 * time.Hour)
				a := s.refresh(token)
				if a.status != http.StatusOK {
					requireRefused(t, http.StatusBadRequest, "invalid_grant", a)
					return
				}
				token = a.text(t, "refresh_token")
			}
			t.Fatal("still refreshed after 30 days")
		})
	})
}

// TOK-09, LOG-12: what a grant depends on is looked at at each use.
func TestGrantEndsWithWhatItDependsOn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		no, yes := false, true
		ctx := context.Background()
		for name, event := range map[string]struct{ do, undo func() }{
			"user disabled": {
				func() { require.NoError(t, s.database.UpdateUser(ctx, s.user.ID, provider.UserChange{Active: &no})) },
				func() { require.NoError(t, s.database.UpdateUser(ctx, s.user.ID, provider.UserChange{Active: &yes})) },
			},
			"client disabled": {
				func() { s.changeClient(spa, func(c *provider.Client) { c.Disabled = true }) },
				func() { s.changeClient(spa, func(c *provider.Client) { c.Disabled = false }) },
			},
			"password changed": {
				func() { require.NoError(t, s.accounts.SetPassword(ctx, s.user.ID, password)) },
				func() {},
			},
		} {
			t.Run(name, func(t *testing.T) {
				a := s.signIn("openid offline_access")
				s.clock.move(time.Second)
				event.do()
				s.requireDead(t, a.text(t, "access_token"))
				s.requireDead(t, a.text(t, "refresh_token"))
				refused := s.refresh(a.text(t, "refresh_token"))
				require.Contains(t, []string{"invalid_grant", "invalid_client"}, refused.text(t, "error"))
				require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(a.text(t, "access_token"))).status)
				event.undo()
				s.clock.move(time.Second)
				s.signIn("openid")
			})
		}
		t.Run("user deleted", func(t *testing.T) {
			a := s.signIn("openid offline_access")
			require.NoError(t, s.database.DeleteUser(ctx, s.user.ID))
			s.requireDead(t, a.text(t, "access_token"))
			requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(a.text(t, "refresh_token")))
		})
	})
}

// A sign-in with the old password that is under way while the password is changed ends with it.
func TestPasswordChangeEndsASignInThatIsUnderWay(t *testing.T) {
	s := newTestServer(t)
	s.engine.Accounts = overtaken{s.accounts, func(ctx context.Context) {
		require.NoError(t, s.accounts.SetPassword(ctx, s.user.ID, "An0ther-Teapot-92"))
	}}
	a := s.signIn("openid offline_access")
	s.requireDead(t, a.text(t, "access_token"))
	requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(a.text(t, "refresh_token")))
}

// overtaken is accounts where something happens while a password is checked.
type overtaken struct {
	*accounts.Accounts
	meanwhile func(ctx context.Context)
}

func (o overtaken) SignIn(ctx context.Context, email, password string) (provider.User, error) {
	user, err := o.Accounts.SignIn(ctx, email, password)
	o.meanwhile(ctx)
	return user, err
}

func TestClientCredentials(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		a := s.form("/oauth2/token", []string{"grant_type", "client_credentials", "scope", "orders:read"}, basic(service, serviceSecret))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.NotContains(t, a.fields(t), "refresh_token")
		seen := s.introspect(a.text(t, "access_token")).fields(t)
		require.Equal(t, service, seen["sub"])
		require.Equal(t, "https://api.example", seen["aud"])
		require.NotContains(t, seen, "auth_time")

		other := s.form("/oauth2/token", []string{"grant_type", "client_credentials", "resource", "https://other.example"}, basic(service, serviceSecret))
		require.Equal(t, "https://other.example", s.introspect(other.text(t, "access_token")).fields(t)["aud"])
		requireRefused(t, http.StatusBadRequest, "invalid_target", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "resource", "https://evil.example"}, basic(service, serviceSecret)))
		requireRefused(t, http.StatusBadRequest, "invalid_scope", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "scope", "admin"}, basic(service, serviceSecret)))

		require.Equal(t, http.StatusOK, s.form("/oauth2/revoke", []string{"token", a.text(t, "access_token")}, basic(service, serviceSecret)).status)
		s.requireDead(t, a.text(t, "access_token"))
		s.requireAlive(t, other.text(t, "access_token"))
	})
}

func TestTokenEndpointRefusals(t *testing.T) {
	s := newTestServer(t)
	auth := basic(service, serviceSecret)
	t.Run("TOK-11", func(t *testing.T) {
		requireRefused(t, http.StatusBadRequest, "unauthorized_client", s.form("/oauth2/token", []string{"grant_type", "password", "username", email, "password", password}, auth))
		requireRefused(t, http.StatusBadRequest, "unsupported_grant_type", s.form("/oauth2/token", []string{"grant_type", "implicit"}, auth))
		requireRefused(t, http.StatusBadRequest, "unsupported_grant_type", s.form("/oauth2/token", []string{"grant_type", provider.GrantDeviceCode, "device_code", "x"}, auth))
		requireRefused(t, http.StatusBadRequest, "unauthorized_client", s.form("/oauth2/token", []string{"grant_type", provider.GrantAuthorizationCode, "code", "x"}, auth))
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/token", nil, auth))
	})
	t.Run("TOK-12", func(t *testing.T) {
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "grant_type", "client_credentials"}, auth))
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/token?grant_type=client_credentials", nil, auth))
		get := s.do(http.MethodGet, "/oauth2/token?grant_type=client_credentials", "", auth)
		requireRefused(t, http.StatusMethodNotAllowed, "invalid_request", get)
		require.Equal(t, "POST", get.header.Get("Allow"))
		requireRefused(t, http.StatusUnsupportedMediaType, "invalid_request", s.do(http.MethodPost, "/oauth2/token", `{"grant_type":"client_credentials"}`, auth, "Content-Type: application/json"))
		requireRefused(t, http.StatusUnsupportedMediaType, "invalid_request", s.do(http.MethodPost, "/oauth2/token", "x", auth, formType, "Content-Encoding: gzip"))
		requireRefused(t, http.StatusUnsupportedMediaType, "invalid_request", s.do(http.MethodPost, "/oauth2/token", "x", auth, "Content-Type: multipart/form-data; boundary=x"))
	})
	t.Run("TOK-13", func(t *testing.T) {
		a := s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, auth)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Equal(t, "no-cache", a.header.Get("Pragma"))
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
	})
	t.Run("TOK-14", func(t *testing.T) {
		begun := time.Now()
		requireRefused(t, http.StatusRequestEntityTooLarge, "invalid_request", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "scope", strings.Repeat("s", 1<<20)}, auth))
		requireRefused(t, http.StatusBadRequest, "invalid_scope", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "scope", manyScopes(10_000)}, auth))
		requireRefused(t, http.StatusRequestEntityTooLarge, "invalid_request", s.form("/oauth2/token", []string{"x", strings.Repeat("x", 20<<20)}, auth))
		require.Less(t, time.Since(begun), 2*time.Second)
	})
	t.Run("CLI-01", func(t *testing.T) {
		requireRefused(t, http.StatusBadRequest, "invalid_request", s.form("/oauth2/token", []string{"grant_type", "client_credentials", "client_id", service, "client_secret", serviceSecret}, auth))
	})
	t.Run("CLI-02", func(t *testing.T) {
		want := s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(service, "wrong"))
		requireRefused(t, http.StatusUnauthorized, "invalid_client", want)
		require.Contains(t, want.header.Get("WWW-Authenticate"), "Basic ")
		for name, a := range map[string]answer{
			"unknown client":        s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic("nobody", "wrong")),
			"empty secret":          s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(service, "")),
			"no secret":             s.form("/oauth2/token", []string{"grant_type", "client_credentials", "client_id", service}),
			"other method":          s.form("/oauth2/token", []string{"grant_type", "client_credentials", "client_id", service, "client_secret", serviceSecret}),
			"Basic for body client": s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(poster, serviceSecret)),
			"secret of a public":    s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", "x"}, basic(spa, "x")),
			"nobody":                s.form("/oauth2/token", []string{"grant_type", "client_credentials"}),
		} {
			require.Equal(t, want.status, a.status, name)
			require.Equal(t, want.body, a.body, name)
			require.Equal(t, want.header.Get("WWW-Authenticate"), a.header.Get("WWW-Authenticate"), name)
		}
		require.Equal(t, http.StatusOK, s.form("/oauth2/token", []string{"grant_type", "client_credentials", "client_id", poster, "client_secret", serviceSecret}).status)
	})
	t.Run("a disabled client is unknown", func(t *testing.T) {
		s.changeClient(stranger, func(c *provider.Client) { c.Disabled = true })
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.form("/oauth2/token", []string{"grant_type", "client_credentials"}, basic(stranger, serviceSecret)))
	})
}

func manyScopes(n int) string {
	return strings.TrimSpace(strings.Repeat("x ", n/2)) + " " + strings.Join(distinct(n/2), " ")
}

func distinct(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.Repeat("a", 1+i%4) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26))
	}
	return out
}

// TOK-15: no kind of token passes for another.
func TestTokenKindsDoNotMix(t *testing.T) {
	s := newTestServer(t)
	a := s.signIn("openid offline_access")
	access, refresh, id := a.text(t, "access_token"), a.text(t, "refresh_token"), a.text(t, "id_token")
	for _, wrong := range []string{refresh, id, access + "A", strings.ToUpper(access), access[:len(access)-2], "x"} {
		answer := s.do(http.MethodGet, "/oauth2/userinfo", "", bearer(wrong))
		require.Equal(t, http.StatusUnauthorized, answer.status)
		require.Contains(t, answer.header.Get("WWW-Authenticate"), `Bearer realm=`)
		require.Contains(t, answer.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	}
	for _, wrong := range []string{access, id, "x", refresh + "A", "sgr_" + access} {
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(wrong))
	}
	s.requireDead(t, id)
	s.requireAlive(t, access)
	s.requireAlive(t, refresh)
}
