package configs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaultIsValid(t *testing.T) {
	require.NoError(t, Default().Validate())
	loaded, err := Load("", nil)
	require.NoError(t, err)
	require.Equal(t, Default(), loaded)
}

func TestLoopback(t *testing.T) {
	for issuer, want := range map[string]bool{
		"http://localhost:8080":         true,
		"https://localhost":             true,
		"http://127.0.0.1:8080":         true,
		"http://127.9.9.9":              true,
		"http://[::1]:8080":             true,
		"https://id.example.com":        false,
		"http://localhost.example.com":  false,
		"http://localhost@evil.example": false,
		"http://127.0.0.1.nip.io":       false,
		"http://0.0.0.0:8080":           false,
		"http://10.0.0.1":               false,
		"://":                           false,
		"":                              false,
	} {
		require.Equal(t, want, Config{Issuer: issuer}.Loopback(), "%q", issuer)
	}
}

func TestPasswordGrantIsSwitchedOffWhateverGrantsLists(t *testing.T) {
	c := Default()
	require.Equal(t, []string{"authorization_code", "refresh_token", "password", "client_credentials"}, c.OAuth.GrantTypes())
	c.OAuth.PasswordGrant = false
	require.Equal(t, []string{"authorization_code", "refresh_token", "client_credentials"}, c.OAuth.GrantTypes())
	require.Equal(t, Default().OAuth.Grants, c.OAuth.Grants, "the setting itself was changed")
}

func TestProductionDefaults(t *testing.T) {
	production := []string{"SIGNET_ISSUER=https://id.example.com", "SIGNET_SECRETS_MASTER_KEY=" + testKey}
	c, err := Load("", production)
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, c.Server.ShutdownDelay)
	require.Equal(t, "json", c.Log.Format)

	c, err = Load("", append(production, "SIGNET_SERVER_SHUTDOWN_DELAY=0s", "SIGNET_LOG_FORMAT=text"))
	require.NoError(t, err)
	require.Zero(t, c.Server.ShutdownDelay)
	require.Equal(t, "text", c.Log.Format)
}
