package handlers

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/templates"
)

// The names of the pages' own cookies; with an https issuer they begin with "__Host-".
const (
	browserCookie  = "signet-browser"
	loginCookie    = "signet-session"
	languageCookie = "signet-language"
	themeCookie    = "signet-theme"
)

// formTokenField is the field of every form that proves that it came from a page of ours.
const formTokenField = "form_token"

// policy is what a page may load and where it may lead, beside us.
type policy struct {
	// actions are where the answer to a form may redirect to, as CSP sources.
	actions []string
	// frames are the pages that it may frame.
	frames []string
}

// page answers with a page in the caller's language. Nothing of it may be cached.
func (s *Server) page(c *gin.Context, status int, view templates.View, allowed policy) {
	s.pageFor(c, status, view, allowed, s.language(c))
}

func (s *Server) pageFor(c *gin.Context, status int, view templates.View, allowed policy, language string) {
	var b bytes.Buffer
	reader := templates.Reader{Language: language, FormToken: s.formToken(c), Path: c.Request.URL.Path}
	if theme := cookie(c, themeCookie); theme == "light" || theme == "dark" {
		reader.Theme = theme
	}
	reader.Account, _ = c.Value(accountKey).(string)
	if err := s.Pages.Render(&b, reader, view); err != nil {
		panic(err) // every template was tried at start: observe answers and logs it
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", s.pageCSP(view, allowed))
	h.Set("Content-Language", language)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language, Cookie")
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

// accountKey is where a handler says whose pages it shows.
const accountKey = "account"

func (s *Server) pageCSP(view templates.View, allowed policy) string {
	var images []string
	for _, image := range s.Pages.Images(view) {
		if source := cspSource(image); source != "" && !slices.Contains(images, source) {
			images = append(images, source)
		}
	}
	parts := []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", directive("img-src 'self'", images),
		directive("form-action 'self'", allowed.actions), "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	}
	if len(allowed.frames) > 0 {
		parts = append(parts, directive("frame-src", allowed.frames))
	}
	return strings.Join(parts, "; ")
}

func directive(begin string, sources []string) string {
	return strings.Join(append([]string{begin}, sources...), " ")
}

// cspSource is the origin of a URL, or the scheme of one without a host, as a policy names it; empty when it
// has neither.
func cspSource(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsAny(u.Host, " ;,'*"):
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return u.Scheme + "://" + u.Host
	case u.Scheme != "":
		return u.Scheme + ":"
	default:
		return ""
	}
}

// towards allows a form whose answer ends at a redirect URI: browsers hold redirects against form-action.
func towards(redirectURI string) policy {
	if source := cspSource(redirectURI); source != "" {
		return policy{actions: []string{source}}
	}
	return policy{}
}

// language is the reader's: what they chose, or what their browser asks for.
func (s *Server) language(c *gin.Context, preferred ...string) string {
	return s.Pages.Match(append(preferred, cookie(c, languageCookie), c.GetHeader("Accept-Language"))...)
}

// browser returns what the request shows of its browser. One that comes by GET for the first time gets its
// secret; a POST from another site has no cookies, and must not lose those that it has.
func (s *Server) browser(c *gin.Context) oidc.Browser {
	b := oidc.Browser{ID: s.onlyCookie(c, browserCookie), Session: s.onlyCookie(c, loginCookie)}
	if given, ok := c.Value(browserCookie).(string); ok {
		b.ID = given
	}
	if b.ID == "" && (c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead) {
		b.ID = rand.Text() + rand.Text()
		c.Set(browserCookie, b.ID)
		s.setCookie(c, browserCookie, b.ID, 0)
	}
	return b
}

// onlyCookie is the value of a cookie of ours, empty when it is missing or sent twice: then somebody else set
// one of them.
func (s *Server) onlyCookie(c *gin.Context, name string) string {
	found := c.Request.CookiesNamed(s.cookieName(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

func (s *Server) cookieName(name string) string {
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

// setCookie sets a cookie of ours; lifetime 0 keeps it until the browser is closed, a negative one ends it.
func (s *Server) setCookie(c *gin.Context, name, value string, lifetime time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure wherever the issuer is https
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second), HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// formToken is bound to the browser: a page of another site cannot know it, nor use its own.
func (s *Server) formToken(c *gin.Context) string {
	return s.formTokenOf(s.browser(c).ID)
}

func (s *Server) formTokenOf(browserID string) string {
	mac := hmac.New(sha256.New, s.formKey)
	mac.Write([]byte(browserID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var errForeignForm = &oidc.Error{Status: http.StatusForbidden, Code: "invalid_request", Description: "The form was not sent by a page of ours, or the page was open for too long. Go back and try again."}

// readForm reads a form that a page of ours sent (OWASP CSRF: the browser's word, and a token).
func (s *Server) readForm(c *gin.Context) (url.Values, error) {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return nil, errForeignForm
	}
	if !strings.HasPrefix(c.GetHeader("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, errForeignForm
	}
	if err := c.Request.ParseForm(); err != nil {
		return nil, err
	}
	form := c.Request.PostForm
	id := s.onlyCookie(c, browserCookie)
	if id == "" || !hmac.Equal([]byte(form.Get(formTokenField)), []byte(s.formTokenOf(id))) {
		return nil, errForeignForm
	}
	return form, nil
}

// onPage adapts a handler of a page to gin, as handle does one of the account API.
func (s *Server) onPage(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		for _, sent := range c.Request.Cookies() {
			if len(sent.Value) > maxCookie {
				s.errorPage(c, errLargeCookie)
				return
			}
		}
		if err := h(c); err != nil {
			s.errorPage(c, err)
		}
	}
}

var errNowhere = &oidc.Error{Status: http.StatusNotFound, Code: "not_found", Description: "There is no page at this address."}

// nowhere answers where nothing is: with a page to a person who followed an old link or mistyped an address.
func (s *Server) nowhere(c *gin.Context) {
	if c.Request.Method != http.MethodGet || strings.HasPrefix(c.Request.URL.Path, "/api/") || negotiate(c.GetHeader("Accept")) != formPage {
		notFound(c)
		return
	}
	s.onPage(func(*gin.Context) error { return errNowhere })(c)
}

// maxCookie is what browsers keep of one (RFC 6265 §6.1), in bytes.
const maxCookie = 4096

var errLargeCookie = &oidc.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "invalid_request", Description: "A cookie is too large."}

// errorPage tells a person what went wrong, in our words, with the id under which the log explains it.
func (s *Server) errorPage(c *gin.Context, err error) {
	request := provider.RequestFrom(c.Request.Context())
	refused := oidc.Refusal(err)
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		refused = &oidc.Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The request is too large."}
	}
	if refused.Status >= http.StatusInternalServerError && refused.Status != http.StatusServiceUnavailable {
		s.Log.ErrorContext(c.Request.Context(), "request failed", "request_id", request.ID, "error", err.Error())
	}
	if request.Report != nil {
		request.Report.Error = refused.Code
	}
	oidc.SetRetryAfter(c.Writer.Header(), refused.RetryAfter)
	s.page(c, refused.Status, templates.ErrorView{Code: refused.Code, Description: refused.Description, RequestID: request.ID}, policy{})
}

// startSession signs a browser in. A session that it had goes on when its user is the same, and ends
// otherwise.
func (s *Server) startSession(c *gin.Context, user provider.User, remember bool) (provider.LoginSession, error) {
	ctx := c.Request.Context()
	terms := s.SessionTerms
	if remember {
		terms = accounts.SessionTerms{Idle: s.RememberedFor, Max: s.RememberedFor, Remembered: true}
	}
	var (
		secret  string
		session provider.LoginSession
	)
	old, err := s.currentSession(c)
	switch {
	case err == nil && old.UserID == user.ID:
		secret, session, err = s.Accounts.RenewSession(ctx, old, user, terms)
	case err == nil:
		if err := s.Engine.EndLoginSession(ctx, old); err != nil {
			return provider.LoginSession{}, err
		}
		fallthrough
	case errors.Is(err, provider.ErrNotFound):
		secret, session, err = s.Accounts.BeginSession(ctx, user, terms)
	}
	if err != nil {
		return provider.LoginSession{}, err
	}
	lifetime := time.Duration(0)
	if remember {
		lifetime = terms.Max
	}
	s.setCookie(c, loginCookie, secret, lifetime)
	return session, nil
}

// currentSession returns the login session of the browser. provider.ErrNotFound: it has none.
func (s *Server) currentSession(c *gin.Context) (provider.LoginSession, error) {
	secret := s.browser(c).Session
	if secret == "" {
		return provider.LoginSession{}, provider.ErrNotFound
	}
	session, err := s.Accounts.Session(c.Request.Context(), secret)
	if err != nil {
		return provider.LoginSession{}, err
	}
	return session, s.notEnded(c, session)
}

// notEnded is provider.ErrNotFound for a login session that was ended, and that a store brought back.
func (s *Server) notEnded(c *gin.Context, session provider.LoginSession) error {
	ended, err := s.Engine.LoginSessionEnded(c.Request.Context(), session)
	if err == nil && ended {
		err = provider.ErrNotFound
	}
	return err
}

// loggedIn returns who is signed in at a browser. provider.ErrNotFound: nobody.
func (s *Server) loggedIn(c *gin.Context) (provider.User, provider.LoginSession, error) {
	secret := s.browser(c).Session
	if secret == "" {
		return provider.User{}, provider.LoginSession{}, provider.ErrNotFound
	}
	user, session, err := s.Accounts.SessionUser(c.Request.Context(), secret)
	if err == nil {
		err = s.notEnded(c, session)
	}
	return user, session, err
}

// clientView is a client as a page shows it.
func clientView(client provider.Client) *templates.ClientView {
	name := client.Name
	if name == "" {
		name = client.ID
	}
	return &templates.ClientView{
		Name: name, URI: client.ClientURI, LogoURI: client.LogoURI, PolicyURI: client.PolicyURI, TermsURI: client.TermsURI, SelfRegistered: client.SelfRegistered,
	}
}

// faultsOf are the faults of a form, nil for an error that is not about the form.
func faultsOf(err error) []templates.Fault {
	invalid := new(provider.InvalidError)
	if !errors.As(err, &invalid) {
		return nil
	}
	faults := make([]templates.Fault, len(invalid.Fields))
	for i, f := range invalid.Fields {
		faults[i] = templates.Fault{Field: f.Field, Message: f.Message}
		if f.Field == provider.NonField {
			faults[i].Field = ""
		}
	}
	return faults
}

// homePath is where somebody goes who came from nowhere.
const homePath = "/account"

// localPath returns a path of ours to go to next: the wanted one if it is one (WHATWG URL: browsers take
// "\" for "/" and drop tabs and line feeds), else homePath.
func localPath(wanted string) string {
	if len(wanted) < 2 || wanted[0] != '/' || wanted[1] == '/' || strings.ContainsFunc(wanted, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' || r == '%' }) {
		return homePath
	}
	return wanted
}
