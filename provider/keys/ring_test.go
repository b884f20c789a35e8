package keys_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// clock is a clock that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var schedule = keys.Schedule{
	Rotation: 90 * 24 * time.Hour, JWKSMaxAge: 5 * time.Minute, Poll: 30 * time.Second, LongestToken: time.Hour,
}

func master(t *testing.T, fill byte) *secrets.Master {
	t.Helper()
	m, err := secrets.New(bytes.Repeat([]byte{fill}, secrets.KeySize))
	require.NoError(t, err)
	return m
}

func open(t *testing.T, store provider.SigningKeyStore, c *clock) *keys.Ring {
	t.Helper()
	ring, err := keys.Open(context.Background(), store, master(t, 7), schedule, c.now)
	require.NoError(t, err)
	return ring
}

// published are the keys that others see.
func published(t *testing.T, ring *keys.Ring) *jose.JSONWebKeySet {
	t.Helper()
	body, _ := ring.JWKS()
	set := new(jose.JSONWebKeySet)
	require.NoError(t, json.Unmarshal(body, set))
	return set
}

func state(ring *keys.Ring, kid string) keys.State {
	for _, k := range ring.Keys() {
		if k.ID == kid {
			return k.State
		}
	}
	return "gone"
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA})
	require.NoError(t, err)
	return parsed.Signatures[0].Header.KeyID
}

func TestSignaturesOfEveryAlgorithmVerifyByThePublishedKeys(t *testing.T) {
	ring := open(t, sqlstoretest.SQLite(t), newClock())
	for _, alg := range keys.Algorithms {
		token, err := ring.Sign(alg, "at+jwt", []byte(`{"sub":"u"}`))
		require.NoError(t, err)

		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		require.NoError(t, err)
		payload, err := parsed.Verify(published(t, ring))
		require.NoError(t, err, alg)
		require.JSONEq(t, `{"sub":"u"}`, string(payload))

		header, own, err := ring.Verify(token)
		require.NoError(t, err)
		require.Equal(t, keys.Header{Algorithm: alg, Type: "at+jwt", KeyID: kidOf(t, token)}, header)
		require.Equal(t, payload, own)
	}
}

func TestPublishedKeysHaveNoPrivatePart(t *testing.T) { // JWK-03
	ring := open(t, sqlstoretest.SQLite(t), newClock())
	body, etag := ring.JWKS()
	var raw struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(body, &raw))
	require.Len(t, raw.Keys, len(keys.Algorithms))
	for _, key := range raw.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			require.NotContains(t, key, private)
		}
		require.Equal(t, "sig", key["use"])
		require.NotEmpty(t, key["kid"])
	}
	require.NotEmpty(t, etag)
}

// JWK-01: whatever a header says, only our own keys verify, each with its own algorithm.
func TestForgedHeadersAreRefused(t *testing.T) {
	ring := open(t, sqlstoretest.SQLite(t), newClock())
	token, err := ring.Sign(keys.RS256, "at+jwt", []byte(`{"sub":"u"}`))
	require.NoError(t, err)
	kid := kidOf(t, token)
	parts := strings.Split(token, ".")
	public, err := x509.MarshalPKIXPublicKey(published(t, ring).Key(kid)[0].Key)
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})

	encode := base64.RawURLEncoding.EncodeToString
	header := func(h string) string { return encode([]byte(strings.ReplaceAll(h, "KID", kid))) }
	hmacSigner, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: publicPEM}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	require.NoError(t, err)
	confused, err := hmacSigner.Sign([]byte(`{"sub":"u"}`))
	require.NoError(t, err)
	hs256, err := confused.CompactSerialize()
	require.NoError(t, err)

	for name, forged := range map[string]string{
		"alg none":           header(`{"alg":"none","kid":"KID"}`) + "." + parts[1] + ".",
		"alg None":           header(`{"alg":"None","kid":"KID"}`) + "." + parts[1] + "." + parts[2],
		"HS256 with our PEM": hs256,
		"another algorithm":  header(`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"own jwk":            header(`{"alg":"RS256","kid":"KID","jwk":{}}`) + "." + parts[1] + "." + parts[2],
		"jku":                header(`{"alg":"RS256","kid":"KID","jku":"https://evil.example"}`) + "." + parts[1] + "." + parts[2],
		"crit":               header(`{"alg":"RS256","kid":"KID","crit":["b64"],"b64":false}`) + "." + parts[1] + "." + parts[2],
		"kid path":           header(`{"alg":"RS256","kid":"../../x"}`) + "." + parts[1] + "." + parts[2],
		"kid sql":            header(`{"alg":"RS256","kid":"' OR 1"}`) + "." + parts[1] + "." + parts[2],
		"kid empty":          header(`{"alg":"RS256","kid":""}`) + "." + parts[1] + "." + parts[2],
		"no kid":             header(`{"alg":"RS256"}`) + "." + parts[1] + "." + parts[2],
		"cut":                token[:len(token)-1],
		"extended":           token + "A",
		"line feed":          token + "\n",
		"two parts":          parts[0] + "." + parts[1],
		"four parts":         token + ".x",
		"changed payload":    parts[0] + "." + encode([]byte(`{"sub":"v"}`)) + "." + parts[2],
		"empty":              "",
		"only dots":          strings.Repeat(".", 1<<20), // JWK-04
	} {
		_, _, err := ring.Verify(forged)
		require.ErrorIs(t, err, keys.ErrInvalidToken, name)
	}
}

// TOK-16: no changed letter leaves a token valid.
func TestEveryChangedLetterIsRefused(t *testing.T) {
	ring := open(t, sqlstoretest.SQLite(t), newClock())
	token, err := ring.Sign(keys.ES256, "at+jwt", []byte(`{"sub":"u"}`))
	require.NoError(t, err)
	for i := range token {
		changed := []byte(token)
		if changed[i] ^= 0x20; changed[i] == token[i] {
			continue
		}
		_, _, err := ring.Verify(string(changed))
		require.ErrorIs(t, err, keys.ErrInvalidToken, "letter %d", i)
	}
}

// JWK-02: a key is published before it signs and after it signed, on every replica.
func TestRotationIsSeenByNobody(t *testing.T) {
	store, c := sqlstoretest.SQLite(t), newClock()
	one, other := open(t, store, c), open(t, store, c)
	before, err := one.Sign(keys.ES256, "at+jwt", []byte(`{}`))
	require.NoError(t, err)
	old := kidOf(t, before)

	require.NoError(t, one.Rotate(context.Background(), keys.ES256))
	require.NoError(t, one.Rotate(context.Background(), keys.ES256), "a second rotation in between changes nothing")
	require.NoError(t, other.Refresh(context.Background()))
	require.Len(t, published(t, other).Keys, len(keys.Algorithms)+1)
	cached := published(t, other) // a relying party that reads now and caches for the max-age

	still, err := one.Sign(keys.ES256, "at+jwt", []byte(`{}`))
	require.NoError(t, err)
	require.Equal(t, old, kidOf(t, still), "signs with a key that caches do not have yet")

	c.move(schedule.JWKSMaxAge + 2*schedule.Poll)
	after, err := other.Sign(keys.ES256, "at+jwt", []byte(`{}`))
	require.NoError(t, err)
	fresh := kidOf(t, after)
	require.NotEqual(t, old, fresh)
	require.NotEmpty(t, cached.Key(fresh), "the cache of a relying party lacks the key that signs")
	require.Equal(t, keys.StateActive, state(one, fresh))
	require.Equal(t, keys.StateRetired, state(one, old))
	_, _, err = one.Verify(before)
	require.NoError(t, err)

	c.move(schedule.LongestToken + 5*time.Minute)
	require.NoError(t, one.Refresh(context.Background()))
	require.Equal(t, keys.StateExpired, state(one, old))
	require.Empty(t, published(t, one).Key(old))
	c.move(31 * 24 * time.Hour)
	require.NoError(t, one.Refresh(context.Background()))
	require.Equal(t, keys.State("gone"), state(one, old))
	_, _, err = one.Verify(before)
	require.ErrorIs(t, err, keys.ErrInvalidToken)
}

func TestKeysRotateByAge(t *testing.T) {
	store, c := sqlstoretest.SQLite(t), newClock()
	ring := open(t, store, c)
	first, err := ring.Sign(keys.RS256, "JWT", []byte(`{}`))
	require.NoError(t, err)
	c.move(schedule.Rotation - 25*time.Hour)
	require.NoError(t, ring.Refresh(context.Background()))
	require.Len(t, ring.Keys(), len(keys.Algorithms), "rotated too early")
	c.move(2 * time.Hour)
	require.NoError(t, ring.Refresh(context.Background()))
	require.Len(t, ring.Keys(), 2*len(keys.Algorithms), "the successor is published a day ahead")
	c.move(24 * time.Hour)
	next, err := ring.Sign(keys.RS256, "JWT", []byte(`{}`))
	require.NoError(t, err)
	require.NotEqual(t, kidOf(t, first), kidOf(t, next))
}

func TestReplicasThatStartAtOnceShareTheirKeys(t *testing.T) {
	store, c := sqlstoretest.SQLiteFile(t), newClock()
	rings := make([]*keys.Ring, 8)
	var group sync.WaitGroup
	for i := range rings {
		group.Go(func() {
			rings[i], _ = keys.Open(context.Background(), store, master(t, 7), schedule, c.now)
		})
	}
	group.Wait()
	want, _ := rings[0].JWKS()
	require.Len(t, rings[0].Keys(), len(keys.Algorithms))
	for _, ring := range rings {
		require.NoError(t, ring.Refresh(context.Background()))
		got, _ := ring.JWKS()
		require.Equal(t, string(want), string(got))
	}
}

func TestWrongMasterKeyIsRefused(t *testing.T) {
	store, c := sqlstoretest.SQLite(t), newClock()
	open(t, store, c)
	_, err := keys.Open(context.Background(), store, master(t, 8), schedule, c.now)
	require.ErrorIs(t, err, secrets.ErrSealed)
}

func FuzzVerify(f *testing.F) {
	c := newClock()
	m, err := secrets.New(bytes.Repeat([]byte{7}, secrets.KeySize))
	require.NoError(f, err)
	ring, err := keys.Open(context.Background(), sqlstoretest.SQLite(f), m, schedule, c.now)
	require.NoError(f, err)
	token, err := ring.Sign(keys.ES256, "at+jwt", []byte(`{"sub":"u"}`))
	require.NoError(f, err)
	f.Add(token)
	f.Add("..")
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	f.Fuzz(func(t *testing.T, s string) {
		if _, _, err := ring.Verify(s); err == nil {
			require.Equal(t, token, s, "a string that we did not sign verifies")
		}
	})
}

func BenchmarkSign(b *testing.B) {
	c := newClock()
	m, err := secrets.New(bytes.Repeat([]byte{7}, secrets.KeySize))
	require.NoError(b, err)
	ring, err := keys.Open(context.Background(), sqlstoretest.SQLite(b), m, schedule, c.now)
	require.NoError(b, err)
	payload := bytes.Repeat([]byte("x"), 400)
	for _, alg := range keys.Algorithms {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Sign(alg, "at+jwt", payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
