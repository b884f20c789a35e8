package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/passwords"
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
	AccessToken       string     `json:"access_token"`
	RefreshToken      string     `json:"refresh_token"`
	User              publicUser `json:"user"`
	AccessExpiration  string     `json:"access_token_expiration,omitempty"`
	RefreshExpiration string     `json:"refresh_token_expiration,omitempty"`
}

// signedIn7 is signedIn as dj-rest-auth 7 names it.
type signedIn7 struct {
	AccessToken       string     `json:"access"`
	RefreshToken      string     `json:"refresh"`
	User              publicUser `json:"user"`
	AccessExpiration  string     `json:"access_expiration,omitempty"`
	RefreshExpiration string     `json:"refresh_expiration,omitempty"`
}

// dialect7 is the name of the newer dialect.
const dialect7 = "7"

func (s *Server) writeSignedIn(c *gin.Context, status int, answer signedIn) {
	if s.Compatible.Dialect == dialect7 {
		writeJSON(c, status, signedIn7(answer))
		return
	}
	writeJSON(c, status, answer)
}

// in is the moment after a duration, as the account API writes times.
func (s *Server) in(d time.Duration) string {
	return s.Now().UTC().Add(d).Format("2006-01-02T15:04:05.000000Z")
}

// registration answers POST registration/.
func (s *Server) registration(c *gin.Context) error {
	if err := s.sameOrigin(c); err != nil { // it may sign a browser in
		return err
	}
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
	password := field{name: "password1", max: passwords.MaxLength}
	values, err := in.read(field{name: "email", email: true, max: provider.MaxEmailLength}, password, field{name: "password2"})
	if err != nil {
		return err
	}
	user, signIn, err := s.Accounts.SignUp(ctx, accounts.Registration{Email: values["email"], Password: values["password1"]}, values["password2"])
	if err != nil {
		return err
	}
	if !signIn {
		writeJSON(c, http.StatusCreated, detail{"Verification e-mail sent."})
		return nil
	}
	tokens, err := s.Engine.SignInUser(ctx, user)
	if err != nil {
		return err
	}
	if s.Compatible.CookiesAtSignUp {
		s.setTokenCookies(c, tokens)
	}
	if err := s.beginSession(c, user); err != nil {
		return err
	}
	s.setCSRFCookie(c)
	s.writeSignedIn(c, http.StatusCreated, signedIn{AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, User: newPublicUser(user)})
	return nil
}

// login answers POST login/.
func (s *Server) login(c *gin.Context) error {
	if err := s.sameOrigin(c); err != nil { // nobody else signs a browser in
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	unused := field{name: "username", optional: true, blank: true} // checked, as it always was
	values, err := in.read(unused, field{name: "email", email: true, optional: true, blank: true}, field{name: "password"})
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
	if err := s.beginSession(c, user); err != nil {
		return err
	}
	s.setCSRFCookie(c)
	answer := signedIn{AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, User: newPublicUser(user)}
	if s.Compatible.Expirations {
		answer.AccessExpiration = s.in(time.Duration(tokens.ExpiresIn) * time.Second)
		answer.RefreshExpiration = s.in(s.Engine.Settings.RefreshTokenIdle)
	}
	s.writeSignedIn(c, http.StatusOK, answer)
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
	if len(tokens) > 0 || s.sessionSecret(c) != "" {
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
	if err := s.endSession(c); err != nil {
		return err
	}
	s.clearTokenCookies(c)
	writeJSON(c, http.StatusOK, detail{"Successfully logged out."})
	return nil
}

// user answers GET user/.
func (s *Server) user(c *gin.Context) error {
	authorization, err := s.authorize(c)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, newPublicUser(authorization.User))
	return nil
}

// updateUser answers PUT and PATCH user/; fields that are absent stay as they are.
func (s *Server) updateUser(c *gin.Context) error {
	authorization, err := s.authorize(c)
	if err != nil {
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	values, err := in.read(
		field{name: "first_name", optional: true, blank: true, max: accounts.MaxNameLength},
		field{name: "last_name", optional: true, blank: true, max: accounts.MaxNameLength},
	)
	if err != nil {
		return err
	}
	user := authorization.User
	var first, last *string
	if name, ok := values["first_name"]; ok {
		first, user.FirstName = &name, name
	}
	if name, ok := values["last_name"]; ok {
		last, user.LastName = &name, name
	}
	if first != nil || last != nil {
		if err := s.Accounts.UpdateNames(c.Request.Context(), user.ID, first, last); err != nil {
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

// refreshed7 is refreshed as dj-rest-auth 7 names it.
type refreshed7 struct {
	Access           string `json:"access"`
	Refresh          string `json:"refresh,omitempty"`
	AccessExpiration string `json:"access_expiration"`
}

// tokenRefresh answers POST token/refresh/: the token in the body, else in the cookie.
func (s *Server) tokenRefresh(c *gin.Context) error {
	if err := s.sameOrigin(c); err != nil {
		return err
	}
	in, err := readInput(c)
	if err != nil {
		return err
	}
	fromCookie := cookie(c, s.Cookies.Refresh)
	values, err := in.read(field{name: "refresh", optional: true, blank: fromCookie != ""})
	if err != nil {
		return err
	}
	token := values["refresh"]
	if token == "" {
		if token = fromCookie; token == "" {
			return errNoRefreshToken
		}
	}
	tokens, err := s.Engine.Refresh(c.Request.Context(), token)
	if err != nil {
		return tokenRefusal(err)
	}
	if tokens.RefreshToken == token { // it stays as it is
		tokens.RefreshToken = ""
	}
	s.setTokenCookies(c, tokens)
	answer := refreshed{tokens.AccessToken, tokens.RefreshToken, s.in(time.Duration(tokens.ExpiresIn) * time.Second)}
	if s.Compatible.Dialect == dialect7 {
		writeJSON(c, http.StatusOK, refreshed7(answer))
		return nil
	}
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
	if err := s.Engine.Check(c.Request.Context(), values["token"]); err != nil {
		return tokenRefusal(err)
	}
	writeJSON(c, http.StatusOK, struct{}{})
	return nil
}

// authorize returns whom a request acts for: by Bearer token, else by the access cookie, else by the session
// cookie. With a cookie, unsafe methods must come from a page of ours.
func (s *Server) authorize(c *gin.Context) (oidc.Authorization, error) {
	ctx := c.Request.Context()
	token, err := s.accessToken(c)
	if secret := s.sessionSecret(c); errors.Is(err, errNoCredentials) && secret != "" && c.GetHeader("Authorization") == "" {
		user, _, err := s.Accounts.SessionUser(ctx, secret)
		if errors.Is(err, provider.ErrNotFound) {
			return oidc.Authorization{}, errNoCredentials
		}
		if err != nil {
			return oidc.Authorization{}, err
		}
		return oidc.Authorization{User: user}, s.ownPage(c)
	}
	if err != nil {
		return oidc.Authorization{}, err
	}
	authorization, err := s.Engine.AuthorizeAccount(ctx, token)
	if err != nil {
		return oidc.Authorization{}, accessRefusal(err)
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = authorization.ClientID
	}
	return authorization, nil
}

func (s *Server) accessToken(c *gin.Context) (string, error) {
	if headers := c.Request.Header.Values("Authorization"); len(headers) > 0 {
		parts := strings.Fields(headers[0])
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
	return cookie(c, s.Cookies.Access), s.ownPage(c)
}
