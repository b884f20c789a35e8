package handlers

import (
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

// protocolPreflight answers the browser's question whether a page may call a protocol endpoint. No
// credentials are involved; whether a page may read the answer is decided with the answer, by the
// client that it is for.
func protocolPreflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "86400")
	c.Status(http.StatusNoContent)
}

// accountCORS lets the pages of the configured origins call the account API with its cookies.
func (s *Server) accountCORS(c *gin.Context) {
	h := c.Writer.Header()
	h.Add("Vary", "Origin")
	if origin := c.GetHeader("Origin"); slices.Contains(s.AllowedOrigins, origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
	}
}

func (s *Server) accountPreflight(allow string) gin.HandlerFunc {
	return func(c *gin.Context) {
		s.accountCORS(c)
		h := c.Writer.Header()
		h.Set("Allow", allow)
		if h.Get("Access-Control-Allow-Origin") != "" {
			h.Set("Access-Control-Allow-Methods", allow)
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
		}
		c.Status(http.StatusNoContent)
	}
}

// sameOrigin refuses an unsafe request that a page of another origin made with our cookies (OWASP
// CSRF; the browser's own word, Sec-Fetch-Site or Origin, decides).
func (s *Server) sameOrigin(c *gin.Context) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	return nil
}

// ownPage is sameOrigin, and Django's token where the settings ask for it (double submit: another origin
// can neither read the cookie nor set the header).
func (s *Server) ownPage(c *gin.Context) error {
	if err := s.sameOrigin(c); err != nil {
		return err
	}
	method := c.Request.Method
	if !s.Compatible.CSRFToken || method == http.MethodGet || method == http.MethodHead {
		return nil
	}
	token := cookie(c, csrfCookie)
	switch {
	case token == "":
		return errNoCSRFCookie
	case subtle.ConstantTimeCompare([]byte(token), []byte(c.GetHeader(csrfHeader))) != 1:
		return errNoCSRFToken
	}
	return nil
}
