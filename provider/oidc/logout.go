package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/signet-id/signet/provider"
)

// EndLoginSession signs a browser out: what was granted in its login session ends, the clients that it was used
// for are told, and the session is gone. A grant with offline_access stays, and its refresh token with it
// (OpenID Connect Back-Channel Logout §2.7). The session goes last: who is told of an error can try again.
func (e *Engine) EndLoginSession(ctx context.Context, session provider.LoginSession) error {
	_, err := e.endLoginSession(ctx, session)
	return err
}

// LoginSessionEnded tells whether a login session was ended, whatever the short-lived store says.
func (e *Engine) LoginSessionEnded(ctx context.Context, session provider.LoginSession) (bool, error) {
	return e.Ended.GrantEnded(ctx, session.ID)
}

// endLoginSession also returns the addresses that the browser itself has to load for clients to learn of it
// (OpenID Connect Front-Channel Logout §2).
func (e *Engine) endLoginSession(ctx context.Context, session provider.LoginSession) (frames []string, err error) {
	// First where it outlives everything: a short-lived store that comes back with old data revives nothing.
	if err := e.Ended.RecordEndedGrant(ctx, session.ID, session.ExpiresAt); err != nil {
		return nil, err
	}
	grants, err := e.Grants.GrantsOfUser(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.SessionID == session.ID && !slices.Contains(g.Scopes, provider.ScopeOfflineAccess) {
			if err := e.EndGrant(ctx, g); err != nil {
				return nil, err
			}
		}
	}
	user, err := e.Users.UserByID(ctx, session.UserID)
	if err != nil && !errors.Is(err, provider.ErrNotFound) { // of a user who is gone clients learn the sid alone
		return nil, err
	}
	if frames, err = e.announce(ctx, session, user.Subject); err != nil {
		return nil, err
	}
	return frames, e.Sessions.DeleteLoginSession(ctx, session.CookieHash)
}

// EndAllSessions signs a user out everywhere: every login session and every grant of theirs ends, those with
// offline_access too, and the clients are told. The first statement decides it, whatever comes of the rest.
func (e *Engine) EndAllSessions(ctx context.Context, userID int64) error {
	now := e.Now().UTC()
	if err := e.Users.UpdateUser(ctx, userID, provider.UserChange{SessionsValidAfter: &now}); err != nil {
		return err
	}
	grants, err := e.Grants.GrantsOfUser(ctx, userID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if !g.CreatedAt.After(now) {
			if err := e.Grants.EndGrant(ctx, g.ID); err != nil {
				return err
			}
		}
	}
	return e.EndLoginSessions(ctx, userID, now)
}

// EndLoginSessions ends the login sessions of a user that began at a moment or before, and tells the clients.
func (e *Engine) EndLoginSessions(ctx context.Context, userID int64, begunUntil time.Time) error {
	sessions, err := e.Sessions.LoginSessionsOfUser(ctx, userID)
	if err != nil {
		return err
	}
	for _, session := range sessions {
		if !session.CreatedAt.After(begunUntil) {
			if err := e.EndLoginSession(ctx, session); err != nil {
				return err
			}
		}
	}
	return nil
}

// announce queues a notice for each client of a session that its own server can be told at, and returns where
// the browser can tell the others.
func (e *Engine) announce(ctx context.Context, session provider.LoginSession, subject string) (frames []string, err error) {
	ids, err := e.Sessions.SessionClients(ctx, session.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		client, err := e.clients.client(ctx, id)
		if errors.Is(err, provider.ErrNotFound) || (err == nil && client.Disabled) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if client.BackchannelLogoutURI != "" {
			if err := e.enqueueNotice(ctx, logoutNotice{ClientID: id, Subject: subject, SessionID: session.ID}); err != nil {
				return nil, err
			}
		}
		if framed(client.FrontchannelLogoutURI) {
			frame := Response{RedirectURI: client.FrontchannelLogoutURI, Params: []Param{{"iss", e.Settings.Issuer}, {"sid", session.ID}}}
			frames = append(frames, frame.Location())
		}
	}
	return frames, nil
}

// framed tells whether an address is one of a page: whatever else was registered is not loaded.
func framed(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
