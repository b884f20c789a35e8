package configs

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func settingOf(t testing.TB, c *Config, key string) setting {
	t.Helper()
	for _, s := range settings(c) {
		if s.key == key {
			return s
		}
	}
	require.Failf(t, "no such setting", "%q", key)
	return setting{}
}

func TestEnvironmentOverlaysTheFile(t *testing.T) {
	path := write(t, "signet.yaml", "server:\n  listen: :1111\n  trusted_proxies: [10.0.0.0/8]\nlog:\n  level: warn\n")
	c, err := Load(path, []string{
		"PATH=/bin",
		"SIGNET_ISSUER=http://127.0.0.1:1111",
		"SIGNET_SERVER_TRUSTED_PROXIES=192.0.2.0/24, 2001:db8::/32",
		"SIGNET_SERVER_TLS_CERT_FILE=cert.pem",
		"SIGNET_SERVER_TLS_KEY_FILE=key.pem",
		"SIGNET_SERVER_MAX_HEADER_BYTES=1MiB",
		"SIGNET_DATABASE_URL=mysql://u:p=w@host/name",
		"SIGNET_DATABASE_MIGRATE_ON_START=false",
		"SIGNET_DATABASE_MAX_OPEN_CONNS=7",
		"SIGNET_SECRETS_MASTER_KEY=" + testKey,
		"SIGNET_SECRETS_PREVIOUS_MASTER_KEYS=" + testKey + "," + testKey,
		"SIGNET_TOKENS_KEY_ROTATION=1d12h",
		"SIGNET_OAUTH_GRANTS=refresh_token",
		"SIGNET_LIMITS_TOKEN_PER_CLIENT=1/2s burst 3",
		"SIGNET_LOG_LEVEL=debug",
	})
	require.NoError(t, err)
	want := Default()
	want.Issuer = "http://127.0.0.1:1111"
	want.Server.Listen = ":1111"
	want.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	want.Server.TLS = TLS{CertFile: "cert.pem", KeyFile: "key.pem"}
	want.Server.MaxHeaderBytes = 1 << 20
	want.Database = Database{URL: "mysql://u:p=w@host/name", MaxOpenConns: 7}
	want.Secrets = Secrets{MasterKey: Secret(testKey), PreviousMasterKeys: []Secret{Secret(testKey), Secret(testKey)}}
	want.Tokens.KeyRotation = 36 * time.Hour
	want.OAuth.Grants = []string{"refresh_token"}
	want.Limits.TokenPerClient = Rate{Limit: 1, Per: 2 * time.Second, Burst: 3}
	want.Log.Level = slog.LevelDebug
	require.Equal(t, want, c)
}

func TestEverySettingHasItsOwnVariable(t *testing.T) {
	want := Default()
	taken := map[string]string{}
	for _, s := range settings(&want) {
		require.Empty(t, taken[s.env()], "%s and %s share %s", s.key, taken[s.env()], s.env())
		taken[s.env()] = s.key

		var zero Config
		l := &loader{config: zero, origins: map[string]origin{}}
		l.environment([]string{s.env() + "=" + display(s.value)})
		require.Empty(t, l.faults, s.key)
		require.Equal(t, origin{where: s.env()}, l.origins[s.key])
		require.Equal(t, display(s.value), display(settingOf(t, &l.config, s.key).value))
	}
}

func TestEverySettingCanComeFromAFile(t *testing.T) {
	want := Default()
	for _, s := range settings(&want) {
		path := write(t, "value", display(s.value)+"\r\n")
		l := &loader{origins: map[string]origin{}}
		l.environment([]string{s.env() + "_FILE=" + path})
		require.Empty(t, l.faults, s.key)
		require.Equal(t, origin{where: s.env() + "_FILE", file: path}, l.origins[s.key])
		require.Equal(t, display(s.value), display(settingOf(t, &l.config, s.key).value))
	}
}

func TestStoreURLsAndSecretsComeFromFilesThatTheFileNames(t *testing.T) {
	key, url := write(t, "key", testKey+"\n"), write(t, "url", "mysql://u:p@host/name\n")
	c, err := Load(write(t, "signet.yaml", "secrets:\n  master_key_file: "+key+"\ndatabase:\n  url_file: "+url+"\n"), nil)
	require.NoError(t, err)
	require.Equal(t, Secret(testKey), c.Secrets.MasterKey)
	require.Equal(t, StoreURL("mysql://u:p@host/name"), c.Database.URL)
}

func TestEnvironmentFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		want    string
	}{
		"unknown":          {[]string{"SIGNET_ISUER=x"}, "SIGNET_ISUER: unknown variable, did you mean SIGNET_ISSUER?"},
		"unknown file":     {[]string{"SIGNET_ISUER_FILE=x"}, "SIGNET_ISUER_FILE: unknown variable, did you mean SIGNET_ISSUER?"},
		"unlike any":       {[]string{"SIGNET_=x"}, "SIGNET_: unknown variable, docs/configuration.md lists all"},
		"both":             {[]string{"SIGNET_ISSUER=http://localhost", "SIGNET_ISSUER_FILE=x"}, "SIGNET_ISSUER_FILE: issuer: want either SIGNET_ISSUER or SIGNET_ISSUER_FILE"},
		"file missing":     {[]string{"SIGNET_ISSUER_FILE=/nonexistent/x"}, `SIGNET_ISSUER_FILE: issuer: cannot read its file "/nonexistent/x": no such file or directory`},
		"wrong type":       {[]string{"SIGNET_LIMITS_ENABLED=1"}, `SIGNET_LIMITS_ENABLED: limits.enabled is "1": want true or false`},
		"wrong in a list":  {[]string{"SIGNET_SERVER_TRUSTED_PROXIES=10.0.0.0/8,x"}, `SIGNET_SERVER_TRUSTED_PROXIES: server.trusted_proxies is "10.0.0.0/8,x": want an address range such as 10.0.0.0/8 or 192.0.2.7/32, several separated by commas`},
		"refused":          {[]string{"SIGNET_LOG_FORMAT=xml"}, `SIGNET_LOG_FORMAT: log.format is "xml": want text, json`},
		"port is no port":  {[]string{"SIGNET_SERVER_PORT=8080"}, "SIGNET_SERVER_PORT: unknown variable, did you mean SIGNET_SERVER_LISTEN?"},
		"empty where none": {[]string{"SIGNET_DATA_DIR="}, `SIGNET_DATA_DIR: data_dir is "": want a directory`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("", tc.environ)
			require.Equal(t, []string{tc.want}, messages(err, ""))
		})
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	c, err := Load("", []string{
		"SIGNET_TEST_MYSQL=x", "SIGNET_SUPERUSER_PASSWORD=x", "SIGNETX=1", "NOT_SIGNET_X=1", "SIGNET",
		// A Kubernetes service "signet", and one "signet-ops".
		"SIGNET_SERVICE_HOST=10.0.0.1", "SIGNET_SERVICE_PORT=80", "SIGNET_SERVICE_PORT_HTTP=80",
		"SIGNET_PORT=tcp://10.0.0.1:80", "SIGNET_PORT_80_TCP=tcp://10.0.0.1:80", "SIGNET_PORT_80_TCP_ADDR=10.0.0.1",
		"SIGNET_OPS_SERVICE_HOST=10.0.0.1", "SIGNET_OPS_PORT=tcp://10.0.0.1:80",
	})
	require.NoError(t, err)
	require.Equal(t, Default(), c)
}
