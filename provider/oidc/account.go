package oidc

import (
	"context"
	"errors"
	"net/url"
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
// password do not belong together.
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
	if err != nil && errors.Is(err, provider.ErrInvalidCredentials) {
		return Tokens{}, provider.User{}, provider.ErrInvalidCredentials
	}
	return tokens, u.user, err
}

func (e *Engine) accountUnit(ctx context.Context) (*unit, error) {
	client, err := e.clients.client(ctx, provider.AccountClientID)
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = provider.AccountClientID
	}
	return &unit{client: client}, err
}

// Refresh is the refresh grant of the account client. ErrInvalidToken: the token cannot be used.
func (e *Engine) Refresh(ctx context.Context, token string) (Tokens, error) {
	u := &unit{}
	var err error
	if u.refresh, err = e.refresh.parse(token); err != nil {
		return Tokens{}, ErrInvalidToken
	}
	if u.client, err = u.lookup(e.Standings)(ctx, provider.AccountClientID); err != nil {
		return Tokens{}, err
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = provider.AccountClientID
	}
	tokens, err := e.grant(ctx, u, provider.GrantRefreshToken, url.Values{"refresh_token": {token}})
	if err != nil && refusal(err).Code == "invalid_grant" {
		return Tokens{}, ErrInvalidToken
	}
	return tokens, err
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
