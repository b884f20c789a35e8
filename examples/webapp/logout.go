package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// logoutCookie holds the state of a logout on its way.
const logoutCookie = "webapp-logout"

// logout ends our session and sends the browser to the issuer, to end the one there (OpenID Connect RP-Initiated
// Logout §2). It comes back to signedOut.
func (a *app) logout(w http.ResponseWriter, r *http.Request) error {
	s := a.sessions.of(r)
	a.setCookie(w, sessionCookie, "", "/", 0)
	if s == nil || a.metadata.EndSession == "" {
		http.Redirect(w, r, a.url+"/", http.StatusSeeOther)
		return nil
	}
	a.sessions.end(func(other *session) bool { return other == s })
	s.mu.Lock()
	hint := s.idToken
	s.mu.Unlock()

	state := rand.Text()
	a.setCookie(w, logoutCookie, state, "/signed-out", 10*time.Minute)
	there, err := url.Parse(a.metadata.EndSession)
	if err != nil {
		return err
	}
	query := there.Query()
	query.Set("id_token_hint", hint) // says who we are and whose session it is, so that nobody has to be asked
	query.Set("post_logout_redirect_uri", a.url+"/signed-out")
	query.Set("state", state)
	there.RawQuery = query.Encode()
	http.Redirect(w, r, there.String(), http.StatusSeeOther)
	return nil
}

// signedOut is where the issuer sends the browser back. Without our state somebody else led it here, and there is
// nothing to tell.
func (a *app) signedOut(w http.ResponseWriter, r *http.Request) error {
	state := ""
	if cookie, err := r.Cookie(logoutCookie); err == nil {
		state = cookie.Value
	}
	if state == "" || r.URL.Query().Get("state") != state {
		http.Redirect(w, r, a.url+"/", http.StatusSeeOther)
		return nil
	}
	a.setCookie(w, logoutCookie, "", "/signed-out", 0)
	show(w, http.StatusOK, view{Message: "You are signed out, here and at " + a.metadata.Issuer + "."})
	return nil
}

// backchannelLogout is called by the issuer itself when a login session there has ended, by whichever application
// (OpenID Connect Back-Channel Logout §2.5).
func (a *app) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	token, err := a.verifyLogoutToken(r.Context(), r.PostFormValue("logout_token"))
	if err != nil {
		log.Printf("a logout token was refused: %v", err)
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest) // §2.8
		return
	}
	// A notice whose answer was lost comes again, and must not end the session that has begun since.
	if !a.logouts.first(token.TokenID, time.Now()) {
		w.WriteHeader(http.StatusOK)
		return
	}
	a.sessions.end(func(s *session) bool {
		if token.SessionID != "" {
			return s.sid == token.SessionID && (token.Subject == "" || s.subject == token.Subject)
		}
		return s.subject == token.Subject // all sessions of the user
	})
	w.WriteHeader(http.StatusOK)
}

const (
	// maxLogoutTokenAge is what a logout token's way here may take.
	maxLogoutTokenAge = 5 * time.Minute
	// skew is how far clocks may differ.
	skew = time.Minute
)

// verifyLogoutToken checks what §2.6 asks for. go-oidc sees to signature, "iss", "aud", "exp", "jti", "events", to
// "sub" or "sid", and that there is no "nonce", which ID tokens have.
func (a *app) verifyLogoutToken(ctx context.Context, raw string) (*oidc.LogoutToken, error) {
	algorithms := []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA} // what is good among them go-oidc decides
	parsed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, err
	}
	typ, _ := parsed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	if strings.TrimPrefix(strings.ToLower(typ), "application/") != "logout+jwt" { // §2.4
		return nil, errors.New("it is a token of another type")
	}
	token, err := a.tokens.VerifyLogout(ctx, raw)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if token.IssuedAt.Before(now.Add(-maxLogoutTokenAge)) || token.IssuedAt.After(now.Add(skew)) {
		return nil, errors.New("it was not issued just now")
	}
	return token, nil
}

// seen remembers the "jti" of logout tokens for as long as one could come again.
type seen struct {
	mu   sync.Mutex
	when map[string]time.Time
}

// first tells whether a token comes for the first time.
func (s *seen) first(jti string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.when == nil {
		s.when = map[string]time.Time{}
	}
	for id, t := range s.when {
		if now.Sub(t) > maxLogoutTokenAge+skew {
			delete(s.when, id)
		}
	}
	_, again := s.when[jti]
	if !again {
		s.when[jti] = now
	}
	return !again
}
