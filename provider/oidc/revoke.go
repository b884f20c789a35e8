package oidc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/signet-id/signet/provider"
)

// ServeRevoke answers POST /oauth2/revoke (RFC 7009): it ends the grant of a token, refresh or
// access. 200 means that nothing of it lives; an outage is an error.
func (e *Engine) ServeRevoke(w http.ResponseWriter, r *http.Request) {
	if err := e.revoke(w, r); err != nil {
		e.writeError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func (e *Engine) revoke(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form, err := parseParams(w, r)
	if err != nil {
		return err
	}
	client, err := e.authenticateClient(ctx, r.Header, form, e.clients.client, e.Limits.TokenByClient)
	if origin := r.Header.Get("Origin"); origin != "" && client.AllowsOrigin(origin) {
		allowOrigin(w.Header(), origin)
	}
	if err != nil {
		return err
	}
	token := form.Get("token")
	if token == "" {
		return invalidRequest("The token parameter is missing.")
	}
	found, err := e.findGrant(ctx, token)
	switch {
	case errors.Is(err, ErrInvalidToken): // RFC 7009 §2.2: already as dead as was asked
		return nil
	case err != nil:
		return err
	case found.ClientID != client.ID && found.ClientID != "":
		return &Error{Code: "unauthorized_client", Description: "The token was issued to another client."}
	}
	return e.EndGrant(ctx, found)
}

// findGrant returns the grant of a token that is authentic, whatever its age and generation. A grant that
// the short-lived store does not have may only be lost, and come back with old data: it is returned as far
// as the token describes it (without a client if it is a refresh token), so that ending it lasts.
// ErrInvalidToken: the token is not ours.
func (e *Engine) findGrant(ctx context.Context, token string) (provider.Grant, error) {
	var found provider.Grant
	if refresh, err := e.refresh.parse(token); err == nil {
		found = provider.Grant{ID: refresh.grantID, UserID: refresh.userID, ExpiresAt: e.Now().Add(provider.MaxRefreshTokenLifetime)}
	} else {
		claims, err := e.parseAccess(token)
		if err != nil {
			return provider.Grant{}, err
		}
		found = provider.Grant{ID: claims.GrantID, ClientID: claims.ClientID, ExpiresAt: time.Unix(claims.ExpiresAt, 0)}
		if !claims.hasUser() { // a client's own token is a grant that is not stored
			return found, nil
		}
		found.ExpiresAt = e.Now().Add(provider.MaxRefreshTokenLifetime)
	}
	grant, err := e.Grants.Grant(ctx, found.ID)
	if errors.Is(err, provider.ErrNotFound) {
		return found, nil
	}
	return grant, err
}
