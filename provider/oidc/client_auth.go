package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/signet-id/signet/provider"
)

// clientCredentials is how a request says which client sends it (RFC 6749 §2.3).
type clientCredentials struct {
	id     string
	secret string
	// method is empty with an assertion: its algorithm does not tell, the client's registration does.
	method    string
	assertion string
}

// proves tells whether the credentials are of the kind that a client is registered for.
func (c clientCredentials) proves(client provider.Client) bool {
	if c.assertion != "" {
		return len(provider.AssertionAlgs(client.TokenEndpointAuthMethod)) > 0
	}
	return c.method == client.TokenEndpointAuthMethod
}

// parseClientCredentials reads them from the Authorization header, the form or an assertion in it, never
// from two of them.
func parseClientCredentials(header http.Header, form url.Values) (clientCredentials, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	authorization := header.Values("Authorization")
	asserted := form.Has("client_assertion") || form.Has("client_assertion_type")
	switch {
	case len(authorization) > 1:
		return clientCredentials{}, invalidRequest("The request has more than one Authorization header.")
	case asserted && (len(authorization) == 1 || secret != ""):
		return clientCredentials{}, errTwoAuthentications
	case asserted:
		return parseAssertion(form)
	case len(authorization) == 1:
		basic, err := parseBasic(authorization[0])
		if err != nil {
			return clientCredentials{}, errInvalidClient
		}
		if secret != "" || (id != "" && id != basic.id) {
			return clientCredentials{}, errTwoAuthentications
		}
		return basic, nil
	case id == "":
		return clientCredentials{}, errInvalidClient
	case secret == "":
		return clientCredentials{id: id, method: provider.AuthMethodNone}, nil
	default:
		return clientCredentials{id: id, secret: secret, method: provider.AuthMethodClientSecretPost}, nil
	}
}

// errInvalidClient is one answer for an unknown client, a wrong secret and a wrong method (RFC 6749
// §5.2).
var errInvalidClient = &Error{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "Client authentication failed."}

var errTwoAuthentications = invalidRequest("The request authenticates the client in more than one way.")

var errNotBasic = errors.New("not Basic credentials")

// parseBasic decodes an Authorization header; id and secret are form-encoded in it (RFC 6749 §2.3.1).
func parseBasic(header string) (clientCredentials, error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return clientCredentials{}, errNotBasic
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return clientCredentials{}, errNotBasic
	}
	rawID, rawSecret, ok := strings.Cut(string(raw), ":")
	id, err1 := url.QueryUnescape(rawID)
	secret, err2 := url.QueryUnescape(rawSecret)
	if !ok || err1 != nil || err2 != nil || id == "" || secret == "" || !cleanText(id) || !cleanText(secret) {
		return clientCredentials{}, errNotBasic
	}
	return clientCredentials{id: id, secret: secret, method: provider.AuthMethodClientSecretBasic}, nil
}

// authenticateClient finds the client of a request by lookup and checks that it authenticates in the
// one way it is registered for. Who proved to be a confidential client is limited as that client;
// everybody else by their address, and before a secret is hashed that takes work: nobody can use up
// another's limit.
func (e *Engine) authenticateClient(ctx context.Context, header http.Header, form url.Values, lookup func(ctx context.Context, id string) (provider.Client, error), limit func(ctx context.Context, clientID string) error) (provider.Client, error) {
	credentials, err := parseClientCredentials(header, form)
	if err != nil {
		return provider.Client{}, e.limitedByAddress(ctx, err)
	}
	client, err := lookup(ctx, credentials.id)
	switch {
	case errors.Is(err, provider.ErrNotFound):
		return provider.Client{}, e.limitedByAddress(ctx, errInvalidClient)
	case err != nil:
		return provider.Client{}, err
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = client.ID // one that exists: what strangers send as an id may be a secret
	}
	switch {
	case client.Disabled || !credentials.proves(client):
		return provider.Client{}, e.limitedByAddress(ctx, errInvalidClient)
	case client.Public():
		return client, e.Limits.TokenByAddress(ctx)
	case credentials.assertion != "":
		if client.SelfRegistered { // strangers chose its keys, and with them what a look at a signature takes
			if err := e.Limits.TokenByAddress(ctx); err != nil {
				return provider.Client{}, err
			}
		}
		if err := e.checkAssertion(ctx, client, credentials.assertion); err != nil {
			return provider.Client{}, e.limitedByAddress(ctx, err)
		}
		return client, limit(ctx, client.ID)
	}
	ok, err := e.Secrets.Verify(ctx, client.SecretHashes, credentials.secret, e.Now(), func() error { return e.Limits.TokenByAddress(ctx) })
	if err != nil {
		return provider.Client{}, err
	}
	if !ok {
		return provider.Client{}, e.limitedByAddress(ctx, errInvalidClient)
	}
	return client, limit(ctx, client.ID)
}

// limitedByAddress counts a failed authentication: it returns err, or the limit's error when there
// were too many.
func (e *Engine) limitedByAddress(ctx context.Context, err error) error {
	if limit := e.Limits.TokenByAddress(ctx); limit != nil {
		return limit
	}
	return err
}
