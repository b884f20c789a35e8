package oidc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/signet-id/signet/provider"
)

// tokenStrategy mints the tokens that fosite's grant handlers ask for.
type tokenStrategy struct {
	e *Engine
}

var (
	_ oauth2.AccessTokenStrategy   = (*tokenStrategy)(nil)
	_ oauth2.RefreshTokenStrategy  = (*tokenStrategy)(nil)
	_ oauth2.AuthorizeCodeStrategy = (*tokenStrategy)(nil)
)

// accessTokenType is the "typ" of access tokens; nothing else that we sign has it (RFC 9068 §2.1).
const accessTokenType = "at+jwt"

// accountTokenType is the claim "token_type" by which simplejwt tells access from refresh tokens.
const accountTokenType = "access"

// acrPassword is the "acr" of a sign-in by password alone.
const acrPassword = "urn:signet:acr:password" //nolint:gosec // G101: names a way to sign in

// accessClaims are the claims of an access token (RFC 9068 §2.2).
type accessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf,omitempty"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope,omitempty"`
	// GrantID finds the grant that the token lives and dies with.
	GrantID  string   `json:"gid"`
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	// TokenType and UserID are what Django's simplejwt looks at; first-party clients only.
	TokenType string `json:"token_type,omitempty"`
	UserID    userID `json:"user_id,omitempty"`
}

// userID is the integer key of a user. What is no integer is nobody's.
type userID int64

const nobody userID = -1

// UnmarshalJSON reads any value.
func (id *userID) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if *id = userID(n); err != nil {
		*id = nobody
	}
	return nil
}

// hasUser tells whether the token stands for a user, or for the client itself.
func (c accessClaims) hasUser() bool { return c.AuthTime != 0 }

func (c accessClaims) scopes() []string { return strings.Fields(c.Scope) }

// audience is one string or a list of them (RFC 7519 §4.1.3).
type audience []string

// MarshalJSON writes a single value as a string.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(raw, &(*a)[0])
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) GenerateAccessToken(ctx context.Context, request fosite.Requester) (token, signature string, err error) {
	u, now := unitFrom(ctx), s.e.Now()
	claims := accessClaims{
		Issuer: s.e.Settings.Issuer, Subject: u.grant.Subject, Audience: audience(request.GetGrantedAudience()),
		ExpiresAt: now.Add(s.e.accessLifetime(u.client)).Unix(), IssuedAt: now.Unix(), ID: newTokenID(),
		ClientID: u.client.ID, Scope: strings.Join(request.GetGrantedScopes(), " "), GrantID: u.grant.ID,
		ACR: u.grant.ACR, AMR: u.grant.AMR,
	}
	if u.grant.UserID != 0 {
		claims.AuthTime = u.grant.AuthTime.Unix()
		if u.client.FirstParty {
			claims.TokenType, claims.UserID = accountTokenType, userID(u.grant.UserID)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", "", err
	}
	token, err = s.e.Keys.Sign(s.e.Settings.AccessTokenAlgorithm, accessTokenType, payload)
	return token, "", err
}

// newTokenID returns a "jti": 32 hexadecimal digits, the form that simplejwt gives it.
func newTokenID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
	return hex.EncodeToString(raw[:])
}

// AccessTokenSignature implements oauth2.AccessTokenStrategy; access tokens are not stored.
func (*tokenStrategy) AccessTokenSignature(context.Context, string) string { return "" }

// ValidateAccessToken is not used: our own introspector verifies access tokens.
func (*tokenStrategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return fosite.ErrInvalidTokenFormat
}

// GenerateRefreshToken returns the token of the grant's current generation: after a rotation the new
// one, within the grace window the same one again.
func (s *tokenStrategy) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	g := unitFrom(ctx).grant
	return s.e.refresh.format(grantToken{grantID: g.ID, userID: g.UserID, generation: g.Generation}), "", nil
}

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy; the unit of work has the parsed token.
func (*tokenStrategy) RefreshTokenSignature(context.Context, string) string { return "" }

// ValidateRefreshToken has nothing left to do: the front door checked the MAC and the store the rest.
func (*tokenStrategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error {
	return nil
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) GenerateAuthorizeCode(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	g := unitFrom(ctx).grant
	return s.e.codes.format(grantToken{grantID: g.ID, userID: g.UserID, sessionID: g.SessionID}), "", nil
}

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy; the unit of work has the parsed code.
func (*tokenStrategy) AuthorizeCodeSignature(context.Context, string) string { return "" }

// ValidateAuthorizeCode has nothing left to do: the front door checked the MAC and the store the rest.
func (*tokenStrategy) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error {
	return nil
}

// openIDHandler adds the ID token to every grant that has the scope "openid".
type openIDHandler struct {
	e *Engine
}

var _ fosite.TokenEndpointHandler = (*openIDHandler)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*openIDHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h *openIDHandler) PopulateTokenEndpointResponse(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	if !request.GetGrantedScopes().Has(provider.ScopeOpenID) {
		return nil
	}
	token, err := h.e.idToken(unitFrom(ctx), response.GetAccessToken())
	if err != nil {
		return err
	}
	response.SetExtra("id_token", token)
	return nil
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*openIDHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*openIDHandler) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}
