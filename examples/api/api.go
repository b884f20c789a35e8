package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// api is the protected resource.
type api struct {
	tokens verifier
	// origin may call from a browser.
	origin string
}

// order is what somebody bought.
type order struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", a.needing("orders:read", a.orders))
	mux.HandleFunc("OPTIONS /", preflight)
	return a.cors(mux)
}

// orders answers with the orders of the user whom the token stands for.
func (a *api) orders(w http.ResponseWriter, _ *http.Request, token accessToken) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(struct {
		Subject string  `json:"sub"`
		Orders  []order `json:"orders"`
	}{token.Subject, []order{{1, "Kettle"}, {2, "Teapot"}}})
}

// needing lets requests pass whose token has a scope. Refusals are those of RFC 6750 §3.1; why a token is bad is
// nobody's business.
func (a *api) needing(scope string, next func(http.ResponseWriter, *http.Request, accessToken)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || raw == "" {
			refuse(w, http.StatusUnauthorized, "Bearer")
			return
		}
		token, err := a.tokens.verify(r.Context(), raw)
		if err != nil {
			refuse(w, http.StatusUnauthorized, `Bearer error="invalid_token"`)
			return
		}
		if !token.allows(scope) {
			refuse(w, http.StatusForbidden, `Bearer error="insufficient_scope", scope="`+scope+`"`)
			return
		}
		next(w, r, token)
	}
}

func refuse(w http.ResponseWriter, status int, challenge string) {
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, http.StatusText(status), status)
}

// cors lets the pages of one origin read the answers. There are no cookies, so no credentials are allowed: the
// token is what the page itself puts into a header.
func (a *api) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if r.Header.Get("Origin") == a.origin {
			h.Set("Access-Control-Allow-Origin", a.origin)
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers the browser's question whether the page may send the header.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET")
	h.Set("Access-Control-Allow-Headers", "Authorization")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
