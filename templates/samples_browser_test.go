package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// strictPolicy is that of pages, and the one that forbids to make markup of strings. Nothing is sent away.
const strictPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

func TestSamplesInABrowser(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../web/node_modules/axe-core"); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = "../web"
		out, err := install.CombinedOutput()
		require.NoError(t, err, "npm ci: %s", out)
	}
	p := newPages(t, "")
	views := samples()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{hash}/{name}", func(w http.ResponseWriter, r *http.Request) {
		a, _ := p.Asset(r.PathValue("name"))
		if path.Ext(r.PathValue("name")) == ".js" {
			a.Body = nil // a page that sends itself away cannot be looked at
		}
		w.Header().Set("Content-Type", a.ContentType)
		_, _ = w.Write(a.Body)
	})
	mux.HandleFunc("GET /{number}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.PathValue("number"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		view := views[number]
		if v, ok := view.(LoggedOutView); ok {
			v.Frames = nil // they are elsewhere, as the logos are
			view = v
		}
		w.Header().Set("Content-Security-Policy", strictPolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		reader := Reader{Language: p.Match(r.Header.Get("Accept-Language")), FormToken: "token", Account: "ada@example.com", Path: "/account/sessions"}
		var b bytes.Buffer
		if err := p.Render(&b, reader, view); err != nil {
			panic(err)
		}
		_, _ = w.Write(bytes.ReplaceAll(b.Bytes(), []byte("https://shop.example/logo.png"), []byte(p.assetURL("icon.svg"))))
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	type page struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	var pages []page
	looks := map[string]int{}
	for i, view := range views {
		if looks[view.template()]++; looks[view.template()] > 3 {
			continue // other words on the same page
		}
		pages = append(pages, page{fmt.Sprintf("%s-%d", view.template(), i), fmt.Sprintf("%s/%d", server.URL, i)})
	}
	list, err := json.Marshal(pages)
	require.NoError(t, err)
	browser := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "tests/samples.test.mjs")
	browser.Dir = "../web"
	browser.Env = append(os.Environ(), "PAGES="+string(list))
	out, err := browser.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
