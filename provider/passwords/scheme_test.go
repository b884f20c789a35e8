package passwords

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemeOfAHash(t *testing.T) {
	t.Parallel()
	const salt, sum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	type scheme struct {
		name       string
		verifiable bool
	}
	for stored, want := range map[string]scheme{
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + sum:         {"argon2id", true},
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + sum: {"argon2id", false},
		"argon2$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + sum:    {"argon2", true},
		"pbkdf2_sha256$1000$salt$" + sum + "=":                    {"pbkdf2_sha256", true},
		"pbkdf2_sha256$9000000$salt$" + sum + "=":                 {"pbkdf2_sha256", false},
		"scrypt$16384$salt$8$1$" + sum + "=":                      {"scrypt", true},
		"":                                                        {"unusable", false},
		"!":                                                       {"unusable", false},
		"!xnQUpBkHyhMuRCBMcnQCMeJqaDh4oZxkCZEWQeqF":               {"unusable", false},
		"md5$salt$5f4dcc3b5aa765d61d8327deb882cf99":               {"unknown", false},
		"$6$salt$crypt":                                           {"unknown", false},
		"secret":                                                  {"unknown", false},
	} {
		name, verifiable := Scheme(stored)
		require.Equal(t, want, scheme{name, verifiable}, stored)
	}
	for _, v := range djangoHashes(t) {
		_, verifiable := Scheme(v.Hash)
		require.True(t, verifiable, v.Hash)
	}
}
