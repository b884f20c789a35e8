package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

//go:embed page.html style.css
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// app is a relying party (OpenID Connect Core §1.2).
type app struct {
	provider *oidc.Provider
	tokens   *oidc.IDTokenVerifier
	oauth    oauth2.Config
	metadata metadata
	// url is where browsers find the application.
	url      string
	sessions sessions
	logouts  seen
}

// metadata is what go-oidc does not need of the issuer's metadata, and we do.
type metadata struct {
	Issuer     string `json:"issuer"`
	EndSession string `json:"end_session_endpoint"`
	// IssInResponse: every authorization response says who answers (RFC 9207).
	IssInResponse bool `json:"authorization_response_iss_parameter_supported"`
}

// newApp knows the issuer, its own registration and its own address. The rest is in the issuer's metadata.
func newApp(ctx context.Context, issuer, clientID, secret, ownURL string) (*app, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", issuer, err)
	}
	a := &app{
		provider: provider,
		tokens:   provider.Verifier(&oidc.Config{ClientID: clientID}),
		oauth: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: provider.Endpoint(),
			RedirectURL: ownURL + "/callback", Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		url: ownURL,
	}
	// Not the default, which tries one way after the other: a code is good for one try.
	a.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return a, provider.Claims(&a.metadata)
}

func (a *app) routes() http.Handler {
	// A page of another site must not be able to press our buttons.
	crossOrigin := http.NewCrossOriginProtection()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.handle(a.home))
	mux.HandleFunc("GET /login", a.handle(a.login))
	mux.HandleFunc("GET /callback", a.handle(a.callback))
	mux.HandleFunc("POST /refresh", a.handle(a.refresh))
	mux.HandleFunc("POST /logout", a.handle(a.logout))
	mux.HandleFunc("GET /signed-out", a.handle(a.signedOut))
	mux.HandleFunc("POST /backchannel-logout", a.backchannelLogout)
	mux.Handle("GET /style.css", http.FileServerFS(files))
	return crossOrigin.Handler(a.withHeaders(mux))
}

// withHeaders lets a page load its own style sheet and send forms to us; form-action also names the issuer, because
// the logout form's answer is a redirect there.
func (a *app) withHeaders(next http.Handler) http.Handler {
	policy := "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if u, err := url.Parse(a.metadata.EndSession); err == nil && u.Host != "" {
		policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' " + u.Scheme + "://" + u.Host +
			"; base-uri 'none'; frame-ancestors 'none'"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// view is what page.html shows.
type view struct {
	Session *snapshot
	Message string
	Fault   string
}

func show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, v)
}

// fault is told to the user; every other error is only logged.
type fault struct {
	status int
	text   string
}

func (f fault) Error() string { return f.text }

func (a *app) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		told := fault{http.StatusBadGateway, "Something went wrong. Please try again."}
		if !errors.As(err, &told) {
			// Not the address: its query may hold a code. Quoted, because the issuer's words may be in it.
			log.Printf("%s: %q", r.Pattern, err) //nolint:gosec // G706: quoted
		}
		show(w, told.status, view{Fault: told.text})
	}
}

func (a *app) home(w http.ResponseWriter, r *http.Request) error {
	v := view{}
	if s := a.sessions.of(r); s != nil {
		v.Session = s.snapshot()
	}
	show(w, http.StatusOK, v)
	return nil
}
