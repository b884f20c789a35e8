package configs

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

const mask = "***"

// Secret is a value that never shows: however it is printed, logged or encoded, it is "***", or
// empty when it is. string(s) is the value.
type Secret string

// String returns the masked value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format writes the masked value for every verb.
func (s Secret) Format(f fmt.State, _ rune) { writeMasked(f, s.String()) }

// LogValue returns the masked value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the masked value, for JSON, YAML and everything else.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// StoreURL says where a store is. It shows without its password. string(u) is the value.
type StoreURL string

// passwordParam matches a query parameter that holds a password.
var passwordParam = regexp.MustCompile(`(?i)([?&][^=&]*pass[^=&]*=)[^&]*`)

// Scheme returns what comes before the first colon, "mysql" or "redis+cluster".
func (u StoreURL) Scheme() string {
	scheme, _, found := strings.Cut(string(u), ":")
	if !found {
		return ""
	}
	return scheme
}

// String returns the URL with its password masked.
func (u StoreURL) String() string {
	masked := passwordParam.ReplaceAllString(string(u), "${1}"+mask)
	scheme, rest, found := strings.Cut(masked, "://")
	at := strings.LastIndexByte(rest, '@') // a password may hold anything, several "@" too
	if !found || at < 0 {
		return masked
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if hasPassword {
		user += ":" + mask
	}
	return scheme + "://" + user + rest[at:]
}

// Format writes the masked URL for every verb.
func (u StoreURL) Format(f fmt.State, _ rune) { writeMasked(f, u.String()) }

// LogValue returns the masked URL.
func (u StoreURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText returns the masked URL, for JSON, YAML and everything else.
func (u StoreURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

func writeMasked(f fmt.State, masked string) {
	_, _ = f.Write([]byte(masked)) // fmt.State keeps no error
}
