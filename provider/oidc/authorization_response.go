package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
)

// The ways in which an answer reaches the client (OAuth 2.0 Multiple Response Types §2.1, Form Post Response
// Mode).
const (
	responseModeQuery    = "query"
	responseModeFragment = "fragment"
	responseModeFormPost = "form_post"
)

var responseModes = []string{responseModeQuery, responseModeFragment, responseModeFormPost}

// Param is one parameter of an answer.
type Param struct {
	Name  string
	Value string
}

// Response is an answer to an authorization request that goes to the client, by the browser.
type Response struct {
	RedirectURI string
	mode        string
	Params      []Param
}

// FormPost tells whether the answer is posted to RedirectURI by a form.
func (a *Response) FormPost() bool { return a.mode == responseModeFormPost }

// Location is where a browser is sent whose answer is not posted. What the client registered stays as it is.
func (a *Response) Location() string {
	var b strings.Builder
	b.WriteString(a.RedirectURI)
	separator := byte('?')
	switch {
	case a.mode == responseModeFragment:
		separator = '#'
	case strings.Contains(a.RedirectURI, "?"):
		separator = '&'
	}
	for _, p := range a.Params {
		b.WriteByte(separator)
		b.WriteString(url.QueryEscape(p.Name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.Value))
		separator = '&'
	}
	return b.String()
}

// response completes an answer: the state as it was sent, and who answers (RFC 9207).
func (e *Engine) response(q authorizationRequest, params ...Param) *Response {
	if q.State != "" {
		params = append(params, Param{"state", q.State})
	}
	return &Response{RedirectURI: q.RedirectURI, mode: q.ResponseMode, Params: append(params, Param{"iss", e.Settings.Issuer})}
}

// refuse answers a request with an error at the client, nil for an error that is not the client's to know:
// a page shows that (RFC 6749 §4.1.2.1).
func (e *Engine) refuse(q authorizationRequest, err error) *Response {
	if q.RedirectURI == "" {
		return nil
	}
	answer := refusal(err)
	if slices.Contains([]int{http.StatusForbidden, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusInternalServerError}, answer.Status) {
		return nil
	}
	return e.response(q, Param{"error", answer.Code}, Param{"error_description", answer.Description})
}

func authorizeError(code, description string) *Error {
	return &Error{Code: code, Description: description}
}

var (
	errLoginRequired   = authorizeError("login_required", "The user has to sign in.")
	errConsentRequired = authorizeError("consent_required", "The user has to consent.")
	errAccessDenied    = authorizeError("access_denied", "The user refused.")
	errUnmetACR        = authorizeError("unmet_authentication_requirements", "The requested authentication context cannot be reached.")
)

// report notes an answer that refuses for the request's log line.
func report(r provider.Request, clientID, code string) {
	if r.Report == nil {
		return
	}
	r.Report.ClientID = clientID
	if code != "" {
		r.Report.Error = code
	}
}
