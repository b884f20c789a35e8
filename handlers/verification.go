package handlers

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
)

// verifyEmail answers POST registration/verify-email/.
func (s *Server) verifyEmail(c *gin.Context) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "key"})
	if err != nil {
		return err
	}
	if err := s.Accounts.VerifyEmail(c.Request.Context(), values["key"]); err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, detail{"ok"})
	return nil
}

// resendEmail answers POST registration/resend-email/, in the same way whoever the address belongs to.
func (s *Server) resendEmail(c *gin.Context) error {
	email, err := s.readEmail(c)
	if err != nil {
		return err
	}
	s.later(c, func(ctx context.Context) error { return s.Accounts.RequestVerification(ctx, email) })
	writeJSON(c, http.StatusOK, detail{"ok"})
	return nil
}
