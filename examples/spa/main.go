// Command spa serves the single-page app of this folder on an origin of its own. It has no part in signing in: the
// browser speaks to Signet and to the API by itself.
package main

import (
	"bytes"
	"embed"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed index.html app.js style.css vendor/oidc-client-ts.min.js
var files embed.FS

// settings are what index.html tells app.js. They are no query parameters, so that no link can make the page sign in
// elsewhere or send tokens to somebody else.
type settings struct{ Issuer, ClientID, API, Resource string }

func main() {
	var s settings
	flag.StringVar(&s.Issuer, "issuer", "http://localhost:8080", "issuer, as in its metadata")
	flag.StringVar(&s.ClientID, "client-id", "demo-spa", "client_id of the app")
	flag.StringVar(&s.API, "api", "http://localhost:5176", "where the API of examples/api is")
	flag.StringVar(&s.Resource, "resource", "https://api.example.com", "the name of the API in access tokens (RFC 8707)")
	listen := flag.String("listen", "localhost:5175", "address to listen on")
	flag.Parse()

	handler, err := app(s)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the app is at http://%s and signs in at %s", *listen, s.Issuer)
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// app serves the files. The page's policy lets it call Signet and the API, and nobody else.
func app(s settings) (http.Handler, error) {
	var mayCall []string
	for _, address := range []string{s.Issuer, s.API} {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(u.Host, " ;,'*") {
			return nil, fmt.Errorf("%q is no http address", address)
		}
		mayCall = append(mayCall, u.Scheme+"://"+u.Host)
	}
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src " + strings.Join(mayCall, " ") +
		"; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

	index, err := template.ParseFS(files, "index.html")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := index.Execute(&page, s); err != nil {
		return nil, err
	}
	show := func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer") // the address may have a code in it
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(page.Bytes())
	}
	mux := http.NewServeMux()
	static := http.FileServerFS(files)
	for _, file := range []string{"app.js", "style.css", "vendor/oidc-client-ts.min.js"} {
		mux.Handle("GET /"+file, static)
	}
	mux.HandleFunc("GET /{$}", show)
	mux.HandleFunc("GET /callback", show)
	mux.HandleFunc("GET /signed-out", show)
	return mux, nil
}
