package handlers_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/handlers"
	"github.com/signet-id/signet/provider/mails"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/secrets"
)

// devMail asks a server for the page, as the peer at addr.
func devMail(t *testing.T, addr string, written func(limit int) ([]mails.Message, error)) *httptest.ResponseRecorder {
	t.Helper()
	issuer, err := url.Parse("http://localhost:8080")
	require.NoError(t, err)
	master, err := secrets.New(bytes.Repeat([]byte{7}, secrets.KeySize))
	require.NoError(t, err)
	server := &handlers.Server{
		Engine:  oidc.New(oidc.Engine{Master: master, Now: time.Now}),
		Metrics: handlers.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Issuer: issuer, MaxBody: 1 << 10, Mails: written,
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8080/dev/mail", nil)
	request.RemoteAddr = addr
	recorder := httptest.NewRecorder()
	server.Routes().ServeHTTP(recorder, request)
	return recorder
}

func TestDevelopersReadTheMailsOfThisMachine(t *testing.T) {
	const here = "127.0.0.1:5555"
	one := mails.Message{
		To: "ada@example.com", Date: time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC),
		Content: mails.Content{
			Subject: "<b>Confirm</b>", Text: "Hello <i>\r\n\r\nhttps://id.example.com/v?a=1&b=\"2\r\njavascript:alert(1)\r\n",
			HTML: `<script>alert(1)</script><img src="https://e.kr/pixel">`,
		},
	}
	written := func(limit int) ([]mails.Message, error) {
		require.Positive(t, limit)
		return []mails.Message{one}, nil
	}

	page := devMail(t, here, written)
	require.Equal(t, http.StatusOK, page.Code)
	body := page.Body.String()
	require.Contains(t, body, "ada@example.com")
	require.Contains(t, body, "&lt;b&gt;Confirm&lt;/b&gt;")
	require.Contains(t, body, "Hello &lt;i&gt;")
	require.Contains(t, body, `<a href="https://id.example.com/v?a=1&amp;b=%222">`)
	require.NotContains(t, body, `href="javascript`)
	require.NotContains(t, body, "<script")
	require.NotContains(t, body, "<img")
	require.Contains(t, body, "&lt;script&gt;", "HTML is shown as text")
	policy := page.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "no-store", page.Header().Get("Cache-Control"))

	require.Contains(t, devMail(t, "[::1]:5555", func(int) ([]mails.Message, error) { return nil, nil }).Body.String(), "None yet.")
	require.Equal(t, http.StatusInternalServerError, devMail(t, here, func(int) ([]mails.Message, error) { return nil, errors.New("disk") }).Code)
	require.Equal(t, http.StatusNotFound, devMail(t, "192.0.2.7:5555", written).Code, "the links in the mails are secrets")
	require.Equal(t, http.StatusNotFound, devMail(t, here, nil).Code, "there are no files, or the issuer is not loopback")
}
