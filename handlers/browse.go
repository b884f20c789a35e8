package handlers

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
)

// pageFiles are the pages that belong to the account API: what an endpoint shows to a browser, and where
// mailed links lead. They have no script.
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

// notice is a page that says one thing and has at most one form.
type notice struct {
	Title string
	Text  string
	// Faults of the form that was sent.
	Faults []string
	Button string
	Fields []formField
}

// startPage answers GET /.
func startPage(c *gin.Context) {
	writePage(c, http.StatusOK, "notice.html", notice{
		Title: "Signet", Text: "This server signs people in. Its interfaces are described in /openapi.yaml and /.well-known/openid-configuration.",
	})
}

// confirmEmailPage answers GET …/account-confirm-email/<key>/, where a mail leads. Mail scanners follow
// links: only the button uses the key.
func (s *Server) confirmEmailPage(c *gin.Context) {
	writePage(c, http.StatusOK, "notice.html", notice{
		Title: "Confirm your e-mail address", Text: "Press the button to confirm that this address is yours.", Button: "Confirm",
	})
}

// confirmEmail answers the button's POST.
func (s *Server) confirmEmail(c *gin.Context) {
	err := s.Accounts.VerifyEmail(c.Request.Context(), c.Param("key"))
	switch {
	case errors.Is(err, provider.ErrNotFound):
		writePage(c, http.StatusNotFound, "notice.html", notice{
			Title: "This link does not work", Text: "It was used before, or it is too old. Ask for another one.",
		})
	case err != nil:
		s.writeError(c, err)
	default:
		writePage(c, http.StatusOK, "notice.html", notice{Title: "Address confirmed", Text: "Thank you. You can close this page."})
	}
}

// verificationSentPage answers GET …/account-email-verification-sent/.
func (s *Server) verificationSentPage(c *gin.Context) {
	writePage(c, http.StatusOK, "notice.html", notice{
		Title: "Look into your mail", Text: "We have sent you a link. Open it to confirm that the address is yours.",
	})
}

// resetPage answers GET /password-reset/confirm/<uid>/<token>/, where a mail leads.
func (s *Server) resetPage(c *gin.Context) {
	writePage(c, http.StatusOK, "notice.html", s.resetForm(nil))
}

func (s *Server) resetForm(faults []string) notice {
	return notice{
		Title: "Choose a new password", Text: "You will be signed out everywhere.", Faults: faults, Button: "Set password",
		Fields: []formField{{"new_password1", "New password", "password", "new-password"}, {"new_password2", "New password again", "password", "new-password"}},
	}
}

// resetFromPage answers the form's POST.
func (s *Server) resetFromPage(c *gin.Context) {
	in, err := readInput(c)
	if err == nil {
		var values map[string]string
		if values, err = in.read(s.newPassword()...); err == nil {
			err = s.Accounts.ResetPassword(c.Request.Context(), c.Param("uid"), c.Param("token"), chosen(values))
		}
	}
	invalid := new(provider.InvalidError)
	switch {
	case errors.As(err, &invalid) && (invalid.Fields[0].Field == "uid" || invalid.Fields[0].Field == "token"):
		writePage(c, http.StatusNotFound, "notice.html", notice{
			Title: "This link does not work", Text: "It was used before, or it is too old. Ask for another one.",
		})
	case errors.As(err, &invalid):
		var faults []string
		for _, f := range invalid.Fields {
			faults = append(faults, f.Message)
		}
		writePage(c, http.StatusBadRequest, "notice.html", s.resetForm(faults))
	case err != nil:
		s.writeError(c, err)
	default:
		writePage(c, http.StatusOK, "notice.html", notice{Title: "Password changed", Text: "Sign in with your new password."})
	}
}
