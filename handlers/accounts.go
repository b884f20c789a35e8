package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/oidc"
)

// publicUser is a user as the account API shows it.
type publicUser struct {
	PK        int64  `json:"pk"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

func newPublicUser(u provider.User) publicUser {
	return publicUser{PK: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName}
}

// signedIn is the answer to a sign-in and to a registration.
type signedIn struct {
	AccessToken  string     `json:"access_token"`
	RefreshToken string     `json:"refresh_token"`
	User         publicUser `json:"user"`
}

// registration answers POST registration/.
func (s *Server) registration(c *gin.Context) error {
	if !s.SignUpOpen {
		return errSignUpClosed
	}
	ctx := c.Request.Context()
	if err := s.Limits.Registration(ctx); err != nil {
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "email", email: true, max: provider.MaxEmailLength}, field{name: "password1"}, field{name: "password2"})
	if err != nil {
		return err
	}
	if values["password1"] != values["password2"] {
		return provider.Invalid(provider.NonField, "The two password fields didn't match.")
	}
	user, err := s.Accounts.Register(ctx, accounts.Registration{Email: values["email"], Password: values["password1"]})
	if err != nil {
		return err
	}
	tokens, err := s.Engine.SignInUser(ctx, user)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusCreated, signedIn{tokens.AccessToken, tokens.RefreshToken, newPublicUser(user)})
	return nil
}

// login answers POST login/.
func (s *Server) login(c *gin.Context) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "email", email: true, optional: true, blank: true}, field{name: "password"})
	if err != nil {
		return err
	}
	if values["email"] == "" {
		return provider.Invalid(provider.NonField, `Must include "email" and "password".`)
	}
	tokens, user, err := s.Engine.SignIn(c.Request.Context(), values["email"], values["password"])
	if err != nil {
		return err
	}
	s.setTokenCookies(c, tokens)
	writeJSON(c, http.StatusOK, signedIn{tokens.AccessToken, tokens.RefreshToken, newPublicUser(user)})
	return nil
}

// logout answers POST logout/. It ends whatever the caller holds, clears the cookies and never
// fails for a dead token.
func (s *Server) logout(c *gin.Context) error {
	var tokens []string
	if access := cookie(c, s.Cookies.Access); access != "" {
		tokens = append(tokens, access)
	}
	if refresh := cookie(c, s.Cookies.Refresh); refresh != "" {
		tokens = append(tokens, refresh)
	}
	if len(tokens) > 0 {
		if err := s.sameOrigin(c); err != nil {
			return err
		}
	}
	if scheme, token, ok := strings.Cut(c.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		tokens = append(tokens, token)
	}
	if in, err := readInput(c); err == nil {
		if refresh, ok := in["refresh"].(string); ok {
			tokens = append(tokens, refresh)
		}
	}
	if err := s.Engine.End(c.Request.Context(), tokens...); err != nil {
		return err
	}
	s.clearTokenCookies(c)
	writeJSON(c, http.StatusOK, detail{"Successfully logged out."})
	return nil
}

// user answers GET user/.
func (s *Server) user(c *gin.Context) error {
	user, err := s.authenticate(c)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, newPublicUser(user))
	return nil
}

// updateUser answers PUT and PATCH user/; fields that are absent stay as they are.
func (s *Server) updateUser(c *gin.Context) error {
	user, err := s.authenticate(c)
	if err != nil {
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "first_name", optional: true, blank: true, max: 150}, field{name: "last_name", optional: true, blank: true, max: 150})
	if err != nil {
		return err
	}
	var change provider.UserChange
	if name, ok := values["first_name"]; ok {
		change.FirstName, user.FirstName = &name, name
	}
	if name, ok := values["last_name"]; ok {
		change.LastName, user.LastName = &name, name
	}
	if change != (provider.UserChange{}) {
		if err := s.Users.UpdateUser(c.Request.Context(), user.ID, change); err != nil {
			return err
		}
	}
	writeJSON(c, http.StatusOK, newPublicUser(user))
	return nil
}

// refreshed is the answer of token/refresh/. The new refresh token is there when it changed.
type refreshed struct {
	Access           string `json:"access"`
	Refresh          string `json:"refresh,omitempty"`
	AccessExpiration string `json:"access_token_expiration"`
}

// tokenRefresh answers POST token/refresh/: the token in the body, else in the cookie.
func (s *Server) tokenRefresh(c *gin.Context) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "refresh", optional: true})
	if err != nil {
		return err
	}
	token := values["refresh"]
	if token == "" {
		if token = cookie(c, s.Cookies.Refresh); token == "" {
			return errNoRefreshToken
		}
		if err := s.sameOrigin(c); err != nil {
			return err
		}
	}
	tokens, err := s.Engine.Refresh(c.Request.Context(), token)
	if errors.Is(err, oidc.ErrInvalidToken) {
		return errBadToken
	}
	if err != nil {
		return err
	}
	answer := refreshed{
		Access:           tokens.AccessToken,
		AccessExpiration: s.Now().UTC().Add(time.Duration(tokens.ExpiresIn) * time.Second).Format("2006-01-02T15:04:05.000000Z"),
	}
	if tokens.RefreshToken != token {
		answer.Refresh = tokens.RefreshToken
	}
	s.setTokenCookies(c, tokens)
	writeJSON(c, http.StatusOK, answer)
	return nil
}

// tokenVerify answers POST token/verify/ for access and refresh tokens.
func (s *Server) tokenVerify(c *gin.Context) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(field{name: "token"})
	if err != nil {
		return err
	}
	err = s.Engine.Check(c.Request.Context(), values["token"])
	if errors.Is(err, oidc.ErrInvalidToken) {
		return errBadToken
	}
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, struct{}{})
	return nil
}

// authenticate returns the user that a request acts for: by Bearer token, else by the access cookie,
// which for unsafe methods must come from a page of ours.
func (s *Server) authenticate(c *gin.Context) (provider.User, error) {
	token, err := s.accessToken(c)
	if err != nil {
		return provider.User{}, err
	}
	authorization, err := s.Engine.Authorize(c.Request.Context(), token)
	switch {
	case errors.Is(err, oidc.ErrUserGone):
		return provider.User{}, errUserGone
	case errors.Is(err, oidc.ErrUserInactive):
		return provider.User{}, errUserInactive
	case errors.Is(err, oidc.ErrInvalidToken):
		return provider.User{}, errBadAccessToken
	case err != nil:
		return provider.User{}, err
	case !slices.Contains(authorization.Scopes, provider.ScopeAccount):
		return provider.User{}, errBadAccessToken
	}
	if report := provider.RequestFrom(c.Request.Context()).Report; report != nil {
		report.ClientID = authorization.ClientID
	}
	return authorization.User, nil
}

func (s *Server) accessToken(c *gin.Context) (string, error) {
	if header := c.GetHeader("Authorization"); header != "" {
		parts := strings.Fields(header)
		switch {
		case len(parts) == 0 || !strings.EqualFold(parts[0], "Bearer"):
			return "", errNoCredentials
		case len(parts) != 2:
			return "", errBadHeader
		}
		return parts[1], nil
	}
	if _, err := c.Request.Cookie(s.Cookies.Access); err != nil {
		return "", errNoCredentials
	}
	return cookie(c, s.Cookies.Access), s.sameOrigin(c)
}
