package handlers

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

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
	http.SetCookie(c.Writer, &http.Cookie{
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

func (s *Server) clearTokenCookies(c *gin.Context) {
	for _, cookie := range []struct{ name, path string }{{s.Cookies.Access, "/"}, {s.Cookies.Refresh, s.refreshPath()}} {
		http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // it is empty
			Name: cookie.name, Path: cookie.path, MaxAge: -1, Expires: time.Unix(0, 0), Secure: s.secure(),
		})
	}
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
