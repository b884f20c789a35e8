package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
)

// ServeUserinfo answers GET and POST /oauth2/userinfo (OpenID Connect Core §5.3).
func (e *Engine) ServeUserinfo(w http.ResponseWriter, r *http.Request) {
	authorization, err := e.userinfo(w, r)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	claims := claimsFor(authorization.User, authorization.Scopes, authorization.asked.Userinfo)
	claims["sub"] = authorization.User.Subject
	algorithm := authorization.Client.UserinfoSignedResponseAlg
	if algorithm == "" {
		writeJSON(w, http.StatusOK, claims)
		return
	}
	claims["iss"], claims["aud"] = e.Settings.Issuer, authorization.ClientID
	payload, err := json.Marshal(claims)
	if err == nil {
		var token string
		if token, err = e.Keys.Sign(algorithm, userinfoType, payload); err == nil {
			writeNoStore(w, http.StatusOK, "application/jwt", []byte(token))
			return
		}
	}
	e.writeError(w, r, err)
}

// userinfoType is the "typ" of signed userinfo: it can be taken for no other token of ours.
const userinfoType = "userinfo+jwt"

func (e *Engine) userinfo(w http.ResponseWriter, r *http.Request) (Authorization, error) {
	token, err := bearerToken(w, r)
	if err != nil {
		return Authorization{}, err
	}
	authorization, err := e.authorizeBearer(r.Context(), token)
	if err != nil {
		w.Header().Set("Access-Control-Allow-Origin", "*") // a refusal tells nothing, and the page has to see it
		w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
		return Authorization{}, err
	}
	if origin := r.Header.Get("Origin"); origin != "" && authorization.Client.AllowsOrigin(origin) {
		allowOrigin(w.Header(), origin)
	}
	if authorization.User.ID == 0 || !slices.Contains(authorization.Scopes, provider.ScopeOpenID) {
		return Authorization{}, &Error{
			Status: http.StatusForbidden, Code: "insufficient_scope", Description: "The token lacks the scope openid.",
			Challenge: `Bearer realm="` + e.Settings.Issuer + `", error="insufficient_scope", scope="openid"`,
		}
	}
	return authorization, nil
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
	header, err := bearerHeader(r)
	if err != nil {
		return "", err
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

// bearerHeader reads the token from the Authorization header alone. Empty: there is none.
func bearerHeader(r *http.Request) (string, error) {
	if strings.Contains(r.URL.RawQuery, "access_token=") {
		return "", invalidRequest("The access token must not be in the query.")
	}
	authorization := r.Header.Values("Authorization")
	if len(authorization) > 1 {
		return "", invalidRequest("The request has more than one Authorization header.")
	}
	if len(authorization) == 1 {
		if scheme, token, _ := strings.Cut(authorization[0], " "); strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token), nil
		}
	}
	return "", nil
}
