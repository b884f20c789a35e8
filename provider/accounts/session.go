package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// SessionTerms say how long a browser stays signed in: Idle without use, Max in any case.
type SessionTerms struct {
	Idle       time.Duration
	Max        time.Duration
	Remembered bool
}

// touchInterval is how old the note of a session's last use may be.
const touchInterval = 5 * time.Minute

// BeginSession signs a user in where they are, and returns the secret that their browser keeps.
func (a *Accounts) BeginSession(ctx context.Context, user provider.User, terms SessionTerms) (secret string, session provider.LoginSession, err error) {
	return a.beginSession(ctx, rand.Text(), user, terms)
}

// RenewSession is BeginSession for a user who proved again who they are in a browser where they were signed
// in: it stays the same session to clients, with a new secret.
func (a *Accounts) RenewSession(ctx context.Context, old provider.LoginSession, user provider.User, terms SessionTerms) (secret string, session provider.LoginSession, err error) {
	if err := a.Sessions.DeleteLoginSession(ctx, old.CookieHash); err != nil {
		return "", provider.LoginSession{}, fmt.Errorf("renew login session: %w", err)
	}
	secret, session, err = a.beginSession(ctx, old.ID, user, terms)
	if errors.Is(err, provider.ErrAlreadyExists) { // another tab renewed it in this moment
		return a.BeginSession(ctx, user, terms)
	}
	return secret, session, err
}

func (a *Accounts) beginSession(ctx context.Context, id string, user provider.User, terms SessionTerms) (string, provider.LoginSession, error) {
	now, request := a.Now().UTC(), provider.RequestFrom(ctx)
	secret := rand.Text() + rand.Text()
	session := provider.LoginSession{
		ID: id, CookieHash: hashSecret(secret), UserID: user.ID, AuthTime: now, AMR: []string{"pwd"}, CreatedAt: now, SeenAt: now,
		ExpiresAt: now.Add(terms.Max), IdleExpiresAt: now.Add(min(terms.Idle, terms.Max)), Remembered: terms.Remembered,
		UserAgent: request.UserAgent, RemoteAddr: request.Addr.String(),
	}
	if err := a.Sessions.CreateLoginSession(ctx, session); err != nil {
		return "", provider.LoginSession{}, fmt.Errorf("begin login session: %w", err)
	}
	return secret, session, nil
}

// Session returns the login session of a secret, whoever its user is by now, and notes that it is in use.
// provider.ErrNotFound: none.
func (a *Accounts) Session(ctx context.Context, secret string) (provider.LoginSession, error) {
	session, err := a.Sessions.LoginSession(ctx, hashSecret(secret))
	if err != nil {
		return provider.LoginSession{}, err
	}
	if now := a.Now().UTC(); now.Sub(session.SeenAt) > touchInterval {
		idleEnd := now.Add(session.IdleExpiresAt.Sub(session.SeenAt))
		err := a.Sessions.TouchLoginSession(ctx, session.CookieHash, now, idleEnd)
		if err != nil && !errors.Is(err, provider.ErrNotFound) {
			return provider.LoginSession{}, err
		}
		session.SeenAt, session.IdleExpiresAt = now, idleEnd
	}
	return session, nil
}

// SessionUser returns who is signed in by a secret. provider.ErrNotFound: nobody, or nobody who still may.
func (a *Accounts) SessionUser(ctx context.Context, secret string) (provider.User, provider.LoginSession, error) {
	session, err := a.Session(ctx, secret)
	if err != nil {
		return provider.User{}, provider.LoginSession{}, err
	}
	user, err := a.Users.UserByID(ctx, session.UserID)
	if err == nil && (!user.Active || !session.CreatedAt.After(user.SessionsValidAfter)) {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.User{}, provider.LoginSession{}, err
	}
	return user, session, nil
}

// EndSession signs a browser out.
func (a *Accounts) EndSession(ctx context.Context, secret string) error {
	return a.Sessions.DeleteLoginSession(ctx, hashSecret(secret))
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
