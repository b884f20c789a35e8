package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/bench/load"
)

func TestLoadgenReports(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/jwks.json" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	args := []string{"--url", server.URL, "--concurrency", "2", "--max-requests", "10", "--pid", strconv.Itoa(os.Getpid())}

	var out strings.Builder
	require.NoError(t, run(t.Context(), append(args, "--scenario", "jwks", "--json"), &out))
	var result load.Result
	require.NoError(t, json.Unmarshal([]byte(out.String()), &result))
	require.Equal(t, 10, result.Requests)
	require.Contains(t, result.CPU, "server")

	out.Reset()
	require.NoError(t, run(t.Context(), append(args, "--scenario", "hello"), &out))
	require.Contains(t, out.String(), "hello: 2 connections")
	require.Contains(t, out.String(), "µs of CPU per request")
	require.Contains(t, out.String(), "404: 10 refused")
}

func TestLoadgenRefusesWhatItDoesNotKnow(t *testing.T) {
	var out strings.Builder
	for _, args := range [][]string{{"--scenario", "x"}, {"--pid", "x"}, {"--concurrency", "0"}} {
		require.Error(t, run(t.Context(), args, &out), "%v", args)
	}
	require.Empty(t, out.String())
}
