package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// showClient is what `signet clients show` says of a client.
func (p *process) showClient(id string) map[string]any {
	p.t.Helper()
	var all []map[string]any
	raw := p.command("clients", "show", id, "--output", "json")
	require.NoError(p.t, json.Unmarshal([]byte(raw), &all), raw)
	require.Len(p.t, all, 1)
	return all[0]
}

func TestDemoIsBroughtUpToDate(t *testing.T) {
	p := startServer(t, sqliteEnv(t)...)
	require.Contains(t, p.log.String(), demoEmail+" / "+demoPassword)
	made := map[string]map[string]any{}
	for _, client := range demoClients() {
		require.NoError(t, client.Validate(), client.ID)
		require.Contains(t, p.log.String(), "client_id="+client.ID)
		made[client.ID] = p.showClient(client.ID)
	}

	// As a database of an older start could be, and as somebody left it.
	p.command("clients", "delete", demoWebapp, "--yes")
	p.command("clients", "update", demoSPA, "--scope", "openid", "--redirect-uri", "http://localhost:5173/")
	p.command("clients", "rotate-secret", demoService)
	p.kill()
	p.start()
	for id, client := range made {
		require.Equal(t, client, p.showClient(id))
	}
	require.Equal(t, 200, p.signIn().status)
	require.Equal(t, 200, p.introspect("x").status, "the printed secret does not work")

	p.command("clients", "update", demoService, "--disabled")
	p.command("users", "set", demoEmail, "--active=false")
	p.kill()
	p.start()
	require.Equal(t, true, p.showClient(demoService)["disabled"], "what was disabled came back")
	require.Contains(t, p.log.String(), "who is disabled")
	p.command("users", "set", demoEmail, "--active=true")
	path, err := binary()
	require.NoError(t, err)
	change := exec.CommandContext(t.Context(), path, "changepassword", demoEmail, "--password-stdin")
	change.Dir, change.Env, change.Stdin = p.dir, p.env, strings.NewReader("another-Teapot-43\n")
	out, err := change.CombinedOutput()
	require.NoError(t, err, "%s", out)
	p.kill()
	p.start()
	require.Contains(t, p.log.String(), demoEmail+", whose password was changed")
	require.NotContains(t, p.log.String(), demoPassword, "a password is shown that does not work")
}

func TestDemoUserThatTheSettingsRefuse(t *testing.T) {
	p := startServer(t, append(sqliteEnv(t), "SIGNET_ACCOUNTS_PASSWORD_MIN_LENGTH=15")...)
	require.Contains(t, p.log.String(), "none: the settings refuse "+demoEmail)
	require.NotContains(t, p.command("users", "list"), demoEmail)
}
