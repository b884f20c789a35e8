package configs

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// production is the smallest valid Config of an issuer that is not loopback.
func production() Config {
	c := Default()
	c.Issuer = "https://id.example.com"
	c.Secrets.MasterKey = Secret(testKey)
	return c
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"production":                  func(*Config) {},
		"issuer with a port":          func(c *Config) { c.Issuer = "https://id.example.com:8443" },
		"issuer on https loopback":    func(c *Config) { c.Issuer = "https://localhost:8443" },
		"any free ports":              func(c *Config) { c.Server.Listen, c.Server.OpsListen = "127.0.0.1:0", "127.0.0.1:0" },
		"one port of two addresses":   func(c *Config) { c.Server.Listen, c.Server.OpsListen = "192.0.2.1:80", "127.0.0.1:80" },
		"both TLS files":              func(c *Config) { c.Server.TLS = TLS{CertFile: "a", KeyFile: "b"} },
		"MySQL":                       func(c *Config) { c.Database.URL = "mysql://u:p@ss/w@rd@host:3306/signet" },
		"Redis with replicas":         func(c *Config) { c.Sessions = Sessions{URL: "redis://:p@host:6379/0", WaitReplicas: 1} },
		"Redis Sentinel":              func(c *Config) { c.Sessions.URL = "redis+sentinel://a:26379,b:26379/master" },
		"Redis Cluster":               func(c *Config) { c.Sessions.URL = "redis+cluster://a:7000,b:7000" },
		"Redis with TLS":              func(c *Config) { c.Sessions.URL = "rediss://host" },
		"one proxy":                   func(c *Config) { c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")} },
		"more memory in one pass":     func(c *Config) { c.Accounts.Argon2.Memory, c.Accounts.Argon2.Time = 46*mib, 1 },
		"cheap hashes for loopback":   func(c *Config) { c.Issuer, c.Accounts.Argon2.Memory = "http://localhost", 8*kib },
		"no limits for loopback":      func(c *Config) { c.Issuer, c.Limits.Enabled = "http://[::1]:8080", false },
		"no grace":                    func(c *Config) { c.Tokens.RefreshGrace = 0 },
		"equal lifetimes":             func(c *Config) { c.Tokens.AccessTokenLifetime, c.Tokens.RefreshTokenIdle = day, 30*day },
		"origin of a page in the LAN": func(c *Config) { c.CORS.AllowedOrigins = []string{"http://10.0.0.1:3000"} },
	} {
		t.Run(name, func(t *testing.T) {
			c := production()
			change(&c)
			require.NoError(t, c.Validate())
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(c *Config)
		want   string // the start of the only fault
	}{
		"no issuer":              {func(c *Config) { c.Issuer = "" }, `issuer is "": want https://host`},
		"issuer of no scheme":    {func(c *Config) { c.Issuer = "id.example.com" }, `issuer is "id.example.com": want https://host`},
		"issuer of other scheme": {func(c *Config) { c.Issuer = "ftp://id.example.com" }, `issuer is "ftp://id.example.com": want https://host`},
		"issuer on http":         {func(c *Config) { c.Issuer = "http://id.example.com" }, `issuer is "http://id.example.com": want https for`},
		"issuer with a slash":    {func(c *Config) { c.Issuer += "/" }, `issuer is "https://id.example.com/": want scheme://host`},
		"issuer with a path":     {func(c *Config) { c.Issuer += "/id" }, `issuer is "https://id.example.com/id": want scheme://host`},
		"issuer with a query":    {func(c *Config) { c.Issuer += "?a=b" }, `issuer is "https://id.example.com?a=b": want scheme://host`},
		"issuer with a mark":     {func(c *Config) { c.Issuer += "?" }, `issuer is "https://id.example.com?": want scheme://host`},
		"issuer with a fragment": {func(c *Config) { c.Issuer += "#a" }, `issuer is "https://id.example.com#a": want scheme://host`},
		"issuer with a user":     {func(c *Config) { c.Issuer = "https://u@id.example.com" }, `issuer is "https://u@id.example.com": want scheme://host`},
		"issuer in capitals":     {func(c *Config) { c.Issuer = "https://ID.example.com" }, `issuer is "https://ID.example.com": want scheme://host`},

		"listen without a port":    {func(c *Config) { c.Server.Listen = "localhost" }, `server.listen is "localhost": want [host]:port`},
		"listen with a named port": {func(c *Config) { c.Server.Listen = ":http" }, `server.listen is ":http": want [host]:port`},
		"listen beyond all ports":  {func(c *Config) { c.Server.Listen = ":65536" }, `server.listen is ":65536": want [host]:port`},
		"no operations listener":   {func(c *Config) { c.Server.OpsListen = "" }, `server.ops_listen is "": want [host]:port`},
		"one listener for both":    {func(c *Config) { c.Server.OpsListen = ":8080" }, `server.ops_listen is ":8080": want another port`},
		"one address for both":     {func(c *Config) { c.Server.Listen = "127.0.0.1:9090" }, `server.ops_listen is "127.0.0.1:9090": want another port`},
		"one port by wildcard":     {func(c *Config) { c.Server.Listen = "0.0.0.0:9090" }, `server.ops_listen is "127.0.0.1:9090": want another port`},
		"trust in everybody":       {func(c *Config) { c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, `server.trusted_proxies is "0.0.0.0/0": want the proxies' own`},
		"trust in everybody, IPv6": {func(c *Config) { c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::/0")} }, `server.trusted_proxies is "::/0": want the proxies' own`},
		"certificate without key":  {func(c *Config) { c.Server.TLS.CertFile = "a" }, `server.tls.key_file is "": want the key`},
		"key without certificate":  {func(c *Config) { c.Server.TLS.KeyFile = "a" }, `server.tls.cert_file is "": want the certificate`},
		"no shutdown timeout":      {func(c *Config) { c.Server.ShutdownTimeout = 0 }, `server.shutdown_timeout is "0s": want more`},
		"no read header timeout":   {func(c *Config) { c.Server.ReadHeaderTimeout = 0 }, `server.read_header_timeout is "0s": want more`},
		"no read timeout":          {func(c *Config) { c.Server.ReadTimeout = 0 }, `server.read_timeout is "0s": want more`},
		"no write timeout":         {func(c *Config) { c.Server.WriteTimeout = 0 }, `server.write_timeout is "0s": want more`},
		"no idle timeout":          {func(c *Config) { c.Server.IdleTimeout = 0 }, `server.idle_timeout is "0s": want more`},
		"tiny headers":             {func(c *Config) { c.Server.MaxHeaderBytes = 100 }, `server.max_header_bytes is "100": want 4KiB`},
		"tiny bodies":              {func(c *Config) { c.Server.MaxBodyBytes = 0 }, `server.max_body_bytes is "0": want 4KiB`},

		"no database":                {func(c *Config) { c.Database.URL = "" }, `database.url is "": want sqlite:FILE or mysql`},
		"another database":           {func(c *Config) { c.Database.URL = "postgres://host/x" }, `database.url is "postgres://host/x": want sqlite:FILE or mysql`},
		"SQLite without a file":      {func(c *Config) { c.Database.URL = "sqlite:" }, `database.url is "sqlite:": want sqlite:FILE`},
		"MySQL without a host":       {func(c *Config) { c.Database.URL = "mysql://u:p@/x" }, `database.url is "mysql://u:***@/x": want mysql://`},
		"another session store":      {func(c *Config) { c.Sessions.URL = "memcached://host" }, `sessions.url is "memcached://host": want redis://`},
		"Redis without a host":       {func(c *Config) { c.Sessions.URL = "redis://" }, `sessions.url is "redis://": want redis://`},
		"Redis as a bare address":    {func(c *Config) { c.Sessions.URL = "redis:6379" }, `sessions.url is "redis:6379": want redis://`},
		"replicas without a Redis":   {func(c *Config) { c.Sessions.WaitReplicas = 1 }, `sessions.wait_replicas is "1": want 0 while`},
		"no data directory":          {func(c *Config) { c.DataDir = "" }, `data_dir is "": want a directory`},
		"master key not base64":      {func(c *Config) { c.Secrets.MasterKey = "hunter2!" }, `secrets.master_key is "***": want 32 random bytes`},
		"master key too short":       {func(c *Config) { c.Secrets.MasterKey = "aHVudGVyMg==" }, `secrets.master_key is "***": want 32 random bytes`},
		"previous key too short":     {func(c *Config) { c.Secrets.PreviousMasterKeys = []Secret{Secret(testKey), "eA=="} }, `secrets.previous_master_keys is "***,***": each: want 32`},
		"generated key":              {func(c *Config) { c.Secrets.MasterKey = "" }, "secrets.master_key is \"\": want one, from `openssl"},
		"no limits":                  {func(c *Config) { c.Limits.Enabled = false }, `limits.enabled is "false": want true`},
		"hashes below OWASP's":       {func(c *Config) { c.Accounts.Argon2.Time = 1 }, `accounts.argon2.memory is "19MiB": want OWASP's`},
		"hashes of little memory":    {func(c *Config) { c.Accounts.Argon2 = Argon2{6 * mib, 10, 1, 0, 0, 1} }, `accounts.argon2.memory is "6MiB": want OWASP's`},
		"access token without end":   {func(c *Config) { c.Tokens.AccessTokenLifetime = 0 }, `tokens.access_token_lifetime is "0s": want more`},
		"ID token without life":      {func(c *Config) { c.Tokens.IDTokenLifetime = 0 }, `tokens.id_token_lifetime is "0s": want more`},
		"access beyond idle":         {func(c *Config) { c.Tokens.AccessTokenLifetime = 25 * time.Hour }, `tokens.access_token_lifetime is "1d1h": want at most tokens.refresh_token_idle (1d)`},
		"idle beyond maximum":        {func(c *Config) { c.Tokens.RefreshTokenIdle = 31 * day }, `tokens.refresh_token_idle is "31d": want at most tokens.refresh_token_max (30d)`},
		"grace as long as idle":      {func(c *Config) { c.Tokens.RefreshGrace = day }, `tokens.refresh_grace is "1d": want less than tokens.refresh_token_idle (1d)`},
		"another algorithm":          {func(c *Config) { c.Tokens.AccessTokenAlgorithm = "HS256" }, `tokens.access_token_algorithm is "HS256": want ES256, RS256, EdDSA`},
		"no polling":                 {func(c *Config) { c.Tokens.KeyPollInterval = 0 }, `tokens.key_poll_interval is "0s": want more`},
		"rotation before the caches": {func(c *Config) { c.Tokens.KeyRotation = 6 * time.Minute }, `tokens.key_rotation is "6m": want more than tokens.jwks_max_age and twice tokens.key_poll_interval (6m)`},

		"short passwords":      {func(c *Config) { c.Accounts.PasswordMinLength = 7 }, `accounts.password_min_length is "7": want 8 to 64`},
		"endless passwords":    {func(c *Config) { c.Accounts.PasswordMinLength = 65 }, `accounts.password_min_length is "65": want 8 to 64`},
		"too many passes":      {func(c *Config) { c.Accounts.Argon2.Time = 11 }, `accounts.argon2.time is "11": want 1 to 10`},
		"no threads":           {func(c *Config) { c.Accounts.Argon2.Threads = 0 }, `accounts.argon2.threads is "0": want 1 to 16`},
		"too many threads":     {func(c *Config) { c.Accounts.Argon2.Threads = 17 }, `accounts.argon2.threads is "17": want 1 to 16`},
		"no wait":              {func(c *Config) { c.Accounts.Argon2.QueueWait = 0 }, `accounts.argon2.queue_wait is "0s": want more`},
		"hashes of all memory": {func(c *Config) { c.Accounts.Argon2.Memory = 257 * mib }, `accounts.argon2.memory is "257MiB": want 8KiB per thread`},
		"cookie without name":  {func(c *Config) { c.Accounts.Cookies.AccessName = "" }, `accounts.cookies.access_name is "": want a cookie name`},
		"cookie with a space":  {func(c *Config) { c.Accounts.Cookies.RefreshName = "a b" }, `accounts.cookies.refresh_name is "a b": want a cookie name`},
		"one name for two":     {func(c *Config) { c.Accounts.Cookies.RefreshName = "my-app-auth" }, `accounts.cookies.refresh_name is "my-app-auth": want another name`},
		"another dialect":      {func(c *Config) { c.AccountAPI.Dialect = "3" }, `account_api.dialect is "3": want 2, 7`},
		"passwords cut short":  {func(c *Config) { c.AccountAPI.NewPasswordMaxLength = 32 }, `account_api.new_password_max_length is "32": want 64`},
		"session without name": {func(c *Config) { c.Accounts.Cookies.SessionName = "" }, `accounts.cookies.session_name is "": want a cookie name`},
		"session without life": {func(c *Config) { c.AccountAPI.SessionLifetime = 0 }, `account_api.session_lifetime is "0s": want more`},
		"host with a port":     {func(c *Config) { c.Server.AllowedHosts = []string{"a.example:80"} }, `server.allowed_hosts is "a.example:80": want host names`},
		"no cookie path":       {func(c *Config) { c.Accounts.Cookies.RefreshPath = "" }, `accounts.cookies.refresh_path is "": want a path`},
		"another same-site":    {func(c *Config) { c.Accounts.Cookies.SameSite = "Lax" }, `accounts.cookies.same_site is "Lax": want lax, strict, none`},
		"another verification": {func(c *Config) { c.Accounts.EmailVerification = "yes" }, `accounts.email_verification is "yes": want none, optional, mandatory`},
		"endless verification": {func(c *Config) { c.Accounts.VerificationLifetime = 0 }, `accounts.verification_lifetime is "0s": want more`},
		"endless reset":        {func(c *Config) { c.Accounts.PasswordResetLifetime = 0 }, `accounts.password_reset_lifetime is "0s": want more`},
		"link without a key":   {func(c *Config) { c.Accounts.VerifyEmailURL = "https://app.example/verify" }, `accounts.verify_email_url is "https://app.example/verify": want nothing, or a URL with {key}`},
		"link without a token": {func(c *Config) { c.Accounts.PasswordResetURL = "https://app.example/{uid}" }, `accounts.password_reset_url is "https://app.example/{uid}": want nothing, or a URL with {uid} and {token}`},
		"link to a script":     {func(c *Config) { c.Accounts.VerifyEmailURL = "javascript:{key}" }, `accounts.verify_email_url is "javascript:{key}": want nothing`},
		"enumeration halfway":  {func(c *Config) { c.Accounts.PreventEnumeration = true }, `accounts.prevent_enumeration is "true": want false unless`},
		"long code":            {func(c *Config) { c.Tokens.CodeLifetime = time.Hour }, `tokens.code_lifetime is "1h": want 1s to 10m (RFC 6749 §4.1.2)`},
		"short interaction":    {func(c *Config) { c.Tokens.InteractionLifetime = time.Second }, `tokens.interaction_lifetime is "1s": want 1m to 1d`},
		"login session":        {func(c *Config) { c.Accounts.LoginSession.Max = time.Hour }, `accounts.login_session.max is "1h": want accounts.login_session.idle or more`},
		"another grant":        {func(c *Config) { c.OAuth.Grants = []string{"ciba"} }, `oauth.grants is "ciba": want authorization_code, implicit, refresh_token, password, client_credentials`},
		"another registration": {func(c *Config) { c.OAuth.DynamicRegistration = "friends" }, `oauth.dynamic_registration is "friends": want off, token, open`},
		"outbound everywhere":  {func(c *Config) { c.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, `outbound.allow_private is "0.0.0.0/0": want the ranges of your own clients: strangers may name any address in them`},
		"origin with a path":   {func(c *Config) { c.CORS.AllowedOrigins = []string{"https://a.example/"} }, `cors.allowed_origins is "https://a.example/": want origins`},
		"every origin":         {func(c *Config) { c.CORS.AllowedOrigins = []string{"*"} }, `cors.allowed_origins is "*": want origins`},
		"origins by pattern":   {func(c *Config) { c.CORS.AllowedOrigins = []string{"https://*.a.example"} }, `cors.allowed_origins is "https://*.a.example": want origins`},
		"another log format":   {func(c *Config) { c.Log.Format = "xml" }, `log.format is "xml": want text, json`},
	} {
		t.Run(name, func(t *testing.T) {
			c := production()
			tc.change(&c)
			got := messages(c.Validate(), "")
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], tc.want), "got %s, want %s", got[0], tc.want)
		})
	}
}

func TestLoopbackIssuerStillNeedsAWorkingHash(t *testing.T) {
	c := Default()
	c.Accounts.Argon2.Memory, c.Accounts.Argon2.Threads = 8*kib, 2
	require.EqualError(t, c.Validate(), `accounts.argon2.memory is "8KiB": want 8KiB per thread or more, and 256MiB or less`)
	c.Accounts.Argon2 = Argon2{Memory: mib, Threads: 1, QueueWait: 1}
	require.EqualError(t, c.Validate(), `accounts.argon2.time is "0": want 1 to 10`)
}
