package handlers_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// A long request is the only one that a stranger can have stored.
func TestLongAuthorizationRequestsOfAnAddressAreFew(t *testing.T) {
	s := newSignInServer(t, func(with *setup) { with.rates.TokenPerAddress = perMinute(5) })
	long := newRequest(webapp, webappCB, "state", strings.Repeat("s", 6000))
	for range 5 {
		a := s.newBrowser(t).send(http.MethodGet, long.path(), "")
		require.Equal(t, http.StatusSeeOther, a.status)
		require.Contains(t, a.header.Get("Location"), "interaction=.", "it is stored")
	}
	requireErrorPage(t, s.newBrowser(t).open(long.path()), http.StatusTooManyRequests, "temporarily_unavailable")
	a := s.newBrowser(t).send(http.MethodPost, "/oauth2/authorize", long.Encode())
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.True(t, s.newBrowser(t).open(newRequest(webapp, webappCB).path()).has("login-form"), "others are not stored")
}

// together lets two callers go on when both have read a login session.
type together struct {
	provider.LoginSessionStore
	readers sync.WaitGroup
}

func (s *together) LoginSession(ctx context.Context, cookieHash string) (provider.LoginSession, error) {
	session, err := s.LoginSessionStore.LoginSession(ctx, cookieHash)
	s.readers.Done()
	s.readers.Wait()
	return session, err
}

func TestSigningInTwiceAtOnceIsNoFault(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		b := s.newBrowser(t)
		b.login(b.open("/login"))
		path, body := b.filled(b.open("/login"), "login-submit", "username", email, "password", password)
		store := &together{LoginSessionStore: s.accounts.Sessions}
		store.readers.Add(2)
		s.accounts.Sessions = store
		answers := race(2, func(int) answer {
			return (&browser{s, t, maps.Clone(b.cookies)}).send(http.MethodPost, path, body, "Origin: "+s.URL)
		})
		s.accounts.Sessions = store.LoginSessionStore
		for _, a := range answers {
			require.Equal(t, http.StatusSeeOther, a.status, a.body)
			require.Equal(t, "/account", a.header.Get("Location"))
		}
	})
}

func TestAClientThatIsGoneIsNoFaultOfOurs(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	atLogin := b.open(newRequest(webapp, webappCB).path())
	require.True(t, atLogin.has("login-form"))
	require.NoError(t, s.database.DeleteClient(context.Background(), webapp))
	s.clock.move(2 * time.Second)
	requireErrorPage(t, b.open(atLogin.url.RequestURI()), http.StatusForbidden, "unauthorized_client")
	requireErrorPage(t, b.open(strings.Replace(atLogin.url.RequestURI(), "/login", "/signup", 1)), http.StatusForbidden, "unauthorized_client")
	requireErrorPage(t, b.submit(atLogin, "login-submit", "username", email, "password", "wrong"), http.StatusForbidden, "unauthorized_client")
}

// The answer of a request that waits on a page goes where it may go then.
func TestARedirectURITakenBackGetsNoCode(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	consent := b.login(b.open(newRequest(webapp, webappCB).path()))
	s.changeClient(webapp, func(c *provider.Client) { c.RedirectURIs = []string{"https://new.example/callback"} })
	requireErrorPage(t, b.submit(consent, "consent-accept"), http.StatusForbidden, "unauthorized_client")
}

func TestARedirectURITakenBackGetsNoRefusal(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	consent := b.login(b.open(newRequest(webapp, webappCB).path()))
	s.changeClient(webapp, func(c *provider.Client) { c.RedirectURIs = []string{"https://new.example/callback"} })
	requireErrorPage(t, b.submit(consent, "consent-deny"), http.StatusForbidden, "unauthorized_client")
}

func TestAMaximumAgeMayBeOfAges(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	b.signIn(newRequest(webapp, webappCB))
	s.clock.move(time.Hour)
	for _, age := range []string{"9223372037", "18446744074", "9223372036854775807"} {
		r := newRequest(webapp, webappCB, "prompt", "none", "max_age", age)
		require.NotEmpty(t, b.arrived(b.open(r.path()), r).Get("code"), age)
	}
}

// afterReading does something in the moment after a login session was read.
type afterReading struct {
	provider.LoginSessionStore
	then func()
}

func (s *afterReading) LoginSession(ctx context.Context, cookieHash string) (provider.LoginSession, error) {
	session, err := s.LoginSessionStore.LoginSession(ctx, cookieHash)
	s.then()
	return session, err
}

func TestAPasswordChangedWhileACodeIsIssuedEndsItsGrant(t *testing.T) {
	s := newSignInServer(t)
	b := s.newBrowser(t)
	r := newRequest(webapp, webappCB)
	consent := b.login(b.open(r.path()))
	// The last thing that is read: whether the session goes on.
	s.accounts.Sessions = &afterReading{s.accounts.Sessions, sync.OnceFunc(func() {
		require.NoError(t, s.accounts.SetPassword(context.Background(), s.user.ID, "An0ther-Teapot-77"))
	})}
	code := b.arrived(b.submit(consent, "consent-accept"), r).Get("code")
	require.NotEmpty(t, code)
	requireRefused(t, http.StatusBadRequest, "invalid_grant", s.redeem(r, code))
}

func TestTriesOfLinksToANewPasswordAreCounted(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.rates.AccountAPIPerAddress = perMinute(5) })
	uid, token := s.reset(t, email) // one
	b := s.newBrowser(t)
	p := b.open("/password-reset/confirm/" + uid + "/" + token) // two: a look at a link is a try, too
	for range 3 {
		require.Equal(t, http.StatusUnprocessableEntity, b.submit(p, "reset-submit", "new_password1", "12345678", "new_password2", "12345678").status)
	}
	requireErrorPage(t, b.submit(p, "reset-submit", "new_password1", "Gr4vel-Teapot-92", "new_password2", "Gr4vel-Teapot-92"), http.StatusTooManyRequests, "temporarily_unavailable")
}

func TestDCR_03_AnswersDoNotComeBackToUs(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.settings.Issuer = "https://id.example" })
	for _, uri := range []string{"https://id.example/oauth2/authorize", "https://ID.example/x", "https://id.example:443/x", "https://id.example:/x"} {
		requireRefused(t, http.StatusBadRequest, "invalid_redirect_uri", s.tryClient(object{"redirect_uris": []string{uri}}))
	}
	require.Equal(t, http.StatusCreated, s.tryClient(object{"redirect_uris": []string{"https://id.example:8443/x"}}).status)
}

// What it takes to look at a signature is up to whoever chose the keys.
func TestSignaturesByKeysOfStrangersAreCountedBefore(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.rates.TokenPerAddress = perMinute(3) })
	s.addSigners(t)
	self := s.registerClient(t, object{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(keySet(t, signingKey))})
	for range 3 {
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.credentials(nil, basic("nobody", "secret")))
	}
	requireRefused(t, http.StatusTooManyRequests, "temporarily_unavailable", s.credentials(assertion(t, signingKey, s.claims(self.id))))
	require.Equal(t, http.StatusOK, s.credentials(assertion(t, signingKey, s.claims(signer))).status, "an operator's client has its own limit")
}

func TestDCR_01_ChangesAreCountedLikeRegistrations(t *testing.T) {
	s := newTestServer(t, func(with *setup) { with.rates.ClientRegistrationPerAddress = perMinute(3) })
	self := s.registerClient(t, object{})
	change := object{"redirect_uris": []string{selfCB}}
	for range 2 {
		require.Equal(t, http.StatusOK, s.manage(http.MethodPut, self, change).status)
	}
	requireRefused(t, http.StatusTooManyRequests, "temporarily_unavailable", s.manage(http.MethodPut, self, change))
	require.Equal(t, http.StatusOK, s.manage(http.MethodGet, self, nil).status)
}
