package handlers_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/handlers"
	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/outbox"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
	"github.com/signet-id/signet/templates"
)

// The clients and the user of every test server.
const (
	spa           = "spa"     // public: password, refresh
	service       = "service" // Basic: client_credentials; a resource server
	poster        = "poster"  // secret in the body: client_credentials, password, refresh
	stranger      = "stranger"
	serviceSecret = "service-secret"
	email         = "user@example.com"
	password      = "Gr4vel-Teapot-91"
)

// testServer is the whole service in process, on one pair of stores.
type testServer struct {
	*httptest.Server
	t        *testing.T
	clock    *clock
	database *sqlstore.Store
	sessions sessions
	engine   *oidc.Engine
	handler  *handlers.Server
	accounts *accounts.Accounts
	user     provider.User
	logs     *syncBuffer
	mails    *mailbox
	ring     *keys.Ring
}

// sessions is the short-lived store.
type sessions interface {
	provider.GrantStore
	provider.RecordStore
	provider.LoginSessionStore
	provider.Limiter
}

// setup is what a test may change of a server before it starts.
type setup struct {
	settings oidc.Settings
	rates    limits.Rates
	rotate   bool
	accounts *accounts.Accounts
	handler  *handlers.Server
	// fetcher reads what clients publish; by default on this machine, over http.
	fetcher oidc.Fetcher
	// secure says that the server is reached by https, with a certificate of its own making; see overHTTPS.
	secure bool
}

// mailbox keeps the mails that the rules queue.
type mailbox struct {
	mu    sync.Mutex
	mails []provider.Mail
}

func (m *mailbox) EnqueueMail(_ context.Context, mail provider.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, mail)
	return nil
}

// mailsTo returns the mails to an address, oldest first, when all work that answers left behind is done.
func (s *testServer) mailsTo(email string) []provider.Mail {
	s.handler.Wait()
	s.mails.mu.Lock()
	defer s.mails.mu.Unlock()
	var found []provider.Mail
	for _, m := range s.mails.mails {
		if m.To == email {
			found = append(found, m)
		}
	}
	return found
}

// clock is the real time plus what the test adds.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// onEachStore runs a test on the embedded stores and on MariaDB with Redis.
func onEachStore(t *testing.T, test func(t *testing.T, s *testServer), configure ...func(*setup)) {
	forEachStore(t, func(t *testing.T, start func(*testing.T, ...func(*setup)) *testServer) {
		test(t, start(t, configure...))
	})
}

// forEachStore is onEachStore for a test that starts its servers itself.
func forEachStore(t *testing.T, test func(t *testing.T, start func(*testing.T, ...func(*setup)) *testServer)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newTestServer) })
	t.Run("mariadb+redis", func(t *testing.T) {
		test(t, onSharedStores)
	})
}

// onSharedStores starts a server on MariaDB and Redis.
func onSharedStores(t *testing.T, configure ...func(*setup)) *testServer {
	t.Helper()
	clock := &clock{}
	database := sqlstoretest.MariaDB(t, sqlstoretest.Clock(clock.now))
	return startTestServer(t, clock, database, redisstoretest.Open(t, redisstoretest.RedisURL(t), func(o *redisstore.Options) { o.Now = clock.now }), configure...)
}

// overHTTPS makes a server's issuer and everything that is built from it https.
func overHTTPS(with *setup) {
	with.secure = true
	with.settings.Issuer = "https" + strings.TrimPrefix(with.settings.Issuer, "http")
	with.handler.Issuer.Scheme = "https"
	for _, link := range []*string{&with.accounts.Links.VerifyEmail, &with.accounts.Links.ResetPassword} {
		*link = "https" + strings.TrimPrefix(*link, "http")
	}
}

// newTestServer starts a server on SQLite in memory.
func newTestServer(t *testing.T, configure ...func(*setup)) *testServer {
	t.Helper()
	clock := &clock{}
	database := sqlstoretest.SQLite(t, sqlstoretest.Clock(clock.now))
	return startTestServer(t, clock, database, database, configure...)
}

func startTestServer(t *testing.T, clock *clock, database *sqlstore.Store, short sessions, configure ...func(*setup)) *testServer {
	t.Helper()
	ctx := context.Background()
	s := &testServer{t: t, clock: clock, database: database, sessions: short, logs: &syncBuffer{}, mails: &mailbox{}}
	log := slog.New(slog.NewTextHandler(s.logs, nil))
	master, err := secrets.New(bytes.Repeat([]byte{7}, secrets.KeySize))
	require.NoError(t, err)
	ring, err := keys.Open(ctx, database, master, keys.Schedule{Rotation: 90 * 24 * time.Hour, JWKSMaxAge: 5 * time.Minute, Poll: 30 * time.Second, LongestToken: time.Hour}, clock.now)
	require.NoError(t, err)
	s.Server = httptest.NewUnstartedServer(nil)
	issuer := "http://" + s.Listener.Addr().String()
	public, err := url.Parse(issuer)
	require.NoError(t, err)
	pages, err := templates.NewPages(templates.Brand{Name: "Signet"}, "")
	require.NoError(t, err)
	with := &setup{
		rotate: true,
		rates: limits.Rates{
			LoginPerAddress: perMinute(1000), LoginPerAccount: provider.Rate{Limit: 5, Per: 5 * time.Minute, Burst: 5}, RegistrationPerAddress: perMinute(10_000),
			TokenPerAddress: perMinute(100_000), TokenPerClient: perMinute(100_000), IntrospectionPerClient: perMinute(100_000),
			ClientRegistrationPerAddress: perMinute(100_000),
			MailPerRecipient:             provider.Rate{Limit: 1, Per: 30 * time.Minute, Burst: 2}, MailPerAddress: perMinute(100_000),
		},
		settings: oidc.Settings{
			Issuer: issuer, AccessTokenLifetime: 5 * time.Minute, IDTokenLifetime: time.Hour, RefreshTokenIdle: 24 * time.Hour,
			RefreshTokenMax: 30 * 24 * time.Hour, RefreshGrace: 30 * time.Second, AccessTokenAlgorithm: keys.ES256,
			GrantTypes:   []string{provider.GrantAuthorizationCode, provider.GrantPassword, provider.GrantRefreshToken, provider.GrantClientCredentials},
			JWKSMaxAge:   5 * time.Minute,
			Registration: oidc.RegistrationOpen,
			CodeLifetime: time.Minute, InteractionLifetime: 30 * time.Minute, UILocales: pages.Languages(),
		},
		accounts: &accounts.Accounts{
			Users: database, Now: clock.now, Policy: passwords.Policy{MinLength: 8}, Tickets: short, Mail: s.mails,
			Passwords: passwords.New(passwords.Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 4, Queue: 500, QueueWait: 10 * time.Second}),
			Links: accounts.Links{
				VerifyEmail:   issuer + handlers.AccountAPI + "registration/account-confirm-email/{key}/",
				ResetPassword: issuer + handlers.ResetPage + "/{uid}/{token}/",
			},
			VerificationLifetime: 72 * time.Hour, ResetLifetime: time.Hour, Sessions: short,
		},
		handler: &handlers.Server{
			Metrics: handlers.NewMetrics(prometheus.NewRegistry()), Log: log, Now: clock.now,
			Issuer: public, MaxBody: 64 << 10, SignUpOpen: true, AccountAPI: true, AllowedOrigins: []string{"https://app.example"},
			Cookies: handlers.Cookies{Access: "my-app-auth", Refresh: "my-refresh-token", SessionLifetime: 14 * 24 * time.Hour},
			Pages:   pages, SessionTerms: accounts.SessionTerms{Idle: 12 * time.Hour, Max: 24 * time.Hour}, RememberedFor: 30 * 24 * time.Hour,
			Compatible: handlers.Compatible{NewPasswordMax: 128},
		},
	}
	with.fetcher = outbound.New(outbound.Options{
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true, Timeout: 2 * time.Second,
	})
	for _, change := range configure {
		change(with)
	}
	doors := &limits.Limits{Shared: short, Local: limits.NewMemory(1000), Now: clock.now, Enabled: true, Rates: with.rates}
	with.accounts.Limits = doors
	s.accounts, s.handler = with.accounts, with.handler
	require.NoError(t, oidc.EnsureAccountClient(ctx, database, with.rotate, clock.now().UTC()))
	s.engine = oidc.New(oidc.Engine{
		Settings: with.settings,
		Clients:  database, Users: database, Standings: database, Ended: database, Consents: database, Grants: short, Sessions: short, Records: short, Fetcher: with.fetcher, Notices: outbox.New(provider.TopicLogoutNotice, database, master, clock.now), Keys: ring, Master: master,
		Accounts: s.accounts, Secrets: clientsecrets.NewVerifier(s.accounts.Passwords), Limits: doors, Log: log, Now: clock.now,
	})
	s.accounts.SignedOut = s.engine
	s.handler.Engine, s.handler.Accounts, s.handler.Limits = s.engine, s.accounts, doors
	s.ring = ring
	s.Config.Handler = s.handler.Routes()
	if with.secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() { s.Close(); s.handler.Wait() })

	s.user, err = s.accounts.Register(ctx, accounts.Registration{Email: email, Password: password, FirstName: "Ada", LastName: "Lovelace"})
	require.NoError(t, err)
	hashed := []provider.SecretHash{{Hash: clientsecrets.Hash(serviceSecret)}}
	s.addClient(provider.Client{
		ID: spa, TokenEndpointAuthMethod: provider.AuthMethodNone, GrantTypes: []string{provider.GrantPassword, provider.GrantRefreshToken},
		Scopes: []string{"openid", "profile", "email", "offline_access"}, AllowedOrigins: []string{"https://spa.example"},
	})
	s.addClient(provider.Client{
		ID: service, SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic, GrantTypes: []string{provider.GrantClientCredentials},
		Scopes: []string{"orders:read", "orders:write"}, Audience: []string{"https://api.example", "https://other.example"}, ResourceServer: true,
	})
	s.addClient(provider.Client{
		ID: poster, SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretPost,
		GrantTypes: []string{provider.GrantClientCredentials, provider.GrantPassword, provider.GrantRefreshToken}, Scopes: []string{"openid", "email"},
	})
	s.addClient(provider.Client{
		ID: stranger, SecretHashes: hashed, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
		GrantTypes: []string{provider.GrantClientCredentials, provider.GrantRefreshToken}, Scopes: []string{"openid"},
	})
	return s
}

func perMinute(n int) provider.Rate { return provider.Rate{Limit: n, Per: time.Minute, Burst: n} }

func (s *testServer) addClient(c provider.Client) {
	s.t.Helper()
	c.CreatedAt, c.UpdatedAt = s.clock.now().UTC(), s.clock.now().UTC()
	require.NoError(s.t, s.database.CreateClient(context.Background(), c))
}

// changeClient changes a stored client and waits until no cache has the old one.
func (s *testServer) changeClient(id string, change func(*provider.Client)) {
	s.t.Helper()
	c, err := s.database.Client(context.Background(), id)
	require.NoError(s.t, err)
	was := c.UpdatedAt
	change(&c)
	c.UpdatedAt = was.Add(time.Millisecond)
	require.NoError(s.t, s.database.ReplaceClient(context.Background(), c, was))
	s.clock.move(2 * time.Second)
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// fields decodes a JSON object.
func (a answer) fields(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &fields), a.body)
	return fields
}

// text is one string of a JSON object; "" when it is absent.
func (a answer) text(t *testing.T, name string) string {
	t.Helper()
	text, _ := a.fields(t)[name].(string)
	return text
}

// do sends a request with headers given as "Name: value". The answer must be as the OpenAPI document
// says.
func (s *testServer) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Add(name, value)
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	a := answer{response.StatusCode, response.Header, string(raw)}
	document, err := readContract()
	require.NoError(s.t, err)
	require.NoError(s.t, document.check(request, body, a))
	return a
}

const formType = "Content-Type: application/x-www-form-urlencoded"

// form posts pairs of names and values.
func (s *testServer) form(path string, pairs []string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodPost, path, encodeForm(pairs), append(headers, formType)...)
}

func encodeForm(pairs []string) string {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(parts, "&")
}

// json posts to the account API.
func (s *testServer) json(path string, body any, headers ...string) answer {
	s.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(s.t, err)
	return s.do(http.MethodPost, path, string(raw), append(headers, "Content-Type: application/json")...)
}

func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// signIn is the password grant of the single-page app.
func (s *testServer) signIn(scope string) answer {
	s.t.Helper()
	a := s.form("/oauth2/token", []string{"grant_type", "password", "client_id", spa, "username", email, "password", password, "scope", scope})
	require.Equal(s.t, http.StatusOK, a.status, a.body)
	return a
}

// refresh is the refresh grant of the single-page app.
func (s *testServer) refresh(token string, more ...string) answer {
	s.t.Helper()
	return s.form("/oauth2/token", append([]string{"grant_type", "refresh_token", "client_id", spa, "refresh_token", token}, more...))
}

// introspect asks as the resource server whether a token is alive.
func (s *testServer) introspect(token string) answer {
	s.t.Helper()
	return s.form("/oauth2/introspect", []string{"token", token}, basic(service, serviceSecret))
}

// requireAlive and requireDead say what introspection must answer.
func (s *testServer) requireAlive(t *testing.T, token string) {
	t.Helper()
	a := s.introspect(token)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, true, a.fields(t)["active"])
}

func (s *testServer) requireDead(t *testing.T, token string) {
	t.Helper()
	a := s.introspect(token)
	require.Equal(t, http.StatusOK, a.status)
	require.JSONEq(t, `{"active":false}`, a.body)
}

// requireRefused says which OAuth error an answer must be.
func requireRefused(t *testing.T, status int, code string, a answer) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, code, a.text(t, "error"), a.body)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	for _, r := range a.text(t, "error_description") {
		require.True(t, r >= 0x20 && r <= 0x7e && r != '"' && r != '\\', "error_description has %q", r) // RFC 6749 §5.2
	}
	if status == http.StatusUnauthorized {
		require.NotEmpty(t, a.header.Get("WWW-Authenticate"))
	}
}

// race runs n copies at the same instant.
func race(n int, do func(i int) answer) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answers[i] = do(i)
		})
	}
	close(start)
	group.Wait()
	return answers
}

// decodeSegment decodes one part of a compact JWS.
func decodeSegment(t *testing.T, token string, part int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	require.NoError(t, err)
	return raw
}
