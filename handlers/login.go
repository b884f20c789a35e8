package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/templates"
)

const (
	authorizePath = "/oauth2/authorize"
	loginPath     = "/login"
	signUpPath    = "/signup"
	consentPath   = "/consent"
)

// authorizePage answers GET and POST /oauth2/authorize.
func (s *Server) authorizePage(c *gin.Context) error {
	step, err := s.Engine.NextStep(c.Writer, c.Request, s.browser(c))
	if err != nil {
		return err
	}
	if step.Page == oidc.NoPage {
		s.respond(c, step.Response)
		return nil
	}
	path := map[oidc.Page]string{
		oidc.PageLogin: loginPath, oidc.PageSignUp: signUpPath, oidc.PageConsent: consentPath, oidc.PageRestart: authorizePath,
	}[step.Page]
	seeOther(c, templates.Onward(path, step.Handle, ""))
	return nil
}

// seeOther sends a browser on by GET, whatever it came by (RFC 9700 §4.12).
func seeOther(c *gin.Context, location string) {
	h := c.Writer.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}

// respond sends the answer to an authorization request to its client.
func (s *Server) respond(c *gin.Context, response *oidc.Response) {
	if !response.FormPost() {
		c.Header("Referrer-Policy", "no-referrer")
		seeOther(c, response.Location())
		return
	}
	view := templates.FormPostView{Action: response.RedirectURI}
	for _, p := range response.Params {
		view.Fields = append(view.Fields, templates.HiddenField{Name: p.Name, Value: p.Value})
	}
	s.page(c, http.StatusOK, view, towards(response.RedirectURI))
}

// loginPage answers GET /login.
func (s *Server) loginPage(c *gin.Context) error {
	view := templates.LoginView{Interaction: c.Query("interaction"), Next: c.Query("next"), SignUpOpen: s.SignUpOpen}
	if view.Interaction == "" {
		view.Next = localPath(view.Next)
		s.page(c, http.StatusOK, view, policy{})
		return nil
	}
	interaction, err := s.Engine.Interaction(c.Request.Context(), view.Interaction, s.browser(c))
	if err != nil {
		return err
	}
	if interaction.Account == "" {
		// Somebody signed in meanwhile, in another tab.
		_, _, err := s.loggedIn(c)
		if err == nil {
			seeOther(c, templates.Onward(authorizePath, view.Interaction, ""))
			return nil
		}
		if !errors.Is(err, provider.ErrNotFound) {
			return err
		}
	}
	view.Client, view.Account, view.Username = clientView(interaction.Client), interaction.Account, interaction.LoginHint
	if view.Username == "" {
		view.Username = interaction.Account
	}
	s.pageFor(c, http.StatusOK, view, towards(interaction.RedirectURI), s.language(c, strings.Join(interaction.UILocales, " ")))
	return nil
}

// loginFromPage answers POST /login.
func (s *Server) loginFromPage(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	ctx, handle := c.Request.Context(), form.Get("interaction")
	if handle != "" && form.Get("action") == "cancel" {
		return s.deny(c, handle)
	}
	user, err := s.Accounts.SignIn(ctx, form.Get("username"), form.Get("password"))
	if err != nil {
		return s.loginAgain(c, form, err)
	}
	session, err := s.startSession(c, user, form.Has("remember"))
	if err != nil {
		return err
	}
	if handle == "" {
		seeOther(c, localPath(form.Get("next")))
		return nil
	}
	return s.goOn(c, handle, session)
}

// goOn returns to the authorization request that somebody has signed in for.
func (s *Server) goOn(c *gin.Context, handle string, session provider.LoginSession) error {
	next, err := s.Engine.SignedIn(c.Request.Context(), handle, s.browser(c), session)
	if err != nil {
		return err
	}
	seeOther(c, templates.Onward(authorizePath, next, ""))
	return nil
}

// loginAgain shows the form with what is wrong, keeping what was typed.
func (s *Server) loginAgain(c *gin.Context, form url.Values, err error) error {
	limited := new(provider.RateLimitError)
	view := templates.LoginView{
		Interaction: form.Get("interaction"), Next: form.Get("next"), Username: form.Get("username"), Remember: form.Has("remember"), SignUpOpen: s.SignUpOpen,
	}
	status, message := http.StatusUnprocessableEntity, ""
	switch {
	case errors.Is(err, provider.ErrInvalidCredentials):
		message = "Unable to log in with provided credentials."
	case errors.Is(err, provider.ErrEmailNotVerified):
		message = "E-mail is not verified."
	case errors.As(err, &limited):
		oidc.SetRetryAfter(c.Writer.Header(), limited.RetryAfter)
		status, message = http.StatusTooManyRequests, "Too many attempts. Wait a moment and try again."
	default:
		return err
	}
	view.Faults = []templates.Fault{{Message: message}}
	if request := provider.RequestFrom(c.Request.Context()); request.Report != nil {
		request.Report.Error = "login_failed"
	}
	allowed, language := policy{}, s.language(c)
	if view.Interaction != "" {
		interaction, err := s.Engine.Interaction(c.Request.Context(), view.Interaction, s.browser(c))
		if err != nil {
			return err
		}
		view.Client, view.Account = clientView(interaction.Client), interaction.Account
		allowed, language = towards(interaction.RedirectURI), s.language(c, strings.Join(interaction.UILocales, " "))
	}
	s.pageFor(c, status, view, allowed, language)
	return nil
}

// consentPage answers GET /consent.
func (s *Server) consentPage(c *gin.Context) error {
	handle := c.Query("interaction")
	interaction, err := s.Engine.Interaction(c.Request.Context(), handle, s.browser(c))
	if err != nil {
		return err
	}
	if interaction.Account == "" {
		seeOther(c, templates.Onward(authorizePath, handle, "")) // nobody is known yet: not the page that is next
		return nil
	}
	s.pageFor(c, http.StatusOK, templates.ConsentView{
		Client: clientView(interaction.Client), Interaction: handle, Account: interaction.Account, Scopes: interaction.Scopes, Claims: interaction.Claims,
	}, towards(interaction.RedirectURI), s.language(c, strings.Join(interaction.UILocales, " ")))
	return nil
}

// consent answers POST /consent.
func (s *Server) consent(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	handle := form.Get("interaction")
	if form.Get("action") != "accept" {
		return s.deny(c, handle)
	}
	next, err := s.Engine.Approve(c.Request.Context(), handle, s.browser(c))
	if err != nil {
		return err
	}
	seeOther(c, templates.Onward(authorizePath, next, ""))
	return nil
}

// deny ends an authorization request that its user does not want.
func (s *Server) deny(c *gin.Context, handle string) error {
	response, err := s.Engine.Deny(c.Request.Context(), handle, s.browser(c))
	if err != nil {
		return err
	}
	s.respond(c, response)
	return nil
}
