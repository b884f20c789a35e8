package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// handler answers a request, or returns why it does not.
type handler func(c *gin.Context) error

// handle adapts a handler to gin. It is the only place that turns an error into an answer.
func (s *Server) handle(e *endpoint, h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Allow", e.allow)
		c.Writer.Header().Add("Vary", "Accept")
		if err := s.enter(c, e, h); err != nil {
			s.writeError(c, err)
		}
	}
}

// enter is the step before every handler of the account API, in the order in which it has always
// looked: the form of the answer, the caller where it matters, the limit, the method.
func (s *Server) enter(c *gin.Context, e *endpoint, h handler) error {
	switch negotiate(c.GetHeader("Accept")) {
	case formNone:
		return errNotAcceptable
	case formPage:
		setBrowsed(c, e)
		if h == nil && c.Request.Method == http.MethodGet {
			writeEndpointPage(c, e, http.StatusOK, nil)
			return nil
		}
	case formJSON:
	}
	if e.signedIn && h == nil {
		if _, err := s.authorize(c); err != nil {
			return err
		}
	}
	if e.limited {
		if err := s.Limits.AccountAPI(c.Request.Context()); err != nil {
			return err
		}
	}
	if h == nil {
		return errMethodNotAllowed
	}
	return h(c)
}

func notFound(c *gin.Context) {
	writeJSON(c, http.StatusNotFound, detail{"Not found."})
}

func methodNotAllowed(c *gin.Context) {
	writeJSON(c, http.StatusMethodNotAllowed, detail{"Method not allowed."})
}
