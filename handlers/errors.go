package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/oidc"
)

// detail is the account API's answer to a request that was refused as a whole.
type detail struct {
	Detail string `json:"detail"`
}

// apiError is an answer of the account API that refuses.
type apiError struct {
	status int
	body   any
	// challenge asks for other credentials.
	challenge bool
}

// Error names the status for the log.
func (e *apiError) Error() string { return http.StatusText(e.status) }

// bearerChallenge is the WWW-Authenticate header of every 401.
const bearerChallenge = `Bearer realm="api"` //nolint:gosec // G101: asks for credentials, has none

// tokenFault is the answer to a token that cannot be used.
type tokenFault struct {
	Detail   string         `json:"detail"`
	Code     string         `json:"code"`
	Messages []tokenMessage `json:"messages,omitempty"`
}

type tokenMessage struct {
	TokenClass string `json:"token_class"`
	TokenType  string `json:"token_type"`
	Message    string `json:"message"`
}

var (
	errMethodNotAllowed = errors.New("method not allowed")
	errNoCredentials    = &apiError{http.StatusUnauthorized, detail{"Authentication credentials were not provided."}, true}
	errBadHeader        = &apiError{http.StatusUnauthorized, tokenFault{
		Detail: "Authorization header must contain two space-delimited values", Code: "bad_authorization_header",
	}, true}
	errUserGone       = &apiError{http.StatusUnauthorized, tokenFault{Detail: "User not found", Code: "user_not_found"}, true}
	errUserInactive   = &apiError{http.StatusUnauthorized, tokenFault{Detail: "User is inactive", Code: "user_inactive"}, true}
	errNoUserClaim    = badToken("Token contained no recognizable user identification")
	errNoRefreshToken = badToken("No valid refresh token found.")
	errCrossOrigin    = &apiError{http.StatusForbidden, detail{"CSRF Failed: the request comes from another origin."}, false}
	errNoCSRFCookie   = &apiError{http.StatusForbidden, detail{"CSRF Failed: CSRF cookie not set."}, false}
	errNoCSRFToken    = &apiError{http.StatusForbidden, detail{"CSRF Failed: CSRF token missing or incorrect."}, false}
	errNotAcceptable  = &apiError{http.StatusNotAcceptable, detail{"Could not satisfy the request Accept header."}, false}
	errSignUpClosed   = &apiError{http.StatusForbidden, detail{"Registration is closed."}, false}
)

func badToken(detail string) *apiError {
	return &apiError{http.StatusUnauthorized, tokenFault{Detail: detail, Code: "token_not_valid"}, true}
}

// tokenMessages say what is wrong with a token.
var tokenMessages = []struct {
	err     error
	message string
}{
	{oidc.ErrTokenUsed, "Token is blacklisted"},
	{oidc.ErrWrongType, "Token has wrong type"},
	{oidc.ErrNoType, "Token has no type"},
	{oidc.ErrNoTokenID, "Token has no id"},
	{oidc.ErrNoExpiry, "Token has no 'exp' claim"},
	{oidc.ErrInvalidToken, "Token is invalid or expired"},
}

// tokenRefusal is the answer to a token in a body that cannot be used; other errors stay.
func tokenRefusal(err error) error {
	for _, m := range tokenMessages {
		if errors.Is(err, m.err) {
			return badToken(m.message)
		}
	}
	return err
}

// accessRefusal is the answer to an access token that cannot be used as a credential; other errors stay.
func accessRefusal(err error) error {
	switch {
	case errors.Is(err, oidc.ErrUserGone):
		return errUserGone
	case errors.Is(err, oidc.ErrUserInactive):
		return errUserInactive
	case errors.Is(err, oidc.ErrNoUserClaim):
		return errNoUserClaim
	}
	for _, m := range tokenMessages {
		if errors.Is(err, m.err) {
			return &apiError{http.StatusUnauthorized, tokenFault{
				Detail: "Given token not valid for any token type", Code: "token_not_valid",
				Messages: []tokenMessage{{"AccessToken", "access", m.message}},
			}, true}
		}
	}
	return err
}

// writeError answers with an error, in the account API's form.
func (s *Server) writeError(c *gin.Context, err error) {
	var (
		api     *apiError
		invalid *provider.InvalidError
		limited *provider.RateLimitError
		busy    *provider.BusyError
		large   *http.MaxBytesError
	)
	code := http.StatusText(http.StatusBadRequest)
	switch {
	case errors.As(err, &api):
		code = http.StatusText(api.status)
		if api.challenge {
			c.Header("WWW-Authenticate", bearerChallenge)
		}
		writeJSON(c, api.status, api.body)
	case errors.As(err, &invalid):
		writeJSON(c, http.StatusBadRequest, fieldFaults(invalid.Fields))
	case errors.Is(err, provider.ErrInvalidCredentials):
		writeJSON(c, http.StatusBadRequest, fieldFaults{{Field: provider.NonField, Message: "Unable to log in with provided credentials."}})
	case errors.Is(err, provider.ErrEmailNotVerified):
		writeJSON(c, http.StatusBadRequest, fieldFaults{{Field: provider.NonField, Message: "E-mail is not verified."}})
	case errors.Is(err, provider.ErrNotFound):
		code = http.StatusText(http.StatusNotFound)
		writeJSON(c, http.StatusNotFound, detail{"Not found."})
	case errors.Is(err, errMethodNotAllowed):
		writeJSON(c, http.StatusMethodNotAllowed, detail{fmt.Sprintf("Method %q not allowed.", c.Request.Method)})
	case errors.As(err, &limited):
		code = http.StatusText(http.StatusTooManyRequests)
		oidc.SetRetryAfter(c.Writer.Header(), limited.RetryAfter)
		writeJSON(c, http.StatusTooManyRequests, detail{fmt.Sprintf("Request was throttled. Expected available in %d seconds.", int(math.Ceil(limited.RetryAfter.Seconds())))})
	case errors.As(err, &busy):
		code = s.unavailable(c, busy.RetryAfter)
	case errors.Is(err, provider.ErrUnavailable):
		code = s.unavailable(c, time.Second)
	case errors.As(err, &large):
		writeJSON(c, http.StatusRequestEntityTooLarge, detail{"Request body is too large."})
	default:
		code = http.StatusText(http.StatusInternalServerError)
		s.Log.ErrorContext(c.Request.Context(), "request failed", "request_id", provider.RequestFrom(c.Request.Context()).ID, "error", err.Error())
		writeJSON(c, http.StatusInternalServerError, detail{"An error has occurred."})
	}
	if report := provider.RequestFrom(c.Request.Context()).Report; report != nil {
		report.Error = code
	}
}

func (s *Server) unavailable(c *gin.Context, retryAfter time.Duration) string {
	oidc.SetRetryAfter(c.Writer.Header(), retryAfter)
	writeJSON(c, http.StatusServiceUnavailable, detail{"Service temporarily unavailable, try again later."})
	return http.StatusText(http.StatusServiceUnavailable)
}

// fieldFaults is the body of a 400: every faulty field with its messages, in field order.
type fieldFaults []provider.FieldError

// MarshalJSON writes {"field": ["message", …], …}, keeping the order.
func (f fieldFaults) MarshalJSON() ([]byte, error) {
	var order []string
	messages := make(map[string][]string)
	for _, fault := range f {
		if messages[fault.Field] == nil {
			order = append(order, fault.Field)
		}
		messages[fault.Field] = append(messages[fault.Field], fault.Message)
	}
	var b bytes.Buffer
	for i, field := range order {
		b.WriteByte("{,"[min(i, 1)])
		if err := encodeJSON(&b, field); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encodeJSON(&b, messages[field]); err != nil {
			return nil, err
		}
	}
	if len(order) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encodeJSON appends a value as the account API writes it: compact, letters and markup unescaped.
func encodeJSON(b *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's line feed
	return nil
}

// writeJSON answers in the account API's form, for a browser on a page that shows it; nothing of it may
// be cached.
func writeJSON(c *gin.Context, status int, body any) {
	var b bytes.Buffer
	if err := encodeJSON(&b, body); err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.Header("Cache-Control", "no-store")
	if e, ok := browsed(c); ok {
		writeEndpointPage(c, e, status, b.Bytes())
		return
	}
	c.Data(status, "application/json", b.Bytes())
}
