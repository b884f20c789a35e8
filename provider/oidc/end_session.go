package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// logoutRequest is a request to sign out that was checked (OpenID Connect RP-Initiated Logout §2). Nothing in it
// came from a stranger: without a hint that we signed, nobody is known to ask, and nobody is gone back to.
type logoutRequest struct {
	ClientID string `json:"client_id,omitempty"`
	// Subject and SessionID are whom the hint names.
	Subject   string `json:"sub,omitempty"`
	SessionID string `json:"sid,omitempty"`
	// RedirectURI is registered for the client.
	RedirectURI string    `json:"uri,omitempty"`
	State       string    `json:"state,omitempty"`
	UILocales   []string  `json:"ui_locales,omitempty"`
	BegunAt     time.Time `json:"at"`
}

// location is where the browser goes once it is signed out; empty: nowhere.
func (q logoutRequest) location() string {
	if q.RedirectURI == "" {
		return ""
	}
	answer := Response{RedirectURI: q.RedirectURI}
	if q.State != "" {
		answer.Params = []Param{{"state", q.State}}
	}
	return answer.Location()
}

// LogoutPage is the page that a request to sign out needs next.
type LogoutPage int

// The pages.
const (
	// LogoutDone: the browser is signed out.
	LogoutDone LogoutPage = iota
	// LogoutConfirm: the user is asked.
	LogoutConfirm
	// LogoutRestart: the browser comes again by GET, with its cookies.
	LogoutRestart
)

// LogoutStep is what happens next with a request to sign out.
type LogoutStep struct {
	Page LogoutPage
	// Handle is the request, as a page or an address of ours carries it.
	Handle string
	// Client is who asks; nil: nobody who is known.
	Client *provider.Client
	// Account is the address of who is asked.
	Account   string
	UILocales []string
	// Continue is where the browser goes once it is signed out; empty: nowhere.
	Continue string
	// Frames are the addresses that it loads before, for clients to learn of it.
	Frames []string
}

// NextLogoutStep decides what is next with a request at the end session endpoint.
func (e *Engine) NextLogoutStep(w http.ResponseWriter, r *http.Request, browser Browser) (LogoutStep, error) {
	ctx := r.Context()
	form, repeated, err := readAuthorizationRequest(w, r)
	if err == nil && len(repeated) > 0 {
		err = errRepeated
	}
	if err != nil {
		return LogoutStep{}, err
	}
	q := logoutRequest{State: form.Get("state"), UILocales: strings.Fields(form.Get("ui_locales")), BegunAt: e.Now().UTC()}
	for _, name := range []string{"state", "ui_locales", "logout_hint", "client_id", "post_logout_redirect_uri"} {
		if len(form.Get(name)) > maxHint {
			return LogoutStep{}, invalidRequest("A parameter is too long.")
		}
	}
	if err := e.fillLogoutHint(ctx, &q, form.Get("id_token_hint"), form.Get("client_id"), form.Get("post_logout_redirect_uri")); err != nil {
		report(provider.RequestFrom(ctx), q.ClientID, refusal(err).Code)
		return LogoutStep{}, err
	}
	report(provider.RequestFrom(ctx), q.ClientID, "")
	if r.Method == http.MethodPost {
		// A POST from another site brings no SameSite cookies.
		handle, err := e.keepLogout(q)
		return LogoutStep{Page: LogoutRestart, Handle: handle}, err
	}
	return e.logoutStep(ctx, q, browser)
}

// ResumeLogout decides what is next with a request that comes back by the address that a step led to. One that
// is too old or damaged counts as none.
func (e *Engine) ResumeLogout(ctx context.Context, handle string, browser Browser) (LogoutStep, error) {
	return e.logoutStep(ctx, e.openLogout(ctx, handle), browser)
}

// Logout signs a browser out whose user said so.
func (e *Engine) Logout(ctx context.Context, handle string, browser Browser) (LogoutStep, error) {
	session, err := e.session(ctx, browser)
	if err != nil {
		return LogoutStep{}, err
	}
	return e.logout(ctx, e.openLogout(ctx, handle), session)
}

// fillLogoutHint checks who asks and where the browser shall go. A hint that we did not sign is no hint: who sent
// it is nobody, and gets no redirect. One that we signed speaks for its client, whatever its age.
func (e *Engine) fillLogoutHint(ctx context.Context, q *logoutRequest, hint, clientID, redirectURI string) error {
	claims, err := e.verifyIDTokenHint(hint)
	if err != nil {
		return nil //nolint:nilerr // the user is asked
	}
	if clientID == "" {
		clientID = claims.Audience[0]
	}
	if !slices.Contains(claims.Audience, clientID) {
		return invalidRequest("The client_id does not belong to the id_token_hint.")
	}
	client, err := e.clients.client(ctx, clientID)
	if err != nil && !errors.Is(err, provider.ErrNotFound) {
		return err
	}
	if redirectURI != "" && (err != nil || client.Disabled || !slices.Contains(client.PostLogoutRedirectURIs, redirectURI)) {
		return invalidRequest("The post_logout_redirect_uri is not registered for the application.")
	}
	q.ClientID, q.Subject, q.SessionID, q.RedirectURI = clientID, claims.Subject, claims.SessionID, redirectURI
	return nil
}

// logoutStep asks the user unless the hint is of their own session, or there is none to end.
func (e *Engine) logoutStep(ctx context.Context, q logoutRequest, browser Browser) (LogoutStep, error) {
	session, err := e.session(ctx, browser)
	if err != nil {
		return LogoutStep{}, err
	}
	if session == nil || (q.SessionID != "" && q.SessionID == session.ID) {
		return e.logout(ctx, q, session)
	}
	user, err := e.Users.UserByID(ctx, session.UserID)
	gone := errors.Is(err, provider.ErrNotFound) // there is nobody to ask
	if err != nil && !gone {
		return LogoutStep{}, err
	}
	ownGrant := q.SessionID == "" && q.Subject != "" && q.Subject == user.Subject // which was made without a browser
	if gone || ownGrant {
		return e.logout(ctx, q, session)
	}
	step := LogoutStep{Page: LogoutConfirm, Account: user.Email, UILocales: q.UILocales, Continue: q.location()}
	if q.ClientID != "" {
		client, err := e.clients.client(ctx, q.ClientID)
		switch {
		case err == nil:
			step.Client = &client
		case !errors.Is(err, provider.ErrNotFound):
			return LogoutStep{}, err
		}
		if step.Handle, err = e.keepLogout(q); err != nil {
			return LogoutStep{}, err
		}
	}
	return step, nil
}

func (e *Engine) logout(ctx context.Context, q logoutRequest, session *provider.LoginSession) (LogoutStep, error) {
	step := LogoutStep{Page: LogoutDone, UILocales: q.UILocales, Continue: q.location()}
	if session == nil {
		return step, nil
	}
	var err error
	step.Frames, err = e.endLoginSession(ctx, *session)
	return step, err
}

// logoutPlace is what requests to sign out are sealed for.
const logoutPlace = "logout"

// keepLogout returns the handle that pages and addresses of ours carry.
func (e *Engine) keepLogout(q logoutRequest) (string, error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	sealed, err := e.Master.Seal(logoutPlace, raw)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openLogout returns the request of a handle; one that is not good leads nowhere, but signing out stays possible.
func (e *Engine) openLogout(ctx context.Context, handle string) logoutRequest {
	var q logoutRequest
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(handle)
	if err != nil {
		return logoutRequest{}
	}
	raw, err := e.Master.Open(logoutPlace, sealed)
	if err != nil || json.Unmarshal(raw, &q) != nil || !e.Now().Before(q.BegunAt.Add(e.Settings.InteractionLifetime)) {
		return logoutRequest{}
	}
	report(provider.RequestFrom(ctx), q.ClientID, "")
	return q
}
