package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// The account API is a first-party client: what it hands out is minted, refreshed and ended like
// the tokens of any other.

// AccountClient is the built-in client behind the account API. It is public: what it gets it gets for
// a user's password.
func AccountClient(rotate bool, now time.Time) provider.Client {
	return provider.Client{
		ID: provider.AccountClientID, Name: "Account API", TokenEndpointAuthMethod: provider.AuthMethodNone,
		GrantTypes: []string{provider.GrantPassword, provider.GrantRefreshToken},
		Scopes:     []string{provider.ScopeAccount, provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail},
		FirstParty: true, NoRefreshRotation: !rotate, CreatedAt: now, UpdatedAt: now,
	}
}

// EnsureAccountClient registers the built-in client, or brings the stored one up to date.
func EnsureAccountClient(ctx context.Context, clients provider.ClientStore, rotate bool, now time.Time) error {
	wanted := AccountClient(rotate, now)
	err := clients.CreateClient(ctx, wanted)
	if !errors.Is(err, provider.ErrAlreadyExists) {
		return err
	}
	stored, err := clients.Client(ctx, wanted.ID)
	if err != nil || stored.NoRefreshRotation == wanted.NoRefreshRotation {
		return err
	}
	was := stored.UpdatedAt
	stored.NoRefreshRotation, stored.UpdatedAt = wanted.NoRefreshRotation, now
	if err := clients.ReplaceClient(ctx, stored, was); !errors.Is(err, provider.ErrConsumed) {
		return err
	}
	return nil // another replica did the same
}

// SignIn is the password grant of the account client. provider.ErrInvalidCredentials: the user and
// password do not belong together. provider.ErrEmailNotVerified: they do, but must not be used yet.
func (e *Engine) SignIn(ctx context.Context, email, password string) (Tokens, provider.User, error) {
	u, err := e.accountUnit(ctx)
	if err != nil {
		return Tokens{}, provider.User{}, err
	}
	return e.signIn(ctx, u, email, password)
}

// SignInUser issues tokens to a user who proved who they are in another way: by having just
// registered.
func (e *Engine) SignInUser(ctx context.Context, user provider.User) (Tokens, error) {
	u, err := e.accountUnit(ctx)
	if err != nil {
		return Tokens{}, err
	}
	u.user = user
	tokens, _, err := e.signIn(ctx, u, user.Email, "-") // not looked at: the user is known
	return tokens, err
}

func (e *Engine) signIn(ctx context.Context, u *unit, email, password string) (Tokens, provider.User, error) {
	if email == "" || password == "" {
		return Tokens{}, provider.User{}, provider.ErrInvalidCredentials
	}
	tokens, err := e.grant(ctx, u, provider.GrantPassword, url.Values{
		"username": {email}, "password": {password}, "scope": {provider.ScopeAccount},
	})
	for _, refused := range []error{provider.ErrInvalidCredentials, provider.ErrEmailNotVerified} {
		if errors.Is(err, refused) {
			return Tokens{}, provider.User{}, refused
		}
	}
	return tokens, u.user, err
}

func (e *Engine) accountUnit(ctx context.Context) (*unit, error) {
	client, err := e.clients.client(ctx, provider.AccountClientID)
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = provider.AccountClientID
	}
	return &unit{client: client, refreshable: true}, err
}

// Refresh is the refresh grant of the account client. The error matches ErrInvalidToken when the token
// cannot be used.
func (e *Engine) Refresh(ctx context.Context, token string) (Tokens, error) {
	u := &unit{}
	var err error
	if u.presented, err = e.refresh.parse(token); err != nil {
		return Tokens{}, e.whyNotRefresh(token)
	}
	if u.client, err = u.lookup(e.Standings)(ctx, provider.AccountClientID); err != nil {
		return Tokens{}, err
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = provider.AccountClientID
	}
	tokens, err := e.grant(ctx, u, provider.GrantRefreshToken, url.Values{"refresh_token": {token}})
	switch {
	case err == nil:
		return tokens, nil
	case errors.Is(err, provider.ErrConsumed) || u.standing.GrantEnded:
		return Tokens{}, ErrTokenUsed
	case refusal(err).Code == "invalid_grant":
		return Tokens{}, ErrInvalidToken
	}
	return Tokens{}, err
}

// whyNotRefresh says what is wrong with a token that is none of our refresh tokens.
func (e *Engine) whyNotRefresh(token string) error {
	claims, err := e.parseAccess(token)
	switch {
	case err != nil:
		return err
	case e.expired(claims):
		return ErrInvalidToken
	case claims.TokenType == "":
		return ErrNoType
	case claims.TokenType != accountTokenType:
		return ErrInvalidToken // whoever signed it, refresh tokens are not JWTs
	}
	return ErrWrongType
}

// AuthorizeAccount is Authorize for a token that acts on its user's own account. What it lacks is said
// in the order in which simplejwt looks.
func (e *Engine) AuthorizeAccount(ctx context.Context, token string) (Authorization, error) {
	if _, err := e.refresh.parse(token); err == nil {
		return Authorization{}, ErrWrongType
	}
	authorization, err := e.Authorize(ctx, token)
	if err != nil {
		return Authorization{}, err
	}
	claims := authorization.claims
	switch {
	case claims.TokenType == "":
		return Authorization{}, ErrNoType
	case claims.TokenType != accountTokenType:
		return Authorization{}, ErrWrongType
	case claims.UserID == 0:
		return Authorization{}, ErrNoUserClaim
	case int64(claims.UserID) != authorization.User.ID:
		return Authorization{}, ErrUserGone
	case !slices.Contains(authorization.Scopes, provider.ScopeAccount):
		return Authorization{}, ErrInvalidToken
	}
	return authorization, nil
}

// KeepGrant begins a grant of a user anew, after the moment that ended all that they had: whoever
// changes a password stays signed in where they did. A grant that is gone stays gone.
func (e *Engine) KeepGrant(ctx context.Context, grantID string) error {
	grant, err := e.Grants.Grant(ctx, grantID)
	if errors.Is(err, provider.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	user, err := e.Users.UserByID(ctx, grant.UserID)
	if err != nil {
		return err
	}
	if err := e.Grants.EndGrant(ctx, grantID); err != nil {
		return err
	}
	grant.CreatedAt = user.SessionsValidAfter.Add(time.Microsecond) // what stores keep of a time
	return e.Grants.CreateGrant(ctx, grant)
}

// Check tells whether a token, access or refresh, could be used now, without using it. The error
// matches ErrInvalidToken, or says that a store is down.
func (e *Engine) Check(ctx context.Context, token string) error {
	_, err := e.describeToken(ctx, token)
	return err
}

// End ends the grants of tokens that someone signs out with, whatever their age. Tokens that are not
// ours, or whose grant ended, are passed over.
func (e *Engine) End(ctx context.Context, tokens ...string) error {
	ended := ""
	for _, token := range tokens {
		grant, err := e.findGrant(ctx, strings.TrimSpace(token))
		if errors.Is(err, ErrInvalidToken) || (err == nil && grant.ID == ended) {
			continue
		}
		if err != nil {
			return err
		}
		if err := e.EndGrant(ctx, grant); err != nil {
			return err
		}
		ended = grant.ID
	}
	return nil
}
