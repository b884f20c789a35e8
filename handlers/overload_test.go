package handlers_test

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider/passwords"
)

// withRealHashes gives the server the product's own cost of a hash.
func (s *testServer) withRealHashes(t *testing.T) {
	t.Helper()
	s.accounts.Passwords = passwords.New(passwords.Params{})
	require.NoError(t, s.accounts.SetPassword(context.Background(), s.user.ID, password))
	s.handler.Limits.Enabled = false
}

// RAT-05: logins beyond what can be hashed are refused early, and what hashes nothing goes on.
func TestOverloadOfLoginsIsRefusedEarly(t *testing.T) {
	s := newTestServer(t)
	s.withRealHashes(t)
	access := s.signIn("openid").text(t, "access_token")
	var before runtime.MemStats
	runtime.ReadMemStats(&before)

	var refused, served atomic.Int64
	var slowestRefusal atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		race(300, func(int) answer {
			begun := time.Now()
			a := s.json(login, object{"email": email, "password": password})
			switch a.status {
			case http.StatusOK:
				served.Add(1)
			case http.StatusServiceUnavailable:
				refused.Add(1)
				slowestRefusal.Store(max(slowestRefusal.Load(), int64(time.Since(begun))))
				if a.header.Get("Retry-After") == "" {
					slowestRefusal.Store(math.MaxInt64)
				}
			default:
				slowestRefusal.Store(math.MaxInt64)
			}
			return a
		})
	}()
	var latencies []time.Duration
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			begun := time.Now()
			s.requireAlive(t, access)
			latencies = append(latencies, time.Since(begun))
		}
	}
	slices.Sort(latencies)
	t.Logf("%d served, %d refused, the slowest refusal after %s; introspection p99 %s",
		served.Load(), refused.Load(), time.Duration(slowestRefusal.Load()), latencies[len(latencies)*99/100])
	require.Positive(t, served.Load())
	require.Positive(t, refused.Load())
	require.EqualValues(t, 300, served.Load()+refused.Load())
	require.Less(t, time.Duration(slowestRefusal.Load()), 3*time.Second, "or a refusal without Retry-After")
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	require.Less(t, after.Sys-before.Sys, uint64(400<<20), "memory is not bounded")
}

// LOG-02: how long a refusal takes does not tell whether an account exists.
func TestUnknownUsersTakeAsLongAsWrongPasswords(t *testing.T) {
	s := newTestServer(t)
	s.withRealHashes(t)
	const tries = 50
	var known, unknown time.Duration
	for attempt := range 6 {
		times := map[string][]time.Duration{}
		// In a random order: collecting a hash's 19 MiB takes time every second or third try.
		order := slices.Concat(slices.Repeat([]string{email}, tries), slices.Repeat([]string{"nobody@example.com"}, tries))
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, name := range order {
			begun := time.Now()
			require.Equal(t, http.StatusBadRequest, s.json(login, object{"email": name, "password": "wrong-Teapot-1"}).status)
			times[name] = append(times[name], time.Since(begun))
		}
		known, unknown = median(times[email]), median(times["nobody@example.com"])
		difference := (known - unknown).Abs()
		t.Logf("attempt %d: median known %s, unknown %s", attempt+1, known, unknown)
		if difference < 5*time.Millisecond && float64(difference) < 0.05*float64(known) {
			return
		}
	}
	t.Fatalf("medians differ: known %s, unknown %s", known, unknown)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// Cookies are Secure whenever the issuer is https.
func TestCookiesAreSecureForHTTPSIssuers(t *testing.T) {
	s := newTestServer(t)
	s.handler.Issuer.Scheme = "https"
	s.Config.Handler = s.handler.Routes()
	in := s.json(login, object{"email": email, "password": password})
	for _, name := range []string{"my-app-auth", "my-refresh-token"} {
		require.True(t, in.cookieOf(name).Secure, name)
	}
	require.NotEmpty(t, in.header.Get("Strict-Transport-Security"))
}

// OPS-02: a panic is a 500 with an id and nothing else.
func TestPanicTellsNothing(t *testing.T) {
	s := newTestServer(t)
	in := s.json(login, object{"email": email, "password": password})
	s.accounts.Users = nil
	a := s.do(http.MethodPatch, userPath, `{"first_name":"x"}`, bearer(in.text(t, "access_token")), "Content-Type: application/json")
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.Equal(t, `{"detail":"An error has occurred."}`, a.body)
	require.NotEmpty(t, a.header.Get("X-Request-Id"))
	require.Contains(t, s.logs.String(), a.header.Get("X-Request-Id"))
}
