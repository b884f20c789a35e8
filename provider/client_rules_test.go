package provider

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func validClient() Client {
	return Client{
		ID: "app", TokenEndpointAuthMethod: AuthMethodClientSecretBasic, SecretHashes: []SecretHash{{Hash: "sha256$x"}},
		GrantTypes: []string{GrantClientCredentials}, Scopes: []string{"orders:read"},
		RedirectURIs: []string{"https://app.example/cb?x=1", "http://127.0.0.1:5555/cb", "http://localhost/cb", "com.example.app:/cb"},
	}
}

func TestClientThatCanBeRegistered(t *testing.T) {
	require.NoError(t, validClient().Validate())
}

func TestClientThatCannotBeRegistered(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Client)
		field  string
	}{
		"no id":                        {func(c *Client) { c.ID = "" }, "client_id"},
		"id with a colon":              {func(c *Client) { c.ID = "a:b" }, "client_id"},
		"unknown auth method":          {func(c *Client) { c.TokenEndpointAuthMethod = "magic" }, "token_endpoint_auth_method"},
		"confidential without secret":  {func(c *Client) { c.SecretHashes = nil }, "client_secret"},
		"public with a secret":         {func(c *Client) { c.TokenEndpointAuthMethod = AuthMethodNone }, "client_secret"},
		"unknown grant type":           {func(c *Client) { c.GrantTypes = []string{"implicit"} }, "grant_types"},
		"scope with a quote":           {func(c *Client) { c.Scopes = []string{`a"b`} }, "scope"},
		"origin with a path":           {func(c *Client) { c.AllowedOrigins = []string{"https://app.example/"} }, "allowed_origins"},
		"unknown algorithm":            {func(c *Client) { c.IDTokenSignedResponseAlg = "none" }, "id_token_signed_response_alg"},
		"redirect to javascript":       {func(c *Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, "redirect_uris"},
		"redirect to data":             {func(c *Client) { c.RedirectURIs = []string{"data:text/html,x"} }, "redirect_uris"},
		"redirect over plain http":     {func(c *Client) { c.RedirectURIs = []string{"http://app.example/cb"} }, "redirect_uris"},
		"redirect with a fragment":     {func(c *Client) { c.RedirectURIs = []string{"https://app.example/cb#"} }, "redirect_uris"},
		"redirect with a user":         {func(c *Client) { c.RedirectURIs = []string{"https://u@app.example/cb"} }, "redirect_uris"},
		"redirect with a wildcard":     {func(c *Client) { c.RedirectURIs = []string{"https://*.app.example/cb"} }, "redirect_uris"},
		"redirect that is not a URI":   {func(c *Client) { c.RedirectURIs = []string{"/cb"} }, "redirect_uris"},
		"logout redirect with a space": {func(c *Client) { c.PostLogoutRedirectURIs = []string{"https://app.example/ cb"} }, "redirect_uris"},
	} {
		t.Run(name, func(t *testing.T) {
			c := validClient()
			tc.change(&c)
			invalid := new(InvalidError)
			require.ErrorAs(t, c.Validate(), &invalid)
			require.Equal(t, tc.field, invalid.Fields[0].Field)
		})
	}
	public := validClient()
	public.TokenEndpointAuthMethod, public.SecretHashes = AuthMethodNone, nil
	require.ErrorContains(t, public.Validate(), "grant_types")
}
