package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
)

// userClaims is the answer of the userinfo endpoint (OpenID Connect Core §5.1, §5.4).
type userClaims struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

func claimsOf(u provider.User, scopes []string) userClaims {
	c := userClaims{Subject: u.Subject}
	if slices.Contains(scopes, provider.ScopeProfile) {
		c.Name, c.GivenName, c.FamilyName = u.FullName(), u.FirstName, u.LastName
	}
	if slices.Contains(scopes, provider.ScopeEmail) {
		c.Email, c.EmailVerified = u.Email, &u.EmailVerified
	}
	return c
}

// ServeUserinfo answers GET and POST /oauth2/userinfo (OpenID Connect Core §5.3).
func (e *Engine) ServeUserinfo(w http.ResponseWriter, r *http.Request) {
	claims, err := e.userinfo(w, r)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, claims)
}

func (e *Engine) userinfo(w http.ResponseWriter, r *http.Request) (userClaims, error) {
	token, err := bearerToken(w, r)
	if err != nil {
		return userClaims{}, err
	}
	authorization, err := e.authorizeBearer(r.Context(), token)
	if err != nil {
		w.Header().Set("Access-Control-Allow-Origin", "*") // a refusal tells nothing, and the page has to see it
		w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
		return userClaims{}, err
	}
	if origin := r.Header.Get("Origin"); origin != "" && authorization.Client.AllowsOrigin(origin) {
		allowOrigin(w.Header(), origin)
	}
	if authorization.User.ID == 0 || !slices.Contains(authorization.Scopes, provider.ScopeOpenID) {
		return userClaims{}, &Error{
			Status: http.StatusForbidden, Code: "insufficient_scope", Description: "The token lacks the scope openid.",
			Challenge: `Bearer realm="` + e.Settings.Issuer + `", error="insufficient_scope", scope="openid"`,
		}
	}
	return claimsOf(authorization.User, authorization.Scopes), nil
}

// authorizeBearer is Authorize with the answer of a protected resource (RFC 6750 §3).
func (e *Engine) authorizeBearer(ctx context.Context, token string) (Authorization, error) {
	challenge := `Bearer realm="` + e.Settings.Issuer + `"`
	if token == "" {
		return Authorization{}, &Error{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "The access token is missing.", Challenge: challenge}
	}
	authorization, err := e.Authorize(ctx, token)
	if errors.Is(err, ErrInvalidToken) {
		return Authorization{}, &Error{
			Status: http.StatusUnauthorized, Code: "invalid_token", Description: "The access token is invalid, expired or revoked.",
			Challenge: challenge + `, error="invalid_token"`, cause: err,
		}
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = authorization.ClientID
	}
	return authorization, err
}

// bearerToken reads the token from the Authorization header or the body of a POST, never from the
// query and never from two places (RFC 6750 §2, RFC 9700 §4.3.2). Empty: there is none.
func bearerToken(w http.ResponseWriter, r *http.Request) (string, error) {
	if strings.Contains(r.URL.RawQuery, "access_token=") {
		return "", invalidRequest("The access token must not be in the query.")
	}
	authorization := r.Header.Values("Authorization")
	if len(authorization) > 1 {
		return "", invalidRequest("The request has more than one Authorization header.")
	}
	header := ""
	if len(authorization) == 1 {
		scheme, token, _ := strings.Cut(authorization[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			header = strings.TrimSpace(token)
		}
	}
	if r.Method != http.MethodPost || r.ContentLength == 0 || r.Header.Get("Content-Type") == "" {
		return header, nil
	}
	form, err := parseParams(w, r)
	if err != nil {
		return "", err
	}
	body := form.Get("access_token")
	if header != "" && body != "" {
		return "", invalidRequest("The request has more than one access token.")
	}
	return header + body, nil
}
