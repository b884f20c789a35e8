package handlers

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/templates"
)

// forgotPasswordPage answers GET /password-reset.
func (s *Server) forgotPasswordPage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.ForgotPasswordView{}, policy{})
	return nil
}

// forgotPassword answers the form's POST, in the same way and time whoever the address belongs to.
func (s *Server) forgotPassword(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	if err := s.Limits.AccountAPI(c.Request.Context()); err != nil {
		return err
	}
	in := inputOf(form)
	values, err := in.read(field{name: "email", email: true})
	if faults := faultsOf(err); len(faults) > 0 {
		s.page(c, http.StatusUnprocessableEntity, templates.ForgotPasswordView{Email: in.typed("email"), Faults: faults}, policy{})
		return nil
	}
	s.later(c, func(ctx context.Context) error { return s.Accounts.RequestPasswordReset(ctx, values["email"]) })
	seeOther(c, "/password-reset/sent")
	return nil
}

// resetSentPage answers GET /password-reset/sent.
func (s *Server) resetSentPage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticeResetSent, Link: loginPath, LinkMessage: "notice.reset_sent.link"}, policy{})
	return nil
}

// resetPage answers GET /password-reset/confirm/<uid>/<token>/, where a mail leads. Nobody shall think of a
// new password for a link that is dead.
func (s *Server) resetPage(c *gin.Context) error {
	keepToItself(c)
	if err := s.Limits.AccountAPI(c.Request.Context()); err != nil {
		return err
	}
	works, err := s.Accounts.ResetLinkWorks(c.Request.Context(), c.Param("uid"), c.Param("token"))
	switch {
	case err != nil:
		return err
	case !works:
		s.deadReset(c)
	default:
		s.page(c, http.StatusOK, templates.NewPasswordView{}, policy{})
	}
	return nil
}

func (s *Server) deadReset(c *gin.Context) {
	s.page(c, http.StatusNotFound, templates.NoticeView{Message: templates.NoticeDeadReset, Link: "/password-reset", LinkMessage: "notice.dead_reset.link"}, policy{})
}

// resetFromPage answers the form's POST.
func (s *Server) resetFromPage(c *gin.Context) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	keepToItself(c)
	if err := s.Limits.AccountAPI(c.Request.Context()); err != nil {
		return err
	}
	values, err := inputOf(form).read(s.newPassword()...)
	if err == nil {
		err = s.Accounts.ResetPassword(c.Request.Context(), c.Param("uid"), c.Param("token"), chosen(values))
	}
	faults := faultsOf(err)
	switch {
	case slices.ContainsFunc(faults, func(f templates.Fault) bool { return f.Field == "uid" || f.Field == "token" }):
		s.deadReset(c)
	case len(faults) > 0:
		s.page(c, http.StatusUnprocessableEntity, templates.NewPasswordView{Faults: faults}, policy{})
	case err != nil:
		return err
	default:
		seeOther(c, "/password-reset/done")
	}
	return nil
}

// resetDonePage answers GET /password-reset/done.
func (s *Server) resetDonePage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticePasswordChanged, Link: loginPath, LinkMessage: "notice.password_changed.link"}, policy{})
	return nil
}
