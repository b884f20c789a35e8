package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// attemptCookie and a state name the cookie of one sign-in on its way, so that several tabs do not meet. It ties the
// answer to the browser that asked: a stranger cannot have his own answer redeemed here (RFC 9700 §4.7).
const attemptCookie = "webapp-login-"

// login sends the browser to the issuer (OpenID Connect Core §3.1.2.1).
func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	state, nonce, codeVerifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	a.setCookie(w, attemptCookie+state, nonce+"."+codeVerifier, "/callback", 10*time.Minute)
	http.Redirect(w, r, a.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(codeVerifier)), http.StatusSeeOther)
	return nil
}

var errAttempt = fault{http.StatusBadRequest, "This sign-in did not begin here, or took too long. Please sign in again."}

// callback takes the issuer's answer (§3.1.2.5).
func (a *app) callback(w http.ResponseWriter, r *http.Request) error {
	answer := r.URL.Query()
	cookie, err := r.Cookie(attemptCookie + answer.Get("state"))
	if err != nil || answer.Get("state") == "" {
		return errAttempt
	}
	a.setCookie(w, cookie.Name, "", "/callback", 0) // one try
	nonce, codeVerifier, _ := strings.Cut(cookie.Value, ".")
	if a.metadata.IssInResponse && answer.Get("iss") != a.metadata.Issuer { // RFC 9207: another issuer's answer
		return errAttempt
	}
	if code := answer.Get("error"); code != "" {
		if code == "access_denied" {
			return fault{http.StatusForbidden, "You did not sign in."}
		}
		return errors.New("the issuer answered " + code)
	}
	token, err := a.oauth.Exchange(r.Context(), answer.Get("code"), oauth2.VerifierOption(codeVerifier))
	if err != nil {
		return err
	}
	s := &session{began: time.Now(), token: token}
	verified, err := a.verify(r.Context(), s, token)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(nonce)) != 1 {
		return errors.New("the ID token is the answer to another request")
	}
	if err := a.readUser(r.Context(), s); err != nil {
		return err
	}
	a.setCookie(w, sessionCookie, a.sessions.begin(s), "/", sessionLifetime) // a new one at each sign-in
	http.Redirect(w, r, a.url+"/", http.StatusSeeOther)
	return nil
}

// verify checks the ID token that came with a token, and notes in the session whom it names.
func (a *app) verify(ctx context.Context, s *session, token *oauth2.Token) (*oidc.IDToken, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the answer has no ID token")
	}
	verified, err := a.tokens.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var claims struct {
		SessionID string `json:"sid"`
	}
	if err := verified.Claims(&claims); err != nil {
		return nil, err
	}
	if s.subject != "" && (verified.Subject != s.subject || claims.SessionID != s.sid) { // §12.2
		return nil, errors.New("the ID token names another user or session")
	}
	s.subject, s.sid, s.idToken = verified.Subject, claims.SessionID, raw
	return verified, nil
}

// readUser asks the userinfo endpoint who that is (§5.3).
func (a *app) readUser(ctx context.Context, s *session) error {
	info, err := a.provider.UserInfo(ctx, oauth2.StaticTokenSource(s.token))
	if err != nil {
		return err
	}
	if info.Subject != s.subject { // §5.3.2: tokens could have been substituted
		return errors.New("userinfo is about another user")
	}
	s.email = info.Email
	var claims struct {
		Name string `json:"name"`
	}
	err = info.Claims(&claims)
	s.name = claims.Name
	return err
}

// refresh gets new tokens and reads the user again. What the issuer says now counts: a user who may no longer sign
// in there is signed out here.
func (a *app) refresh(w http.ResponseWriter, r *http.Request) error {
	s := a.sessions.of(r)
	if s == nil {
		return fault{http.StatusUnauthorized, "Please sign in."}
	}
	same := func(other *session) bool { return other == s }
	s.mu.Lock() // a refresh token is good for one use
	defer s.mu.Unlock()
	token, err := a.oauth.TokenSource(r.Context(), &oauth2.Token{RefreshToken: s.token.RefreshToken}).Token()
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
		a.sessions.end(same)
		return fault{http.StatusUnauthorized, "Your session has ended: please sign in again."}
	}
	if err != nil {
		return err
	}
	s.token = token // also when what follows fails: the old refresh token is used up
	s.refreshes++
	if token.Extra("id_token") != nil {
		if _, err := a.verify(r.Context(), s, token); err != nil {
			a.sessions.end(same) // these are not this user's tokens
			return err
		}
	}
	if err := a.readUser(r.Context(), s); err != nil {
		return err
	}
	http.Redirect(w, r, a.url+"/", http.StatusSeeOther)
	return nil
}
