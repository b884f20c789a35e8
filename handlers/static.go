package handlers

import (
	"bytes"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// staticFile answers GET /static/<hash>/<name> with a file that pages refer to. An address that has the hash
// of what it leads to never changes. One that has another comes from a page of another release: it gets what
// there is, for now.
func (s *Server) staticFile(c *gin.Context) {
	asset, ok := s.Pages.Asset(c.Param("name"))
	if !ok {
		notFound(c)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", asset.ContentType)
	h.Set("ETag", `"`+asset.Hash+`"`)
	if c.Param("hash") == asset.Hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(asset.Body))
}
