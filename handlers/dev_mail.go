package handlers

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
)

// devMails is how many mails the page shows.
const devMails = 50

// devMailPage answers GET /dev/mail, for a developer who has no mail server: the newest mails that were
// written to files. They hold one-time links, so it is for this machine alone, however far the listener
// reaches. HTML is shown as text.
func (s *Server) devMailPage(c *gin.Context) {
	if !provider.RequestFrom(c.Request.Context()).Addr.IsLoopback() {
		notFound(c)
		return
	}
	written, err := s.Mails(devMails)
	if err != nil {
		s.writeError(c, err)
		return
	}
	type line struct {
		Text string
		Link bool
	}
	type letter struct {
		To, Subject, HTML string
		Date              time.Time
		Lines             []line
	}
	letters := make([]letter, len(written))
	for i, m := range written {
		letters[i] = letter{To: m.To, Subject: m.Subject, HTML: m.HTML, Date: m.Date}
		for text := range strings.Lines(m.Text) {
			text = strings.TrimRight(text, "\r\n")
			link := strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
			letters[i].Lines = append(letters[i].Lines, line{text, link})
		}
	}
	writePage(c, http.StatusOK, "dev_mail.html", letters)
}
