package handlers

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/templates"
)

// VerifyEmailPage is where verification mails lead; the key follows as a parameter.
const VerifyEmailPage = "/verify-email"

// verifyEmailPage answers GET /verify-email: with a key, where a mail leads; without, what somebody sees who
// has to wait for it. Mail scanners follow links: only the button uses the key.
func (s *Server) verifyEmailPage(c *gin.Context) error {
	if c.Query("key") == "" {
		return s.verificationSentPage(c)
	}
	return s.confirmEmailPage(c)
}

// verifyEmailFromPage answers the button's POST.
func (s *Server) verifyEmailFromPage(c *gin.Context) error { return s.useEmailKey(c, c.Query("key")) }

// confirmEmailPage answers GET …/account-confirm-email/<key>/, where mails of the account API lead.
func (s *Server) confirmEmailPage(c *gin.Context) error {
	keepToItself(c)
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticeVerifyEmail, Button: "notice.verify_email.button"}, policy{})
	return nil
}

// confirmEmail answers the button's POST.
func (s *Server) confirmEmail(c *gin.Context) error { return s.useEmailKey(c, c.Param("key")) }

func (s *Server) useEmailKey(c *gin.Context, key string) error {
	if _, err := s.readForm(c); err != nil {
		return err
	}
	err := s.Accounts.VerifyEmail(c.Request.Context(), key)
	if errors.Is(err, provider.ErrNotFound) {
		s.page(c, http.StatusNotFound, templates.NoticeView{Message: templates.NoticeDeadLink, Link: loginPath, LinkMessage: "notice.dead_link.link"}, policy{})
		return nil
	}
	if err != nil {
		return err
	}
	seeOther(c, VerifyEmailPage+"/done")
	return nil
}

// emailVerifiedPage answers GET /verify-email/done.
func (s *Server) emailVerifiedPage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticeEmailVerified, Link: homePath, LinkMessage: "notice.email_verified.link"}, policy{})
	return nil
}

// verificationSentPage answers GET …/account-email-verification-sent/ too.
func (s *Server) verificationSentPage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticeLookIntoMail, Link: loginPath, LinkMessage: "notice.look_into_mail.link"}, policy{})
	return nil
}

// keepToItself keeps an address that has a secret from every page that the browser goes to next.
func keepToItself(c *gin.Context) { c.Header("Referrer-Policy", "no-referrer") }
