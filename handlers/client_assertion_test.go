package handlers_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/secrets"
)

// signingKey is the key of most clients that sign.
var signingKey = func() jose.JSONWebKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return jose.JSONWebKey{Key: private, KeyID: "first"}
}()

func newKey(t *testing.T, algorithm jose.SignatureAlgorithm, id string) jose.JSONWebKey {
	t.Helper()
	var private any
	var err error
	switch algorithm {
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	require.NoError(t, err)
	return jose.JSONWebKey{Key: private, KeyID: id}
}

// keySet is the JWK Set of public parts.
func keySet(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for _, key := range keys {
		set.Keys = append(set.Keys, key.Public())
	}
	raw, err := json.Marshal(set)
	require.NoError(t, err)
	return string(raw)
}

// claims are what a good assertion says; pairs change them, and nil leaves one out.
func (s *testServer) claims(clientID string, pairs ...any) object {
	now := s.clock.now()
	claims := object{"iss": clientID, "sub": clientID, "aud": s.URL, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for i := 0; i+1 < len(pairs); i += 2 {
		claims[pairs[i].(string)] = pairs[i+1]
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func signClaims(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims object) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion is the form of a client that signs by ES256.
func assertion(t *testing.T, key jose.JSONWebKey, claims object) []string {
	t.Helper()
	return asserted(signClaims(t, jose.ES256, key, claims))
}

func asserted(token string) []string {
	return []string{"client_assertion_type", assertionType, "client_assertion", token}
}

const (
	signer       = "signer"        // private_key_jwt: client_credentials
	secretSigner = "secret-signer" // client_secret_jwt: client_credentials
)

// addSigners registers the clients that authenticate by what they sign.
func (s *testServer) addSigners(t *testing.T) {
	t.Helper()
	master, err := secrets.New([]byte(strings.Repeat("\x07", secrets.KeySize)))
	require.NoError(t, err)
	sealed, err := clientsecrets.Seal(master, secretSigner, strings.Repeat(serviceSecret, 4))
	require.NoError(t, err)
	grants := []string{provider.GrantClientCredentials}
	s.addClient(provider.Client{ID: signer, TokenEndpointAuthMethod: provider.AuthMethodPrivateKeyJWT, JWKS: keySet(t, signingKey), GrantTypes: grants, Scopes: []string{"orders:read"}})
	s.addClient(provider.Client{ID: secretSigner, TokenEndpointAuthMethod: provider.AuthMethodClientSecretJWT, SealedSecret: sealed, GrantTypes: grants})
}

func (s *testServer) credentials(form []string, headers ...string) answer {
	return s.form("/oauth2/token", append([]string{"grant_type", "client_credentials"}, form...), headers...)
}

func TestClientsAuthenticateByWhatTheySign(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addSigners(t)
		for name, claims := range map[string]object{
			"issuer":                           s.claims(signer),
			"token endpoint":                   s.claims(signer, "aud", s.URL+"/oauth2/token"),
			"a list of the one":                s.claims(signer, "aud", []string{s.URL}),
			"without iat":                      s.claims(signer, "iat", nil),
			"five minutes ahead":               s.claims(signer, "exp", s.clock.now().Add(5*time.Minute).Unix()),
			"nbf of a clock that is ahead":     s.claims(signer, "nbf", s.clock.now().Add(8*time.Second).Unix()),
			"expired by a clock that is late":  s.claims(signer, "exp", s.clock.now().Add(-30*time.Second).Unix()),
			"claims that mean nothing to us":   s.claims(signer, "azp", "x", "nonce", 1),
			"an expiry with parts of a second": s.claims(signer, "exp", float64(s.clock.now().Add(time.Minute).Unix())+0.5),
		} {
			a := s.credentials(assertion(t, signingKey, claims))
			require.Equal(t, http.StatusOK, a.status, "%s: %s", name, a.body)
		}
		a := s.credentials(append(assertion(t, signingKey, s.claims(signer)), "client_id", signer))
		require.Equal(t, http.StatusOK, a.status, a.body)
		a = s.credentials(asserted(signClaims(t, jose.HS256, []byte(strings.Repeat(serviceSecret, 4)), s.claims(secretSigner))))
		require.Equal(t, http.StatusOK, a.status, a.body)
		// At the other endpoints too.
		introspected := s.form("/oauth2/introspect", append([]string{"token", a.text(t, "access_token")}, assertion(t, signingKey, s.claims(signer))...))
		require.Equal(t, http.StatusOK, introspected.status, introspected.body)
		revoked := s.form("/oauth2/revoke", append([]string{"token", "x"}, assertion(t, signingKey, s.claims(signer))...))
		require.Equal(t, http.StatusOK, revoked.status, revoked.body)
	})
}

func TestEachAlgorithmOfAssertions(t *testing.T) {
	s := newTestServer(t)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		id, key := "signs-"+string(algorithm), newKey(t, algorithm, "")
		s.addClient(provider.Client{ID: id, TokenEndpointAuthMethod: provider.AuthMethodPrivateKeyJWT, JWKS: keySet(t, key), GrantTypes: []string{provider.GrantClientCredentials}})
		a := s.credentials(asserted(signClaims(t, algorithm, key, s.claims(id))))
		require.Equal(t, http.StatusOK, a.status, "%s: %s", algorithm, a.body)
	}
	s.changeClient("signs-RS256", func(c *provider.Client) { c.TokenEndpointAuthSigningAlg = "PS256" })
	c, err := s.database.Client(t.Context(), "signs-RS256")
	require.NoError(t, err)
	require.Equal(t, "PS256", c.TokenEndpointAuthSigningAlg)
	key := newKey(t, jose.RS256, "")
	s.changeClient("signs-RS256", func(c *provider.Client) { c.JWKS = keySet(t, key) })
	requireRefused(t, http.StatusUnauthorized, "invalid_client", s.credentials(asserted(signClaims(t, jose.RS256, key, s.claims("signs-RS256")))))
	require.Equal(t, http.StatusOK, s.credentials(asserted(signClaims(t, jose.PS256, key, s.claims("signs-RS256")))).status)
}

func TestCLI_01_AssertionBesideAnotherAuthentication(t *testing.T) {
	s := newTestServer(t)
	s.addSigners(t)
	requireRefused(t, http.StatusBadRequest, "invalid_request", s.credentials(append(assertion(t, signingKey, s.claims(signer)), "client_id", signer, "client_secret", serviceSecret)))
	requireRefused(t, http.StatusBadRequest, "invalid_request", s.credentials(assertion(t, signingKey, s.claims(signer)), basic(service, serviceSecret)))
}

func TestCLI_03_AssertionIsUsedOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addSigners(t)
		once := assertion(t, signingKey, s.claims(signer))
		require.Equal(t, http.StatusOK, s.credentials(once).status)
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.credentials(once))
		s.clock.move(time.Minute + 30*time.Second)
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.credentials(once))

		raced, served := assertion(t, signingKey, s.claims(signer)), 0
		for _, a := range race(20, func(int) answer { return s.credentials(raced) }) {
			if a.status == http.StatusOK {
				served++
				continue
			}
			requireRefused(t, http.StatusUnauthorized, "invalid_client", a)
		}
		require.Equal(t, 1, served)

		// The same jti is another client's own, and one that was refused is not used up.
		other := newKey(t, jose.ES256, "")
		s.addClient(provider.Client{ID: "other-signer", TokenEndpointAuthMethod: provider.AuthMethodPrivateKeyJWT, JWKS: keySet(t, other), GrantTypes: []string{provider.GrantClientCredentials}})
		requireRefused(t, http.StatusUnauthorized, "invalid_client", s.credentials(assertion(t, signingKey, s.claims(signer, "jti", "same", "aud", "https://other.example"))))
		require.Equal(t, http.StatusOK, s.credentials(assertion(t, signingKey, s.claims(signer, "jti", "same"))).status)
		require.Equal(t, http.StatusOK, s.credentials(assertion(t, other, s.claims("other-signer", "jti", "same"))).status)
	})
}

func TestCLI_03_AssertionsThatAreRefused(t *testing.T) {
	s := newTestServer(t)
	s.addSigners(t)
	now := s.clock.now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for name, claims := range map[string]object{
		"another audience":              s.claims(signer, "aud", "https://other.example"),
		"an endpoint that is not token": s.claims(signer, "aud", s.URL+"/oauth2/introspect"),
		"issuer with a slash":           s.claims(signer, "aud", s.URL+"/"),
		"two audiences":                 s.claims(signer, "aud", []string{s.URL, s.URL + "/oauth2/token"}),
		"us and another":                s.claims(signer, "aud", []string{s.URL, "https://other.example"}),
		"no audience":                   s.claims(signer, "aud", nil),
		"no expiry":                     s.claims(signer, "exp", nil),
		"expired":                       s.claims(signer, "exp", at(-2*time.Minute)),
		"good for too long":             s.claims(signer, "exp", at(7*time.Minute)),
		"not yet good":                  s.claims(signer, "nbf", at(2*time.Minute)),
		"made in the future":            s.claims(signer, "iat", at(2*time.Minute)),
		"no jti":                        s.claims(signer, "jti", nil),
		"a jti without end":             s.claims(signer, "jti", strings.Repeat("x", 300)),
		"no subject":                    s.claims(signer, "sub", nil),
		"another subject":               s.claims(signer, "sub", service),
		"another issuer":                s.claims(signer, "iss", service),
		"another client":                s.claims(service),
		"an unknown client":             s.claims("nobody"),
		"a client of secrets":           s.claims(secretSigner),
	} {
		a := s.credentials(assertion(t, signingKey, claims))
		requireRefused(t, http.StatusUnauthorized, "invalid_client", a)
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Basic", name)
	}
	none := "eyJhbGciOiJub25lIn0" + strings.TrimPrefix(signClaims(t, jose.ES256, signingKey, s.claims(signer)), "x")
	for name, form := range map[string][]string{
		"none":                asserted(none[:19] + "." + strings.Split(signClaims(t, jose.ES256, signingKey, s.claims(signer)), ".")[1] + "."),
		"public key as HMAC":  asserted(signClaims(t, jose.HS256, []byte(keySet(t, signingKey)), s.claims(signer))),
		"HS256 by its secret": asserted(signClaims(t, jose.HS256, []byte(strings.Repeat("s", 32)), s.claims(secretSigner))),
		"wrong type of key":   asserted(signClaims(t, jose.RS256, newKey(t, jose.RS256, "first"), s.claims(signer))),
		"another's key":       assertion(t, newKey(t, jose.ES256, "first"), s.claims(signer)),
		"not a JWT":           asserted("x"),
		"another type":        {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", "x"},
		"only a type":         {"client_assertion_type", assertionType},
		"another client_id":   append(assertion(t, signingKey, s.claims(signer)), "client_id", service),
		"no authentication":   {"client_id", signer},
		"a secret instead":    {"client_id", secretSigner, "client_secret", strings.Repeat(serviceSecret, 4)},
	} {
		a := s.credentials(form)
		require.Equal(t, http.StatusUnauthorized, a.status, "%s: %s", name, a.body)
		requireRefused(t, http.StatusUnauthorized, "invalid_client", a)
	}
	require.NotContains(t, s.logs.String(), "level=ERROR")
}
