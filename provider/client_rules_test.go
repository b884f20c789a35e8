package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

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
		"unknown grant type":           {func(c *Client) { c.GrantTypes = []string{"ciba"} }, "grant_types"},
		"scope with a quote":           {func(c *Client) { c.Scopes = []string{`a"b`} }, "scope"},
		"origin with a path":           {func(c *Client) { c.AllowedOrigins = []string{"https://app.example/"} }, "allowed_origins"},
		"unknown algorithm":            {func(c *Client) { c.IDTokenSignedResponseAlg = "none" }, "id_token_signed_response_alg"},
		"none for userinfo":            {func(c *Client) { c.UserinfoSignedResponseAlg = "none" }, "userinfo_signed_response_alg"},
		"unsigned request objects":     {func(c *Client) { c.RequestObjectSigningAlg = "none" }, "request_object_signing_alg"},
		"assertion alg without method": {func(c *Client) { c.TokenEndpointAuthSigningAlg = "RS256" }, "token_endpoint_auth_signing_alg"},
		"secret's alg for keys":        {func(c *Client) { withKeys(c); c.TokenEndpointAuthSigningAlg = "HS256" }, "token_endpoint_auth_signing_alg"},
		"keys' method without keys":    {func(c *Client) { withKeys(c); c.JWKS = "" }, "jwks"},
		"keys twice":                   {func(c *Client) { withKeys(c); c.JWKSURI = "https://app.example/keys" }, "jwks"},
		"private keys":                 {func(c *Client) { withKeys(c); c.JWKS = strings.Replace(c.JWKS, `"kty"`, `"d":"AQ","kty"`, 1) }, "jwks"},
		"symmetric keys":               {func(c *Client) { c.JWKS = `{"keys":[{"kty":"oct","k":"AQ"}]}` }, "jwks"},
		"keys for encryption alone":    {func(c *Client) { withKeys(c); c.JWKS = strings.Replace(c.JWKS, `"kty"`, `"use":"enc","kty"`, 1) }, "jwks"},
		"an RSA key that is too short": {func(c *Client) { c.JWKS = `{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 171) + `"}]}` }, "jwks"},
		"no key set":                   {func(c *Client) { c.JWKS = `[]` }, "jwks"},
		"jwt secret not sealed":        {func(c *Client) { c.TokenEndpointAuthMethod = AuthMethodClientSecretJWT }, "client_secret"},
		"public without PKCE":          {func(c *Client) { public(c); c.PKCEOptional = true }, "pkce_optional"},
		"response type token":          {func(c *Client) { c.ResponseTypes = []string{"token"} }, "response_types"},
		"tokens without implicit":      {func(c *Client) { c.ResponseTypes = []string{"token id_token"} }, "response_types"},
		"code without its grant type":  {func(c *Client) { c.ResponseTypes = []string{"code"} }, "response_types"},
		"no redirect URI for codes":    {func(c *Client) { c.GrantTypes, c.RedirectURIs = []string{GrantAuthorizationCode}, nil }, "redirect_uris"},
		"name that is too long":        {func(c *Client) { c.Name = strings.Repeat("가", 256) }, "client_name"},
		"name with script":             {func(c *Client) { c.Name = "<script>alert(1)</script>" }, "client_name"},
		"name that turns around":       {func(c *Client) { c.Name = "Bank\u202egnikcah" }, "client_name"},
		"name with a line feed":        {func(c *Client) { c.Name = "a\nb" }, "client_name"},
		"contact that is no address":   {func(c *Client) { c.Contacts = []string{"Ada <ada@example.com>"} }, "contacts"},
		"logo by script":               {func(c *Client) { c.LogoURI = "javascript:alert(1)" }, "logo_uri"},
		"logo over plain http":         {func(c *Client) { c.LogoURI = "http://app.example/logo.png" }, "logo_uri"},
		"policy with a quote":          {func(c *Client) { c.PolicyURI = `https://app.example/"onload=x` }, "policy_uri"},
		"terms with a user":            {func(c *Client) { c.TermsURI = "https://u:p@app.example/" }, "tos_uri"},
		"keys over plain http":         {func(c *Client) { c.JWKSURI = "http://app.example/keys" }, "jwks_uri"},
		"requests over plain http":     {func(c *Client) { c.RequestURIs = []string{"http://app.example/r"} }, "request_uris"},
		"initiation over http":         {func(c *Client) { c.InitiateLoginURI = "http://127.0.0.1/login" }, "initiate_login_uri"},
		"back channel with a fragment": {func(c *Client) { c.BackchannelLogoutURI = "https://app.example/out#x" }, "backchannel_logout_uri"},
		"front channel over http":      {func(c *Client) { c.FrontchannelLogoutURI = "http://app.example/out" }, "frontchannel_logout_uri"},
		"application of another type":  {func(c *Client) { c.ApplicationType = "desktop" }, "application_type"},
		"eternal access tokens":        {func(c *Client) { c.AccessTokenLifetime = MaxAccessTokenLifetime + time.Second }, "access_token_lifetime"},
		"access tokens of no time":     {func(c *Client) { c.AccessTokenLifetime = time.Millisecond }, "access_token_lifetime"},
		"eternal refresh tokens":       {func(c *Client) { c.RefreshTokenMax = MaxRefreshTokenLifetime + time.Second }, "refresh_token_max"},
		"negative refresh_token_idle":  {func(c *Client) { c.RefreshTokenIdle = -time.Second }, "refresh_token_idle"},
		"negative default_max_age":     {func(c *Client) { age := -time.Second; c.DefaultMaxAge = &age }, "default_max_age"},
		"too many request URIs":        {func(c *Client) { c.RequestURIs = slices.Repeat([]string{"https://app.example/r"}, 51) }, "request_uris"},
		"redirect to javascript":       {func(c *Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, "redirect_uris"},
		"redirect to data":             {func(c *Client) { c.RedirectURIs = []string{"data:text/html,x"} }, "redirect_uris"},
		"redirect over plain http":     {func(c *Client) { c.RedirectURIs = []string{"http://app.example/cb"} }, "redirect_uris"},
		"redirect with a fragment":     {func(c *Client) { c.RedirectURIs = []string{"https://app.example/cb#"} }, "redirect_uris"},
		"redirect with a user":         {func(c *Client) { c.RedirectURIs = []string{"https://u@app.example/cb"} }, "redirect_uris"},
		"redirect with a wildcard":     {func(c *Client) { c.RedirectURIs = []string{"https://*.app.example/cb"} }, "redirect_uris"},
		"redirect that is not a URI":   {func(c *Client) { c.RedirectURIs = []string{"/cb"} }, "redirect_uris"},
		"logout redirect with a space": {func(c *Client) { c.PostLogoutRedirectURIs = []string{"https://app.example/ cb"} }, "post_logout_redirect_uris"},
	} {
		t.Run(name, func(t *testing.T) {
			c := validClient()
			tc.change(&c)
			invalid := new(InvalidError)
			require.ErrorAs(t, c.Validate(), &invalid)
			require.Equal(t, tc.field, invalid.Fields[0].Field)
		})
	}
	open := validClient()
	public(&open)
	require.ErrorContains(t, open.Validate(), "grant_types")
}

func public(c *Client) { c.TokenEndpointAuthMethod, c.SecretHashes = AuthMethodNone, nil }

// withKeys makes the client one that signs, with the key of RFC 8037 appendix A.2.
func withKeys(c *Client) {
	c.TokenEndpointAuthMethod, c.SecretHashes = AuthMethodPrivateKeyJWT, nil
	c.JWKS = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
}

func TestClientsWithEveryMetadataCanBeRegistered(t *testing.T) {
	c := validClient()
	withKeys(&c)
	age := time.Hour
	c.Name, c.Contacts, c.ClientURI, c.LogoURI, c.PolicyURI, c.TermsURI = "Ada & Söhne", []string{"ada@example.com"}, "https://app.example", "http://localhost:1/l.png", "https://app.example/p?a=b", "http://[::1]:2/t"
	c.GrantTypes, c.ResponseTypes = []string{GrantAuthorizationCode, GrantRefreshToken}, []string{"code"}
	c.TokenEndpointAuthSigningAlg, c.IDTokenSignedResponseAlg, c.UserinfoSignedResponseAlg, c.RequestObjectSigningAlg = "EdDSA", "ES256", "RS256", "PS256"
	c.RequestURIs, c.InitiateLoginURI, c.SectorIdentifierURI = []string{"https://app.example/r#hash"}, "https://app.example/start", "https://app.example/sector"
	c.BackchannelLogoutURI, c.FrontchannelLogoutURI = "https://app.example/back?x=1", "https://app.example/front"
	c.ApplicationType, c.DefaultMaxAge, c.DefaultACRValues, c.PKCEOptional = "native", &age, []string{"urn:x"}, true
	require.NoError(t, c.Validate())
	c.JWKS, c.JWKSURI = "", "https://app.example/keys"
	require.NoError(t, c.Validate())
	c.TokenEndpointAuthMethod, c.SealedSecret, c.TokenEndpointAuthSigningAlg = AuthMethodClientSecretJWT, []byte("sealed"), "HS256"
	require.NoError(t, c.Validate())
}

func TestSignatureKeysPassOverOthers(t *testing.T) {
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	keys, err := SignatureKeys([]byte(`{"keys":[{"kty":"AKP"},{"use":"enc",` + ed + `},{"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",` + ed + `},{"kid":"1",` + ed + `},{"kty":"oct","k":"AQ"}]}`))
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Equal(t, "1", keys[0].KeyID)
	for _, raw := range []string{`{}`, `[]`, `x`, `{"keys":[` + strings.Repeat(`{},`, 50) + `{}]}`, `{"keys":[]}` + strings.Repeat(" ", 64<<10)} {
		_, err := SignatureKeys([]byte(raw))
		require.Error(t, err)
	}
}
