package configs

import (
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testKey = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789ABCDEF"))

// write makes a file with some text in a directory of the test, and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// messages returns the faults of err, one per line, without the directory of path.
func messages(err error, path string) []string {
	if err == nil {
		return nil
	}
	text := err.Error()
	if path != "" {
		text = strings.ReplaceAll(text, path, filepath.Base(path))
	}
	return strings.Split(text, "\n")
}

func TestFileOverlaysDefaults(t *testing.T) {
	c, err := Load(write(t, "signet.yaml", `
server:
  listen: :9999
  trusted_proxies: [10.0.0.0/8, "fd00::/8"]
  max_body_bytes: 128KiB
tokens:
  refresh_token_idle: 7d
  default_audience: >-
    https://api.example.com
limits:
  login_per_address: 10/1m burst 20
cors:
  allowed_origins:
    - https://app.example.com
log:
`), nil)
	require.NoError(t, err)
	want := Default()
	want.Server.Listen = ":9999"
	want.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	want.Server.MaxBodyBytes = 128 << 10
	want.Tokens.RefreshTokenIdle = 7 * 24 * time.Hour
	want.Tokens.DefaultAudience = "https://api.example.com"
	want.Limits.LoginPerAddress = Rate{Limit: 10, Per: time.Minute, Burst: 20}
	want.CORS.AllowedOrigins = []string{"https://app.example.com"}
	require.Equal(t, want, c)
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "server:\n  # nothing\n", "{}", "---\n# nothing\n", "# a\n---\n# b\n...\n# c", "server: # nothing\n\nlog:\n# b\n", "null", "~"} {
		c, err := Load(write(t, "signet.yaml", text), nil)
		require.NoError(t, err, "%q", text)
		require.Equal(t, Default(), c, "%q", text)
	}
}

func TestFileFaults(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":           {"issuer: http://localhost\nserver:\n  lsten: :8080", "signet.yaml:3: server.lsten: unknown key, did you mean listen?"},
		"unknown section":       {"tokenz:\n  a: b", "signet.yaml:1: tokenz: unknown key, did you mean tokens?"},
		"unlike any key":        {"qqqqqqqq: 1", "signet.yaml:1: qqqqqqqq: unknown key, docs/configuration.md lists all"},
		"key twice":             {"server:\n  listen: :1\n  listen: :2", "signet.yaml:3: server.listen: set in line 2 already, want it once"},
		"section twice":         {"log:\n  level: info\nlog:\n  level: info", "signet.yaml:3: log: set in line 1 already, want it once"},
		"value for a section":   {"server: 8080", `signet.yaml:1: server: want a section: one "key: value" per line`},
		"list for a section":    {"server: [a]", `signet.yaml:1: server: want a section: one "key: value" per line`},
		"list at the top":       {"- a", `signet.yaml:1: want a section: one "key: value" per line`},
		"section for a value":   {"issuer:\n  a: b", "signet.yaml:1: issuer: want a single value"},
		"list for a value":      {"issuer: [a]", "signet.yaml:1: issuer: want a single value"},
		"value for a list":      {"cors:\n  allowed_origins: https://a.example", `signet.yaml:2: cors.allowed_origins: want a list: [a, b], or one "- item" per line`},
		"list in a list":        {"cors:\n  allowed_origins: [[a]]", "signet.yaml:2: cors.allowed_origins: want a single value per item"},
		"no value":              {"issuer:", `signet.yaml:1: issuer: has no value; remove the line for the default, or write "" for empty`},
		"bad bool":              {"limits:\n  enabled: yes", `signet.yaml:2: limits.enabled is "yes": want true or false`},
		"bad number":            {"database:\n  max_open_conns: many", `signet.yaml:2: database.max_open_conns is "many": want a whole number, 0 or more`},
		"negative number":       {"database:\n  max_open_conns: -1", `signet.yaml:2: database.max_open_conns is "-1": want a whole number, 0 or more`},
		"bad duration":          {"tokens:\n  id_token_lifetime: 5 minutes", `signet.yaml:2: tokens.id_token_lifetime is "5 minutes": want a duration such as 30s, 5m, 12h or 30d`},
		"duration without unit": {"tokens:\n  id_token_lifetime: 300", `signet.yaml:2: tokens.id_token_lifetime is "300": want a duration such as 30s, 5m, 12h or 30d`},
		"negative duration":     {"tokens:\n  id_token_lifetime: -5m", `signet.yaml:2: tokens.id_token_lifetime is "-5m": want a duration such as 30s, 5m, 12h or 30d`},
		"bad size":              {"server:\n  max_body_bytes: 64kb", `signet.yaml:2: server.max_body_bytes is "64kb": want a size such as 64KiB, 19MiB or 1000`},
		"bad rate":              {"limits:\n  token_per_client: 600", `signet.yaml:2: limits.token_per_client is "600": want a rate such as 30/1m, or "30/1m burst 60"`},
		"bad level":             {"log:\n  level: loud", `signet.yaml:2: log.level is "loud": want debug, info, warn or error`},
		"bad range in a list":   {"server:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - 10.0.0.1", `signet.yaml:4: server.trusted_proxies is "10.0.0.1": want an address range such as 10.0.0.0/8 or 192.0.2.7/32`},
		"alias":                 {"issuer: *x", "signet.yaml:1: issuer: want a single value"},
		"anchor":                {"issuer: &x http://localhost", "signet.yaml:1: issuer: want a single value"},
		"tag":                   {"issuer: !!str http://localhost", "signet.yaml:1: issuer: want a single value"},
		"merge":                 {"server:\n  <<: {listen: :1}", "signet.yaml:2: server: want plain keys, without anchors, aliases and merges"},
		"two documents":         {"issuer: http://localhost\n---\nissuer: http://localhost", "signet.yaml:3: a second document, want one"},
		"value out of range":    {"accounts:\n  password_min_length: 6", `signet.yaml:2: accounts.password_min_length is "6": want 8 to 64`},
		"secret's file missing": {"secrets:\n  master_key_file: /nonexistent/key", `signet.yaml:2: secrets.master_key: cannot read its file "/nonexistent/key": no such file or directory`},
		"secret's file a list":  {"secrets:\n  master_key_file: [a]", `signet.yaml:2: secrets.master_key_file: want the name of a file`},
		"secret and its file":   {"secrets:\n  master_key: \"\"\n  master_key_file: x", `signet.yaml:3: secrets.master_key: set in line 2 already, want it once`},
		"file of no secret":     {"issuer_file: x", "signet.yaml:1: issuer_file: unknown key, did you mean issuer?"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "signet.yaml", tc.text)
			_, err := Load(path, nil)
			require.Equal(t, []string{tc.want}, messages(err, path))
		})
	}
}

func TestFilesThatAreNotYAMLSayTheLine(t *testing.T) {
	path := write(t, "signet.yaml", "issuer: http://localhost\nserver:\n\t- x: [\n")
	_, err := Load(path, []string{"SIGNET_LOG_FORMAT=xml", "SIGNET_LOG_LEVEL=loud"})
	got := messages(err, path)
	require.Len(t, got, 2)
	require.Regexp(t, `^signet\.yaml:\d+: not YAML: `, got[0])
	require.Equal(t, `SIGNET_LOG_LEVEL: log.level is "loud": want debug, info, warn or error`, got[1])

	_, err = Load("/nonexistent/signet.yaml", nil)
	require.EqualError(t, err, "/nonexistent/signet.yaml: cannot be read: no such file or directory")
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	path := write(t, "signet.yaml", `issuer: http://id.example.com/
server:
  listen: 8080
  lisssten: :8080
tokens:
  access_token_lifetime: forever
  refresh_token_idle: 90d
limits:
  enabled: false
`)
	_, err := Load(path, []string{"SIGNET_LOG_FORMAT=xml", "SIGNET_DATABSE_URL=sqlite:x"})
	require.Equal(t, []string{
		"signet.yaml:4: server.lisssten: unknown key, did you mean listen?",
		`signet.yaml:6: tokens.access_token_lifetime is "forever": want a duration such as 30s, 5m, 12h or 30d`,
		"SIGNET_DATABSE_URL: unknown variable, did you mean SIGNET_DATABASE_URL?",
		`signet.yaml:1: issuer is "http://id.example.com/": want scheme://host[:port] in lower case, without user, path, final slash, query and fragment`,
		`signet.yaml:1: issuer is "http://id.example.com/": want https for an issuer that is not loopback`,
		`signet.yaml:3: server.listen is "8080": want [host]:port, such as :8080`,
		`signet.yaml:7: tokens.refresh_token_idle is "90d": want at most tokens.refresh_token_max (30d)`,
		`SIGNET_LOG_FORMAT: log.format is "xml": want text, json`,
		"secrets.master_key is \"\": want one, from `openssl rand -base64 32`: it is generated for a loopback issuer only",
		`signet.yaml:9: limits.enabled is "false": want true: limits may be off for a loopback issuer only`,
	}, messages(err, path))
}

func TestFaultsNeverShowSecrets(t *testing.T) {
	path := write(t, "signet.yaml", `
secrets:
  master_key: hunter2
  previous_master_keys: [hunter2, [hunter2]]
  master_kye: hunter2
database:
  url: postgres://u:hunter2@host/name
sessions: hunter2
`)
	_, err := Load(path, []string{"SIGNET_SECRETS_MASTER_KYE=hunter2", "SIGNET_SESSIONS_URL=http://:hunter2@host"})
	require.Len(t, messages(err, path), 7)
	require.NotContains(t, err.Error(), "hunter2")
	require.ErrorContains(t, err, `database.url is "postgres://u:***@host/name"`)
}

func TestProductionRefusesKeysThatOthersCanRead(t *testing.T) {
	key := write(t, "master.key", testKey+"\n")
	config := write(t, "signet.yaml", "secrets:\n  master_key: "+testKey+"\n")
	byFile := write(t, "signet.yaml", "secrets:\n  master_key_file: "+key+"\n")
	const production, laptop = "SIGNET_ISSUER=https://id.example.com", "SIGNET_ISSUER=http://localhost:8080"

	for name, tc := range map[string]struct {
		path, exposed string
		environ       []string
	}{
		"key in the settings":      {config, config, nil},
		"file named in the file":   {byFile, key, nil},
		"file named in a variable": {"", key, []string{"SIGNET_SECRETS_MASTER_KEY_FILE=" + key}},
		"previous keys": {"", key, []string{
			"SIGNET_SECRETS_MASTER_KEY=" + testKey, "SIGNET_SECRETS_PREVIOUS_MASTER_KEYS_FILE=" + key,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []os.FileMode{0o640, 0o604, 0o644} {
				require.NoError(t, os.Chmod(tc.exposed, mode))
				_, err := Load(tc.path, append(tc.environ, production))
				require.ErrorContains(t, err, "is readable by others (mode 0"+string('0'+rune(mode>>6&7)))
				require.Len(t, messages(err, ""), 1)
				_, err = Load(tc.path, append(tc.environ, laptop))
				require.NoError(t, err)
			}
			require.NoError(t, os.Chmod(tc.exposed, 0o600))
			c, err := Load(tc.path, append(tc.environ, production))
			require.NoError(t, err)
			require.Equal(t, testKey, string(c.Secrets.MasterKey))
		})
	}

	t.Run("a variable replaces the exposed key", func(t *testing.T) {
		require.NoError(t, os.Chmod(config, 0o644))
		_, err := Load(config, []string{production, "SIGNET_SECRETS_MASTER_KEY=" + testKey})
		require.NoError(t, err)
	})
	t.Run("an empty list of keys is no secret", func(t *testing.T) {
		path := write(t, "signet.yaml", "secrets:\n  previous_master_keys: []\n")
		require.NoError(t, os.Chmod(path, 0o644))
		_, err := Load(path, []string{production, "SIGNET_SECRETS_MASTER_KEY=" + testKey})
		require.NoError(t, err)
	})
}

// FuzzLoad: whatever the file and a variable hold, Load returns; what it accepts is valid, and shows
// as a file that it accepts again.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("signet.example.yaml")
	require.NoError(f, err)
	f.Add(string(example), "SERVER_LISTEN", ":1")
	f.Add("server: {listen: *x}\n<<: &a [1]", "TOKENS_REFRESH_TOKEN_MAX", "106751d23h47m16.9s")
	f.Add("? [a]\n: b\n- c\n---\n%YAML", "SERVER_MAX_BODY_BYTES", "8589934592GiB")
	f.Add("limits: !!map {login_per_address: |\n  3/1m}", "LIMITS_TOKEN_PER_CLIENT", "9/1h burst 1")
	f.Add("secrets:\n  master_key_file: ", "CORS_ALLOWED_ORIGINS", "https://[::1]:1,")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		if strings.Contains(text, "_file") || strings.HasSuffix(name, "_FILE") {
			return // it names a file of this machine
		}
		c, err := Load(write(t, "signet.yaml", text), []string{"SIGNET_" + name + "=" + value})
		if err != nil {
			return
		}
		require.NoError(t, c.Validate())
		requireSameWhenShown(t, c)
	})
}
