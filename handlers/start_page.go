package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/templates"
)

// startPage answers GET /.
func (s *Server) startPage(c *gin.Context) error {
	s.page(c, http.StatusOK, templates.NoticeView{Message: templates.NoticeHome, Link: homePath, LinkMessage: "notice.home.link"}, policy{})
	return nil
}
