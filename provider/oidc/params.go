package oidc

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	maxBody   = 64 << 10 // bytes
	maxParams = 64
)

// parseParams reads the form of a POST. Parameters stand in the body only, each at most once (RFC
// 6749 §3.2), "resource" excepted (RFC 8707 §2); one without a value counts as absent.
func parseParams(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, &Error{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "The request method must be POST."}
	}
	body, err := readFormBody(w, r)
	if err != nil {
		return nil, err
	}
	return parseForm(body)
}

// readFormBody reads a body that is a form, and nothing else.
func readFormBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return "", &Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Description: "Content codings are not supported."}
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return "", &Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Description: "The content type must be application/x-www-form-urlencoded."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return "", &Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The request body is too large."}
		}
		return "", invalidRequest("The request body cannot be read.")
	}
	return string(body), nil
}

func parseForm(body string) (url.Values, error) {
	form, repeated, err := splitForm(body)
	if err == nil && len(repeated) > 0 {
		err = errRepeated
	}
	if err != nil {
		return nil, err
	}
	return form, nil
}

var errRepeated = invalidRequest("A parameter is included more than once.")

// splitForm also tells which parameters were repeated against the rule; the first value stays.
func splitForm(body string) (form url.Values, repeated []string, err error) {
	form = make(url.Values, 8)
	for n := 0; body != ""; n++ {
		if n == maxParams {
			return nil, nil, invalidRequest("The request has too many parameters.")
		}
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") || !cleanText(name) || !cleanText(value) {
			return nil, nil, invalidRequest("The request is not a valid form.")
		}
		if name == "" || value == "" {
			continue
		}
		if form.Has(name) && name != "resource" {
			repeated = append(repeated, name)
			continue
		}
		form[name] = append(form[name], value)
	}
	return form, repeated, nil
}

func cleanText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// maxScopes bounds a scope parameter.
const maxScopes = 100

// parseScope splits a scope parameter (RFC 6749 §3.3), dropping repetitions.
func parseScope(s string) ([]string, error) {
	var scopes []string
	seen := make(map[string]bool)
	for _, scope := range strings.Fields(s) {
		if seen[scope] {
			continue
		}
		if len(scopes) == maxScopes || strings.ContainsFunc(scope, func(c rune) bool {
			return c < 0x21 || c > 0x7e || c == '"' || c == '\\'
		}) {
			return nil, &Error{Code: "invalid_scope", Description: "The scope is malformed."}
		}
		seen[scope] = true
		scopes = append(scopes, scope)
	}
	return scopes, nil
}
