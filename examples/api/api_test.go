package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const (
	audience = "https://api.example.com"
	origin   = "http://localhost:5175"
)

// claims are a payload; change returns one with some of them replaced, and without those that are nil.
type claims map[string]any

func (c claims) change(name string, value any) claims {
	c = maps.Clone(c)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// sign makes a token of a type.
func sign(t *testing.T, key any, alg jose.SignatureAlgorithm, typ string, c claims) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", "k1")
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	require.NoError(t, err)
	payload, err := json.Marshal(c)
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

// startIssuer serves metadata and a key.
func startIssuer(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(path string, body any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	answer("/.well-known/openid-configuration", claims{"issuer": server.URL, "jwks_uri": server.URL + "/jwks"})
	answer("/jwks", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	return server.URL
}

func TestOrders(t *testing.T) {
	key := newKey(t)
	issuer := startIssuer(t, key)
	provider, err := oidc.NewProvider(t.Context(), issuer)
	require.NoError(t, err)
	api, err := newAPI(t.Context(), provider, issuer, audience, origin)
	require.NoError(t, err)
	routes := api.routes()

	good := claims{
		"iss": issuer, "sub": "ada", "aud": audience, "client_id": "demo-spa", "scope": "openid orders:read",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	const bad = `Bearer error="invalid_token"`
	const tooLittle = `Bearer error="insufficient_scope", scope="orders:read"`
	for name, c := range map[string]struct {
		authorization string
		status        int
		challenge     string
	}{
		"an access token":               {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good), 200, ""},
		"its type in full":              {"bearer " + sign(t, key, jose.ES256, "application/at+jwt", good), 200, ""},
		"for several audiences":         {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("aud", []string{"other", audience})), 200, ""},
		"nothing":                       {"", 401, "Bearer"},
		"another scheme":                {"Basic " + sign(t, key, jose.ES256, "at+jwt", good), 401, "Bearer"},
		"no token":                      {"Bearer x.y.z", 401, bad},
		"an ID token":                   {"Bearer " + sign(t, key, jose.ES256, "JWT", good), 401, bad},
		"a token of no type":            {"Bearer " + sign(t, key, jose.ES256, "", good), 401, bad},
		"a logout token":                {"Bearer " + sign(t, key, jose.ES256, "logout+jwt", good), 401, bad},
		"a token for another API":       {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("aud", "https://other.example.com")), 401, bad},
		"a token of another issuer":     {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("iss", "https://id.example.com")), 401, bad},
		"an expired token":              {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("exp", time.Now().Add(-time.Second).Unix())), 401, bad},
		"a token without end":           {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("exp", nil)), 401, bad},
		"a token for nobody":            {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("sub", nil)), 401, bad},
		"a token signed by others":      {"Bearer " + sign(t, newKey(t), jose.ES256, "at+jwt", good), 401, bad},
		"a token signed with a secret":  {"Bearer " + sign(t, []byte("a secret of thirty-two characters"), jose.HS256, "at+jwt", good), 401, bad},
		"a token without the scope":     {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("scope", "openid orders:read:all")), 403, tooLittle},
		"a token without scopes at all": {"Bearer " + sign(t, key, jose.ES256, "at+jwt", good.change("scope", nil)), 403, tooLittle},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
			request.Header.Set("Authorization", c.authorization)
			answer := httptest.NewRecorder()
			routes.ServeHTTP(answer, request)
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, c.challenge, answer.Header().Get("WWW-Authenticate"))
			if c.status == http.StatusOK {
				require.JSONEq(t, `{"sub":"ada","orders":[{"id":1,"title":"Kettle"},{"id":2,"title":"Teapot"}]}`, answer.Body.String())
			}
		})
	}
}

func TestPagesOfOneOriginMayCall(t *testing.T) {
	routes := (&api{origin: origin}).routes()
	for from, want := range map[string]string{origin: origin, "http://evil.example": "", "": ""} {
		for _, method := range []string{http.MethodOptions, http.MethodGet} { // the question, and the answer
			request := httptest.NewRequestWithContext(t.Context(), method, "/orders", nil)
			request.Header.Set("Origin", from)
			answer := httptest.NewRecorder()
			routes.ServeHTTP(answer, request)
			require.Equal(t, want, answer.Header().Get("Access-Control-Allow-Origin"), "%s from %q", method, from)
			require.Equal(t, "Origin", answer.Header().Get("Vary"))
		}
	}
}
