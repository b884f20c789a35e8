package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// clientCommand runs a clients command that succeeds and returns the one client that it shows.
func clientCommand(t *testing.T, databaseURL string, args ...string) map[string]any {
	t.Helper()
	stdout, stderr, code := cli(databaseURL, append([]string{"clients", "--output", "json"}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	var shown []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &shown), stdout)
	require.Len(t, shown, 1)
	return shown[0]
}

// refusedClient runs a clients command that is refused and returns why.
func refusedClient(t *testing.T, databaseURL string, args ...string) string {
	t.Helper()
	_, stderr, code := cli(databaseURL, append([]string{"clients"}, args...)...)
	require.Equal(t, exitUsage, code, stderr)
	return stderr
}

func storedClient(t *testing.T, databaseURL, id string) provider.Client {
	t.Helper()
	store := sqlstoretest.Open(t, databaseURL)
	c, err := store.Client(t.Context(), id)
	require.NoError(t, err)
	return c
}

func migratedURL(t *testing.T) string {
	t.Helper()
	databaseURL := sqlstoretest.SQLiteURL(t)
	store, err := sqlstore.Open(t.Context(), databaseURL, sqlstore.Options{})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Close())
	return databaseURL
}

const (
	publicKeys = `{
  "keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]
}`
	privateKeys = `{"keys":[{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestClientFlagsAndMetadata(t *testing.T) {
	t.Parallel()
	databaseURL := migratedURL(t)
	want := map[string]any{
		"client_id": "app", "client_name": "App", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "EdDSA",
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"},
		"redirect_uris": []any{"https://app.example.com/callback"}, "post_logout_redirect_uris": []any{"https://app.example.com/"},
		"scope": "openid profile", "audience": []any{"https://api.example.com"},
		"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "RS256", "request_object_signing_alg": "ES256",
		"request_uris": []any{"https://app.example.com/request"}, "client_uri": "https://app.example.com", "logo_uri": "https://app.example.com/logo.png",
		"policy_uri": "https://app.example.com/policy", "tos_uri": "https://app.example.com/terms",
		"initiate_login_uri": "https://app.example.com/login", "default_max_age": 3600.0,
		"backchannel_logout_uri": "https://app.example.com/back", "backchannel_logout_session_required": true,
		"frontchannel_logout_uri": "https://app.example.com/front", "frontchannel_logout_session_required": true,
		"allowed_origins": []any{"https://spa.example.com"}, "access_token_lifetime": 600.0, "refresh_token_idle": 7200.0, "refresh_token_max": 86400.0,
		"pkce_optional": true, "first_party": true, "resource_server": true, "no_refresh_rotation": true, "disabled": true, "self_registered": false,
	}
	require.NoError(t, json.Unmarshal([]byte(`{"jwks":`+publicKeys+`}`), &want))
	flags := []string{
		"--name", "App", "--redirect-uri", "https://app.example.com/callback", "--post-logout-redirect-uri", "https://app.example.com/",
		"--scope", "openid,profile", "--audience", "https://api.example.com", "--token-endpoint-auth-method", "private_key_jwt",
		"--token-endpoint-auth-signing-alg", "EdDSA", "--jwks-file", writeFile(t, publicKeys), "--id-token-signed-response-alg", "ES256",
		"--userinfo-signed-response-alg", "RS256", "--request-object-signing-alg", "ES256", "--request-uri", "https://app.example.com/request",
		"--client-uri", "https://app.example.com", "--logo-uri", "https://app.example.com/logo.png",
		"--policy-uri", "https://app.example.com/policy", "--tos-uri", "https://app.example.com/terms",
		"--initiate-login-uri", "https://app.example.com/login", "--default-max-age", "3600",
		"--backchannel-logout-uri", "https://app.example.com/back", "--backchannel-logout-session-required",
		"--frontchannel-logout-uri", "https://app.example.com/front", "--frontchannel-logout-session-required",
		"--allowed-origin", "https://spa.example.com", "--access-token-lifetime", "10m", "--refresh-token-idle", "2h", "--refresh-token-max", "24h",
		"--pkce-optional", "--first-party", "--resource-server", "--no-refresh-rotation", "--disabled",
	}

	t.Run("what the flags name is stored and shown", func(t *testing.T) {
		require.Equal(t, want, clientCommand(t, databaseURL, append([]string{"create", "--id", "app"}, flags...)...))
		require.Equal(t, want, clientCommand(t, databaseURL, "show", "app"))
		c := storedClient(t, databaseURL, "app")
		require.Equal(t, time.Hour, *c.DefaultMaxAge)
		require.Equal(t, 10*time.Minute, c.AccessTokenLifetime)
		require.Empty(t, c.SecretHashes)
		require.Empty(t, c.SealedSecret)
	})
	t.Run("what is shown can be read as a file", func(t *testing.T) {
		raw, err := json.Marshal(want)
		require.NoError(t, err)
		again := clientCommand(t, databaseURL, "create", "--id", "again", "--file", writeFile(t, string(raw)))
		again["client_id"] = "app"
		require.Equal(t, want, again)
	})
	t.Run("an update leaves what no flag names", func(t *testing.T) {
		got := clientCommand(t, databaseURL, "update", "app", "--logo-uri=", "--default-max-age=0", "--pkce-optional=false", "--request-uri=", "--access-token-lifetime=0")
		for _, name := range []string{"logo_uri", "request_uris", "access_token_lifetime"} {
			require.NotContains(t, got, name)
		}
		require.Equal(t, 0.0, got["default_max_age"])
		require.Equal(t, false, got["pkce_optional"])
		require.Equal(t, want["tos_uri"], got["tos_uri"])
		require.Equal(t, want["jwks"], got["jwks"])
		require.NotContains(t, clientCommand(t, databaseURL, "update", "app", "--default-max-age="), "default_max_age")
		got = clientCommand(t, databaseURL, "update", "app", "--jwks-file=", "--jwks-uri=https://app.example.com/keys")
		require.NotContains(t, got, "jwks")
	})
}

func TestClientGrantDefaults(t *testing.T) {
	t.Parallel()
	databaseURL := migratedURL(t)
	web := clientCommand(t, databaseURL, "create", "--id", "web", "--redirect-uri", "https://app.example.com/callback")
	require.Equal(t, []any{"authorization_code", "refresh_token"}, web["grant_types"])
	require.Equal(t, []any{"code"}, web["response_types"])
	require.Equal(t, false, web["pkce_optional"])
	once := clientCommand(t, databaseURL, "create", "--id", "once", "--redirect-uri", "https://app.example.com/callback", "--grant-type", "authorization_code")
	require.Equal(t, []any{"authorization_code"}, once["grant_types"])
	require.Equal(t, []any{"code"}, once["response_types"])
	service := clientCommand(t, databaseURL, "create", "--id", "service", "--grant-type", "client_credentials")
	require.Empty(t, service["response_types"])
}

func TestClientKeysAreJudged(t *testing.T) {
	t.Parallel()
	databaseURL := migratedURL(t)
	for name, text := range map[string]string{
		"a private key": privateKeys, "a secret": `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, "one key alone": `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		"no key": `{"keys":[]}`, "not JSON": "-----BEGIN PUBLIC KEY-----",
	} {
		t.Run(name, func(t *testing.T) {
			refusal := refusedClient(t, databaseURL, "create", "--id", "app", "--grant-type", "client_credentials",
				"--token-endpoint-auth-method", "private_key_jwt", "--jwks-file", writeFile(t, text))
			require.NotContains(t, refusal, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
			require.Regexp(t, "jwks|JWK Set", refusal)
		})
	}
	_, _, code := cli(databaseURL, "clients", "create", "--id", "app", "--jwks-file", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, refusedClient(t, databaseURL, "create", "--id", "app", "--default-max-age", "-1"), "--default-max-age")
}

func TestClientSecretFitsItsAuthMethod(t *testing.T) {
	t.Parallel()
	databaseURL := migratedURL(t)
	rawMaster, err := base64.StdEncoding.DecodeString(masterKey)
	require.NoError(t, err)
	master, err := secrets.New(rawMaster)
	require.NoError(t, err)
	requireSealed := func(t *testing.T, want any) {
		t.Helper()
		c := storedClient(t, databaseURL, "app")
		require.Empty(t, c.SecretHashes)
		secret, err := clientsecrets.Open(master, "app", c.SealedSecret)
		require.NoError(t, err)
		require.Equal(t, want, string(secret))
		require.NotContains(t, string(c.SealedSecret), want)
		_, err = clientsecrets.Open(master, "other", c.SealedSecret)
		require.ErrorIs(t, err, secrets.ErrSealed)
	}
	const grant = "--grant-type=client_credentials"

	created := clientCommand(t, databaseURL, "create", "--id", "app", grant, "--token-endpoint-auth-method", "client_secret_jwt")
	requireSealed(t, created["client_secret"])
	require.NotContains(t, clientCommand(t, databaseURL, "show", "app"), "client_secret")

	rotated := clientCommand(t, databaseURL, "rotate-secret", "app")
	require.NotEqual(t, created["client_secret"], rotated["client_secret"])
	requireSealed(t, rotated["client_secret"])
	refusedClient(t, databaseURL, "rotate-secret", "app", "--overlap", "1h")
	require.NotContains(t, clientCommand(t, databaseURL, "update", "app", "--name", "App"), "client_secret")
	requireSealed(t, rotated["client_secret"])

	basic := clientCommand(t, databaseURL, "update", "app", "--token-endpoint-auth-method", "client_secret_basic")
	c := storedClient(t, databaseURL, "app")
	require.Empty(t, c.SealedSecret)
	require.Equal(t, clientsecrets.Hash(basic["client_secret"].(string)), c.SecretHashes[0].Hash)

	keys := clientCommand(t, databaseURL, "update", "app", "--token-endpoint-auth-method", "private_key_jwt", "--jwks-file", writeFile(t, publicKeys))
	require.NotContains(t, keys, "client_secret")
	require.Empty(t, storedClient(t, databaseURL, "app").SecretHashes)
	_, stderr, code := cli(databaseURL, "clients", "rotate-secret", "app")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "the client has no secret")

	const chosen = "chosen secret, 16" // enough for a hash, too short to sign with
	refusedClient(t, databaseURL, "create", "--id", "short", grant, "--token-endpoint-auth-method", "client_secret_jwt", "--secret", chosen)
	refusedClient(t, databaseURL, "create", "--id", "short", grant, "--secret", "15 letters long")
	refusedClient(t, databaseURL, "create", "--id", "public", "--public", "--secret", chosen)
	require.NotContains(t, clientCommand(t, databaseURL, "create", "--id", "chosen", grant, "--secret", chosen), "client_secret")
	require.True(t, strings.HasPrefix(storedClient(t, databaseURL, "chosen").SecretHashes[0].Hash, "$argon2id$"))
}
