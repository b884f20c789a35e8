package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/templates"
)

// signUpPage answers GET /signup, where a sign-in leads somebody without an account.
func (s *Server) signUpPage(c *gin.Context) error {
	return s.showSignUp(c, http.StatusOK, templates.SignupView{Interaction: c.Query("interaction"), Next: localPath(c.Query("next"))})
}

// showSignUp shows the form, for the client that the sign-up is on the way to.
func (s *Server) showSignUp(c *gin.Context, status int, view templates.SignupView) error {
	if !s.SignUpOpen {
		s.page(c, http.StatusForbidden, templates.NoticeView{
			Message: templates.NoticeSignUpClosed, Link: templates.Onward(loginPath, view.Interaction, view.Next), LinkMessage: "notice.signup_closed.link",
		}, policy{})
		return nil
	}
	if view.Interaction == "" {
		s.page(c, status, view, policy{})
		return nil
	}
	interaction, err := s.Engine.Interaction(c.Request.Context(), view.Interaction, s.browser(c))
	if err != nil {
		return err
	}
	view.Client = clientView(interaction.Client)
	if view.Email == "" && len(view.Faults) == 0 {
		view.Email = interaction.LoginHint
	}
	s.pageFor(c, status, view, towards(interaction.RedirectURI), s.language(c, strings.Join(interaction.UILocales, " ")))
	return nil
}

// signUp answers the form's POST. Who signed up is signed in, unless the address has to be verified first.
func (s *Server) signUp(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	in := inputOf(form)
	view := templates.SignupView{
		Interaction: form.Get("interaction"), Next: localPath(form.Get("next")), Email: in.typed("email"),
		FirstName: in.typed("first_name"), LastName: in.typed("last_name"),
	}
	if !s.SignUpOpen {
		return s.showSignUp(c, http.StatusForbidden, view)
	}
	ctx := c.Request.Context()
	if view.Interaction != "" { // it must be good before anything is made for it
		if _, err := s.Engine.Interaction(ctx, view.Interaction, s.browser(c)); err != nil {
			return err
		}
	}
	if err := s.Limits.Registration(ctx); err != nil {
		return err
	}
	user, signIn, err := s.register(ctx, in)
	if view.Faults = faultsOf(err); len(view.Faults) > 0 {
		return s.showSignUp(c, http.StatusUnprocessableEntity, view)
	}
	if err != nil {
		return err
	}
	if !signIn {
		seeOther(c, VerifyEmailPage)
		return nil
	}
	session, err := s.startSession(c, user, false)
	if err != nil {
		return err
	}
	if view.Interaction == "" {
		seeOther(c, view.Next)
		return nil
	}
	return s.goOn(c, view.Interaction, session)
}

// register makes a user of what the form says.
func (s *Server) register(ctx context.Context, in input) (user provider.User, signIn bool, err error) {
	values, err := in.read(
		field{name: "email", email: true, max: provider.MaxEmailLength},
		field{name: "first_name", optional: true, blank: true, max: accounts.MaxNameLength},
		field{name: "last_name", optional: true, blank: true, max: accounts.MaxNameLength},
		field{name: "password1", max: passwords.MaxLength}, field{name: "password2"},
	)
	if err != nil {
		return provider.User{}, false, err
	}
	return s.Accounts.SignUp(ctx, accounts.Registration{
		Email: values["email"], Password: values["password1"], FirstName: values["first_name"], LastName: values["last_name"],
	}, values["password2"])
}
