package outbound_test

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider/outbox"
)

func TestPostForm(t *testing.T) {
	status, heard := http.StatusNoContent, ""
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		w.Header().Set("Location", "https://example.com/")
		w.WriteHeader(status)
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	client := outbound.New(outbound.Options{RootCAs: roots, AllowPrivate: loopback, Timeout: 2 * time.Second})
	form := url.Values{"logout_token": {"a.b&c"}}

	require.NoError(t, client.PostForm(t.Context(), server.URL+"/x?y", form))
	require.Equal(t, "POST application/x-www-form-urlencoded logout_token=a.b%26c", heard)

	for _, status = range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusBadRequest, http.StatusServiceUnavailable} {
		err := client.PostForm(t.Context(), server.URL, form)
		require.Error(t, err, status)
		require.NotErrorIs(t, err, outbox.ErrRefused, "it may be put right")
	}
	status = http.StatusOK
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, client.PostForm(ended, server.URL, form), context.Canceled)

	heard = ""
	guarded := outbound.New(outbound.Options{RootCAs: roots})
	for _, target := range []string{server.URL, "http://example.com/", "https://user@example.com/", "https://2130706433/", "%"} {
		require.ErrorIs(t, guarded.PostForm(t.Context(), target, form), outbox.ErrRefused, target)
	}
	require.Empty(t, heard)
}
