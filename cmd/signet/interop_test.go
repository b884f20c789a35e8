package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

const simplejwt = "../../testdata/simplejwt/"

// djangoPython is a Python with Django REST framework and simplejwt. It is built once for a list of requirements, in the
// user's cache folder.
func djangoPython(t *testing.T) string {
	t.Helper()
	requirements, err := os.ReadFile(simplejwt + "requirements.txt")
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err, "a folder is needed for a virtual environment")
	folder := filepath.Join(cache, "signet-test", fmt.Sprintf("simplejwt-%x", sha256.Sum256(requirements))[:26])
	python := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python
	}
	// Built beside it and renamed, so that it is whole or not there.
	require.NoError(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	building, err := os.MkdirTemp(filepath.Dir(folder), "building-")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(building) }()
	for _, args := range [][]string{
		{"python3", "-m", "venv", building},
		{filepath.Join(building, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", simplejwt + "requirements.txt"},
	} {
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		require.NoError(t, err, "python3 (with venv) and a package index are needed: %q\n%s", args, out)
	}
	if err := os.Rename(building, folder); err != nil {
		require.FileExists(t, python, "%v", err) // another test run was faster
	}
	return python
}

// A Django service, whose settings name the JWK set and nothing else of ours, accepts access tokens of
// the account API alone (docs/migrating-from-django.md).
func TestInteropDjangoServiceVerifiesTokensByItsSettings(t *testing.T) {
	t.Parallel()
	python := djangoPython(t)
	env := sqliteEnv(t)
	p := startServer(t, env...)
	hasty := startServer(t, append(env, "SIGNET_ISSUER="+p.issuer, "SIGNET_TOKENS_ACCESS_TOKEN_LIFETIME=1s")...)
	stranger := startServer(t, append(sqliteEnv(t), "SIGNET_ISSUER="+p.issuer)...)

	expired := hasty.login(demoEmail).text("access_token")
	expiry := time.Now().Add(time.Second)
	login := p.login(demoEmail)
	require.Equal(t, 200, login.status)
	access := login.text("access_token")
	user, _ := login.body["user"].(map[string]any)
	userID := strconv.Itoa(int(user["pk"].(float64)))
	relyingParty := p.signIn()

	header, rest, _ := strings.Cut(access, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	middle := len(signature) / 2
	other := "A"
	if signature[middle] == 'A' {
		other = "B"
	}
	const invalid, tooOld, noID, noType = "Token is invalid", "Token is expired", "Token has no id", "Token has no type"
	// What the service says of each: with an audience in its settings, and without; nothing is acceptance.
	type want struct{ token, strict, lax string }
	cases := map[string]want{
		"access token":                    {access, "", ""},
		"access token, refreshed":         {p.post("/api/accounts/v1/token/refresh/", url.Values{"refresh": {login.text("refresh_token")}}).text("access"), "", ""},
		"refresh token":                   {login.text("refresh_token"), invalid, invalid},
		"ID token":                        {relyingParty.text("id_token"), invalid, invalid},
		"ID token of the same algorithm":  {p.idTokenES256(), invalid, noID},
		"access token for another client": {relyingParty.text("access_token"), invalid, noType},
		"expired":                         {expired, tooOld, tooOld},
		"tampered signature":              {header + "." + payload + "." + signature[:middle] + other + signature[middle+1:], invalid, invalid},
		"tampered user":                   {header + "." + otherUser(t, payload) + "." + signature, invalid, invalid},
		"no signature":                    {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + payload + ".", invalid, invalid},
		"of an issuer with other keys":    {stranger.login(demoEmail).text("access_token"), invalid, invalid},
		"no token":                        {"x", invalid, invalid},
	}
	tokens := map[string]string{}
	for name, c := range cases {
		require.NotEmpty(t, c.token, name)
		tokens[name] = c.token
	}
	time.Sleep(time.Until(expiry.Add(1100 * time.Millisecond)))

	jwks := p.issuer + "/.well-known/jwks.json"
	strict := askDjango(t, python, tokens, jwks, userID, p.issuer, provider.AccountClientID)
	lax := askDjango(t, python, tokens, jwks, userID, "", "")
	for name, c := range cases {
		for i := range 2 { // the views
			strict[name][i].require(t, name, userID, c.strict)
			lax[name][i].require(t, name+", without audience", userID, c.lax)
		}
	}
}

// require compares with what is expected: the user, or a refusal with this message.
func (a djangoAnswer) require(t *testing.T, name, userID, refusal string) {
	t.Helper()
	if refusal == "" {
		require.Equal(t, 200, a.status, "%s: %s", name, a.body)
		require.JSONEq(t, `{"user":`+userID+`}`, string(a.body))
		return
	}
	require.Equal(t, 401, a.status, "%s: %s", name, a.body)
	require.JSONEq(t, `{"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[`+
		`{"token_class":"AccessToken","token_type":"access","message":"`+refusal+`"}]}`, string(a.body), name)
}

// otherUser is a payload with another user_id.
func otherUser(t *testing.T, payload string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(raw, &claims))
	claims["user_id"] = 999
	raw, err = json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// idTokenES256 is an ID token that differs from an access token by its claims alone.
func (p *process) idTokenES256() string {
	p.t.Helper()
	p.command("clients", "create", "--id", "es256", "--name", "ES256", "--public", "--grant-type", "password", "--scope", "openid",
		"--token-endpoint-auth-method", "none", "--id-token-signed-response-alg", "ES256")
	return p.post("/oauth2/token", url.Values{
		"grant_type": {"password"}, "client_id": {"es256"}, "username": {demoEmail}, "password": {demoPassword}, "scope": {"openid"},
	}).text("id_token")
}

// djangoAnswer is what one of the service's views said to a token.
type djangoAnswer struct {
	status int
	body   json.RawMessage
}

// UnmarshalJSON reads [status, body].
func (a *djangoAnswer) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&a.status, &a.body})
}

// askDjango sends each token to both views of the service.
func askDjango(t *testing.T, python string, tokens map[string]string, settings ...string) map[string][2]djangoAnswer {
	t.Helper()
	raw, err := json.Marshal(tokens)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python, append([]string{simplejwt + "service.py"}, settings...)...)
	cmd.Stdin = bytes.NewReader(raw)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	require.NoError(t, err, "%s", log.String())
	var answers map[string][2]djangoAnswer
	require.NoError(t, json.Unmarshal(out, &answers), "%s", out)
	return answers
}
