package oidc

import (
	"strconv"
	"strings"

	"github.com/signet-id/signet/provider"
)

// redirectURIAllowed tells whether a client is registered for a redirect URI: byte for byte, but for the
// port of a loopback address (RFC 8252 §7.3, RFC 9700 §4.1.3).
func redirectURIAllowed(c provider.Client, uri string) bool {
	for _, registered := range c.RedirectURIs {
		if uri == registered || loopbackMatch(registered, uri) {
			return true
		}
	}
	return false
}

// loopbackMatch tells whether two URIs on one loopback literal differ in nothing but the port.
func loopbackMatch(registered, uri string) bool {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		want, ok1 := afterPort(registered, host)
		got, ok2 := afterPort(uri, host)
		if ok1 && ok2 && want == got {
			return true
		}
	}
	return false
}

// afterPort returns what follows host and an optional valid port: the empty string, or what begins with "/"
// or "?".
func afterPort(uri, host string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, host)
	if !ok {
		return "", false
	}
	if port, found := strings.CutPrefix(rest, ":"); found {
		end := strings.IndexAny(port, "/?")
		if end < 0 {
			end = len(port)
		}
		number, err := strconv.ParseUint(port[:end], 10, 16)
		if err != nil || number == 0 || port[0] == '0' || port[0] == '+' {
			return "", false
		}
		rest = port[end:]
	}
	return rest, rest == "" || rest[0] == '/' || rest[0] == '?'
}
