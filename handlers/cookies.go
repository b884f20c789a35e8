package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider/oidc"
)

// setTokenCookies gives a browser its tokens. The refresh token goes only where it is used.
func (s *Server) setTokenCookies(c *gin.Context, tokens oidc.Tokens) {
	s.setCookie(c, s.Cookies.Access, tokens.AccessToken, "/", time.Duration(tokens.ExpiresIn)*time.Second)
	if tokens.RefreshToken != "" {
		s.setCookie(c, s.Cookies.Refresh, tokens.RefreshToken, AccountAPI, s.Engine.Settings.RefreshTokenIdle)
	}
}

func (s *Server) setCookie(c *gin.Context, name, value, path string, lifetime time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(lifetime / time.Second), Expires: s.Now().Add(lifetime),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) clearTokenCookies(c *gin.Context) {
	for name, path := range map[string]string{s.Cookies.Access: "/", s.Cookies.Refresh: AccountAPI} {
		http.SetCookie(c.Writer, &http.Cookie{Name: name, Path: path, MaxAge: -1, Expires: time.Unix(0, 0), HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode})
	}
}

// cookie is a cookie's value; empty when it was not sent.
func cookie(c *gin.Context, name string) string {
	found, err := c.Request.Cookie(name)
	if err != nil {
		return ""
	}
	return found.Value
}
