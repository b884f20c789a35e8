package load

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentilesAreNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i+1) * time.Millisecond
	}
	for _, c := range []struct {
		sorted []time.Duration
		p      float64
		want   float64
	}{
		{nil, 99, 0},
		{hundred[:1], 50, 1},
		{hundred[:1], 99, 1},
		{hundred[:3], 50, 2},
		{hundred[:4], 50, 2},
		{hundred, 50, 50},
		{hundred, 95, 95},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred[:10], 99, 10},
	} {
		require.Equal(t, c.want, percentile(c.sorted, c.p), "p%v of %d", c.p, len(c.sorted))
	}
}

func TestResultSumsUpAllConnections(t *testing.T) {
	got := result(Options{Scenario: "jwks", Concurrency: 2}, 2*time.Second, []*tally{
		{latencies: []time.Duration{3 * time.Millisecond, time.Millisecond}, errors: map[string]int{"503": 1}},
		{latencies: []time.Duration{2 * time.Millisecond}, errors: map[string]int{"503": 1, noAnswer: 7}},
	}, map[string]time.Duration{"server": time.Millisecond})
	require.Equal(t, Result{
		Scenario: "jwks", Concurrency: 2, Seconds: 2, Requests: 3, RequestsPerSecond: 1.5, P50: 2, P95: 3, P99: 3,
		Errors: map[string]int{"503": 2, noAnswer: 7},
		CPU:    map[string]float64{"server": 200}, // five answers, refusals included; what was not answered is not
	}, got)
}

func TestStatOfAProcess(t *testing.T) {
	spent, err := parseStat("4242 (a) (b c) S 1 4242 4242 0 -1 4194304 99 0 0 0 150 25 7 8 20 0 1 0 409412\n")
	require.NoError(t, err)
	require.Equal(t, 1750*time.Millisecond, spent)
	for _, text := range []string{"", "4242 (a) S 1", "4242 (a) S 1 2 3 4 5 6 7 8 9 10 x 25"} {
		_, err := parseStat(text)
		require.ErrorIs(t, err, errStat, "%q", text)
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	before, err := CPUTime(os.Getpid())
	require.NoError(t, err)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		after, err := CPUTime(os.Getpid())
		require.NoError(t, err)
		if after-before >= 5*tick {
			return
		}
	}
	require.Fail(t, "five ticks of CPU time did not show in ten seconds of work")
}

func TestCPUTimeOfNoProcessIsAnError(t *testing.T) {
	_, err := CPUTime(0)
	require.ErrorIs(t, err, os.ErrNotExist)
	r, err := Prepare(t.Context(), Options{URL: "http://127.0.0.1:1", Scenario: "jwks", Concurrency: 1, Duration: time.Second, Processes: map[string]int{"server": 0}})
	require.NoError(t, err)
	_, err = r.Start(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOnlyServersOfThisMachineAreLoaded(t *testing.T) {
	for url, accepted := range map[string]bool{
		"http://127.0.0.1:8080":   true,
		"http://localhost:8080":   true,
		"http://[::1]:8080":       true,
		"http://127.0.0.1":        false,
		"https://127.0.0.1:8080":  false,
		"http://192.0.2.1:8080":   false,
		"http://id.example.com:1": false,
		"":                        false,
	} {
		_, err := Prepare(t.Context(), Options{URL: url, Scenario: "jwks", Concurrency: 1, Duration: time.Second})
		require.Equal(t, accepted, err == nil, "%q: %v", url, err)
	}
}

func TestAnswersAreReadInEveryForm(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
		keep   bool
		err    error
	}{
		"length":         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, nil},
		"chunks":         {"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, 12345678\r\n0\r\nTrailer: x\r\n\r\n", 200, "hello, 12345678", true, nil},
		"closed":         {"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\ncontent-length:2\r\n\r\nno", 503, "no", false, nil},
		"nothing":        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, nil},
		"no length":      {"HTTP/1.1 200 OK\r\n\r\nhello", 0, "", false, errAnswer},
		"other protocol": {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", false, errAnswer},
		"bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, "", false, errAnswer},
		"bad chunk":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 0, "", false, errAnswer},
		"too big":        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 0, "", false, errTooBig},
		"cut off":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 0, "", false, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			go func() {
				request := make([]byte, 1)
				_, _ = io.ReadFull(server, request)
				_, _ = io.WriteString(server, c.answer)
				_ = server.Close()
			}()
			connection := &conn{}
			connection.use(client)
			status, body, err := connection.do(t.Context(), []byte("?"))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.keep, connection.net != nil)
			if err == nil {
				require.Equal(t, c.status, status)
				require.Equal(t, c.body, string(body))
			}
		})
	}
}

// A stub speaks as much of the service as the scenarios need.
type stub struct {
	*httptest.Server
	mu sync.Mutex
	// live are the refresh tokens that were not used yet; used counts those that were.
	live     map[string]bool
	used     int
	emails   map[string]bool
	requests map[string]int
	// refuse, when it is set, answers instead.
	refuse func(w http.ResponseWriter, r *http.Request) bool
}

const (
	stubSecret   = "s:e+c&ret" // Basic credentials are form-encoded
	stubPassword = "correct-horse-9"
)

func newStub(t *testing.T) *stub {
	s := &stub{live: map[string]bool{}, emails: map[string]bool{}, requests: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.Method+" "+r.URL.Path]++
	if s.refuse != nil && s.refuse(w, r) {
		return
	}
	if s.page(w, r) {
		return
	}
	if status, answer := s.answer(r); status != 0 {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	w.WriteHeader(http.StatusBadRequest)
}

// page answers what a browser asks for on its way through a sign-in; each step proves the last.
func (s *stub) page(w http.ResponseWriter, r *http.Request) bool {
	interaction := r.FormValue("interaction")
	known, _ := r.Cookie("browser")
	switch step := r.Method + " " + r.URL.Path + " " + interaction; {
	case step == "GET /oauth2/authorize " && r.FormValue("code_challenge") != "":
		http.SetCookie(w, &http.Cookie{Name: "browser", Value: "b"})
		http.Redirect(w, r, "/login?interaction=a", http.StatusSeeOther)
	case known == nil:
		return false
	case step == "GET /login a", step == "GET /consent c":
		_, _ = fmt.Fprintf(w, `<form><input type="hidden" name="form_token" value="t"><input type="hidden" name="interaction" value="%s">`, interaction)
	case step == "POST /login a" && r.FormValue("form_token") == "t" && r.FormValue("password") == stubPassword:
		http.Redirect(w, r, "/oauth2/authorize?interaction=b", http.StatusSeeOther)
	case step == "GET /oauth2/authorize b":
		http.Redirect(w, r, "/consent?interaction=c", http.StatusSeeOther)
	case step == "POST /consent c" && r.FormValue("form_token") == "t" && r.FormValue("action") == "accept":
		http.Redirect(w, r, "/oauth2/authorize?interaction=d", http.StatusSeeOther)
	case step == "GET /oauth2/authorize d":
		http.Redirect(w, r, RedirectURI+"?code=c", http.StatusSeeOther)
	default:
		return false
	}
	return true
}

func (s *stub) answer(r *http.Request) (int, map[string]string) {
	bearer := r.Header.Get("Authorization") == "Bearer access"
	client := r.Header.Get("Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte("bench:s%3Ae%2Bc%26ret"))
	var fields map[string]string
	if r.Header.Get("Content-Type") == jsonType {
		_ = json.NewDecoder(r.Body).Decode(&fields)
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /oauth2/token":
		switch {
		case !client:
			return 0, nil
		case r.FormValue("grant_type") == "client_credentials", r.FormValue("grant_type") == "authorization_code" && r.FormValue("code") == "c":
			return 200, map[string]string{"access_token": "access"}
		case r.FormValue("grant_type") == "password" && strings.HasPrefix(r.FormValue("username"), "bench-") && r.FormValue("password") == stubPassword:
			return 200, map[string]string{"access_token": "access", "refresh_token": s.issue()}
		case r.FormValue("grant_type") == "refresh_token" && s.use(r.FormValue("refresh_token")):
			return 200, map[string]string{"access_token": "access", "refresh_token": s.issue()}
		}
	case "POST /oauth2/introspect":
		if client && r.FormValue("token") == "access" {
			return 200, map[string]string{}
		}
	case "GET /oauth2/userinfo", "GET /api/accounts/v1/user/":
		if bearer {
			return 200, map[string]string{}
		}
	case "POST /api/accounts/v1/registration/":
		email := fields["email"]
		if s.emails[email] || fields["password1"] != stubPassword || fields["password2"] != stubPassword {
			return 0, nil
		}
		s.emails[email] = true
		return 201, map[string]string{}
	case "POST /api/accounts/v1/login/":
		if strings.HasPrefix(fields["email"], "bench-") && fields["password"] == stubPassword {
			return 200, map[string]string{"access_token": "access", "refresh_token": s.issue()}
		}
	case "POST /api/accounts/v1/token/refresh/":
		if s.use(fields["refresh"]) {
			return 200, map[string]string{"access": "access", "refresh": s.issue()}
		}
	case "GET /", "GET /.well-known/jwks.json", "GET /.well-known/openid-configuration":
		return 200, map[string]string{}
	}
	return 0, nil
}

func (s *stub) issue() string {
	token := fmt.Sprintf("refresh-%d", len(s.live)+s.used)
	s.live[token] = true
	return token
}

func (s *stub) use(token string) bool {
	if !s.live[token] {
		return false
	}
	delete(s.live, token)
	s.used++
	return true
}

func (s *stub) options(scenario string) Options {
	return Options{
		URL: s.URL, Scenario: scenario, Concurrency: 4, Duration: 10 * time.Second, MaxRequests: 40,
		ClientID: "bench", ClientSecret: stubSecret, UsersPrefix: "bench-", Password: stubPassword,
		Processes: map[string]int{"server": os.Getpid()},
	}
}

func runAll(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Prepare(t.Context(), o)
	require.NoError(t, err)
	got, err := r.Start(t.Context())
	require.NoError(t, err)
	return got
}

func TestEveryScenarioIsAnswered(t *testing.T) {
	for _, scenario := range Scenarios() {
		t.Run(scenario, func(t *testing.T) {
			got := runAll(t, newStub(t).options(scenario))
			require.Equal(t, 40, got.Requests)
			require.Empty(t, got.Errors)
			require.Contains(t, got.CPU, "server")
			require.Positive(t, got.P50)
			require.LessOrEqual(t, got.P50, got.P99)
			require.InEpsilon(t, 40/got.Seconds, got.RequestsPerSecond, 1e-9)
		})
	}
}

func TestRefreshUsesTheTokenOfTheAnswerBefore(t *testing.T) {
	for _, scenario := range []string{"refresh", "account_refresh"} {
		s := newStub(t)
		runAll(t, s.options(scenario))
		require.Equal(t, 40, s.used, scenario)
		require.Len(t, s.live, 4, "%s: one live token for each connection", scenario)
	}
}

func TestAccountRefreshKeepsATokenThatIsNotRotated(t *testing.T) {
	s := newStub(t)
	s.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/accounts/v1/token/refresh/" {
			return false
		}
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Regexp(t, `^{"refresh":"refresh-[0-3]"}$`, string(body))
		_, err = io.WriteString(w, `{"access":"access"}`)
		return err == nil
	}
	require.Equal(t, 40, runAll(t, s.options("account_refresh")).Requests)
}

func TestRefreshEndsWhereAnAnswerHasNoToken(t *testing.T) {
	s := newStub(t)
	s.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.FormValue("grant_type") != "refresh_token" {
			return false
		}
		_, err := io.WriteString(w, `{"access_token":"access"}`)
		return err == nil
	}
	require.Equal(t, map[string]int{"200": 4}, runAll(t, s.options("refresh")).Errors)
}

func TestEveryRegistrationHasANewAddress(t *testing.T) {
	s := newStub(t)
	runAll(t, s.options("registration"))
	runAll(t, s.options("registration"))
	require.Len(t, s.emails, 80)
}

func TestRefusalsAreCountedByStatus(t *testing.T) {
	s := newStub(t)
	n := 0
	s.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		n++
		switch {
		case n%4 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n%4 == 1:
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			return false
		}
		return true
	}
	got := runAll(t, s.options("jwks"))
	require.Equal(t, 20, got.Requests)
	require.Equal(t, map[string]int{"503": 10, "429": 10}, got.Errors)
}

func TestALostServerIsCountedAndEnds(t *testing.T) {
	s := newStub(t)
	o := s.options("jwks")
	o.Duration = 200 * time.Millisecond
	r, err := Prepare(t.Context(), o)
	require.NoError(t, err)
	s.Close()
	got, err := r.Start(t.Context())
	require.NoError(t, err)
	require.Zero(t, got.Requests)
	require.Positive(t, got.Errors[noAnswer])
	require.Empty(t, got.CPU)
}

func TestARunEndsWithItsTime(t *testing.T) {
	o := newStub(t).options("jwks")
	o.Duration, o.MaxRequests = 100*time.Millisecond, 0
	got := runAll(t, o)
	require.InDelta(t, 0.1, got.Seconds, 0.5)
	require.Empty(t, got.Errors)

	o.Duration = time.Hour
	r, err := Prepare(t.Context(), o)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = r.Start(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestASignInThatFailsSaysWhy(t *testing.T) {
	o := newStub(t).options("refresh")
	o.Password = "wrong"
	_, err := Prepare(t.Context(), o)
	require.ErrorContains(t, err, "prepare refresh: connection 0: status 400")
}
