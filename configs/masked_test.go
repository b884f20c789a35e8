package configs

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// requireSameWhenShown checks that what is shown of c is a file whose settings show the same.
func requireSameWhenShown(t *testing.T, c Config) {
	t.Helper()
	c.Secrets = Secrets{}
	shown, err := yaml.Marshal(c)
	require.NoError(t, err)
	again := &loader{origins: map[string]origin{}}
	require.True(t, again.file(write(t, "shown.yaml", string(shown))), "%s", shown)
	require.Empty(t, again.faults, "%s", shown)
	for i, s := range settings(&again.config) {
		require.Equal(t, display(settings(&c)[i].value), display(s.value), "%s in\n%s", s.key, shown)
	}
}

func TestSettingsShowInOrderWithSecretsMasked(t *testing.T) {
	c := production()
	c.Database.URL = "mysql://u:hunter2@host/name"
	c.Secrets.PreviousMasterKeys = []Secret{Secret(testKey), Secret(testKey)}
	c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}

	shown, err := yaml.Marshal(c)
	require.NoError(t, err)
	require.Contains(t, string(shown), `issuer: https://id.example.com
data_dir: data
server:
  listen: :8080
`)
	require.Contains(t, string(shown), `
secrets:
  master_key: "***"
  previous_master_keys:
  - "***"
  - "***"
tokens:
  access_token_lifetime: 5m
`)
	require.Contains(t, string(shown), "  url: mysql://u:***@host/name\n")
	require.NotContains(t, string(shown), "hunter2")
	require.NotContains(t, string(shown), testKey)
	requireSameWhenShown(t, c)

	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
	require.NotContains(t, string(text), testKey)
	var fromJSON struct {
		Server struct {
			TrustedProxies []string `json:"trusted_proxies"`
			MaxBodyBytes   string   `json:"max_body_bytes"`
		}
		Database struct {
			MigrateOnStart bool `json:"migrate_on_start"`
			MaxOpenConns   *int `json:"max_open_conns"`
		}
		Secrets struct {
			MasterKey string `json:"master_key"`
		}
		AccountAPI struct {
			Dialect string
		} `json:"account_api"`
		CORS struct {
			AllowedOrigins []string `json:"allowed_origins"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &fromJSON))
	require.Equal(t, []string{"10.0.0.0/8"}, fromJSON.Server.TrustedProxies)
	require.Equal(t, "64KiB", fromJSON.Server.MaxBodyBytes)
	require.True(t, fromJSON.Database.MigrateOnStart)
	require.Equal(t, 0, *fromJSON.Database.MaxOpenConns)
	require.Equal(t, mask, fromJSON.Secrets.MasterKey)
	require.Equal(t, "2", fromJSON.AccountAPI.Dialect)
	require.NotNil(t, fromJSON.CORS.AllowedOrigins, "an empty list is a list")
}
