package main

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	sessionCookie   = "webapp-session"
	sessionLifetime = 12 * time.Hour
)

// session is one browser that is signed in here. Tokens stay on the server.
type session struct {
	began time.Time
	// subject and sid are whom and which of the issuer's login sessions it came from: logout tokens name them.
	subject, sid string

	mu          sync.Mutex
	token       *oauth2.Token
	idToken     string
	name, email string
	refreshes   int
}

// snapshot is what a page shows of a session.
type snapshot struct {
	Subject, Name, Email string
	Expiry               time.Time
	Refreshes            int
}

func (s *session) snapshot() *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &snapshot{Subject: s.subject, Name: s.name, Email: s.email, Expiry: s.token.Expiry, Refreshes: s.refreshes}
}

// sessions keeps them in memory: a restart signs everybody out. A real application has a store that its replicas
// share, or the back-channel logout would reach one of them.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// begin keeps a new session and returns what its cookie says.
func (all *sessions) begin(s *session) string {
	all.end((*session).expired)
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.byID == nil {
		all.byID = map[string]*session{}
	}
	id := rand.Text()
	all.byID[id] = s
	return id
}

// of returns the session of a request, or nil.
func (all *sessions) of(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if s := all.byID[cookie.Value]; s != nil && !s.expired() {
		return s
	}
	return nil
}

// end ends those that match.
func (all *sessions) end(match func(*session) bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for id, s := range all.byID {
		if match(s) {
			delete(all.byID, id)
		}
	}
}

func (s *session) expired() bool { return time.Since(s.began) > sessionLifetime }

// setCookie sets a cookie that no script reads and no other site's form sends; without a lifetime it is removed.
// Lax and not Strict: the browser comes back to the callback from another site.
func (a *app) setCookie(w http.ResponseWriter, name, value, path string, lifetime time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // G124: without Secure on a loopback address alone
		Name: name, Value: value, Path: path, MaxAge: int(lifetime / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(a.url, "https:"),
	}
	if lifetime == 0 {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}
