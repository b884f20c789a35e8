package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-id/signet/provider"
)

// Page is the page that an authorization request needs next.
type Page int

// The pages.
const (
	// NoPage: the request is answered.
	NoPage Page = iota
	PageLogin
	PageSignUp
	PageConsent
	// PageRestart: the browser comes again by GET, with its cookies.
	PageRestart
)

// Step is what happens next with an authorization request: a page, or the answer.
type Step struct {
	Page Page
	// Handle is the interaction that the page carries.
	Handle string
	// Response goes to the client when Page is NoPage.
	Response *Response
}

// Browser is what a request shows of the browser that it comes from.
type Browser struct {
	// ID is the secret of the browser, signed in or not.
	ID string
	// Session is the secret of its login session; empty: none.
	Session string
}

// NextStep decides what is next with an authorization request (RFC 6749 §4.1.1), a new one or, with the
// parameter "interaction", one that comes back from a page. It alone decides: every page returns here. An
// error is for a page of ours; what the client may know is a Response.
func (e *Engine) NextStep(w http.ResponseWriter, r *http.Request, browser Browser) (Step, error) {
	ctx := r.Context()
	form, repeated, err := readAuthorizationRequest(w, r)
	if err != nil {
		return Step{}, err
	}
	handle := form.Get("interaction")
	if handle == "" {
		return e.begin(ctx, r.Method, form, repeated, browser)
	}
	i, err := e.openInteraction(ctx, handle, browser.ID)
	if err != nil {
		return Step{}, err
	}
	return e.answered(ctx, i, browser)
}

// begin checks a new request.
func (e *Engine) begin(ctx context.Context, method string, form url.Values, repeated []string, browser Browser) (Step, error) {
	q, err := e.checkAuthorizationRequest(ctx, form, repeated)
	if err != nil {
		return e.told(ctx, q, err)
	}
	i := interaction{ID: rand.Text(), Request: q, BegunAt: e.Now().UTC()}
	if method == http.MethodPost {
		// A POST from another site brings no SameSite cookies.
		handle, err := e.keepInteraction(ctx, i)
		return Step{Page: PageRestart, Handle: handle}, err
	}
	i.Browser = browserDigest(browser.ID)
	return e.answered(ctx, i, browser)
}

// answered is next, with errors that the client may know as its answer.
func (e *Engine) answered(ctx context.Context, i interaction, browser Browser) (Step, error) {
	step, err := e.next(ctx, i, browser)
	if err != nil {
		return e.told(ctx, i.Request, err)
	}
	report(provider.RequestFrom(ctx), i.Request.ClientID, "")
	return step, nil
}

// told makes an error the answer to the client where that may know it; a request that was answered before has
// had its answer.
func (e *Engine) told(ctx context.Context, q authorizationRequest, err error) (Step, error) {
	report(provider.RequestFrom(ctx), q.ClientID, refusal(err).Code)
	if response := e.refuse(q, err); response != nil && !errors.Is(err, provider.ErrConsumed) {
		return Step{Response: response}, nil
	}
	return Step{}, err
}

// next decides what is missing: a sign-up, a sign-in, a consent, or nothing.
func (e *Engine) next(ctx context.Context, i interaction, browser Browser) (Step, error) {
	q, begun := i.Request, e.Now().UTC()
	var session *provider.LoginSession // as it is now; nil while only a page's word is known
	if i.Session == nil {
		var err error
		if session, err = e.session(ctx, browser); err != nil {
			return Step{}, err
		}
		if session == nil {
			return e.page(ctx, i, signInPage(q), errLoginRequired)
		}
		i.Session = seen(*session)
	}
	standing, err := e.Standings.AuthorizationStanding(ctx, q.ClientID, i.Session.UserID, i.Session.ID)
	switch {
	case errors.Is(err, provider.ErrNotFound) || (err == nil && standing.Client.Disabled):
		return Step{}, authorizeError("unauthorized_client", "The application is not allowed to sign people in.")
	case err != nil:
		return Step{}, err
	case !redirectURIAllowed(standing.Client, q.RedirectURI):
		return Step{}, errTakenBack
	case !standing.Allows(i.Session.UserID, i.Session.BegunAt):
		i.Session = nil // disabled, or signed out everywhere
		return e.page(ctx, i, signInPage(q), errLoginRequired)
	}
	i.Session.Account = standing.User.Email
	fresh := !i.Session.AuthTime.Before(i.BegunAt) // the sign-in was for this request
	switch {
	case !fresh && (q.prompts(promptLogin) || q.prompts(promptSelectAccount) || q.prompts(promptCreate) || e.tooOld(q, i.Session.AuthTime)):
		return e.page(ctx, i, signInPage(q), errLoginRequired)
	case q.HintedSubject != "" && q.HintedSubject != standing.User.Subject && fresh:
		return Step{}, errLoginRequired // OpenID Connect Core §3.1.2.1: somebody else signed in
	case q.HintedSubject != "" && q.HintedSubject != standing.User.Subject:
		return e.page(ctx, i, PageLogin, errLoginRequired)
	case !i.Approved && needsConsent(i, standing):
		return e.page(ctx, i, PageConsent, errConsentRequired)
	}
	if session == nil {
		// Nothing is issued for a session that ended while its owner read a page.
		if session, err = e.session(ctx, browser); err != nil {
			return Step{}, err
		}
		if session == nil || session.ID != i.Session.ID {
			i.Session, i.Approved = nil, false
			return e.page(ctx, i, signInPage(q), errLoginRequired)
		}
	}
	return e.issue(ctx, i, standing, *session, begun)
}

// session returns the login session of a browser; nil: it has none.
func (e *Engine) session(ctx context.Context, browser Browser) (*provider.LoginSession, error) {
	if browser.Session == "" {
		return nil, nil //nolint:nilnil // no session is no fault
	}
	session, err := e.Accounts.Session(ctx, browser.Session)
	switch {
	case errors.Is(err, provider.ErrNotFound):
		return nil, nil //nolint:nilnil // no session is no fault
	case err != nil:
		return nil, err
	}
	return &session, nil
}

func seen(s provider.LoginSession) *signedIn {
	return &signedIn{ID: s.ID, UserID: s.UserID, AuthTime: s.AuthTime, BegunAt: s.CreatedAt}
}

// signInPage is where somebody proves who they are.
func signInPage(q authorizationRequest) Page {
	if q.prompts(promptCreate) {
		return PageSignUp
	}
	return PageLogin
}

// tooOld tells whether a sign-in is older than the request allows.
func (e *Engine) tooOld(q authorizationRequest, authTime time.Time) bool {
	return q.MaxAge != nil && int64(e.Now().Sub(authTime)/time.Second) >= *q.MaxAge // as a Duration it could overflow
}

// needsConsent tells whether the user has to be asked: never for the operator's own clients.
func needsConsent(i interaction, s provider.Standing) bool {
	if i.Request.prompts(promptConsent) && s.Consent.GivenAt.Before(i.BegunAt) {
		return true
	}
	return !s.Client.FirstParty && !s.Consent.Covers(i.Request.Scopes, i.Request.ClaimNames)
}

// page is a step that shows a page, or err when the client forbade pages.
func (e *Engine) page(ctx context.Context, i interaction, page Page, err error) (Step, error) {
	if i.Request.prompts(promptNone) {
		return Step{}, err
	}
	handle, err := e.keepInteraction(ctx, i)
	return Step{Page: page, Handle: handle}, err
}

// issue mints what was asked for. The grant is written last, under the interaction's ID: of all
// answers to one request one gets it. now is from before standing was read: a password changed since then ends the
// grant.
func (e *Engine) issue(ctx context.Context, i interaction, standing provider.Standing, login provider.LoginSession, now time.Time) (Step, error) {
	q, client := i.Request, standing.Client
	if i.Approved {
		if err := e.saveConsent(ctx, i, standing.Consent, now); err != nil {
			return Step{}, err
		}
	}
	u := &unit{client: client, begun: now, user: standing.User, standing: standing, refreshable: e.refreshable(client) && !q.implicit()}
	u.grant = e.codeGrant(ctx, u, i, login)
	ctx = context.WithValue(ctx, unitKey{}, u)
	mint := e.mintCode
	if q.implicit() {
		mint = e.mintTokens
	}
	params, err := mint(ctx, i, u)
	if err != nil {
		return Step{}, err
	}
	err = e.Grants.CreateGrant(ctx, u.grant)
	if errors.Is(err, provider.ErrAlreadyExists) {
		return Step{}, &Error{Code: "invalid_request", Description: "This sign-in was completed before. Go back to the application.", cause: provider.ErrConsumed}
	}
	if err != nil {
		return Step{}, err
	}
	return Step{Response: e.response(q, params...)}, nil
}

// mintCode lets fosite mint the code of a request.
func (e *Engine) mintCode(ctx context.Context, i interaction, u *unit) ([]Param, error) {
	q := i.Request
	redirect, err := url.Parse(q.RedirectURI)
	if err != nil {
		return nil, fmt.Errorf("parse registered redirect URI: %w", err)
	}
	request := &fosite.AuthorizeRequest{
		ResponseTypes: fosite.Arguments{"code"}, RedirectURI: redirect, State: q.State,
		Request: fosite.Request{
			ID: u.grant.ID, Client: fositeClient{u.client}, Session: &session{}, RequestedAt: i.BegunAt,
			RequestedScope: q.Scopes, GrantedScope: u.grant.Scopes, RequestedAudience: q.Audience, GrantedAudience: u.grant.Audience,
		},
	}
	response := fosite.NewAuthorizeResponse()
	if err := e.codeHandler.HandleAuthorizeEndpointRequest(ctx, request, response); err != nil {
		return nil, err
	}
	return []Param{{"code", response.GetCode()}}, nil
}

// mintTokens answers with tokens (OpenID Connect Core §3.2.2.5). Without an access token the ID token tells what
// the scopes stand for (§5.4).
func (e *Engine) mintTokens(ctx context.Context, i interaction, u *unit) ([]Param, error) {
	now, lifetime := u.begun, e.accessLifetime(u.client)
	u.grant.ExpiresAt, u.grant.IdleExpiresAt = now.Add(lifetime), now.Add(lifetime)
	u.grant.Code.ExpiresAt, u.grant.Code.UsedAt = now, now // there is none
	u.nonce = i.Request.Nonce
	var params []Param
	access := ""
	if i.Request.ResponseType == provider.ResponseTypeIDTokenToken {
		var err error
		access, _, err = (&tokenStrategy{e}).GenerateAccessToken(ctx, &fosite.Request{GrantedScope: u.grant.Scopes, GrantedAudience: u.grant.Audience})
		if err != nil {
			return nil, err
		}
		params = []Param{{"access_token", access}, {"token_type", "Bearer"}, {"expires_in", strconv.Itoa(int(lifetime / time.Second))}}
	}
	idToken, err := e.idToken(u, access)
	if err != nil {
		return nil, err
	}
	return append(params, Param{"id_token", idToken}), nil
}

// codeGrant is the grant that a code begins. With offline_access it outlives the login session; without, it
// ends with it at the latest (OpenID Connect Core §11).
func (e *Engine) codeGrant(ctx context.Context, u *unit, i interaction, session provider.LoginSession) provider.Grant {
	q, now, info := i.Request, u.begun, provider.RequestFrom(ctx)
	scopes, audience := q.Scopes, q.Audience
	if !u.refreshable {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == provider.ScopeOfflineAccess })
	}
	if len(audience) == 0 {
		audience = e.allowedAudience(u.client)[:1]
	}
	end := now.Add(e.Settings.CodeLifetime + e.accessLifetime(u.client))
	if u.refreshable {
		end = now.Add(e.refreshMax(u.client))
		if !slices.Contains(scopes, provider.ScopeOfflineAccess) && session.ExpiresAt.Before(end) {
			end = session.ExpiresAt
		}
	}
	codeEnd := now.Add(e.Settings.CodeLifetime)
	return provider.Grant{
		ID: i.ID, ClientID: u.client.ID, UserID: u.user.ID, Subject: u.user.Subject, Scopes: scopes, Audience: audience,
		SessionID: session.ID, SessionEndsAt: session.ExpiresAt, AuthTime: session.AuthTime, ACR: acrPassword, AMR: session.AMR,
		CreatedAt: now, ExpiresAt: end, IdleExpiresAt: codeEnd, RotatedAt: now, UserAgent: info.UserAgent, RemoteAddr: info.Addr.String(),
		Code: &provider.AuthorizationCode{
			RedirectURI: q.RedirectURI, CodeChallenge: q.CodeChallenge, CodeChallengeMethod: "S256", Nonce: q.Nonce, Claims: q.Claims, ExpiresAt: codeEnd,
		},
	}
}

// saveConsent adds what was asked for to what the user consented to before.
func (e *Engine) saveConsent(ctx context.Context, i interaction, before provider.Consent, now time.Time) error {
	return e.Consents.SaveConsent(ctx, provider.Consent{
		UserID: i.Session.UserID, ClientID: i.Request.ClientID, CreatedAt: now, GivenAt: now,
		Scopes: union(before.Scopes, i.Request.Scopes), Claims: union(before.Claims, i.Request.ClaimNames),
	})
}

func union(some, more []string) []string {
	all := slices.Clone(some)
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Interaction is what the pages of an authorization request show.
type Interaction struct {
	Client provider.Client
	// Scopes and Claims are what the user is asked to let the client have.
	Scopes []string
	Claims []string
	// Account is the address of who is signed in; empty for nobody.
	Account   string
	LoginHint string
	// UILocales are the languages that the client prefers, best first.
	UILocales []string
	// RedirectURI is where the answer goes.
	RedirectURI string
}

// errTakenBack is for a page of ours: where the answer would go is not the client's any more.
var errTakenBack = &Error{Status: http.StatusForbidden, Code: "unauthorized_client", Description: "The application was changed during the sign-in. Go back to it and try again."}

// stillWaiting returns the client that a request came from, if it may still be answered.
func (e *Engine) stillWaiting(ctx context.Context, i interaction) (provider.Client, error) {
	client, err := e.clients.client(ctx, i.Request.ClientID)
	switch {
	case errors.Is(err, provider.ErrNotFound) || (err == nil && (client.Disabled || !redirectURIAllowed(client, i.Request.RedirectURI))):
		return provider.Client{}, errTakenBack
	case err != nil:
		return provider.Client{}, err
	}
	return client, nil
}

// Interaction returns what a page shows of the request that it carries.
func (e *Engine) Interaction(ctx context.Context, handle string, browser Browser) (Interaction, error) {
	i, err := e.openInteraction(ctx, handle, browser.ID)
	if err != nil {
		return Interaction{}, err
	}
	client, err := e.stillWaiting(ctx, i)
	if err != nil {
		return Interaction{}, err
	}
	view := Interaction{
		Client: client, Scopes: i.Request.Scopes, Claims: i.Request.ClaimNames, LoginHint: i.Request.LoginHint,
		UILocales: i.Request.UILocales, RedirectURI: i.Request.RedirectURI,
	}
	if i.Session != nil {
		view.Account = i.Session.Account
	}
	return view, nil
}

// SignedIn returns the handle of a request whose user has just signed in.
func (e *Engine) SignedIn(ctx context.Context, handle string, browser Browser, session provider.LoginSession) (string, error) {
	i, err := e.openInteraction(ctx, handle, browser.ID)
	if err != nil {
		return "", err
	}
	i.Session, i.Approved = seen(session), false
	return e.keepInteraction(ctx, i)
}

// Approve returns the handle of a request that its user consented to. It only counts in the browser and the
// login session that the page was shown in.
func (e *Engine) Approve(ctx context.Context, handle string, browser Browser) (string, error) {
	i, err := e.openInteraction(ctx, handle, browser.ID)
	if err != nil {
		return "", err
	}
	if i.Session == nil {
		return "", errInteractionGone // the consent page always has one
	}
	i.Approved = true
	return e.keepInteraction(ctx, i)
}

// Deny is the answer of a user who does not want to go on.
func (e *Engine) Deny(ctx context.Context, handle string, browser Browser) (*Response, error) {
	i, err := e.openInteraction(ctx, handle, browser.ID)
	if err != nil {
		return nil, err
	}
	if _, err := e.stillWaiting(ctx, i); err != nil {
		return nil, err
	}
	report(provider.RequestFrom(ctx), i.Request.ClientID, errAccessDenied.Code)
	return e.refuse(i.Request, errAccessDenied), nil
}
