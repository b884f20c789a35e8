package handlers

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/oidc"
)

// csrfCookie and csrfHeader are Django's.
const (
	csrfCookie   = "csrftoken"
	csrfHeader   = "X-CSRFToken"
	csrfLifetime = 364 * 24 * time.Hour
)

// setTokenCookies gives a browser its tokens; an empty refresh token leaves the one that it has.
func (s *Server) setTokenCookies(c *gin.Context, tokens oidc.Tokens) {
	s.setTokenCookie(c, s.Cookies.Access, tokens.AccessToken, "/", time.Duration(tokens.ExpiresIn)*time.Second)
	if tokens.RefreshToken != "" {
		s.setTokenCookie(c, s.Cookies.Refresh, tokens.RefreshToken, s.refreshPath(), s.Engine.Settings.RefreshTokenIdle)
	}
}

func (s *Server) setTokenCookie(c *gin.Context, name, value, path string, lifetime time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // its attributes are settings with safe defaults
		Name: name, Value: value, Path: path, MaxAge: int(lifetime / time.Second), Expires: s.Now().Add(lifetime),
		HttpOnly: !s.Cookies.Readable, Secure: s.Cookies.Secure || s.secure(), SameSite: cmp.Or(s.Cookies.SameSite, http.SameSiteLaxMode),
	})
}

// setCSRFCookie gives a browser the token that its scripts have to send back.
func (s *Server) setCSRFCookie(c *gin.Context) {
	if !s.Compatible.CSRFToken {
		return
	}
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // scripts read it: that is what it is for
		Name: csrfCookie, Value: rand.Text() + rand.Text(), Path: "/", MaxAge: int(csrfLifetime / time.Second), Expires: s.Now().Add(csrfLifetime),
		Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// beginSession signs a browser in beyond its tokens' lives, where the settings say so.
func (s *Server) beginSession(c *gin.Context, user provider.User) error {
	if s.Cookies.Session == "" {
		return nil
	}
	lifetime := s.Cookies.SessionLifetime
	secret, _, err := s.Accounts.BeginSession(c.Request.Context(), user, accounts.SessionTerms{Idle: lifetime, Max: lifetime, Remembered: true})
	if err != nil {
		return err
	}
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure wherever the issuer is https
		Name: s.Cookies.Session, Value: secret, Path: "/", MaxAge: int(lifetime / time.Second), Expires: s.Now().Add(lifetime),
		HttpOnly: true, Secure: s.Cookies.Secure || s.secure(), SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// sessionSecret is the session cookie's value; empty when there is none.
func (s *Server) sessionSecret(c *gin.Context) string {
	if s.Cookies.Session == "" {
		return ""
	}
	return cookie(c, s.Cookies.Session)
}

// endSession signs the browser out that a request comes from.
func (s *Server) endSession(c *gin.Context) error {
	secret := s.sessionSecret(c)
	if secret == "" {
		return nil
	}
	s.clearCookie(c, s.Cookies.Session, "/")
	return s.Accounts.EndSession(c.Request.Context(), secret)
}

func (s *Server) clearTokenCookies(c *gin.Context) {
	s.clearCookie(c, s.Cookies.Access, "/")
	s.clearCookie(c, s.Cookies.Refresh, s.refreshPath())
}

func (s *Server) clearCookie(c *gin.Context, name, path string) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // it is empty
		Name: name, Path: path, MaxAge: -1, Expires: time.Unix(0, 0), Secure: s.secure(),
	})
}

func (s *Server) refreshPath() string { return cmp.Or(s.Cookies.RefreshPath, "/") }

// cookie is a cookie's value; empty when it was not sent.
func cookie(c *gin.Context, name string) string {
	found, err := c.Request.Cookie(name)
	if err != nil {
		return ""
	}
	return found.Value
}
