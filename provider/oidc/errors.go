package oidc

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-id/signet/provider"
)

// Error is an answer that refuses, in the protocol's form (RFC 6749 §5.2). Descriptions are our own
// words in the RFC's character set; nothing a caller sent is repeated in them.
type Error struct {
	// Status is the HTTP status; 0 means 400.
	Status      int
	Code        string
	Description string
	// RetryAfter says when the same request may succeed; 0: it will not.
	RetryAfter time.Duration
	// Challenge is the WWW-Authenticate header; every 401 has one.
	Challenge string
	cause     error
}

// Error describes the refusal, with its cause, for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Description
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

func invalidRequest(description string) *Error {
	return &Error{Code: "invalid_request", Description: description}
}

func invalidGrant(description string) *Error {
	return &Error{Code: "invalid_grant", Description: description}
}

// outageRetry is when to come back while a store is down.
const outageRetry = time.Second

// refusal turns any error into the answer for it: ours as it is, the domain's and fosite's
// translated, a stranger as a 500 without detail.
func refusal(err error) *Error {
	var (
		own     *Error
		limited *provider.RateLimitError
		busy    *provider.BusyError
		lib     *fosite.RFC6749Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &limited):
		return &Error{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: "Too many requests.", RetryAfter: limited.RetryAfter, cause: err}
	case errors.As(err, &busy):
		return &Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "The server is too busy.", RetryAfter: busy.RetryAfter, cause: err}
	case errors.Is(err, provider.ErrUnavailable):
		return &Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "The server cannot answer at the moment.", RetryAfter: outageRetry, cause: err}
	case errors.Is(err, provider.ErrScopeExceeded):
		return &Error{Code: "invalid_scope", Description: "The requested scope exceeds the scope that was granted.", cause: err}
	case errors.Is(err, fosite.ErrInvalidGrant): // fosite wraps the losers of a race in a server error
		return &Error{Code: "invalid_grant", Description: "The grant is invalid, expired, revoked or was issued to another client.", cause: err}
	case errors.As(err, &lib) && lib.CodeField < http.StatusInternalServerError:
		return &Error{Status: lib.CodeField, Code: lib.ErrorField, Description: describe(lib.ErrorField), cause: err}
	default:
		return &Error{Status: http.StatusInternalServerError, Code: "server_error", Description: "The server met an unexpected condition.", cause: err}
	}
}

// describe has our own words for the errors that fosite's grant handlers answer with.
func describe(code string) string {
	switch code {
	case "invalid_scope":
		return "The requested scope is unknown or not allowed for this client."
	case "unauthorized_client":
		return "The client is not allowed to use this grant type."
	default:
		return "The request is missing a parameter or is otherwise malformed."
	}
}

// Refusal is the answer that an error stands for, with its status: for pages.
func Refusal(err error) *Error {
	answer := *refusal(err)
	if answer.Status == 0 {
		answer.Status = http.StatusBadRequest
	}
	return &answer
}

// writeError answers with an error and tells the request's report.
func (e *Engine) writeError(w http.ResponseWriter, r *http.Request, err error) {
	answer := refusal(err)
	if answer.Status == 0 {
		answer.Status = http.StatusBadRequest
	}
	if answer.Status == http.StatusInternalServerError {
		e.Log.ErrorContext(r.Context(), "request failed", "error", answer.Error())
	}
	if report := provider.RequestFrom(r.Context()).Report; report != nil {
		report.Error = answer.Code
	}
	h := w.Header()
	switch {
	case answer.Challenge != "":
		h.Set("WWW-Authenticate", answer.Challenge)
	case answer.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="`+e.Settings.Issuer+`"`)
	case answer.Status == http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	}
	SetRetryAfter(h, answer.RetryAfter)
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{answer.Code, answer.Description}
	writeJSON(w, answer.Status, body)
}

// SetRetryAfter tells when to come back, in whole seconds rounded up (RFC 9110 §10.2.3); 0 sets
// nothing.
func SetRetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}

// writeJSON answers with something that must not be cached (RFC 6749 §5.1).
func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeNoStore(w, status, "application/json", raw)
}

func writeNoStore(w http.ResponseWriter, status int, contentType string, raw []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
