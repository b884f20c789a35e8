package passwords

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

// cheap is a Hasher for tests: the rules do not depend on the cost.
func cheap() *Hasher {
	return New(Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 4})
}

// readJSON reads a file of vectors that Python wrote (testdata/README.md).
func readJSON[T any](t testing.TB, name string) []T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var vectors []T
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.NotEmpty(t, vectors)
	return vectors
}

type hashVector struct{ Name, Password, Hash string }

func djangoHashes(t testing.TB) []hashVector {
	t.Helper()
	return append(readJSON[hashVector](t, "hashes-django-3.2.json"), readJSON[hashVector](t, "hashes-django-5.2.json")...)
}

func TestHashesOfDjangoVerify(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	formats := map[string]bool{}
	for _, v := range djangoHashes(t) {
		scheme, _, _ := strings.Cut(v.Hash, "$")
		formats[scheme] = true
		t.Run(v.Name, func(t *testing.T) {
			ok, outdated, err := hasher.Verify(t.Context(), v.Hash, v.Password)
			require.NoError(t, err)
			require.True(t, ok, v.Hash)
			require.True(t, outdated, "a hash of Django's was not made anew")
			if strings.HasSuffix(v.Name, "by default") {
				return // dear
			}
			ok, outdated, err = hasher.Verify(t.Context(), v.Hash, v.Password+"x")
			require.NoError(t, err)
			require.False(t, ok, v.Hash)
			require.False(t, outdated)
		})
	}
	require.Len(t, formats, 6)
}

// REG-11: bcrypt does not read beyond 72 bytes, so a longer password would match by its beginning.
func TestLongPasswordDoesNotMatchABcryptHashByItsBeginning(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	tried := 0
	for _, v := range djangoHashes(t) {
		if v.Name != "bcrypt" || len(v.Password) != maxBcryptPassword {
			continue
		}
		tried++
		for _, end := range []string{"x", "y", "xy", strings.Repeat("x", 100)} {
			ok, _, err := hasher.Verify(t.Context(), v.Hash, v.Password+end)
			require.NoError(t, err)
			require.False(t, ok)
		}
	}
	require.Equal(t, 2, tried, "one of each version")
}

func TestHashThatNoPasswordMatches(t *testing.T) {
	t.Parallel()
	const salt, sum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, stored := range map[string]string{
		"empty":                      "",
		"unusable in Django":         "!xnQUpBkHyhMuRCBMcnQCMeJqaDh4oZxkCZEWQeqF",
		"unusable before a hash":     "!$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + sum,
		"plain text":                 "secret",
		"unknown scheme":             "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
		"argon2d":                    "$argon2d$v=19$m=64,t=1,p=1$" + salt + "$" + sum,
		"argon2 of another version":  "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + sum,
		"argon2 without sum":         "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$",
		"argon2 cut off":             "$argon2id$v=19$m=64,t=1,p=1$" + salt,
		"argon2 with no passes":      "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + sum,
		"argon2 with no lanes":       "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + sum,
		"argon2 with a sign":         "$argon2id$v=19$m=+64,t=1,p=1$" + salt + "$" + sum,
		"argon2 of all memory":       "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + sum,
		"argon2 above the memory":    "$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + sum,
		"argon2 of many passes":      "$argon2id$v=19$m=64,t=11,p=1$" + salt + "$" + sum,
		"argon2 of many lanes":       "$argon2id$v=19$m=640,t=1,p=17$" + salt + "$" + sum,
		"argon2 with a line feed":    "$argon2id$v=19$m=64,t=1,p=1$" + salt + "\n$" + sum,
		"argon2 of little memory":    "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + sum,
		"argon2 with a huge sum":     "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 172),
		"django argon2 of no params": "argon2$argon2id$v=19$$" + salt + "$" + sum,
		"pbkdf2 that never ends":     "pbkdf2_sha256$999999999$salt$" + sum + "=",
		"pbkdf2 above the rounds":    "pbkdf2_sha256$2000001$salt$" + sum + "=",
		"pbkdf2 without rounds":      "pbkdf2_sha256$0$salt$" + sum + "=",
		"pbkdf2 without sum":         "pbkdf2_sha256$100$salt$",
		"pbkdf2 with a short sum":    "pbkdf2_sha256$100$salt$AAAA",
		"pbkdf2 cut off":             "pbkdf2_sha256$100",
		"bcrypt that never ends":     "bcrypt$$2b$31$" + strings.Repeat("a", 53),
		"bcrypt above the cost":      "bcrypt$$2b$15$" + strings.Repeat("a", 53),
		"bcrypt cut off":             "bcrypt$$2b$04$aaaa",
		"scrypt of all memory":       "scrypt$1073741824$salt$8$1$" + sum + "=",
		"scrypt above the memory":    "scrypt$262144$salt$8$1$" + sum + "=",
		"scrypt of an odd cost":      "scrypt$1000$salt$8$1$" + sum + "=",
		"scrypt of many lanes":       "scrypt$16$salt$8$17$" + sum + "=",
		"scrypt without sum":         "scrypt$16$salt$8$1$",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(stored)
			require.ErrorIs(t, err, errFormat)
			for _, password := range []string{"", "secret", stored} {
				ok, outdated, err := cheap().Verify(t.Context(), stored, password)
				require.NoError(t, err)
				require.False(t, ok)
				require.False(t, outdated)
			}
		})
	}
}

func TestCostsUpToTheLimitAreTaken(t *testing.T) {
	t.Parallel()
	const salt, sum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, stored := range []string{
		"$argon2id$v=19$m=262144,t=10,p=16$" + salt + "$" + sum,
		"argon2$argon2i$v=19$m=262144,t=10,p=16$" + salt + "$" + sum,
		"pbkdf2_sha256$2000000$salt$" + sum + "=",
		"bcrypt_sha256$$2b$14$" + strings.Repeat("a", 53),
		"scrypt$131072$salt$8$16$" + sum + "=",
	} {
		_, err := parse(stored)
		require.NoError(t, err, stored)
	}
}

// Fuzz target: no stored string panics or costs more than the limits, and none matches by accident.
func FuzzVerify(f *testing.F) {
	for _, v := range djangoHashes(f) {
		f.Add(v.Hash, v.Password)
	}
	own, err := cheap().Hash(f.Context(), "secret")
	require.NoError(f, err)
	f.Add(own, "secret")
	f.Add(own[:len(own)-1], "secret")
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAA", "")
	f.Add("pbkdf2_sha256$999999999$salt$AAAA", "")
	known := map[string]string{own: "secret"}
	for _, v := range djangoHashes(f) {
		known[v.Hash] = v.Password
	}
	hasher := cheap()
	f.Fuzz(func(t *testing.T, stored, password string) {
		parsed, err := parse(stored)
		if err != nil {
			require.ErrorIs(t, err, errFormat)
			return
		}
		affordable := false // here; the limits themselves would take seconds
		switch h := parsed.(type) {
		case argon2Hash:
			require.True(t, h.memory <= MaxMemory && 1 <= h.time && h.time <= MaxTime && 1 <= h.threads && h.threads <= MaxThreads)
			require.True(t, 16 <= len(h.sum) && len(h.sum) <= maxSize)
			affordable = h.memory <= 1024 && h.time <= 2
			if h.normalised {
				again, err := parse(h.String())
				require.NoError(t, err)
				require.Equal(t, h, again)
			}
		case pbkdf2Hash:
			require.True(t, 1 <= h.rounds && h.rounds <= maxPBKDF2Rounds)
			affordable = h.rounds <= 1000
		case bcryptHash:
			affordable = strings.HasPrefix(string(h.text[3:]), "$04$") || strings.HasPrefix(string(h.text[2:]), "$04$")
		case scryptHash:
			require.LessOrEqual(t, 128*int(h.n)*int(h.r), maxScryptMemory)
			affordable = h.n*h.r*h.p <= 1024
		}
		if !affordable {
			return
		}
		ok, _, err := hasher.Verify(t.Context(), stored, password)
		if len(password) > MaxLength {
			require.ErrorIs(t, err, ErrTooLong)
			return
		}
		require.NoError(t, err)
		want, isKnown := known[stored]
		if !isKnown || strings.Contains(password, "\x00") {
			return // HMAC and bcrypt pad with NUL: "a" and "a\x00" are one to them
		}
		if stored == own {
			want, password = norm.NFC.String(want), norm.NFC.String(password)
		}
		require.Equal(t, password == want, ok)
	})
}
