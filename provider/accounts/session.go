package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/signet-id/signet/provider"
)

// BeginSession signs a user in where they are, and returns the secret that their browser keeps.
func (a *Accounts) BeginSession(ctx context.Context, user provider.User) (secret string, err error) {
	now, request := a.Now().UTC(), provider.RequestFrom(ctx)
	secret = rand.Text() + rand.Text()
	err = a.Sessions.CreateLoginSession(ctx, provider.LoginSession{
		ID: rand.Text(), CookieHash: hashSecret(secret), UserID: user.ID, AuthTime: now, AMR: []string{"pwd"}, CreatedAt: now, SeenAt: now,
		ExpiresAt: now.Add(a.SessionLifetime), IdleExpiresAt: now.Add(a.SessionLifetime),
		UserAgent: request.UserAgent, RemoteAddr: request.Addr.String(),
	})
	if err != nil {
		return "", fmt.Errorf("begin login session: %w", err)
	}
	return secret, nil
}

// SessionUser returns who is signed in by a secret. provider.ErrNotFound: nobody, or nobody who still may.
func (a *Accounts) SessionUser(ctx context.Context, secret string) (provider.User, error) {
	session, err := a.Sessions.LoginSession(ctx, hashSecret(secret))
	if err != nil {
		return provider.User{}, err
	}
	user, err := a.Users.UserByID(ctx, session.UserID)
	if err == nil && (!user.Active || !session.CreatedAt.After(user.SessionsValidAfter)) {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.User{}, err
	}
	return user, nil
}

// EndSession signs a browser out.
func (a *Accounts) EndSession(ctx context.Context, secret string) error {
	return a.Sessions.DeleteLoginSession(ctx, hashSecret(secret))
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
