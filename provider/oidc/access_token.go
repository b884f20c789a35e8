package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-id/signet/provider"
)

// The ways an access token can be refused. All match ErrInvalidToken.
var (
	// ErrInvalidToken says that a token is not ours, not an access token, expired or revoked.
	ErrInvalidToken = errors.New("invalid token")
	// ErrUserGone says that the token's user was deleted.
	ErrUserGone = fmt.Errorf("%w: user not found", ErrInvalidToken)
	// ErrUserInactive says that the token's user is disabled.
	ErrUserInactive = fmt.Errorf("%w: user inactive", ErrInvalidToken)
	// ErrTokenUsed says that a refresh token was used before, or that its grant was ended.
	ErrTokenUsed = fmt.Errorf("%w: used or ended", ErrInvalidToken)
	// ErrWrongType and the rest say what a token that we signed lacks.
	ErrWrongType   = fmt.Errorf("%w: wrong type", ErrInvalidToken)
	ErrNoType      = fmt.Errorf("%w: no type", ErrInvalidToken)
	ErrNoTokenID   = fmt.Errorf("%w: no id", ErrInvalidToken)
	ErrNoExpiry    = fmt.Errorf("%w: no expiry", ErrInvalidToken)
	ErrNoUserClaim = fmt.Errorf("%w: no user", ErrInvalidToken)
)

// Authorization is what a living access token allows.
type Authorization struct {
	ClientID string
	GrantID  string
	Scopes   []string
	// User is the zero value for a client's own token.
	User provider.User
	// Client is the registration as it is now.
	Client provider.Client
	claims accessClaims
	// asked are the claims that the authorization request named.
	asked claimsRequest
}

// verifiedTokens remembers which tokens had a valid signature: verifying ES256 is the dearest step of
// introspection. Everything that can change is still looked at each time.
type verifiedTokens struct {
	recent *lru.Cache[[sha256.Size]byte, accessClaims]
}

func newVerifiedTokens() *verifiedTokens {
	recent, err := lru.New[[sha256.Size]byte, accessClaims](8192)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &verifiedTokens{recent}
}

// parseAccess checks what a token says of itself, except its age: signature, type, issuer, and that it
// has an id and an end. The error matches ErrInvalidToken.
func (e *Engine) parseAccess(token string) (accessClaims, error) {
	digest := sha256.Sum256([]byte(token))
	if claims, ok := e.verified.recent.Get(digest); ok {
		return claims, nil
	}
	header, payload, err := e.Keys.Verify(token)
	if err != nil || header.Type != accessTokenType {
		return accessClaims{}, ErrInvalidToken
	}
	var claims accessClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != e.Settings.Issuer || claims.GrantID == "" {
		return accessClaims{}, ErrInvalidToken
	}
	switch {
	case claims.ExpiresAt == 0:
		return accessClaims{}, ErrNoExpiry
	case claims.ID == "":
		return accessClaims{}, ErrNoTokenID
	}
	e.verified.recent.Add(digest, claims)
	return claims, nil
}

// Authorize tells what an access token allows now: one trip to the short-lived store when it stands
// for a user, and one query. The error matches ErrInvalidToken, or says that a store is down.
func (e *Engine) Authorize(ctx context.Context, token string) (Authorization, error) {
	claims, err := e.parseAccess(token)
	if err != nil {
		return Authorization{}, err
	}
	if e.expired(claims) {
		return Authorization{}, ErrInvalidToken
	}
	var grant provider.Grant
	if claims.hasUser() {
		if grant, err = e.Grants.Grant(ctx, claims.GrantID); err != nil {
			return Authorization{}, invalidIfNotFound(err)
		}
	}
	standing, err := e.Standings.Standing(ctx, claims.ClientID, grant.UserID, claims.GrantID, "")
	if err != nil {
		return Authorization{}, invalidIfNotFound(err)
	}
	if err := refuseStanding(standing, grant.UserID, grant.CreatedAt); err != nil {
		return Authorization{}, err
	}
	var asked claimsRequest
	if grant.Code != nil && grant.Code.Claims != "" {
		if asked, err = parseClaims(grant.Code.Claims); err != nil {
			return Authorization{}, err
		}
	}
	return Authorization{
		asked:    asked,
		ClientID: claims.ClientID, GrantID: claims.GrantID, Scopes: claims.scopes(),
		User: standing.User, Client: standing.Client, claims: claims,
	}, nil
}

// expired has no leeway: we read our own clock. A token is dead at the second of its "exp".
func (e *Engine) expired(claims accessClaims) bool {
	now := e.Now().Unix()
	return now >= claims.ExpiresAt || now < claims.NotBefore
}

func invalidIfNotFound(err error) error {
	if errors.Is(err, provider.ErrNotFound) {
		return ErrInvalidToken
	}
	return err
}

// refuseStanding says why a grant does not stand, nil when it does.
func refuseStanding(s provider.Standing, userID int64, begun time.Time) error {
	switch {
	case s.Allows(userID, begun):
		return nil
	case s.GrantEnded || s.Client.Disabled || userID == 0:
		return ErrInvalidToken
	case s.User.ID == 0:
		return ErrUserGone
	case !s.User.Active:
		return ErrUserInactive
	default:
		return ErrInvalidToken
	}
}

// livingRefresh returns the grant of a refresh token that could be used now, without using it.
func (e *Engine) livingRefresh(ctx context.Context, token string) (provider.Grant, provider.Standing, error) {
	refresh, err := e.refresh.parse(token)
	if err != nil {
		return provider.Grant{}, provider.Standing{}, ErrInvalidToken
	}
	grant, err := e.Grants.Grant(ctx, refresh.grantID)
	if err != nil {
		return provider.Grant{}, provider.Standing{}, invalidIfNotFound(err)
	}
	standing, err := e.Standings.Standing(ctx, grant.ClientID, grant.UserID, grant.ID, "")
	if err != nil {
		return provider.Grant{}, provider.Standing{}, invalidIfNotFound(err)
	}
	if err := refuseStanding(standing, grant.UserID, grant.CreatedAt); err != nil {
		return provider.Grant{}, provider.Standing{}, err
	}
	if refresh.generation != grant.Generation {
		return provider.Grant{}, provider.Standing{}, ErrInvalidToken
	}
	return grant, standing, nil
}
