package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/handlers"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/secrets"
)

// browserPage is a page for the browser test: a route, and where it is opened.
type browserPage struct {
	Path     string `json:"path"`
	URL      string `json:"url"`
	SignedIn bool   `json:"signedIn"`
}

// Everything that people see, in a browser.
func TestPagesInABrowser(t *testing.T) {
	installNodePackage(t, "axe-core")
	env := sqliteEnv(t)
	p := startServer(t, append(env, "SIGNET_ACCOUNTS_EMAIL_VERIFICATION=optional")...)
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<!doctype html><title>app</title>the application")
	}))
	defer application.Close()
	_, stderr, code := cli(strings.TrimPrefix(env[0], "SIGNET_DATABASE_URL="), "clients", "create", "--id", "app", "--name", "Some application",
		"--redirect-uri", application.URL, "--scope", "openid,profile,email")
	require.Zero(t, code, stderr)
	authorize := p.issuer + "/oauth2/authorize?" + url.Values{
		"client_id": {"app"}, "redirect_uri": {application.URL}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"state"}, "code_challenge": {strings.Repeat("x", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	pages := append(routedPages(t, p.issuer, map[string]string{
		"/consent":      authorize, // for somebody who is signed in
		"/verify-email": p.issuer + "/verify-email?key=a-key",
	}),
		browserPage{Path: "/login for an application", URL: authorize},
		browserPage{Path: "/verify-email without a key", URL: p.issuer + "/verify-email"},
		browserPage{Path: "/login again", URL: authorize + "&prompt=login", SignedIn: true},
	)
	list, err := json.Marshal(pages)
	require.NoError(t, err)

	browser := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "tests/pages.test.mjs")
	browser.Dir = "../../web"
	browser.Env = append(os.Environ(), "SIGNET="+p.issuer, "MAILS="+filepath.Join(p.dir, "data", "mail"), "PAGES="+string(list), "AUTHORIZE="+authorize)
	out, err := browser.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// notPages are routes of GET that no person reads, by their beginning.
var notPages = []string{
	"/.well-known/", "/openapi.yaml", "/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo", "/oauth2/register", "/static/", handlers.AccountAPI,
}

// routedPages are the pages of the service's router, so that none can be forgotten. opened says where to open one
// that is nothing by itself.
func routedPages(t *testing.T, issuer string, opened map[string]string) []browserPage {
	t.Helper()
	master, err := secrets.New(bytes.Repeat([]byte{1}, secrets.KeySize))
	require.NoError(t, err)
	public, err := url.Parse(issuer)
	require.NoError(t, err)
	server := &handlers.Server{
		Engine: oidc.New(oidc.Engine{Master: master, Now: time.Now, Settings: oidc.Settings{Issuer: issuer}}), Issuer: public, AccountAPI: true,
		Metrics: handlers.NewMetrics(prometheus.NewRegistry()), Now: time.Now,
	}
	var pages []browserPage
	for _, route := range server.Routes().(*gin.Engine).Routes() {
		if route.Method != http.MethodGet || slices.ContainsFunc(notPages, func(start string) bool { return strings.HasPrefix(route.Path, start) }) {
			continue
		}
		page := browserPage{Path: route.Path, URL: opened[route.Path], SignedIn: route.Path == "/consent" || route.Path == "/logout" || strings.HasPrefix(route.Path, "/account")}
		if page.URL == "" {
			page.URL = issuer + strings.NewReplacer(":uid", "1", ":token", "a-token").Replace(route.Path)
		}
		pages = append(pages, page)
	}
	require.Greater(t, len(pages), 15)
	return pages
}

// A template that cannot be shown is not found by the person who wants to sign in.
func TestServeRefusesTemplatesWithFaults(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "auth"), 0o700))
	file := filepath.Join(folder, "auth", "login.html")
	require.NoError(t, os.WriteFile(file, []byte("<p>\n<p>\n{{.View.Shoes}}\n"), 0o600))
	path, err := binary()
	require.NoError(t, err)
	serve := exec.CommandContext(t.Context(), path, "serve")
	serve.Dir = t.TempDir()
	serve.Env = append(sqliteEnv(t), "SIGNET_SERVER_LISTEN=127.0.0.1:0", "SIGNET_SERVER_OPS_LISTEN=127.0.0.1:0", "SIGNET_BRANDING_TEMPLATES_DIR="+folder)
	var stderr bytes.Buffer
	serve.Stderr = &stderr
	failed := new(exec.ExitError)
	require.ErrorAs(t, serve.Run(), &failed)
	require.Equal(t, 1, failed.ExitCode())
	require.Contains(t, stderr.String(), "page template auth/login.html:3:")
	require.Contains(t, stderr.String(), "Shoes")
}
