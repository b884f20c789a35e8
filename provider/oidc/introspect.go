package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
)

// introspection is the answer of the introspection endpoint (RFC 7662 §2.2).
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  audience `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
}

// ServeIntrospect answers POST /oauth2/introspect (RFC 7662): confidential clients learn of their own
// tokens and of those that are for them, resource servers of all. An outage is an error, never
// "inactive".
func (e *Engine) ServeIntrospect(w http.ResponseWriter, r *http.Request) {
	answer, err := e.introspect(w, r)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (e *Engine) introspect(w http.ResponseWriter, r *http.Request) (introspection, error) {
	ctx := r.Context()
	form, err := parseParams(w, r)
	if err != nil {
		return introspection{}, err
	}
	caller, err := e.authenticateClient(ctx, r.Header, form, e.clients.client, e.Limits.Introspection)
	if err != nil {
		return introspection{}, err
	}
	if caller.Public() { // RFC 7662 §4: anybody could ask
		return introspection{}, errInvalidClient
	}
	token := form.Get("token")
	switch {
	case token == "":
		return introspection{}, invalidRequest("The token parameter is missing.")
	case len(token) > keys.MaxTokenSize:
		return introspection{}, &Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The token is too long."}
	}
	answer, err := e.describeToken(ctx, token)
	if errors.Is(err, ErrInvalidToken) {
		return introspection{}, nil
	}
	if err != nil {
		return introspection{}, err
	}
	if answer.ClientID != caller.ID && !slices.Contains(answer.Audience, caller.ID) && !caller.ResourceServer {
		return introspection{}, nil
	}
	return answer, nil
}

// describeToken tells all about a living token. The kind is told by its form; a hint is not needed.
func (e *Engine) describeToken(ctx context.Context, token string) (introspection, error) {
	if strings.HasPrefix(token, refreshPrefix) {
		grant, _, err := e.livingRefresh(ctx, token)
		if err != nil {
			return introspection{}, err
		}
		return describeGrant(grant, e.Settings.Issuer), nil
	}
	authorization, err := e.Authorize(ctx, token)
	if err != nil {
		return introspection{}, err
	}
	c := authorization.claims
	return introspection{
		Active: true, Scope: c.Scope, ClientID: c.ClientID, TokenType: "Bearer", ExpiresAt: c.ExpiresAt, IssuedAt: c.IssuedAt,
		Subject: c.Subject, Audience: c.Audience, Issuer: c.Issuer, ID: c.ID, AuthTime: c.AuthTime, ACR: c.ACR, AMR: c.AMR,
	}, nil
}

func describeGrant(g provider.Grant, issuer string) introspection {
	return introspection{
		Active: true, Scope: strings.Join(g.Scopes, " "), ClientID: g.ClientID, ExpiresAt: g.EndsAt().Unix(), IssuedAt: g.RotatedAt.Unix(),
		Subject: g.Subject, Audience: g.Audience, Issuer: issuer, AuthTime: g.AuthTime.Unix(), ACR: g.ACR, AMR: g.AMR,
	}
}
