package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A front end of the account API in a browser: sessions in cookies, mails that lead to it, and pages of
// other origins that try the same.
func TestSinglePageAppInABrowser(t *testing.T) {
	installNodePackage(t, "playwright-core")
	for name, stores := range map[string]func(t *testing.T) []string{
		"sqlite":        sqliteEnv,
		"mariadb+redis": func(t *testing.T) []string { return sharedEnv(t, testRedis(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for tokens to expire
			listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
			app := "http://" + listen
			p := startServer(
				t, append(
					stores(t), "SIGNET_CORS_ALLOWED_ORIGINS="+app, "SIGNET_TOKENS_ACCESS_TOKEN_LIFETIME=4s", "SIGNET_ACCOUNTS_EMAIL_VERIFICATION=mandatory",
					"SIGNET_ACCOUNTS_VERIFY_EMAIL_URL="+app+"/#/verify-email/{key}", "SIGNET_ACCOUNTS_PASSWORD_RESET_URL="+app+"/#/reset-password/{uid}/{token}",
				)...,
			)
			startExample(t, "spa-account", app, "-listen", listen, "-signet", p.issuer)

			browser := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "tests/spa-account.test.mjs")
			browser.Dir = "../../web"
			browser.Env = append(os.Environ(), "APP="+app, "SIGNET="+p.issuer, "MAILS="+filepath.Join(p.dir, "data", "mail"))
			out, err := browser.CombinedOutput()
			require.NoError(t, err, "%s", out)
			t.Logf("%s", out)
		})
	}
}

// installNodePackage installs what web/package-lock.json lists, unless the package is there.
func installNodePackage(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat("../../web/node_modules/" + name); err == nil {
		return
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = "../../web"
	out, err := install.CombinedOutput()
	require.NoError(t, err, "npm ci: %s", out)
}

// startExample runs a program of the examples folder and waits until it answers.
func startExample(t *testing.T, name, url string, args ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../examples/"+name).CombinedOutput()
	require.NoError(t, err, "%s", out)
	example := exec.CommandContext(t.Context(), path, args...)
	example.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, example.Start())
	t.Cleanup(func() { _ = example.Wait() }) // the test's context has ended it
	require.Eventually(t, func() bool {
		response, err := http.Get(url) //nolint:noctx // loopback
		if err != nil {
			return false
		}
		return response.Body.Close() == nil
	}, 10*time.Second, 20*time.Millisecond, "%s does not answer", name)
}
