package oidc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/signet-id/signet/provider"
)

// fositeStore shows our stores to fosite's grant handlers. Nothing of what they create is written
// here: access tokens are self-contained, and the grant is written once, by the front door, when
// everything that can fail has been done. What fosite reads is decided by one call to our store.
type fositeStore struct {
	e *Engine
}

var (
	_ oauth2.CoreStorage                                  = (*fositeStore)(nil)
	_ oauth2.TokenRevocationStorage                       = (*fositeStore)(nil)
	_ oauth2.ResourceOwnerPasswordCredentialsGrantStorage = (*fositeStore)(nil)
)

// Authenticate checks the user's password.
func (s *fositeStore) Authenticate(ctx context.Context, name, password string) (string, error) {
	u := unitFrom(ctx)
	if u.user.ID == 0 { // the account API comes with a user who has just registered
		user, err := s.e.Accounts.SignIn(ctx, name, password)
		if errors.Is(err, provider.ErrInvalidCredentials) || errors.Is(err, provider.ErrEmailNotVerified) {
			return "", fosite.ErrNotFound.WithWrap(err)
		}
		if err != nil {
			return "", err
		}
		u.user = user
	}
	return u.user.Subject, nil
}

// GetRefreshTokenSession decides this use of a refresh token. Its signature is the token itself.
func (s *fositeStore) GetRefreshTokenSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	u := unitFrom(ctx)
	now := s.e.Now()
	grant, err := s.e.Grants.RotateRefresh(ctx, provider.Rotation{
		GrantID: u.presented.grantID, ClientID: u.client.ID, Generation: u.presented.generation, Scopes: u.scopes,
		Now: now, Grace: s.e.Settings.RefreshGrace, IdleExpiresAt: now.Add(s.e.refreshIdle(u.client)), Keep: u.client.NoRefreshRotation,
	})
	u.grant = grant
	scopes := slices.DeleteFunc(slices.Clone(grant.Scopes), func(s string) bool { return !slices.Contains(u.client.Scopes, s) })
	request := &fosite.Request{
		ID: grant.ID, Client: fositeClient{u.client}, Session: &session{subject: grant.Subject},
		RequestedScope: scopes, GrantedScope: scopes, RequestedAudience: grant.Audience, GrantedAudience: grant.Audience,
	}
	switch {
	case errors.Is(err, provider.ErrConsumed):
		return request, fosite.ErrInactiveToken.WithWrap(err)
	case errors.Is(err, provider.ErrNotFound):
		return nil, fosite.ErrNotFound.WithWrap(err)
	case err != nil:
		return nil, err
	case !u.standing.Allows(grant.UserID, grant.CreatedAt):
		if err := s.e.EndGrant(ctx, grant); err != nil {
			return nil, err
		}
		return nil, fosite.ErrNotFound
	}
	return request, nil
}

// honestReplay is how long after its use a code that comes again is taken for a repeated request, and
// refused; later it is taken for stolen.
const honestReplay = 3 * time.Second

// CreateAuthorizeCodeSession has nothing to do: the front door writes the grant.
func (s *fositeStore) CreateAuthorizeCodeSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAuthorizeCodeSession decides this use of a code, once for the request. Whatever is wrong with the rest of
// the request, the code is spent.
func (s *fositeStore) GetAuthorizeCodeSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	u := unitFrom(ctx)
	if u.redeemed == nil {
		request, err := s.redeem(ctx, u)
		if err != nil {
			return request, err
		}
		u.redeemed, u.nonce = request, u.grant.Code.Nonce
	}
	return u.redeemed, nil
}

func (s *fositeStore) redeem(ctx context.Context, u *unit) (fosite.Requester, error) {
	now := s.e.Now()
	idle := now.Add(s.e.accessLifetime(u.client))
	if u.refreshable {
		idle = now.Add(s.e.refreshIdle(u.client))
	}
	grant, err := s.e.Grants.RedeemCode(ctx, provider.Redemption{
		GrantID: u.presented.grantID, ClientID: u.client.ID, Now: now, IdleExpiresAt: idle, Refresh: u.refreshable,
	})
	u.grant = grant
	request := &fosite.Request{
		ID: grant.ID, Client: fositeClient{u.client}, Session: &session{subject: grant.Subject},
		RequestedScope: grant.Scopes, GrantedScope: grant.Scopes, RequestedAudience: grant.Audience, GrantedAudience: grant.Audience,
	}
	switch {
	case errors.Is(err, provider.ErrConsumed) && now.Sub(grant.Code.UsedAt) < honestReplay:
		return nil, fosite.ErrNotFound.WithWrap(err)
	case errors.Is(err, provider.ErrConsumed):
		return request, fosite.ErrInvalidatedAuthorizeCode
	case errors.Is(err, provider.ErrNotFound):
		return nil, fosite.ErrNotFound.WithWrap(err)
	case err != nil:
		return nil, err
	}
	if err := s.e.checkRedemption(u); err != nil {
		if ending := s.e.EndGrant(ctx, grant); ending != nil {
			return nil, ending
		}
		return nil, err
	}
	if len(u.audience) > 0 {
		request.RequestedAudience, request.GrantedAudience = u.audience, u.audience
	}
	return request, nil
}

// InvalidateAuthorizeCodeSession has nothing to do: GetAuthorizeCodeSession decided.
func (s *fositeStore) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// RevokeRefreshToken ends the grant of a code or refresh token that was used twice (RFC 6749 §4.1.2, RFC 9700
// §4.14.2).
func (s *fositeStore) RevokeRefreshToken(ctx context.Context, _ string) error {
	u := unitFrom(ctx)
	s.e.Log.WarnContext(ctx, "code or refresh token reused, grant ended",
		"client_id", u.client.ID, "user_id", u.grant.UserID, "grant_id", u.grant.ID, "request_id", provider.RequestFrom(ctx).ID)
	return s.e.EndGrant(ctx, u.grant)
}

// RevokeAccessToken has nothing to do: access tokens end with their grant.
func (s *fositeStore) RevokeAccessToken(context.Context, string) error { return nil }

// RotateRefreshToken has nothing to do: GetRefreshTokenSession decided.
func (s *fositeStore) RotateRefreshToken(context.Context, string, string) error { return nil }

// CreateRefreshTokenSession has nothing to do: the grant keeps the generation.
func (s *fositeStore) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

// DeleteRefreshTokenSession has nothing to do: refresh tokens are not stored.
func (s *fositeStore) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// CreateAccessTokenSession has nothing to do: access tokens are self-contained.
func (s *fositeStore) CreateAccessTokenSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAccessTokenSession is not used: our own introspector verifies access tokens.
func (s *fositeStore) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession has nothing to do: access tokens are not stored.
func (s *fositeStore) DeleteAccessTokenSession(context.Context, string) error { return nil }

// fositeConfig answers what depends on the request.
type fositeConfig struct {
	*fosite.Config
}

// GetRefreshTokenScopes returns the scopes of which one must be granted for a refresh token; none
// means that every grant has one. Whether a client gets refresh tokens is its registration's choice.
func (c *fositeConfig) GetRefreshTokenScopes(ctx context.Context) []string {
	if u := unitFrom(ctx); u.refreshable || u.presented.grantID != "" {
		return nil
	}
	return []string{"\x00"} // never granted
}
