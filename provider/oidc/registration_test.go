package oidc

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

func TestParseRegistration(t *testing.T) {
	in, err := parseRegistration([]byte(`{"client_name":"App","logo_uri":null,"software_statement":null,"CLIENT_URI":"https://a.example","client_name#ko":"앱","x":{"y":1},"jwks":{"keys":[]}}`))
	require.NoError(t, err)
	require.Equal(t, clientMetadata{ClientName: "App", JWKS: json.RawMessage(`{"keys":[]}`)}, in.clientMetadata)
	for _, raw := range []string{``, `null`, `[]`, `{"client_name":1}`, `{"redirect_uris":"x"}`, `{"default_max_age":-1}`, `{"default_max_age":1.5}`, `{"default_max_age":99999999999}`, `{"subject_type":"pairwise"}`} {
		_, err := parseRegistration([]byte(raw))
		refused := new(Error)
		require.ErrorAs(t, err, &refused, raw)
		require.Equal(t, "invalid_client_metadata", refused.Code)
	}
}

// Fuzz target: whatever metadata a stranger sends, the client that comes of it is within the policy, and is told what
// it is registered with in a form that it could send again.
func FuzzRegistration(f *testing.F) {
	for _, seed := range []string{
		`{"redirect_uris":["https://a.example/cb"],"scope":"openid account","grant_types":["password"],"first_party":true}`,
		`{"token_endpoint_auth_method":"none","default_max_age":3600,"jwks":{"keys":[]}}`, `{"FIRST_PARTY":true,"Scope":"account"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := parseRegistration(raw)
		if err != nil {
			return
		}
		c := provider.Client{ID: "c", SelfRegistered: true, Scopes: selfScopes, PKCEOptional: true}
		in.describe(&c)
		require.False(t, c.FirstParty || c.ResourceServer || c.NoRefreshRotation || c.Disabled)
		require.Empty(t, c.Audience)
		require.Empty(t, c.AllowedOrigins)
		require.False(t, c.PKCEOptional && c.Public())
		for _, scope := range c.Scopes {
			require.True(t, slices.Contains(selfScopes, scope))
		}
		told, err := json.Marshal(metadataOf(c))
		require.NoError(t, err)
		again, err := parseRegistration(told)
		require.NoError(t, err)
		same := c
		again.describe(&same)
		toldAgain, err := json.Marshal(metadataOf(same))
		require.NoError(t, err)
		require.JSONEq(t, string(told), string(toldAgain))
	})
}
