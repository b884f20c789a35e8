package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// registerAt sends metadata to a server with an initial access token.
func registerAt(t *testing.T, p *process, token string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"/oauth2/register", strings.NewReader(`{"redirect_uris":["https://self.example/cb"]}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	return send(request)
}

// DCR-01: what an operator hands out registers as many clients as it was made for, wherever the short-lived store is.
func TestRegistrationTokens(t *testing.T) {
	for name, env := range map[string]func(*testing.T) []string{
		"sqlite":        sqliteEnv,
		"mariadb+redis": func(t *testing.T) []string { return sharedEnv(t, testRedis(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startServer(t, append(env(t), "SIGNET_OAUTH_DYNAMIC_REGISTRATION=token")...)
			var made []registrationTokenView
			require.NoError(t, json.Unmarshal([]byte(p.command("clients", "registration-token", "--uses", "2", "--lifetime", "10m", "--output", "json")), &made))
			require.Equal(t, 2, made[0].Uses)
			require.Equal(t, http.StatusUnauthorized, registerAt(t, p, "sgi_made_2").status)
			for _, want := range []int{http.StatusCreated, http.StatusCreated, http.StatusUnauthorized} {
				require.Equal(t, want, registerAt(t, p, made[0].Token).status)
			}
			require.Contains(t, p.command("clients", "list"), "https://self.example/cb")
			require.NotContains(t, p.log.String(), made[0].Token)
			path, err := binary()
			require.NoError(t, err)
			for _, args := range [][]string{{"--uses", "0"}, {"--uses", "51"}, {"--lifetime", "0s"}, {"--lifetime", "721h"}} {
				out, code := runBinary(t, path, p.env, append([]string{"clients", "registration-token"}, args...)...)
				require.Equal(t, exitUsage, code, out)
			}
		})
	}
}

// A client whose URIs the server will not go to is told of: its keys would never be read.
func TestDoctorTellsOfClientsThatAreNotReached(t *testing.T) {
	p := startServer(t, sqliteEnv(t)...)
	require.Contains(t, p.command("doctor"), "outbound")
	require.NotContains(t, p.command("doctor"), "not reached")
	p.command("clients", "create", "--id", "inside", "--redirect-uri", "https://inside.example/cb", "--backchannel-logout-uri", "https://10.20.0.1/logout")
	require.Contains(t, p.command("doctor"), "not reached: URIs of inside")
	p.env = append(p.env, "SIGNET_OUTBOUND_ALLOW_PRIVATE=10.20.0.0/16")
	require.NotContains(t, p.command("doctor"), "not reached")
}
