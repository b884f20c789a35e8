package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// handler answers a request of the account API, or returns why it does not.
type handler func(c *gin.Context) error

// handle adapts a handler to gin. It is the only place that turns an error into an answer.
func (s *Server) handle(allow string, h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Allow", allow)
		if err := h(c); err != nil {
			s.writeError(c, err)
		}
	}
}

// refuseMethod answers a method that a path does not have.
func refuseMethod(*gin.Context) error { return errMethodNotAllowed }

func notFound(c *gin.Context) {
	writeJSON(c, http.StatusNotFound, detail{"Not found."})
}

func methodNotAllowed(c *gin.Context) {
	writeJSON(c, http.StatusMethodNotAllowed, detail{"Method not allowed."})
}
