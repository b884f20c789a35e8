package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// authorizationRequest is a request that was checked (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1): what
// remains to be asked is the user.
type authorizationRequest struct {
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	// ResponseType is canonical.
	ResponseType string   `json:"response_type,omitempty"`
	ResponseMode string   `json:"response_mode,omitempty"`
	State        string   `json:"state,omitempty"`
	Scopes       []string `json:"scope,omitempty"`
	Audience     []string `json:"audience,omitempty"`
	Nonce        string   `json:"nonce,omitempty"`
	Prompt       []string `json:"prompt,omitempty"`
	// MaxAge is in seconds; nil: any age is good.
	MaxAge *int64 `json:"max_age,omitempty"`
	// HintedSubject is whom a verified id_token_hint, or the claim "sub", names.
	HintedSubject string   `json:"hint,omitempty"`
	LoginHint     string   `json:"login_hint,omitempty"`
	UILocales     []string `json:"ui_locales,omitempty"`
	// Claims is the "claims" parameter, JSON, and ClaimNames what it asks for.
	Claims        string   `json:"claims,omitempty"`
	ClaimNames    []string `json:"claim_names,omitempty"`
	CodeChallenge string   `json:"code_challenge,omitempty"`
}

// The values of prompt (OpenID Connect Core §3.1.2.1, Initiating User Registration).
const (
	promptNone          = "none"
	promptLogin         = "login"
	promptConsent       = "consent"
	promptSelectAccount = "select_account"
	promptCreate        = "create"
)

var prompts = []string{promptNone, promptLogin, promptConsent, promptSelectAccount, promptCreate}

func (q authorizationRequest) prompts(value string) bool { return slices.Contains(q.Prompt, value) }

// maxHint bounds what is only passed on to a page or a token, in bytes.
const maxHint = 2 << 10

// readAuthorizationRequest reads the parameters of a GET's query or a POST's body.
func readAuthorizationRequest(w http.ResponseWriter, r *http.Request) (form url.Values, repeated []string, err error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return splitForm(r.URL.RawQuery)
	}
	body, err := readFormBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	return splitForm(body)
}

// checkAuthorizationRequest checks everything that can be refused before a page is shown. The request that it
// returns with an error has a RedirectURI exactly when the client may be told of the error.
func (e *Engine) checkAuthorizationRequest(ctx context.Context, form url.Values, repeated []string) (authorizationRequest, error) {
	var q authorizationRequest
	// Client and redirect URI first, and by themselves: until both are known nobody can be told but the user.
	for _, name := range []string{"client_id", "redirect_uri", "request", "request_uri"} {
		if slices.Contains(repeated, name) {
			return q, errRepeated
		}
	}
	client, err := e.clients.client(ctx, form.Get("client_id"))
	if errors.Is(err, provider.ErrNotFound) || (err == nil && client.Disabled) {
		return q, authorizeError("invalid_client", "The application is not known here.")
	}
	if err != nil {
		return q, err
	}
	outer := form
	form, err = e.withRequestObject(ctx, client, form)
	if err != nil {
		// What is wrong with an object can be told where the plain request says, if that is registered.
		return tellable(client, outer, repeated), err
	}
	if !form.Has("redirect_uri") {
		return q, invalidRequest("The redirect_uri parameter is missing.")
	}
	if !redirectURIAllowed(client, form.Get("redirect_uri")) {
		return q, invalidRequest("The redirect_uri is not registered for the application.")
	}
	q = tellable(client, form, repeated)
	err = e.fillAuthorizationRequest(&q, client, form, repeated)
	return q, err
}

// tellable is the part of a request that says where an error goes; without RedirectURI when nowhere.
func tellable(client provider.Client, form url.Values, repeated []string) authorizationRequest {
	q := authorizationRequest{ClientID: client.ID}
	if !redirectURIAllowed(client, form.Get("redirect_uri")) {
		return q
	}
	q.RedirectURI, q.ResponseMode = form.Get("redirect_uri"), responseModeQuery
	q.ResponseType = provider.CanonicalResponseType(form.Get("response_type"))
	tokens := strings.Contains(q.ResponseType, "token") // which must not end in logs (OAuth 2.0 Multiple Response Types §3)
	if tokens {
		q.ResponseMode = responseModeFragment
	}
	if mode := form.Get("response_mode"); slices.Contains(responseModes, mode) && !slices.Contains(repeated, "response_mode") && (mode != responseModeQuery || !tokens) {
		q.ResponseMode = mode
	}
	if !slices.Contains(repeated, "state") {
		q.State = form.Get("state")
	}
	return q
}

// fillAuthorizationRequest checks the rest; its errors go to the client.
func (e *Engine) fillAuthorizationRequest(q *authorizationRequest, client provider.Client, form url.Values, repeated []string) error {
	if len(repeated) > 0 {
		return errRepeated
	}
	if mode := form.Get("response_mode"); mode != "" && !slices.Contains(responseModes, mode) {
		return invalidRequest("The response_mode is not supported.")
	}
	if err := e.checkResponseType(q, client, form); err != nil {
		return err
	}
	var err error
	if q.Scopes, err = parseScope(form.Get("scope")); err != nil {
		return err
	}
	if !subset(q.Scopes, client.Scopes) {
		return authorizeError("invalid_scope", describe("invalid_scope"))
	}
	if q.Audience, err = e.requestedAudience(form, client); err != nil {
		return err
	}
	if err := q.fillPrompt(client, form); err != nil {
		return err
	}
	if err := e.fillHint(q, form); err != nil {
		return err
	}
	for _, name := range []string{"nonce", "login_hint", "ui_locales", "acr_values"} {
		if len(form.Get(name)) > maxHint {
			return invalidRequest("A parameter is too long.")
		}
	}
	q.Nonce, q.LoginHint, q.UILocales = form.Get("nonce"), form.Get("login_hint"), strings.Fields(form.Get("ui_locales"))
	if form.Has("claims") {
		return q.fillClaims(client, form.Get("claims"))
	}
	return nil
}

// fillClaims reads the claims that are asked for by name (OpenID Connect Core §5.5).
func (q *authorizationRequest) fillClaims(client provider.Client, parameter string) error {
	claims, err := parseClaims(parameter)
	if err != nil {
		return err
	}
	if !claims.acrReachable(acrPassword) {
		return errUnmetACR
	}
	if subject := claims.subject(); subject != "" {
		if q.HintedSubject != "" && q.HintedSubject != subject {
			return errLoginRequired
		}
		q.HintedSubject = subject
	}
	claims = claims.within(client.Scopes)
	raw, err := json.Marshal(claims)
	q.Claims, q.ClaimNames = string(raw), claims.names()
	return err
}

// implicit tells whether tokens are the answer, instead of a code.
func (q authorizationRequest) implicit() bool {
	return q.ResponseType == provider.ResponseTypeIDToken || q.ResponseType == provider.ResponseTypeIDTokenToken
}

// checkResponseType checks what a request asks to be answered with, and what that needs.
func (e *Engine) checkResponseType(q *authorizationRequest, client provider.Client, form url.Values) error {
	grantType := provider.GrantAuthorizationCode
	if q.implicit() {
		grantType = provider.GrantImplicit
	}
	switch {
	case q.ResponseType == "":
		return invalidRequest("The response_type parameter is missing.")
	case (q.ResponseType != provider.ResponseTypeCode && !q.implicit()) || !slices.Contains(e.Settings.GrantTypes, grantType):
		return authorizeError("unsupported_response_type", "The response_type is not supported.")
	case !client.HasResponseType(q.ResponseType) || !client.HasGrantType(grantType):
		return authorizeError("unauthorized_client", "The application is not allowed to use this response_type.")
	case !q.implicit():
		return q.fillPKCE(client, form)
	case form.Get("response_mode") == responseModeQuery:
		return invalidRequest("The response_mode query is not for tokens.")
	case form.Get("nonce") == "": // OpenID Connect Core §3.2.2.1
		return invalidRequest("The nonce parameter is missing.")
	case !slices.Contains(strings.Fields(form.Get("scope")), provider.ScopeOpenID):
		return authorizeError("invalid_scope", "The response_type needs the scope openid.")
	}
	return nil
}

// fillPKCE demands a challenge (RFC 7636, RFC 9700 §2.1.1): S256, the only method that does not send the
// verifier itself around.
func (q *authorizationRequest) fillPKCE(client provider.Client, form url.Values) error {
	challenge, method := form.Get("code_challenge"), form.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "" && client.PKCEOptional && !client.Public():
		return nil
	case challenge == "":
		return invalidRequest("The code_challenge parameter is missing: PKCE is required.")
	case method != "S256":
		return invalidRequest("The code_challenge_method must be S256.")
	case len(challenge) != 43 || strings.ContainsFunc(challenge, notBase64URL):
		return invalidRequest("The code_challenge is malformed.")
	}
	q.CodeChallenge = challenge
	return nil
}

func notBase64URL(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
}

func (q *authorizationRequest) fillPrompt(client provider.Client, form url.Values) error {
	q.Prompt = strings.Fields(form.Get("prompt"))
	if !subset(q.Prompt, prompts) {
		return invalidRequest("The prompt has an unknown value.")
	}
	if q.prompts(promptNone) && len(q.Prompt) > 1 {
		return invalidRequest("The prompt none cannot be combined.")
	}
	if form.Has("max_age") {
		age, err := strconv.ParseInt(form.Get("max_age"), 10, 64)
		if err != nil || age < 0 {
			return invalidRequest("The max_age must be a number of seconds.")
		}
		q.MaxAge = &age
	} else if client.DefaultMaxAge != nil {
		age := int64(*client.DefaultMaxAge / time.Second)
		q.MaxAge = &age
	}
	return nil
}

// fillHint reads whom the client expects (OpenID Connect Core §3.1.2.1). The token may be as old as it likes,
// and signed by a key that is no longer published.
func (e *Engine) fillHint(q *authorizationRequest, form url.Values) error {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	claims, err := e.verifyIDTokenHint(hint)
	if err != nil || !slices.Contains(claims.Audience, q.ClientID) {
		return invalidRequest("The id_token_hint is not an ID token of ours for this client.")
	}
	q.HintedSubject = claims.Subject
	return nil
}

// hintClaims are what an ID token hint is looked at for.
type hintClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	SessionID string   `json:"sid"`
}

// verifyIDTokenHint returns the claims of an ID token that we signed at any time. ErrInvalidToken: it is
// none.
func (e *Engine) verifyIDTokenHint(token string) (hintClaims, error) {
	header, payload, err := e.Keys.Verify(token)
	if err != nil || header.Type != idTokenType {
		return hintClaims{}, ErrInvalidToken
	}
	var claims hintClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != e.Settings.Issuer || claims.Subject == "" || len(claims.Audience) == 0 {
		return hintClaims{}, ErrInvalidToken
	}
	return claims, nil
}
