// Command spa-account serves the single-page app of this folder on an origin of its own. It knows neither
// users nor tokens: the browser speaks to Signet by itself.
package main

import (
	"bytes"
	"embed"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"
)

//go:embed index.html app.js style.css
var files embed.FS

// placeholder is the address of Signet in index.html.
const placeholder = "http://localhost:8080"

func main() {
	listen := flag.String("listen", "localhost:5173", "address to listen on")
	signet := flag.String("signet", placeholder, "origin of Signet")
	flag.Parse()
	handler, err := app(*signet)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the app is at http://%s and calls %s", *listen, *signet)
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// app serves the files. The page's policy lets it call Signet and nobody else.
func app(signet string) (http.Handler, error) {
	u, err := url.Parse(signet)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != signet {
		return nil, fmt.Errorf("%q is no origin: want one such as %s", signet, placeholder)
	}
	page, err := files.ReadFile("index.html")
	if err != nil {
		return nil, err
	}
	page = bytes.ReplaceAll(page, []byte(placeholder), []byte(signet))
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src " + signet +
		"; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

	mux := http.NewServeMux()
	static := http.FileServerFS(files)
	mux.Handle("GET /app.js", static)
	mux.Handle("GET /style.css", static)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(page)
	})
	return mux, nil
}
