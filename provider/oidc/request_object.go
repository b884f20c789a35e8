package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// requestObjectAlgorithms may sign request objects; "none" does not.
var requestObjectAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

var (
	errRequestObject = authorizeError("invalid_request_object", "The request object is malformed, expired, for somebody else or not signed by the application.")
	errRequestURI    = authorizeError("invalid_request_uri", "The request_uri is not registered for the application or cannot be read.")
)

// objectLeeway is how far the clocks of a client and ours may differ.
const objectLeeway = time.Minute

// withRequestObject returns the parameters of a request, those of its signed request object in place of plain
// ones (OpenID Connect Core §6). Without an object they are the plain ones.
func (e *Engine) withRequestObject(ctx context.Context, client provider.Client, form url.Values) (url.Values, error) {
	object := form.Get("request")
	if object != "" || form.Has("request_uri") {
		// Anybody can have signatures checked and addresses fetched by it.
		if err := e.Limits.TokenByAddress(ctx); err != nil {
			return nil, err
		}
	}
	switch reference := form.Get("request_uri"); {
	case object != "" && reference != "":
		return nil, invalidRequest("The request and request_uri parameters exclude each other.")
	case reference != "":
		if !slices.Contains(client.RequestURIs, reference) {
			return nil, errRequestURI
		}
		target, _, _ := strings.Cut(reference, "#") // the fragment tells caches of a change
		body, err := e.Fetcher.Fetch(ctx, target)
		if err != nil {
			e.Log.InfoContext(ctx, "request object not fetched", "client_id", client.ID, "error", err)
			return nil, errRequestURI
		}
		object = strings.TrimSpace(string(body))
	case object == "":
		return form, nil
	}
	inner, err := e.openRequestObject(ctx, client, object)
	if err != nil {
		return nil, err
	}
	merged := url.Values{}
	for name, values := range form {
		if name != "request" && name != "request_uri" {
			merged[name] = values
		}
	}
	for name, value := range inner {
		if plain := form.Get(name); (name == "client_id" || name == "response_type") && plain != "" && plain != value {
			return nil, errRequestObject // §6.1: they must not differ
		}
		merged[name] = []string{value}
	}
	return merged, nil
}

// openRequestObject returns the parameters in a request object that the client signed.
func (e *Engine) openRequestObject(ctx context.Context, client provider.Client, object string) (map[string]string, error) {
	algorithms := requestObjectAlgorithms
	if client.RequestObjectSigningAlg != "" {
		algorithms = []string{client.RequestObjectSigningAlg}
	}
	payload, err := e.verifyClientJWS(ctx, client, object, algorithms)
	if err != nil {
		e.Log.InfoContext(ctx, "request object refused", "client_id", client.ID, "error", err)
		return nil, errRequestObject
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, errRequestObject
	}
	if !e.objectIsForUs(client, payload) {
		return nil, errRequestObject
	}
	params := make(map[string]string, len(claims))
	for name, value := range claims {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti", "sub":
			continue
		case "request", "request_uri": // RFC 9101 §4
			return nil, errRequestObject
		}
		switch v := value.(type) {
		case string:
			params[name] = v
		case json.Number:
			params[name] = v.String()
		case map[string]any: // "claims"
			raw, err := json.Marshal(v)
			if err != nil {
				return nil, errRequestObject
			}
			params[name] = string(raw)
		default:
			return nil, errRequestObject
		}
		if !cleanText(params[name]) {
			return nil, errRequestObject
		}
	}
	return params, nil
}

// objectIsForUs checks what a request object says of itself, as far as it says it (OpenID Connect Core §6.1).
func (e *Engine) objectIsForUs(client provider.Client, payload []byte) bool {
	var claims struct {
		Issuer    string   `json:"iss"`
		Audience  audience `json:"aud"`
		ExpiresAt float64  `json:"exp"`
		NotBefore float64  `json:"nbf"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return false
	}
	now, leeway := float64(e.Now().Unix()), objectLeeway.Seconds()
	return (claims.Issuer == "" || claims.Issuer == client.ID) &&
		(len(claims.Audience) == 0 || slices.Contains(claims.Audience, e.Settings.Issuer)) &&
		(claims.ExpiresAt == 0 || now < claims.ExpiresAt+leeway) &&
		(claims.NotBefore == 0 || now > claims.NotBefore-leeway)
}
