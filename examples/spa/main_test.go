package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppServesOnePage(t *testing.T) {
	handler, err := app(settings{Issuer: "https://id.example.com/tenant", ClientID: `a"b`, API: "http://localhost:5176", Resource: "r"})
	require.NoError(t, err)
	for path, want := range map[string]int{
		"/": 200, "/callback": 200, "/signed-out": 200, "/app.js": 200, "/style.css": 200, "/vendor/oidc-client-ts.min.js": 200,
		"/main.go": 404, "/vendor/": 404, "/index.html": 404,
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		require.Equal(t, want, answer.Code, path)
		if path != "/" {
			continue
		}
		require.Contains(t, answer.Header().Get("Content-Security-Policy"), "connect-src https://id.example.com http://localhost:5176;")
		require.Contains(t, answer.Body.String(), `<meta name="issuer" content="https://id.example.com/tenant">`)
		require.Contains(t, answer.Body.String(), `<meta name="client_id" content="a&#34;b">`)
	}
}

func TestAppRefusesAddressesThatWouldLoosenThePolicy(t *testing.T) {
	for _, address := range []string{"", "localhost:8080", "javascript:alert(1)", "https://*", "http://a; script-src *", "https://a,b"} {
		_, err := app(settings{Issuer: address, API: "http://localhost:5176"})
		require.Error(t, err, address)
		_, err = app(settings{Issuer: "http://localhost:8080", API: address})
		require.Error(t, err, address)
	}
}
