package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// binary is the program under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "signet-test-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "signet")
	out, err := exec.Command("go", "build", "-tags", "nomsgpack", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// masterKey is the test servers' master key, so that replicas share it.
const masterKey = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

// process is one signet server.
type process struct {
	t       *testing.T
	env     []string
	dir     string
	issuer  string
	ops     string
	cmd     *exec.Cmd
	exited  chan error
	log     *logFile
	stopped bool
}

// logFile collects what a process writes.
type logFile struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sqliteEnv and sharedEnv choose the stores of a server.
func sqliteEnv(t *testing.T) []string {
	return []string{"SIGNET_DATABASE_URL=" + sqlstoretest.SQLiteURL(t), "SIGNET_SECRETS_MASTER_KEY=" + masterKey}
}

func sharedEnv(t *testing.T, redisURL string) []string {
	return []string{
		"SIGNET_DATABASE_URL=" + sqlstoretest.MariaDBURL(t), "SIGNET_SESSIONS_URL=" + redisURL, "SIGNET_SECRETS_MASTER_KEY=" + masterKey,
	}
}

// testRedis is the Redis that `make test` starts.
func testRedis(t *testing.T) string {
	t.Helper()
	u := os.Getenv("SIGNET_TEST_REDIS")
	require.NotEmpty(t, u, "SIGNET_TEST_REDIS is not set; `make test` starts a server and sets it")
	return u
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// startServer starts a server on free ports and waits until it is ready. env may name an issuer for
// replicas that share one.
func startServer(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir()}
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p.issuer, p.ops = "http://"+listen, fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	p.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "SIGNET_SERVER_LISTEN=" + listen, "SIGNET_ISSUER=" + p.issuer,
		"SIGNET_SERVER_OPS_LISTEN=" + strings.TrimPrefix(p.ops, "http://"), "SIGNET_ACCOUNTS_ARGON2_MEMORY=64KiB", "SIGNET_ACCOUNTS_ARGON2_TIME=1",
		"SIGNET_LIMITS_ENABLED=false",
	}, env...)
	p.start()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			lines := strings.Split(p.log.String(), "\n")
			t.Logf("last lines of the server's log:\n%s", strings.Join(lines[max(0, len(lines)-15):], "\n"))
		}
	})
	return p
}

// start runs the program and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	path, err := binary()
	require.NoError(p.t, err)
	p.log = &logFile{}
	p.cmd = exec.Command(path, "serve", "--demo") //nolint:noctx // ended by kill
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr, p.cmd.Stdout = p.dir, p.env, p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(p.t, p.cmd.Start())
	p.stopped, p.exited = false, make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan error) { exited <- cmd.Wait() }(p.cmd, p.exited)
	for begun := time.Now(); !p.ready(); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-p.exited:
			p.stopped = true
			require.FailNow(p.t, "the server ended while starting", "%v\n%s", err, p.log)
		default:
			require.Less(p.t, time.Since(begun), 20*time.Second, "%s", p.log)
		}
	}
}

// ready asks the operations listener.
func (p *process) ready() bool {
	response, err := http.Get(p.ops + "/readyz") //nolint:noctx // loopback
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// kill ends the process as a crash would.
func (p *process) kill() {
	if !p.stopped {
		p.stopped = true
		_ = p.cmd.Process.Kill()
		if err := <-p.exited; err == nil {
			p.t.Log("the server ended by itself")
		}
	}
}

// terminate asks the process to end and returns how it did.
func (p *process) terminate() error {
	p.t.Helper()
	p.stopped = true
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.exited:
		return err
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("did not end within 30 s: %w", <-p.exited)
	}
}

// command runs another command of the program beside the server.
func (p *process) command(args ...string) string {
	p.t.Helper()
	path, err := binary()
	require.NoError(p.t, err)
	cmd := exec.Command(path, args...) //nolint:noctx // short
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "signet %v: %s", args, out)
	return string(out)
}

// reply is an answer, read. status 0: there was none.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (r reply) text(name string) string {
	text, _ := r.body[name].(string)
	return text
}

var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// post sends a form; a user and password go as Basic credentials.
func (p *process) post(path string, form url.Values, basic ...string) reply {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+p.listen()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		request.SetBasicAuth(url.QueryEscape(basic[0]), url.QueryEscape(basic[1]))
	}
	return send(request)
}

// listen is the address of the public listener, whatever the issuer.
func (p *process) listen() string {
	for _, pair := range p.env {
		if addr, ok := strings.CutPrefix(pair, "SIGNET_SERVER_LISTEN="); ok {
			return addr
		}
	}
	return ""
}

func send(request *http.Request) reply {
	response, err := client.Do(request)
	if err != nil {
		return reply{}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}
	}
	r := reply{status: response.StatusCode, header: response.Header}
	_ = json.Unmarshal(raw, &r.body)
	return r
}

// signIn is the password grant of the demo's single-page app.
func (p *process) signIn() reply {
	return p.post("/oauth2/token", url.Values{
		"grant_type": {"password"}, "client_id": {demoSPA}, "username": {demoEmail}, "password": {demoPassword}, "scope": {"openid offline_access"},
	})
}

func (p *process) refresh(token string) reply {
	return p.post("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {demoSPA}, "refresh_token": {token}})
}

func (p *process) introspect(token string) reply {
	return p.post("/oauth2/introspect", url.Values{"token": {token}}, demoService, demoSecret)
}

func (p *process) revoke(token string) reply {
	return p.post("/oauth2/revoke", url.Values{"token": {token}, "client_id": {demoSPA}})
}

func (p *process) register(email string) reply {
	return p.post("/api/accounts/v1/registration/", url.Values{"email": {email}, "password1": {demoPassword}, "password2": {demoPassword}})
}

func (p *process) login(email string) reply {
	return p.post("/api/accounts/v1/login/", url.Values{"email": {email}, "password": {demoPassword}})
}

// runBinary runs the program once and returns its output and exit code.
func runBinary(t *testing.T, path string, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(path, args...) //nolint:noctx // ends by itself
	cmd.Dir, cmd.Env = t.TempDir(), append(env, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
