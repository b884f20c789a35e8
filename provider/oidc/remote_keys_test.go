package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/secrets"
)

// keyServer is a Fetcher that publishes keys.
type keyServer struct {
	mu      sync.Mutex
	body    string
	err     error
	fetched atomic.Int32
}

func (k *keyServer) Check(context.Context, string) error { return nil }

func (k *keyServer) Fetch(context.Context, string) ([]byte, error) {
	k.fetched.Add(1)
	time.Sleep(time.Millisecond) // so that others come meanwhile
	k.mu.Lock()
	defer k.mu.Unlock()
	return []byte(k.body), k.err
}

func (k *keyServer) publish(t *testing.T, keys ...jose.JSONWebKey) {
	t.Helper()
	for i, key := range keys {
		keys[i] = key.Public()
	}
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	require.NoError(t, err)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.body, k.err = string(raw), nil
}

func (k *keyServer) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func newSigningKey(t *testing.T, algorithm jose.SignatureAlgorithm, id string) jose.JSONWebKey {
	t.Helper()
	var private any
	var err error
	switch algorithm {
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	require.NoError(t, err)
	return jose.JSONWebKey{Key: private, KeyID: id, Use: "sig"}
}

func signAs(t *testing.T, algorithm jose.SignatureAlgorithm, key any, payload string, headers ...string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for i := 0; i+1 < len(headers); i += 2 {
		options.WithHeader(jose.HeaderKey(headers[i]), headers[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	require.NoError(t, err)
	signed, err := signer.Sign([]byte(payload))
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

// newKeyEngine is an engine that can verify what clients sign, with a clock of its own.
func newKeyEngine(t *testing.T, server *keyServer) (*Engine, *atomic.Int64) {
	t.Helper()
	master, err := secrets.New(make([]byte, secrets.KeySize))
	require.NoError(t, err)
	passed := &atomic.Int64{}
	now := func() time.Time { return time.Unix(1_800_000_000, 0).Add(time.Duration(passed.Load())) }
	return &Engine{Master: master, Now: now, remote: newRemoteKeys(server, now)}, passed
}

var allAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

func TestRotatedKeyOfAClientIsKnownAtOnceOrWithinAMinute(t *testing.T) {
	server := &keyServer{}
	e, passed := newKeyEngine(t, server)
	client := provider.Client{ID: "app", JWKSURI: "https://app.example/keys"}
	verify := func(key jose.JSONWebKey) error {
		_, err := e.verifyClientJWS(t.Context(), client, signAs(t, jose.ES256, key, "{}"), allAlgorithms)
		return err
	}
	first, second, third := newSigningKey(t, jose.ES256, "1"), newSigningKey(t, jose.ES256, "2"), newSigningKey(t, jose.ES256, "3")
	server.publish(t, first)
	require.NoError(t, verify(first))
	require.NoError(t, verify(first))
	require.EqualValues(t, 1, server.fetched.Load())

	server.publish(t, second)
	require.NoError(t, verify(second), "looks again at once")
	require.ErrorIs(t, verify(first), errClientJWS, "the old key is gone")
	require.EqualValues(t, 3, server.fetched.Load())

	server.publish(t, third)
	require.ErrorIs(t, verify(third), errClientJWS, "it looked a moment ago")
	passed.Add(int64(time.Minute))
	require.NoError(t, verify(third))
	require.EqualValues(t, 4, server.fetched.Load())
}

func TestStormOfUnknownKeysFetchesOnceAMinute(t *testing.T) {
	for name, warm := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			server := &keyServer{}
			e, passed := newKeyEngine(t, server)
			client := provider.Client{ID: "app", JWKSURI: "https://app.example/keys"}
			known := newSigningKey(t, jose.EdDSA, "known")
			server.publish(t, known)
			if warm {
				_, err := e.verifyClientJWS(t.Context(), client, signAs(t, jose.EdDSA, known, "{}"), allAlgorithms)
				require.NoError(t, err)
				passed.Add(int64(time.Second))
				server.fetched.Store(0)
			}
			for minute := range 3 {
				var storm sync.WaitGroup
				for range 50 {
					token := signAs(t, jose.EdDSA, newSigningKey(t, jose.EdDSA, rand.Text()), "{}")
					storm.Go(func() {
						_, err := e.verifyClientJWS(t.Context(), client, token, allAlgorithms)
						if !errors.Is(err, errClientJWS) {
							t.Errorf("got %v, want %v", err, errClientJWS)
						}
					})
				}
				storm.Wait()
				require.EqualValues(t, minute+1, server.fetched.Load())
				passed.Add(int64(time.Minute))
			}
		})
	}
}

func TestKeysThatCannotBeFetchedAreUsedForAWhile(t *testing.T) {
	server := &keyServer{}
	e, passed := newKeyEngine(t, server)
	client := provider.Client{ID: "app", JWKSURI: "https://app.example/keys"}
	key := newSigningKey(t, jose.ES256, "")
	verify := func() error {
		_, err := e.verifyClientJWS(t.Context(), client, signAs(t, jose.ES256, key, "{}"), allAlgorithms)
		return err
	}
	server.publish(t, key)
	require.NoError(t, verify())
	server.fail(errors.New("down"))
	passed.Add(int64(2 * time.Minute))
	require.NoError(t, verify())
	require.NoError(t, verify())
	require.EqualValues(t, 2, server.fetched.Load(), "a fetch that failed is one too")
	passed.Add(int64(9 * time.Minute))
	require.ErrorContains(t, verify(), "down")
	server.publish(t, key)
	require.ErrorContains(t, verify(), "down", "it looked a moment ago")
	passed.Add(int64(time.Minute))
	require.NoError(t, verify())
}

func TestVerifyClientJWS(t *testing.T) {
	server := &keyServer{}
	e, _ := newKeyEngine(t, server)
	rsaKey, ecKey, edKey := newSigningKey(t, jose.RS256, "r"), newSigningKey(t, jose.ES256, "e"), newSigningKey(t, jose.EdDSA, "")
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{rsaKey.Public(), ecKey.Public(), edKey.Public()}})
	require.NoError(t, err)
	sealed, err := clientsecrets.Seal(e.Master, "app", strings.Repeat("s", 32))
	require.NoError(t, err)
	client := provider.Client{ID: "app", JWKS: string(raw), SealedSecret: sealed}
	for algorithm, key := range map[jose.SignatureAlgorithm]any{
		jose.RS256: rsaKey, jose.PS256: rsaKey, jose.ES256: ecKey, jose.EdDSA: edKey, jose.HS256: []byte(strings.Repeat("s", 32)),
	} {
		payload, err := e.verifyClientJWS(t.Context(), client, signAs(t, algorithm, key, `{"a":1}`), []string{string(algorithm)})
		require.NoError(t, err, algorithm)
		require.JSONEq(t, `{"a":1}`, string(payload))
	}
	good := signAs(t, jose.RS256, rsaKey, "{}")
	publicPEM, err := rsaKey.Public().MarshalJSON()
	require.NoError(t, err)
	for name, token := range map[string]string{
		"an algorithm that is not asked for": signAs(t, jose.RS512, rsaKey, "{}"),
		"none":                               "eyJhbGciOiJub25lIn0.e30.",
		"the public key as a secret":         signAs(t, jose.HS256, publicPEM, "{}"),
		"another's secret":                   signAs(t, jose.HS256, []byte(strings.Repeat("t", 32)), "{}"),
		"another's key of the same name":     signAs(t, jose.RS256, newSigningKey(t, jose.RS256, "r"), "{}"),
		"a kid of another key":               signAs(t, jose.ES256, jose.JSONWebKey{Key: ecKey.Key, KeyID: "r"}, "{}"),
		"jku":                                signAs(t, jose.RS256, rsaKey, "{}", "jku", "https://evil.example/keys"),
		"x5u":                                signAs(t, jose.RS256, rsaKey, "{}", "x5u", "https://evil.example/keys"),
		"crit":                               signAs(t, jose.RS256, rsaKey, "{}", "crit", "x"),
		"a changed payload":                  strings.Replace(good, ".e30.", ".eyJhIjoyfQ.", 1),
		"four parts":                         good + ".x",
		"no signature":                       good[:strings.LastIndexByte(good, '.')+1],
		"too long":                           signAs(t, jose.RS256, rsaKey, strings.Repeat("x", maxClientJWS)),
	} {
		_, err := e.verifyClientJWS(t.Context(), client, token, append([]string{"HS256"}, allAlgorithms...))
		require.ErrorIs(t, err, errClientJWS, name)
	}
	embedded, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: newSigningKey(t, jose.RS256, "")}, &jose.SignerOptions{EmbedJWK: true})
	require.NoError(t, err)
	own, err := embedded.Sign([]byte("{}"))
	require.NoError(t, err)
	token, err := own.CompactSerialize()
	require.NoError(t, err)
	_, err = e.verifyClientJWS(t.Context(), client, token, allAlgorithms)
	require.ErrorIs(t, err, errClientJWS, "a key that the token brings")

	_, err = e.verifyClientJWS(t.Context(), provider.Client{ID: "other", SealedSecret: sealed}, signAs(t, jose.HS256, []byte(strings.Repeat("s", 32)), "{}"), []string{"HS256"})
	require.ErrorIs(t, err, errClientJWS, "a secret that was sealed for another client")
	_, err = e.verifyClientJWS(t.Context(), provider.Client{ID: "app"}, good, allAlgorithms)
	require.ErrorIs(t, err, errClientJWS, "a client without keys")
}
