package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/oidc"
)

// maxSignInTrips is what a sign-in may cost beside the password's hash: authorize, login, consent, code, tokens.
const maxSignInTrips = 12

// trips notes every call of a store, by name. A method that a sign-in is not known to call has no counter: it
// is nobody's, and panics.
type trips struct {
	mu    sync.Mutex
	calls []string
}

func (t *trips) count(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, name)
}

type countedDatabase struct {
	provider.UserStore
	provider.ClientStore
	provider.StandingStore
	provider.ConsentStore
	provider.EndedGrantStore
	*trips
	s *testServer
}

func (d countedDatabase) UserByEmail(ctx context.Context, email string) (provider.User, error) {
	d.count("UserByEmail")
	return d.s.database.UserByEmail(ctx, email)
}

func (d countedDatabase) UpdateUser(ctx context.Context, id int64, change provider.UserChange) error {
	d.count("UpdateUser")
	return d.s.database.UpdateUser(ctx, id, change)
}

func (d countedDatabase) Client(ctx context.Context, id string) (provider.Client, error) {
	d.count("Client")
	return d.s.database.Client(ctx, id)
}

func (d countedDatabase) Standing(ctx context.Context, clientID string, userID int64, grantID, sessionID string) (provider.Standing, error) {
	d.count("Standing")
	return d.s.database.Standing(ctx, clientID, userID, grantID, sessionID)
}

func (d countedDatabase) AuthorizationStanding(ctx context.Context, clientID string, userID int64, sessionID string) (provider.Standing, error) {
	d.count("AuthorizationStanding")
	return d.s.database.AuthorizationStanding(ctx, clientID, userID, sessionID)
}

func (d countedDatabase) SaveConsent(ctx context.Context, consent provider.Consent) error {
	d.count("SaveConsent")
	return d.s.database.SaveConsent(ctx, consent)
}

type countedSessions struct {
	provider.GrantStore
	provider.RecordStore
	provider.LoginSessionStore
	provider.Limiter
	*trips
	s *testServer
}

func (d countedSessions) CreateGrant(ctx context.Context, g provider.Grant) error {
	d.count("CreateGrant")
	return d.s.sessions.CreateGrant(ctx, g)
}

func (d countedSessions) RedeemCode(ctx context.Context, r provider.Redemption) (provider.Grant, error) {
	d.count("RedeemCode")
	return d.s.sessions.RedeemCode(ctx, r)
}

func (d countedSessions) CreateLoginSession(ctx context.Context, session provider.LoginSession) error {
	d.count("CreateLoginSession")
	return d.s.sessions.CreateLoginSession(ctx, session)
}

func (d countedSessions) LoginSession(ctx context.Context, cookieHash string) (provider.LoginSession, error) {
	d.count("LoginSession")
	return d.s.sessions.LoginSession(ctx, cookieHash)
}

func (d countedSessions) TakeEach(ctx context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	d.count("TakeEach")
	return d.s.sessions.TakeEach(ctx, buckets, now)
}

func TestASignInCostsAtMostTwelveStoreTrips(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		counter := &trips{}
		database, sessions := countedDatabase{trips: counter, s: s}, countedSessions{trips: counter, s: s}
		counted := *s
		counted.Server = httptest.NewUnstartedServer(nil)
		counted.t = t
		settings := s.engine.Settings
		settings.Issuer = "http://" + counted.Listener.Addr().String()
		doors := &limits.Limits{Shared: sessions, Local: limits.NewMemory(1000), Now: s.clock.now, Enabled: true, Rates: s.handler.Limits.Rates}
		rules := *s.accounts
		rules.Users, rules.Sessions, rules.Limits = database, sessions, doors
		handler := *s.handler
		handler.Engine = oidc.New(oidc.Engine{
			Settings: settings, Clients: database, Users: database, Standings: database, Ended: database, Consents: database, Grants: sessions,
			Sessions: sessions, Records: sessions, Keys: s.ring, Master: s.engine.Master, Accounts: &rules, Secrets: s.engine.Secrets,
			Limits: doors, Log: s.engine.Log, Now: s.clock.now,
		})
		handler.Accounts, handler.Limits = &rules, doors
		counted.Config.Handler = handler.Routes()
		counted.Start()
		defer counted.Close()

		r := newRequest(webapp, webappCB, "scope", "openid profile email offline_access")
		b := counted.newBrowser(t)
		a := counted.redeem(r, b.signIn(r).Get("code"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		t.Logf("%d trips: %v", len(counter.calls), counter.calls)
		require.LessOrEqual(t, len(counter.calls), maxSignInTrips, "%v", counter.calls)

		// Signed in and consented: nobody is asked.
		counter.calls = nil
		again := newRequest(webapp, webappCB, "scope", "openid")
		a = counted.redeem(again, b.arrived(b.open(again.path()), again).Get("code"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		t.Logf("%d trips: %v", len(counter.calls), counter.calls)
		require.LessOrEqual(t, len(counter.calls), 6, "%v", counter.calls)
	})
}
