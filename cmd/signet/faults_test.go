package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers"
)

// replicas starts n servers that share their stores and issuer.
func replicas(t *testing.T, n int, env ...string) []*process {
	t.Helper()
	servers := []*process{startServer(t, env...)}
	for len(servers) < n {
		servers = append(servers, startServer(t, append(env, "SIGNET_ISSUER="+servers[0].issuer)...))
	}
	return servers
}

func TestReplicasShareEverything(t *testing.T) {
	servers := replicas(t, 2, sharedEnv(t, testRedis(t))...)
	one, other := servers[0], servers[1]
	tokens := one.signIn()
	require.Equal(t, http.StatusOK, tokens.status)
	refreshed := other.refresh(tokens.text("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.status)
	require.Equal(t, true, other.introspect(tokens.text("access_token")).body["active"])
	require.Equal(t, true, one.introspect(refreshed.text("access_token")).body["active"])
	require.Equal(t, http.StatusOK, other.revoke(refreshed.text("refresh_token")).status)
	require.Equal(t, false, one.introspect(refreshed.text("access_token")).body["active"])
	require.Equal(t, "invalid_grant", one.refresh(refreshed.text("refresh_token")).text("error"))
}

// JWK-02: a relying party that reads the keys only once per max-age never misses one.
func TestKeysRotateUnderLoadUnseen(t *testing.T) {
	const maxAge = 2 * time.Second
	servers := replicas(t, 2, append(sharedEnv(t, testRedis(t)), "SIGNET_TOKENS_JWKS_MAX_AGE=2s", "SIGNET_TOKENS_KEY_POLL_INTERVAL=500ms")...)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	var kids sync.Map
	var count, failures atomic.Int64
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			var cached jose.JSONWebKeySet
			var readAt time.Time
			for ctx.Err() == nil {
				if time.Since(readAt) >= maxAge {
					readAt, cached = time.Now(), readJWKS(servers[worker%2])
				}
				token := servers[(worker+1)%2].post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, demoService, demoSecret).text("access_token")
				parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
				if err == nil {
					_, err = parsed.Verify(&cached)
					kids.Store(parsed.Signatures[0].Header.KeyID, true)
				}
				if err != nil {
					failures.Add(1)
				}
				count.Add(1)
			}
		})
	}
	for range 3 {
		servers[0].command("keys", "rotate")
		time.Sleep(maxAge + 2*500*time.Millisecond + 700*time.Millisecond)
	}
	stop()
	group.Wait()
	used := 0
	kids.Range(func(any, any) bool { used++; return true })
	t.Logf("%d tokens signed by %d keys, %d did not verify", count.Load(), used, failures.Load())
	require.Zero(t, failures.Load())
	require.GreaterOrEqual(t, used, 3, "the keys did not rotate")
}

func readJWKS(p *process) jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	response, err := client.Get("http://" + p.listen() + "/.well-known/jwks.json") //nolint:noctx // loopback
	if err != nil {
		return set
	}
	defer func() { _ = response.Body.Close() }()
	_ = json.NewDecoder(response.Body).Decode(&set)
	return set
}

// dead are tokens that must never be accepted again: revoked, or rotated and reused.
type dead struct{ access, refresh []string }

func makeDead(t *testing.T, p *process, n int) dead {
	t.Helper()
	var d dead
	for range n {
		revoked := p.signIn()
		require.Equal(t, http.StatusOK, p.revoke(revoked.text("refresh_token")).status)
		used := p.signIn()
		second := p.refresh(used.text("refresh_token"))
		require.Equal(t, http.StatusOK, second.status)
		third := p.refresh(second.text("refresh_token"))
		require.Equal(t, http.StatusOK, third.status)
		require.Equal(t, "invalid_grant", p.refresh(used.text("refresh_token")).text("error"), "a used token ends its grant")
		d.access = append(d.access, revoked.text("access_token"), third.text("access_token"))
		d.refresh = append(d.refresh, revoked.text("refresh_token"), used.text("refresh_token"), second.text("refresh_token"), third.text("refresh_token"))
	}
	return d
}

func (d dead) requireDead(t *testing.T, p *process) {
	t.Helper()
	for _, token := range append(d.access, d.refresh...) {
		a := p.introspect(token)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, false, a.body["active"])
	}
	for _, token := range d.refresh {
		require.Equal(t, "invalid_grant", p.refresh(token).text("error"))
	}
}

// TOK-06, RAT-03: a Redis that loses everything signs people out and revives nothing.
func TestRedisLosesEverything(t *testing.T) {
	ctx := context.Background()
	redis, err := testservers.StartRedis(ctx, testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = redis.Close() })
	p := startServer(t, sharedEnv(t, redis.URL)...)

	// Load during all of it: nothing but 200, 400 and 503 may be seen.
	loadCtx, stopLoad := context.WithCancel(ctx)
	var strange atomic.Value
	var outages, served atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for loadCtx.Err() == nil {
				a := p.signIn()
				switch a.status {
				case http.StatusOK:
					served.Add(1)
				case http.StatusServiceUnavailable:
					outages.Add(1)
					if a.header.Get("Retry-After") == "" {
						strange.Store("503 without Retry-After")
					}
				default:
					strange.Store(fmt.Sprintf("%d %v", a.status, a.body))
				}
			}
		})
	}
	defer group.Wait()
	defer stopLoad()

	for name, lose := range map[string]func(){
		"FLUSHALL": func() { flushAll(t, redis.Addr) },
		"kill -9 and restart empty": func() {
			require.NoError(t, redis.Kill())
			require.Eventually(t, func() bool { return !p.ready() }, 5*time.Second, 20*time.Millisecond, "still ready without Redis")
			a := p.refresh("sgr_x")
			require.Equal(t, "invalid_grant", a.text("error"), "a forged token costs no trip")
			require.Equal(t, http.StatusServiceUnavailable, p.signIn().status)
			require.NoError(t, redis.Restart(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := makeDead(t, p, 5)
			alive := p.signIn()
			lose()
			back := time.Now()
			require.Eventually(t, func() bool { return p.signIn().status == http.StatusOK }, 10*time.Second, 10*time.Millisecond)
			recovered := time.Since(back)
			t.Logf("served again after %s", recovered)
			require.Less(t, recovered, 2*time.Second)
			d.requireDead(t, p)
			a := p.refresh(alive.text("refresh_token"))
			require.Equal(t, "invalid_grant", a.text("error"), "what Redis forgot is not alive")
			require.Equal(t, http.StatusOK, p.revoke(alive.text("refresh_token")).status)
		})
	}
	stopLoad()
	group.Wait()
	t.Logf("%d sign-ins served, %d refused with 503", served.Load(), outages.Load())
	require.Nil(t, strange.Load())
	require.Positive(t, outages.Load())
}

// flushAll speaks Redis's protocol: a test needs no client for one command.
func flushAll(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Second) //nolint:noctx // bounded
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte("FLUSHALL\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 5)
	_, err = conn.Read(answer)
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", string(answer))
}

// INT-02, REV-02, P5: without its database the server says so, and recovers by itself.
func TestDatabaseOutage(t *testing.T) {
	ctx := context.Background()
	mariadb, err := testservers.StartMariaDB(ctx, testservers.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = mariadb.Close() })
	t.Setenv("SIGNET_TEST_MYSQL", mariadb.URL)
	p := startServer(t, sharedEnv(t, testRedis(t))...)
	tokens := p.signIn()
	require.Equal(t, http.StatusOK, tokens.status)

	require.NoError(t, mariadb.Kill())
	for name, ask := range map[string]func() reply{
		"password":      p.signIn,
		"refresh":       func() reply { return p.refresh(tokens.text("refresh_token")) },
		"introspection": func() reply { return p.introspect(tokens.text("access_token")) },
		"revocation":    func() reply { return p.revoke(tokens.text("refresh_token")) },
		"registration":  func() reply { return p.register("new@example.com") },
	} {
		begun := time.Now()
		a := ask()
		require.Equal(t, http.StatusServiceUnavailable, a.status, "%s: %v", name, a.body)
		require.NotEmpty(t, a.header.Get("Retry-After"), name)
		require.Less(t, time.Since(begun), 4*time.Second, name)
	}
	require.False(t, p.ready())
	require.NotEmpty(t, readJWKS(p).Keys, "the keys are served from memory")

	require.NoError(t, mariadb.Restart(ctx))
	require.Eventually(t, func() bool { return p.ready() && p.signIn().status == http.StatusOK }, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, http.StatusOK, p.refresh(tokens.text("refresh_token")).status, "the refused refresh did not spend the token")
}

// P1: what was acknowledged is kept, whenever the server dies.
func TestKilledServerLosesNoRegistration(t *testing.T) {
	const rounds, workers = 50, 4
	for name, env := range map[string][]string{"sqlite": sqliteEnv(t), "mariadb+redis": sharedEnv(t, testRedis(t))} {
		t.Run(name, func(t *testing.T) {
			p := startServer(t, env...)
			acknowledged, total := []string{}, 0
			for round := range rounds {
				var mu sync.Mutex
				var group sync.WaitGroup
				for worker := range workers {
					group.Go(func() {
						for i := 0; ; i++ {
							email := fmt.Sprintf("u-%d-%d-%d@example.com", round, worker, i)
							a := p.register(email)
							if a.status == 0 {
								return // the server died
							}
							if a.status == http.StatusCreated {
								mu.Lock()
								acknowledged = append(acknowledged, email)
								mu.Unlock()
							}
						}
					})
				}
				time.Sleep(time.Duration(20+round*3) * time.Millisecond)
				p.kill()
				group.Wait()
				p.start()
			}
			for _, email := range acknowledged {
				a := p.login(email)
				require.Equal(t, http.StatusOK, a.status, "%s: %v", email, a.body)
				total++
			}
			t.Logf("%d kills, %d acknowledged registrations, all can log in", rounds, total)
			require.Greater(t, total, rounds)
		})
	}
}

// P7: SIGTERM fails no request.
func TestTerminationDrains(t *testing.T) {
	servers := replicas(t, 2, append(sharedEnv(t, testRedis(t)), "SIGNET_SERVER_SHUTDOWN_DELAY=1s")...)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var failed atomic.Value
	var count atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for ctx.Err() == nil {
				// A balancer: only ready servers get requests.
				for _, p := range servers {
					if !p.ready() {
						continue
					}
					if a := p.post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, demoService, demoSecret); a.status != http.StatusOK {
						failed.Store(fmt.Sprintf("%d %v", a.status, a.body))
					}
					count.Add(1)
				}
			}
		})
	}
	for range 2 {
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, servers[1].terminate())
		time.Sleep(300 * time.Millisecond)
		servers[1].start()
	}
	stop()
	group.Wait()
	require.Nil(t, failed.Load())
	t.Logf("%d requests over 2 terminations, none failed", count.Load())
}

func TestThreeServersStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	env := sharedEnv(t, testRedis(t))
	servers := make([]*process, 3)
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() { servers[i] = startServer(t, append(env, "SIGNET_ISSUER=http://localhost:1")...) })
	}
	group.Wait()
	want := readJWKS(servers[0])
	require.Len(t, want.Keys, 3)
	for _, p := range servers {
		require.Equal(t, http.StatusOK, p.signIn().status)
		require.Equal(t, want, readJWKS(p))
	}
}

func TestProductionIssuerRefusesWhatIsUnsafe(t *testing.T) {
	path, err := binary()
	require.NoError(t, err)
	out, code := runBinary(t, path, []string{"SIGNET_ISSUER=https://id.example.com", "SIGNET_LIMITS_ENABLED=false"}, "serve")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "secrets.master_key")
	require.Contains(t, out, "limits.enabled")
	out, code = runBinary(t, path, []string{"SIGNET_ISSUER=https://id.example.com", "SIGNET_SECRETS_MASTER_KEY=" + masterKey}, "serve", "--demo")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "loopback")
	for _, args := range [][]string{
		{"serve", "--no-such-flag"},
		{"users", "nothing"},
		{"migrate", "down"},
		{"nothing"},
		{"clients", "create"},
		{"keys", "rotate", "--algorithm", "X"},
		{"clients", "create", "--id", "x", "--grant-type", "bogus"},
		{"clients", "create", "--id", "x", "--secret", "short"},
	} {
		out, code = runBinary(t, path, nil, args...)
		require.Equal(t, exitUsage, code, "%v: %s", args, out)
	}
	_, code = runBinary(t, path, nil)
	require.Equal(t, exitOK, code)
	_, code = runBinary(t, path, nil, "users", "show", "nobody@example.com")
	require.Equal(t, exitFailed, code)
}
