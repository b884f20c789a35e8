package handlers

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

// pageFiles are the pages for developers: what an endpoint of the account API shows to a browser, and mails
// that stayed here. They have no script.
//
//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

var (
	pages     = template.Must(template.ParseFS(pageFiles, "pages/*.html"))
	pageStyle = mustRead("pages/style.css")
	// pagePolicy lets a page have its own style and post to us, and nothing else.
	pagePolicy = "default-src 'none'; style-src 'sha256-" + digest(pageStyle) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

func mustRead(name string) string {
	raw, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(raw)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// writePage answers with a page. What its URL or answer has is not for other sites, nor for caches.
func writePage(c *gin.Context, status int, name string, data any) {
	var b bytes.Buffer
	view := struct {
		Style template.CSS
		Data  any
	}{template.CSS(pageStyle), data} //nolint:gosec // it is part of the program
	if err := pages.ExecuteTemplate(&b, name, view); err != nil {
		panic(err) // it depends on no input: observe answers and logs it
	}
	c.Header("Content-Security-Policy", pagePolicy)
	c.Header("Referrer-Policy", "no-referrer")
	c.Header("Cache-Control", "no-store")
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

const browsedKey = "browsed"

// setBrowsed says that the answer of an endpoint goes to a browser's reader.
func setBrowsed(c *gin.Context, e *endpoint) { c.Set(browsedKey, e) }

func browsed(c *gin.Context) (*endpoint, bool) {
	value, _ := c.Get(browsedKey)
	e, ok := value.(*endpoint)
	return e, ok
}

// writeEndpointPage shows what an endpoint does and its JSON answer, or an example of one, with a form to
// try it.
func writeEndpointPage(c *gin.Context, e *endpoint, status int, body []byte) {
	answered := body != nil
	if !answered {
		body = []byte(e.example)
	}
	var readable bytes.Buffer
	if json.Indent(&readable, body, "", "  ") != nil {
		readable.Write(body)
	}
	writePage(c, status, "endpoint.html", struct {
		Title, About, Path, Allow, Body, Reason string
		Status                                  int
		Answered, CanPost                       bool
		Form                                    []formField
	}{e.title, e.about, c.Request.URL.Path, e.allow, readable.String(), http.StatusText(status), status, answered, e.methods[http.MethodPost] != nil, e.form})
}
