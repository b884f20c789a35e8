package oidc

import (
	"encoding/base64"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAssertion(t *testing.T) {
	assertion := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	const good = `{"iss":"app","sub":"app","aud":["https://id.example"],"exp":1800000000.5,"jti":"1"}`
	got, err := parseAssertion(url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion(good)}, "client_id": {"app"}})
	require.NoError(t, err)
	require.Equal(t, clientCredentials{id: "app", assertion: assertion(good)}, got)
	for name, form := range map[string]url.Values{
		"another type":      {"client_assertion_type": {assertionType + "x"}, "client_assertion": {assertion(good)}},
		"no type":           {"client_assertion": {assertion(good)}},
		"no assertion":      {"client_assertion_type": {assertionType}},
		"another client_id": {"client_assertion_type": {assertionType}, "client_assertion": {assertion(good)}, "client_id": {"other"}},
	} {
		_, err := parseAssertion(form)
		require.ErrorIs(t, err, errInvalidClient, name)
	}
	for name, claims := range map[string]string{
		"no issuer":                    `{"sub":"app","aud":"x","jti":"1","exp":1}`,
		"another issuer":               `{"iss":"other","sub":"app"}`,
		"issuer in capitals":           `{"ISS":"app","sub":"app"}`,
		"several audiences":            `{"iss":"app","sub":"app","aud":["https://id.example","https://other.example"]}`,
		"no audience in the list":      `{"iss":"app","sub":"app","aud":[]}`,
		"an object for audience":       `{"iss":"app","sub":"app","aud":{}}`,
		"an expiry that is a text":     `{"iss":"app","sub":"app","exp":"1"}`,
		"an expiry that is null":       `{"iss":"app","sub":"app","exp":null}`,
		"an expiry before all clocks":  `{"iss":"app","sub":"app","exp":-1}`,
		"an expiry beyond all clocks":  `{"iss":"app","sub":"app","exp":1e300}`,
		"an id that is a number":       `{"iss":"app","sub":"app","jti":1}`,
		"a NUL in the subject":         `{"iss":"a\u0000b","sub":"a\u0000b"}`,
		"not an object":                `[]`,
		"not JSON":                     `{`,
		"claims that are not in UTF-8": "{\"iss\":\"a\xff\",\"sub\":\"app\"}",
	} {
		_, err := parseAssertion(url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion(claims)}})
		require.ErrorIs(t, err, errInvalidClient, name)
	}
}

// Fuzz target: whatever a stranger sends, a client is named only by an assertion whose issuer and subject it is.
func FuzzParseAssertionClaims(f *testing.F) {
	for _, seed := range []string{`{"iss":"app","sub":"app","aud":"x","jti":"1","exp":1800000000}`, `{"iss":"a","iss":"b","sub":"b"}`, `{"sub":"app","exp":9e99}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		claims, err := parseAssertionClaims(raw)
		if err != nil {
			require.Zero(t, claims)
			return
		}
		require.NotEmpty(t, claims.subject)
		if !claims.expiresAt.IsZero() {
			require.Positive(t, claims.expiresAt.UnixMilli()+1)
		}
	})
}
