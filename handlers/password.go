package handlers

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/passwords"
)

// passwordChange answers POST password/change/. The caller stays signed in; everybody else who was is not.
func (s *Server) passwordChange(c *gin.Context) error {
	authorization, err := s.authorize(c)
	if err != nil {
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(append([]field{s.oldPassword()}, s.newPassword()...)...)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if err := s.Accounts.ChangePassword(ctx, authorization.User.ID, values["old_password"], chosen(values)); err != nil {
		return err
	}
	if authorization.GrantID != "" {
		if err := s.Engine.KeepGrant(ctx, authorization.GrantID); err != nil {
			return err
		}
	}
	if s.sessionSecret(c) != "" { // the one that it had has ended with all others
		if err := s.beginSession(c, authorization.User); err != nil {
			return err
		}
	}
	writeJSON(c, http.StatusOK, detail{"New password has been saved."})
	return nil
}

// passwordReset answers POST password/reset/, in the same way whoever the address belongs to.
func (s *Server) passwordReset(c *gin.Context) error {
	email, err := s.readEmail(c)
	if err != nil {
		return err
	}
	s.later(c, func(ctx context.Context) error { return s.Accounts.RequestPasswordReset(ctx, email) })
	writeJSON(c, http.StatusOK, detail{"Password reset e-mail has been sent."})
	return nil
}

// passwordResetConfirm answers POST password/reset/confirm/.
func (s *Server) passwordResetConfirm(c *gin.Context) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(append(s.newPassword(), field{name: "uid"}, field{name: "token"})...)
	if err != nil {
		return err
	}
	if err := s.Accounts.ResetPassword(c.Request.Context(), values["uid"], values["token"], chosen(values)); err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, detail{"Password has been reset with the new password."})
	return nil
}

// oldPassword is the field of the password that is to be changed.
func (s *Server) oldPassword() field {
	optional := s.Accounts.OldPasswordOptional
	return field{name: "old_password", max: passwords.MaxLength, optional: optional, blank: optional}
}

// newPassword are the fields of a password that is typed twice.
func (s *Server) newPassword() []field {
	most := s.Compatible.NewPasswordMax
	if most == 0 {
		most = passwords.MaxLength
	}
	return []field{{name: "new_password1", max: most}, {name: "new_password2", max: most}}
}

func chosen(values map[string]string) accounts.NewPassword {
	return accounts.NewPassword{Password: values["new_password1"], Repeated: values["new_password2"]}
}

// readEmail reads a body that has an address and nothing else.
func (s *Server) readEmail(c *gin.Context) (string, error) {
	in, err := readInput(c)
	if err != nil {
		return "", err
	}
	values, err := in.read(field{name: "email", email: true})
	return values["email"], err
}
