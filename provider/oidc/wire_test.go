package oidc

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/secrets"
)

func newFormat(t testing.TB, fill byte, previous ...byte) grantTokens {
	t.Helper()
	var before [][]byte
	for _, p := range previous {
		before = append(before, bytes.Repeat([]byte{p}, secrets.KeySize))
	}
	master, err := secrets.New(bytes.Repeat([]byte{fill}, secrets.KeySize), before...)
	require.NoError(t, err)
	return newRefreshTokens(master)
}

func TestRefreshTokenFormat(t *testing.T) {
	want := grantToken{grantID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", userID: 1<<62 + 5, generation: 7}
	token := newFormat(t, 1).format(want)
	got, err := newFormat(t, 1).parse(token)
	require.NoError(t, err)
	require.Equal(t, want, got)

	t.Run("a changed master key keeps old tokens", func(t *testing.T) {
		got, err := newFormat(t, 2, 1).parse(token)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = newFormat(t, 2).parse(token)
		require.ErrorIs(t, err, errNotGrantToken)
	})
	t.Run("TOK-16: no cut, extension or changed letter is one of ours", func(t *testing.T) {
		for i := range token {
			changed := []byte(token)
			changed[i] ^= 0x01
			_, err := newFormat(t, 1).parse(string(changed))
			require.ErrorIs(t, err, errNotGrantToken, "letter %d", i)
			_, err = newFormat(t, 1).parse(token[:i])
			require.ErrorIs(t, err, errNotGrantToken, "cut at %d", i)
		}
		for _, tail := range []string{"A", "=", " ", "\n"} {
			_, err := newFormat(t, 1).parse(token + tail)
			require.ErrorIs(t, err, errNotGrantToken)
		}
	})
}

func FuzzRefreshToken(f *testing.F) {
	format := newFormat(f, 1)
	valid := format.format(grantToken{grantID: "G", userID: 1, generation: 1})
	f.Add(valid)
	f.Add("sgr_")
	f.Add(strings.ToUpper(valid))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := format.parse(s)
		if err == nil {
			require.Equal(t, format.format(got), s, "two spellings of one token")
		}
	})
}

func TestParseForm(t *testing.T) {
	form, err := parseForm("grant_type=password&scope=a+b&empty=&resource=x&resource=y&q=%26%3D")
	require.NoError(t, err)
	require.Equal(t, url.Values{"grant_type": {"password"}, "scope": {"a b"}, "resource": {"x", "y"}, "q": {"&="}}, form)

	for name, body := range map[string]string{
		"TOK-12: a parameter twice": "scope=a&scope=b",
		"bad escape":                "scope=%zz",
		"semicolon":                 "a=1;b=2",
		"NUL":                       "scope=a%00",
		"invalid UTF-8":             "scope=%ff",
		"TOK-14: 100,000 fields":    strings.Repeat("a=&", 100_000),
	} {
		_, err := parseForm(body)
		require.Error(t, err, name)
	}
}

func FuzzParseForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=1&a=2", "%zz", "a;b", "=x&y", "resource=a&resource=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parseForm(body)
		if err != nil {
			return
		}
		reference, err := url.ParseQuery(body)
		require.NoError(t, err, "accepted what net/url refuses")
		for name, values := range form {
			require.True(t, len(values) == 1 || name == "resource")
			require.True(t, cleanText(name) && cleanText(values[0]))
			require.Subset(t, reference[name], values)
		}
	})
}

func TestParseScope(t *testing.T) {
	scopes, err := parseScope("openid  email openid")
	require.NoError(t, err)
	require.Equal(t, []string{"openid", "email"}, scopes)
	for _, bad := range []string{`a"b`, `a\b`, "ü", strings.Repeat("a ", 0) + manyScopes()} {
		_, err := parseScope(bad)
		require.Error(t, err)
	}
}

func manyScopes() string {
	var b strings.Builder
	for i := range 10_000 {
		b.WriteString(strings.Repeat("s", i%50+1) + string(rune('a'+i%26)) + " ")
	}
	return b.String()
}

func basicHeader(id, secret string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))}}
}

func TestParseClientCredentials(t *testing.T) {
	t.Run("CLI-04: id and secret are form-encoded in Basic", func(t *testing.T) {
		got, err := parseClientCredentials(basicHeader("a:b%+ ü", "s:e%+ ü"), nil)
		require.NoError(t, err)
		require.Equal(t, clientCredentials{id: "a:b%+ ü", secret: "s:e%+ ü", method: provider.AuthMethodClientSecretBasic}, got)
	})
	t.Run("in the body", func(t *testing.T) {
		got, err := parseClientCredentials(nil, url.Values{"client_id": {"a"}, "client_secret": {"s"}})
		require.NoError(t, err)
		require.Equal(t, clientCredentials{id: "a", secret: "s", method: provider.AuthMethodClientSecretPost}, got)
		got, err = parseClientCredentials(nil, url.Values{"client_id": {"a"}})
		require.NoError(t, err)
		require.Equal(t, clientCredentials{id: "a", method: provider.AuthMethodNone}, got)
	})
	for name, tc := range map[string]struct {
		header http.Header
		form   url.Values
		code   string
	}{
		"CLI-01: Basic and assertion":   {basicHeader("a", "s"), url.Values{"client_assertion": {"x"}}, "invalid_request"},
		"CLI-01: secret and assertion":  {nil, url.Values{"client_id": {"a"}, "client_secret": {"s"}, "client_assertion": {"x"}}, "invalid_request"},
		"CLI-01: Basic and body secret": {basicHeader("a", "s"), url.Values{"client_id": {"a"}, "client_secret": {"s"}}, "invalid_request"},
		"Basic and another client_id":   {basicHeader("a", "s"), url.Values{"client_id": {"b"}}, "invalid_request"},
		"two headers":                   {http.Header{"Authorization": {"Basic YTpz", "Basic YTpz"}}, nil, "invalid_request"},
		"nobody":                        {nil, nil, "invalid_client"},
		"Bearer":                        {http.Header{"Authorization": {"Bearer x"}}, nil, "invalid_client"},
		"CLI-02: empty secret":          {http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("a:"))}}, nil, "invalid_client"},
		"no colon":                      {http.Header{"Authorization": {"Basic YQ=="}}, nil, "invalid_client"},
		"not base64":                    {http.Header{"Authorization": {"Basic !"}}, nil, "invalid_client"},
		"bad escape":                    {http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("%zz:s"))}}, nil, "invalid_client"},
	} {
		_, err := parseClientCredentials(tc.header, tc.form)
		refused := new(Error)
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, tc.code, refused.Code, name)
	}
}

func FuzzParseBasic(f *testing.F) {
	f.Add("Basic YTpz")
	f.Add("basic YTpz")
	f.Add("Basic")
	f.Fuzz(func(t *testing.T, header string) {
		got, err := parseBasic(header)
		if err != nil {
			return
		}
		require.NotEmpty(t, got.id)
		require.NotEmpty(t, got.secret)
		again, err := parseBasic(basicHeader(got.id, got.secret).Get("Authorization"))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

func TestACodeNamesItsLoginSession(t *testing.T) {
	format := newFormat(t, 7)
	for _, want := range []grantToken{{grantID: "GRANT", userID: 3, sessionID: "SESSION"}, {grantID: "GRANT", userID: 3}} {
		got, err := format.parse(format.format(want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
