package handlers

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"time"
)

// openAPI describes everything that the public listener serves. Tests hold every answer to it.
//
//go:embed openapi.yaml
var openAPI []byte

// serveOpenAPI returns what answers GET /openapi.yaml (media type: RFC 9512).
func serveOpenAPI() http.HandlerFunc {
	sum := sha256.Sum256(openAPI)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Content-Type", "application/yaml")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(openAPI))
	}
}
