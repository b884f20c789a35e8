package provider

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// MaxEmailLength is the longest address that can be stored, in bytes (RFC 5321 §4.5.3.1).
const MaxEmailLength = 254

// ErrInvalidEmail says that a string is not an address we accept.
var ErrInvalidEmail = errors.New("invalid e-mail address")

// ErrEmailTooLong says that an address has the form of one, but is longer than MaxEmailLength. It
// matches ErrInvalidEmail.
var ErrEmailTooLong = fmt.Errorf("%w: too long", ErrInvalidEmail)

var (
	localPart = regexp.MustCompile(`^[-!#$%&'*+/=?^_` + "`" + `{}|~0-9A-Za-z]+(\.[-!#$%&'*+/=?^_` + "`" + `{}|~0-9A-Za-z]+)*$`)
	// A quoted local part may hold anything printable but spaces, quotes and backslashes.
	quotedLocalPart = regexp.MustCompile(`^"([\x21\x23-\x5b\x5d-\x7e]|\\[\x21-\x7e])*"$`)
	hostLabel       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// CanonicalEmail returns the one spelling that decides whether two addresses are the same: local
// part in ASCII lower case, domain as lower-case A-labels, no trailing dot. It is ASCII, at most
// MaxEmailLength bytes, and canonical itself. Letters outside ASCII are refused in the local part
// and never folded onto ASCII ones, so no look-alike is equal to a stored address. The error is
// ErrInvalidEmail.
func CanonicalEmail(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 {
		return "", ErrInvalidEmail
	}
	local, domain := s[:at], s[at+1:]
	if !localPart.MatchString(local) && !quotedLocalPart.MatchString(local) {
		return "", ErrInvalidEmail
	}
	domain, err := canonicalDomain(domain)
	if err != nil {
		return "", err
	}
	canonical := asciiLower(local) + "@" + domain
	if len(canonical) > MaxEmailLength {
		return "", ErrEmailTooLong
	}
	return canonical, nil
}

// idnaProfile maps a typed domain to A-labels by UTS 46 and checks the result.
var idnaProfile = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
)

func canonicalDomain(domain string) (string, error) {
	if strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]") {
		return canonicalAddressLiteral(domain)
	}
	domain = strings.TrimSuffix(domain, ".")
	ascii := asciiLower(domain)
	if foreign := !isASCII(domain); foreign || strings.Contains(ascii, "xn--") {
		mapped, err := idnaProfile.ToASCII(ascii)
		// A domain typed in foreign letters must not turn into a plain ASCII one (Kelvin sign, full
		// width), and a typed A-label must be the one that its own text has.
		if err != nil || !strings.Contains(mapped, "xn--") || (!foreign && mapped != ascii) {
			return "", ErrInvalidEmail
		}
		ascii = mapped
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 && ascii != "localhost" {
		return "", ErrInvalidEmail
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return "", ErrInvalidEmail
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", ErrInvalidEmail // an address without brackets is not a domain
	}
	return ascii, nil
}

func canonicalAddressLiteral(domain string) (string, error) {
	text := strings.TrimPrefix(domain[1:len(domain)-1], "IPv6:")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return "", ErrInvalidEmail
	}
	if addr.Is6() {
		return "[IPv6:" + addr.String() + "]", nil
	}
	return "[" + addr.String() + "]", nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// asciiLower lowers A to Z only: Unicode lower-casing maps foreign letters onto ASCII ones.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
