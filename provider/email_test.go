package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCanonicalEmail(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":                     {"bob@x.kr", "bob@x.kr"},
		"upper case":                {"Bob@X.KR", "bob@x.kr"},
		"trailing dot":              {"bob@x.kr.", "bob@x.kr"},
		"tag stays":                 {"a.b+1@gmail.com", "a.b+1@gmail.com"},
		"localhost":                 {"u@localhost", "u@localhost"},
		"address literal":           {"u@[127.0.0.1]", "u@[127.0.0.1]"},
		"unicode domain":            {"u@bücher.example", "u@xn--bcher-kva.example"},
		"unicode domain upper case": {"u@BÜCHER.example", "u@xn--bcher-kva.example"},
		"a-label":                   {"u@XN--bcher-kva.example", "u@xn--bcher-kva.example"},
		"quoted local part":         {`"a.b"@x.kr`, `"a.b"@x.kr`},
		"apostrophe and slash":      {"o'neil/x@x.kr", "o'neil/x@x.kr"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := CanonicalEmail(tc.in)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			again, err := CanonicalEmail(got)
			require.NoError(t, err)
			require.Equal(t, got, again, "canonical form is not canonical")
		})
	}
}

// REG-03, REG-04: look-alikes and malformed addresses are refused, never folded onto another account.
func TestCanonicalEmailRefuses(t *testing.T) {
	for _, in := range []string{
		"", "@", "bob", "bob@", "@x.kr", "bob@x", "bob@x.kr ", " bob@x.kr", "bob@x..kr", "bob@-x.kr", "b ob@x.kr",
		"mıke@x.kr", "mİke@x.kr", "\u212aim@x.kr", "ſam@x.kr", "ａdmin@x.kr", "ﬁ@x.kr", "a\u200bdmin@x.kr", "adm\x00in@x.kr",
		"bob@\u212aim.kr", "bob@ｘ.kr", "a@x.kr\r\nBcc: e@e.kr", "a@x.kr,b@y.kr", `"a b"@x.kr`, "a..b@x.kr", ".a@x.kr", "a.@x.kr",
		"Bob <bob@x.kr>", "u@[::1", "u@[999.1.1.1]", "u@127.0.0.1", "u@xn--a.example", "u@x_y.kr",
		strings.Repeat("a", 250) + "@x.kr",
	} {
		_, err := CanonicalEmail(in)
		require.ErrorIs(t, err, ErrInvalidEmail, "%q", in)
	}
}

func FuzzCanonicalEmail(f *testing.F) {
	for _, s := range []string{"bob@x.kr", "Bob@X.KR.", "u@bücher.example", "u@[IPv6:::1]", `"a.b"@x.kr`, "mıke@x.kr", "u@XN--bcher-kva.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := CanonicalEmail(s)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(got), MaxEmailLength)
		require.True(t, isASCII(got))
		require.Equal(t, asciiLower(got[:strings.LastIndexByte(got, '@')]), got[:strings.LastIndexByte(got, '@')])
		require.NotContains(t, got, "\n")
		again, err := CanonicalEmail(got)
		require.NoError(t, err)
		require.Equal(t, got, again)
		if isASCII(s) && !strings.Contains(asciiLower(s), "xn--") && !strings.Contains(s, "[") {
			require.Equal(t, strings.TrimSuffix(asciiLower(s), "."), got)
		}
	})
}
