package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-id/signet/provider"
)

// unit is the work of one token request: what the front door found out before fosite's handler runs,
// and what has to be written after it.
type unit struct {
	client provider.Client
	// begun is when the work began, before anything was read: a password changed after that ends the
	// grant that comes of it.
	begun time.Time
	// scopes and audience are those asked for, empty for the default.
	scopes   []string
	audience []string
	// refreshable says that a new grant gets a refresh token.
	refreshable bool
	// user is who signs in; the zero value without a user.
	user provider.User
	// presented is the code or refresh token of the request, and standing what its grant depends on.
	presented grantToken
	standing  provider.Standing
	// form is the request's, for what is compared with a code; redeemed is what came of the code.
	form     url.Values
	redeemed fosite.Requester
	// nonce is the authorization request's while it is being answered; a refreshed ID token has none (OpenID
	// Connect Core §12.2).
	nonce string
	// grant is the one that tokens are minted for.
	grant provider.Grant
}

type unitKey struct{}

func unitFrom(ctx context.Context) *unit { return ctx.Value(unitKey{}).(*unit) }

// Tokens is the answer of the token endpoint (RFC 6749 §5.1).
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// errInvalidTarget refuses a resource that the client may not ask for (RFC 8707 §2).
var errInvalidTarget = &Error{Code: "invalid_target", Description: "The requested resource is unknown or not allowed for this client."}

var errUnsupportedGrantType = &Error{Code: "unsupported_grant_type", Description: "The grant type is not supported."}

// ServeToken answers POST /oauth2/token.
func (e *Engine) ServeToken(w http.ResponseWriter, r *http.Request) {
	tokens, err := e.token(w, r)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, tokens)
}

func (e *Engine) token(w http.ResponseWriter, r *http.Request) (Tokens, error) {
	ctx := r.Context()
	form, err := parseParams(w, r)
	if err != nil {
		return Tokens{}, err
	}
	u := &unit{form: form}
	lookup := e.clients.client
	grantType := form.Get("grant_type")
	switch grantType {
	case provider.GrantRefreshToken:
		u.presented, err = e.refresh.parse(form.Get("refresh_token"))
	case provider.GrantAuthorizationCode:
		u.presented, err = e.codes.parse(form.Get("code"))
	}
	if u.presented.grantID != "" && err == nil {
		// A token that is ours says whose it is: user, client and grant are then one query.
		lookup = u.lookup(e.Standings)
	}
	client, err := e.authenticateClient(ctx, r.Header, form, lookup, e.Limits.TokenByClient)
	if origin := r.Header.Get("Origin"); origin != "" && client.AllowsOrigin(origin) {
		allowOrigin(w.Header(), origin)
	}
	if err != nil {
		return Tokens{}, err
	}
	u.client = client
	if grantType != "" && !slices.Contains(e.Settings.GrantTypes, grantType) {
		return Tokens{}, errUnsupportedGrantType
	}
	u.refreshable = e.refreshable(client)
	return e.grant(ctx, u, grantType, form)
}

// refreshable tells whether a client gets refresh tokens.
func (e *Engine) refreshable(c provider.Client) bool {
	return c.HasGrantType(provider.GrantRefreshToken) && slices.Contains(e.Settings.GrantTypes, provider.GrantRefreshToken)
}

// lookup finds the client by the query that also tells how the presented refresh token stands.
func (u *unit) lookup(standings provider.StandingStore) func(context.Context, string) (provider.Client, error) {
	return func(ctx context.Context, id string) (provider.Client, error) {
		standing, err := standings.Standing(ctx, id, u.presented.userID, u.presented.grantID, u.presented.sessionID)
		u.standing = standing
		return standing.Client, err
	}
}

// grant runs one grant for an authenticated client. Every grant, also those that the account API
// asks for, passes here.
func (e *Engine) grant(ctx context.Context, u *unit, grantType string, form url.Values) (Tokens, error) {
	u.begun = e.Now().UTC()
	if err := e.checkGrant(ctx, u, grantType, form); err != nil {
		return Tokens{}, err
	}
	ctx = context.WithValue(ctx, unitKey{}, u)
	request := &fosite.AccessRequest{
		GrantTypes: fosite.Arguments{grantType},
		Request: fosite.Request{
			Client: fositeClient{u.client}, Form: form, Session: &session{}, RequestedAt: e.Now().UTC(),
			RequestedScope: u.scopes, RequestedAudience: u.audience,
		},
	}
	handlers := e.handlers[grantType]
	for _, h := range handlers {
		if err := h.HandleTokenEndpointRequest(ctx, request); err != nil {
			return Tokens{}, err
		}
	}
	begins := grantType == provider.GrantPassword || grantType == provider.GrantClientCredentials
	switch {
	case begins:
		e.prepareGrant(ctx, u, request)
	case grantType == provider.GrantRefreshToken:
		if err := e.narrow(u, request); err != nil {
			return Tokens{}, err
		}
	}
	response := fosite.NewAccessResponse()
	for _, h := range handlers {
		if err := h.PopulateTokenEndpointResponse(ctx, request, response); err != nil {
			return Tokens{}, err
		}
	}
	if begins && u.grant.UserID != 0 {
		if err := e.Grants.CreateGrant(ctx, u.grant); err != nil {
			return Tokens{}, err
		}
	}
	tokens := Tokens{
		AccessToken: response.GetAccessToken(), TokenType: "Bearer",
		ExpiresIn: int64(e.accessLifetime(u.client) / time.Second), Scope: strings.Join(request.GrantedScope, " "),
	}
	tokens.RefreshToken, _ = response.GetExtra("refresh_token").(string)
	tokens.IDToken, _ = response.GetExtra("id_token").(string)
	return tokens, nil
}

// checkGrant refuses what no handler needs to see.
func (e *Engine) checkGrant(ctx context.Context, u *unit, grantType string, form url.Values) error {
	if report := provider.RequestFrom(ctx).Report; report != nil && e.handlers[grantType] != nil {
		report.GrantType = grantType
	}
	switch {
	case grantType == "":
		return invalidRequest("The grant_type parameter is missing.")
	case e.handlers[grantType] == nil:
		return errUnsupportedGrantType
	case !u.client.HasGrantType(grantType):
		return &Error{Code: "unauthorized_client", Description: "The client is not allowed to use this grant type."}
	}
	var err error
	if u.scopes, err = parseScope(form.Get("scope")); err != nil {
		return err
	}
	if u.audience, err = e.requestedAudience(form, u.client); err != nil {
		return err
	}
	switch grantType {
	case provider.GrantRefreshToken:
		if !form.Has("refresh_token") {
			return invalidRequest("The refresh_token parameter is missing.")
		}
		if !subset(u.scopes, u.client.Scopes) { // before the token is spent
			return &Error{Code: "invalid_scope", Description: describe("invalid_scope")}
		}
		if u.presented.grantID == "" || u.standing.GrantEnded || (u.presented.userID != 0 && !u.standing.User.Active) {
			return invalidGrant("The refresh token is invalid, expired, revoked or was issued to another client.")
		}
		if len(u.audience) > 0 { // rare enough for a trip of its own, before the token is spent
			grant, err := e.Grants.Grant(ctx, u.presented.grantID)
			if err == nil && !subset(u.audience, grant.Audience) {
				return errInvalidTarget
			}
			if err != nil && !errors.Is(err, provider.ErrNotFound) {
				return err
			}
		}
	case provider.GrantAuthorizationCode:
		u.scopes = nil // the grant has its own (RFC 6749 §4.1.3)
		switch {
		case !form.Has("code"):
			return invalidRequest("The code parameter is missing.")
		case u.presented.grantID == "" || u.standing.GrantEnded || !u.standing.User.Active:
			return errCode
		}
	case provider.GrantPassword:
		if !form.Has("username") || !form.Has("password") {
			return invalidRequest("The username or password parameter is missing.")
		}
	}
	return nil
}

// errCode is one answer for every code that gives no tokens.
var errCode = invalidGrant("The code is invalid, expired, used or was issued to another client or request.")

// checkRedemption compares a request with the authorization that its code was issued for (RFC 6749 §4.1.3, RFC
// 7636 §4.6).
func (e *Engine) checkRedemption(u *unit) error {
	code, verifier := u.grant.Code, u.form.Get("code_verifier")
	switch {
	case !u.standing.Allows(u.grant.UserID, u.grant.CreatedAt),
		u.form.Get("redirect_uri") != code.RedirectURI,
		(code.CodeChallenge == "") != (verifier == ""), // RFC 9700 §2.1.1: no verifier without a challenge
		verifier != "" && !verifies(code.CodeChallenge, verifier):
		return errCode
	case !subset(u.audience, u.grant.Audience):
		return errInvalidTarget
	}
	return nil
}

// verifies tells whether a code verifier belongs to an S256 challenge.
func verifies(challenge, verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, func(c rune) bool { return notBase64URL(c) && c != '.' && c != '~' }) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// requestedAudience reads "audience" (a list) and "resource" (RFC 8707) and refuses what the client
// may not ask for.
func (e *Engine) requestedAudience(form url.Values, client provider.Client) ([]string, error) {
	asked := append(strings.Fields(form.Get("audience")), form["resource"]...)
	for _, a := range asked {
		if !slices.Contains(e.allowedAudience(client), a) {
			return nil, errInvalidTarget
		}
	}
	return asked, nil
}

// prepareGrant says what a new grant is for. Without a user there is nothing to store: the token
// stands for itself.
func (e *Engine) prepareGrant(ctx context.Context, u *unit, request *fosite.AccessRequest) {
	now := u.begun
	scopes := u.scopes
	refresh := u.user.ID != 0 && u.refreshable
	if !refresh {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == provider.ScopeOfflineAccess })
	}
	audience := u.audience
	if len(audience) == 0 {
		audience = e.allowedAudience(u.client)[:1]
	}
	info := provider.RequestFrom(ctx)
	u.grant = provider.Grant{
		ID: rand.Text(), ClientID: u.client.ID, UserID: u.user.ID, Subject: u.client.ID, Scopes: scopes, Audience: audience,
		CreatedAt: now, UserAgent: info.UserAgent, RemoteAddr: info.Addr.String(),
	}
	if u.user.ID != 0 {
		u.grant.Subject, u.grant.AuthTime, u.grant.ACR, u.grant.AMR = u.user.Subject, now, acrPassword, []string{"pwd"}
	}
	lifetime := e.accessLifetime(u.client)
	u.grant.ExpiresAt, u.grant.IdleExpiresAt = now.Add(lifetime), now.Add(lifetime)
	if refresh {
		u.grant.Generation = 1
		u.grant.RotatedAt = now
		u.grant.ExpiresAt = now.Add(e.refreshMax(u.client))
		u.grant.IdleExpiresAt = now.Add(e.refreshIdle(u.client))
	}
	request.ID = u.grant.ID
	request.GrantedScope, request.GrantedAudience = scopes, audience
}

// narrow honours a smaller scope or audience for this access token; the grant keeps its own (RFC 6749
// §6). What the client may no longer ask for is left out.
func (e *Engine) narrow(u *unit, request *fosite.AccessRequest) error {
	if len(u.scopes) > 0 {
		request.GrantedScope = u.scopes
	}
	wanted := u.audience
	if len(wanted) == 0 {
		wanted = u.grant.Audience
	}
	allowed := e.allowedAudience(u.client)
	request.GrantedAudience = nil
	for _, a := range wanted {
		if slices.Contains(u.grant.Audience, a) && slices.Contains(allowed, a) {
			request.GrantedAudience = append(request.GrantedAudience, a)
		}
	}
	if len(request.GrantedAudience) == 0 || (len(u.audience) > 0 && len(request.GrantedAudience) < len(u.audience)) {
		return errInvalidTarget
	}
	return nil
}

// allowedAudience lists what a client's tokens may be for, the default first.
func (e *Engine) allowedAudience(c provider.Client) []string {
	if len(c.Audience) > 0 {
		return c.Audience
	}
	return []string{cmp.Or(e.Settings.DefaultAudience, c.ID)}
}

// The client's own lifetimes go before the settings'.

func (e *Engine) accessLifetime(c provider.Client) time.Duration {
	return cmp.Or(c.AccessTokenLifetime, e.Settings.AccessTokenLifetime)
}

func (e *Engine) refreshIdle(c provider.Client) time.Duration {
	return cmp.Or(c.RefreshTokenIdle, e.Settings.RefreshTokenIdle)
}

func (e *Engine) refreshMax(c provider.Client) time.Duration {
	return cmp.Or(c.RefreshTokenMax, e.Settings.RefreshTokenMax)
}
