package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The example apps in a browser: people sign in on our pages and come back, stay signed in, and sign out everywhere.
func TestExampleAppsInABrowser(t *testing.T) {
	installNodePackage(t, "playwright-core")
	for name, stores := range map[string]func(t *testing.T) []string{
		"sqlite":        sqliteEnv,
		"mariadb+redis": func(t *testing.T) []string { return sharedEnv(t, testRedis(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for renewals
			// The single-page app renews a minute before a token expires.
			p := startServer(t, append(stores(t), "SIGNET_TOKENS_ACCESS_TOKEN_LIFETIME=64s")...)
			webapp, spa, api := p.startExamples()
			const redirectURI = "com.example.demo:/callback"
			p.command("clients", "create", "--id", "demo-native", "--name", "Demo native app", "--public", "--first-party", "--scope", "openid",
				"--grant-type", "authorization_code", "--response-type", "code", "--redirect-uri", redirectURI, "--token-endpoint-auth-method", "none")

			browser := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "--test-timeout=180000", "tests/examples.test.mjs")
			browser.Dir = "../../web"
			browser.Env = append(
				os.Environ(), "SIGNET="+p.issuer, "WEBAPP="+webapp, "SPA="+spa, "API="+api, "EMAIL="+demoEmail, "PASSWORD="+demoPassword,
				"NATIVE_CLIENT_ID=demo-native", "NATIVE_REDIRECT_URI="+redirectURI,
			)
			out, err := browser.CombinedOutput()
			require.NoError(t, err, "%s", out)
			t.Logf("%s", out)
		})
	}
}

// startExamples runs the three programs on free ports, where the demo's clients are told to be, and returns their
// origins.
func (p *process) startExamples() (webapp, spa, api string) {
	p.t.Helper()
	listen := make([]string, 3)
	for i := range listen {
		listen[i] = fmt.Sprintf("127.0.0.1:%d", freePort(p.t))
	}
	webapp, spa, api = "http://"+listen[0], "http://"+listen[1], "http://"+listen[2]
	p.command("clients", "update", demoWebapp, "--redirect-uri", webapp+"/callback", "--post-logout-redirect-uri", webapp+"/signed-out",
		"--backchannel-logout-uri", webapp+"/backchannel-logout")
	p.command("clients", "update", demoSPA, "--redirect-uri", spa+"/callback", "--post-logout-redirect-uri", spa+"/signed-out")
	startExample(p.t, "webapp", webapp, "--issuer", p.issuer, "--listen", listen[0])
	startExample(p.t, "spa", spa, "--issuer", p.issuer, "--listen", listen[1], "--api", api)
	startExample(p.t, "api", api, "--issuer", p.issuer, "--listen", listen[2], "--allow-origin", spa)
	return webapp, spa, api
}

// The single-page app brings along the bundle that npm has.
func TestVendoredBundleIsThatOfNPM(t *testing.T) {
	installNodePackage(t, "oidc-client-ts")
	committed, err := os.ReadFile("../../examples/spa/vendor/oidc-client-ts.min.js")
	require.NoError(t, err)
	npm, err := os.ReadFile("../../web/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js")
	require.NoError(t, err)
	require.Equal(t, string(npm), string(committed))
}
