package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// accessToken is what a verified token allows, and for whom (RFC 9068 §2.2).
type accessToken struct {
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func (t accessToken) allows(scope string) bool {
	return slices.Contains(strings.Fields(t.Scope), scope)
}

// verifier checks access tokens by themselves (RFC 9068 §4). go-oidc's verifier is made for ID tokens, and its
// checks of signature, algorithm, "iss", "aud" and "exp" are the same for both.
type verifier struct{ *oidc.IDTokenVerifier }

// verify returns what a token allows, or an error for every token that is not a living access token for this API.
func (v verifier) verify(ctx context.Context, raw string) (accessToken, error) {
	// The type keeps ID tokens and logout tokens, which have the same issuer and keys, from being used here.
	if err := requireType(raw, "at+jwt"); err != nil {
		return accessToken{}, err
	}
	verified, err := v.Verify(ctx, raw)
	if err != nil {
		return accessToken{}, err
	}
	var token accessToken
	if err := verified.Claims(&token); err != nil {
		return accessToken{}, err
	}
	if token.Subject == "" {
		return accessToken{}, errors.New("the token names nobody")
	}
	return token, nil
}

// requireType looks at the header "typ" of a token whose signature is verified afterwards.
func requireType(raw, want string) error {
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		return err
	}
	typ, _ := token.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	if strings.TrimPrefix(strings.ToLower(typ), "application/") != want { // RFC 7515 §4.1.9
		return errors.New("the token is of another type")
	}
	return nil
}
