package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

const (
	// assertionType is what client_assertion_type must be (RFC 7523 §2.2).
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLifetime is how far ahead an assertion may expire: its jti is remembered until then.
	assertionLifetime = 5 * time.Minute
	// clockSkew is how far a client's clock may be from ours.
	clockSkew = time.Minute
	// maxTokenID bounds a jti, in bytes.
	maxTokenID = 256
)

// parseAssertion reads which client an assertion is said to be of; nothing of it is believed yet.
func parseAssertion(form url.Values) (clientCredentials, error) {
	assertion := form.Get("client_assertion")
	if form.Get("client_assertion_type") != assertionType || len(assertion) > maxClientJWS {
		return clientCredentials{}, errInvalidClient
	}
	_, rest, _ := strings.Cut(assertion, ".")
	payload, _, ok := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || !ok {
		return clientCredentials{}, errInvalidClient
	}
	claims, err := parseAssertionClaims(raw)
	if err != nil || !cleanText(claims.subject) || (form.Has("client_id") && form.Get("client_id") != claims.subject) {
		return clientCredentials{}, errInvalidClient
	}
	return clientCredentials{id: claims.subject, assertion: assertion}, nil
}

// assertionClaims are those that an assertion must have, and how long it is good.
type assertionClaims struct {
	subject   string // "iss" too
	audience  string
	id        string
	expiresAt time.Time
	notBefore time.Time // zero: not said
	issuedAt  time.Time // zero: not said
}

var errAssertion = errors.New("malformed assertion")

// parseAssertionClaims reads the claims by their exact names (encoding/json would take "ISS" for "iss").
func parseAssertionClaims(raw []byte) (assertionClaims, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return assertionClaims{}, errAssertion
	}
	var c assertionClaims
	issuer := ""
	for name, value := range parts {
		var err error
		switch name {
		case "iss":
			err = json.Unmarshal(value, &issuer)
		case "sub":
			err = json.Unmarshal(value, &c.subject)
		case "aud":
			c.audience, err = soleAudience(value)
		case "jti":
			err = json.Unmarshal(value, &c.id)
		case "exp":
			c.expiresAt, err = numericDate(value)
		case "nbf":
			c.notBefore, err = numericDate(value)
		case "iat":
			c.issuedAt, err = numericDate(value)
		}
		if err != nil {
			return assertionClaims{}, errAssertion
		}
	}
	if issuer == "" || issuer != c.subject {
		return assertionClaims{}, errAssertion
	}
	return c, nil
}

// soleAudience reads an "aud" that names one recipient. An assertion for several could be used by each of
// them at the others.
func soleAudience(raw json.RawMessage) (string, error) {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		return one, nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 1 {
		return "", errAssertion
	}
	return list[0], nil
}

// numericDate reads seconds since 1970 (RFC 7519 §2).
func numericDate(raw json.RawMessage) (time.Time, error) {
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil || *seconds <= 0 || *seconds > math.MaxInt32*100 {
		return time.Time{}, errAssertion
	}
	return time.UnixMilli(int64(*seconds * 1000)), nil
}

// checkAssertion checks that an assertion was made by a client, for us, a moment ago, and never used
// (RFC 7523 §3). Everything else is checked before the jti counts as used: nobody but the client can use it up.
func (e *Engine) checkAssertion(ctx context.Context, client provider.Client, assertion string) error {
	algorithms := provider.AssertionAlgs(client.TokenEndpointAuthMethod)
	if client.TokenEndpointAuthSigningAlg != "" {
		algorithms = []string{client.TokenEndpointAuthSigningAlg}
	}
	payload, err := e.verifyClientJWS(ctx, client, assertion, algorithms)
	if err != nil {
		e.Log.InfoContext(ctx, "client assertion refused", "client_id", client.ID, "error", err)
		return errInvalidClient
	}
	claims, err := parseAssertionClaims(payload)
	now := e.Now()
	switch {
	case err != nil || claims.subject != client.ID || claims.id == "" || len(claims.id) > maxTokenID:
		return errInvalidClient
	// The token endpoint's URL is what OpenID Connect Core §9 asks for, the issuer what RFC 7523 is to ask for.
	case claims.audience != e.Settings.Issuer && claims.audience != e.Settings.Issuer+"/oauth2/token":
		return errInvalidClient
	case !now.Before(claims.expiresAt.Add(clockSkew)) || claims.expiresAt.After(now.Add(assertionLifetime+clockSkew)):
		return errInvalidClient
	case claims.notBefore.After(now.Add(clockSkew)) || claims.issuedAt.After(now.Add(clockSkew)):
		return errInvalidClient
	}
	err = e.Records.CreateRecord(ctx, provider.Record{
		Kind: provider.RecordAssertion, Key: client.ID + "\x00" + claims.id, ExpiresAt: claims.expiresAt.Add(clockSkew).UTC(),
	})
	if errors.Is(err, provider.ErrAlreadyExists) {
		return errInvalidClient
	}
	return err
}
