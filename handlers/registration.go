package handlers

import "github.com/gin-gonic/gin"

// registerPath is where clients register themselves (RFC 7591); what is below it is each client's own (RFC 7592).
const registerPath = "/oauth2/register"

func (s *Server) registeredClient(c *gin.Context) {
	s.Engine.ServeRegisteredClient(c.Writer, c.Request, c.Param("client_id"))
}
