package configs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/provider/secrets"
)

// Validate returns nil, or the join of a *Fault for every value and combination that is refused.
func (c Config) Validate() error {
	var errs []error
	for _, f := range c.faults() {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// validator collects the faults of one Config.
type validator struct {
	Config
	settings []setting
	found    []*Fault
}

func (c Config) faults() []*Fault {
	v := &validator{Config: c}
	v.settings = settings(&v.Config)
	v.issuer()
	v.server()
	v.stores()
	v.secrets()
	v.tokens()
	v.accounts()
	v.protocol()
	v.mail()
	v.branding()
	v.outbound()
	if !c.Loopback() {
		v.production()
	}
	return v.found
}

// check faults a setting unless ok. want says what would be right.
func (v *validator) check(ok bool, key, want string) {
	if ok {
		return
	}
	i := slices.IndexFunc(v.settings, func(s setting) bool { return s.key == key })
	v.found = append(v.found, &Fault{Key: key, Value: strconv.Quote(display(v.settings[i].value)), Want: want})
}

// oneOf faults a setting that is not one of the values.
func (v *validator) oneOf(key, value string, values ...string) {
	v.check(slices.Contains(values, value), key, "want "+strings.Join(values, ", "))
}

func (v *validator) issuer() {
	const key = "issuer"
	u, err := url.Parse(v.Issuer)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		v.check(false, key, "want https://host, or http://localhost:8080 to try it out")
		return
	}
	// OpenID Connect Discovery §3: no query, no fragment. Clients compare the issuer byte by byte, and
	// every route of ours is at the root.
	v.check(v.Issuer == strings.ToLower(u.Scheme+"://"+u.Host), key,
		"want scheme://host[:port] in lower case, without user, path, final slash, query and fragment")
	v.check(u.Scheme == "https" || v.Loopback(), key, "want https for an issuer that is not loopback")
}

func (v *validator) server() {
	v.check(isListenAddress(v.Server.Listen), "server.listen", "want [host]:port, such as :8080")
	v.check(isListenAddress(v.Server.OpsListen), "server.ops_listen", "want [host]:port, such as 127.0.0.1:9090")
	v.check(!collide(v.Server.Listen, v.Server.OpsListen), "server.ops_listen",
		"want another port than server.listen: health, metrics and profiles are not for the public")
	v.check(!slices.ContainsFunc(v.Server.AllowedHosts, func(h string) bool { return h == "" || strings.ContainsAny(h, "/:*@ ") }),
		"server.allowed_hosts", "want host names, without scheme and port")
	v.check(!slices.ContainsFunc(v.Server.TrustedProxies, func(p netip.Prefix) bool { return p.Bits() <= 0 }),
		"server.trusted_proxies", "want the proxies' own ranges: whoever is trusted may claim any address")
	v.check(v.Server.TLS.CertFile == "" || v.Server.TLS.KeyFile != "", "server.tls.key_file", "want the key of server.tls.cert_file")
	v.check(v.Server.TLS.KeyFile == "" || v.Server.TLS.CertFile != "", "server.tls.cert_file", "want the certificate of server.tls.key_file")
	for _, timeout := range []struct {
		key   string
		value time.Duration
	}{
		{"server.shutdown_timeout", v.Server.ShutdownTimeout},
		{"server.read_header_timeout", v.Server.ReadHeaderTimeout},
		{"server.read_timeout", v.Server.ReadTimeout},
		{"server.write_timeout", v.Server.WriteTimeout},
		{"server.idle_timeout", v.Server.IdleTimeout},
	} {
		v.check(timeout.value > 0, timeout.key, "want more than 0s: a connection must end")
	}
	v.check(v.Server.MaxHeaderBytes >= 4*kib, "server.max_header_bytes", "want 4KiB or more")
	v.check(v.Server.MaxBodyBytes >= 4*kib, "server.max_body_bytes", "want 4KiB or more")
}

func (v *validator) stores() {
	database := string(v.Database.URL)
	switch v.Database.URL.Scheme() {
	case "sqlite":
		v.check(len(database) > len("sqlite:"), "database.url", "want sqlite:FILE")
	case "mysql":
		v.check(hasHost(database), "database.url", "want mysql://user:password@host:3306/name")
	default:
		v.check(false, "database.url", "want sqlite:FILE or mysql://user:password@host:3306/name")
	}
	if v.Sessions.URL != "" {
		v.check(hasHost(string(v.Sessions.URL)) &&
			slices.Contains([]string{"redis", "rediss", "redis+sentinel", "redis+cluster"}, v.Sessions.URL.Scheme()),
			"sessions.url", "want redis://host, rediss://host, redis+sentinel://host1,host2/master, redis+cluster://host1,host2 or nothing")
	}
	v.check(v.Sessions.URL != "" || v.Sessions.WaitReplicas == 0, "sessions.wait_replicas", "want 0 while sessions.url is empty: the database has no Redis replicas")
}

func (v *validator) secrets() {
	const want = "want 32 random bytes in base64, as `openssl rand -base64 32` prints them"
	key := string(v.Secrets.MasterKey)
	v.check(key == "" || isMasterKey(key), "secrets.master_key", want)
	v.check(!slices.ContainsFunc(v.Secrets.PreviousMasterKeys, func(s Secret) bool { return !isMasterKey(string(s)) }),
		"secrets.previous_master_keys", "each: "+want)
}

func (v *validator) tokens() {
	t := v.Tokens
	v.check(t.AccessTokenLifetime > 0, "tokens.access_token_lifetime", "want more than 0s")
	v.check(t.IDTokenLifetime > 0, "tokens.id_token_lifetime", "want more than 0s")
	v.check(t.AccessTokenLifetime <= t.RefreshTokenIdle, "tokens.access_token_lifetime",
		"want at most tokens.refresh_token_idle ("+formatDuration(t.RefreshTokenIdle)+")")
	v.check(t.RefreshTokenIdle <= t.RefreshTokenMax, "tokens.refresh_token_idle",
		"want at most tokens.refresh_token_max ("+formatDuration(t.RefreshTokenMax)+")")
	v.check(t.RefreshGrace < t.RefreshTokenIdle, "tokens.refresh_grace",
		"want less than tokens.refresh_token_idle ("+formatDuration(t.RefreshTokenIdle)+")")
	v.check(time.Second <= t.CodeLifetime && t.CodeLifetime <= 10*time.Minute, "tokens.code_lifetime", "want 1s to 10m (RFC 6749 §4.1.2)")
	v.check(time.Minute <= t.InteractionLifetime && t.InteractionLifetime <= day, "tokens.interaction_lifetime", "want 1m to 1d")
	v.oneOf("tokens.access_token_algorithm", t.AccessTokenAlgorithm, "ES256", "RS256", "EdDSA")
	v.check(t.KeyPollInterval > 0, "tokens.key_poll_interval", "want more than 0s")
	// A new key is published before it signs, until every replica has read it and every cache of the
	// published keys has been refreshed after that.
	lead := t.JWKSMaxAge + 2*t.KeyPollInterval
	v.check(lead < t.KeyRotation, "tokens.key_rotation",
		"want more than tokens.jwks_max_age and twice tokens.key_poll_interval ("+formatDuration(lead)+")")
}

// cookieName is RFC 6265 §4.1.1's cookie-name.
var cookieName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")

func (v *validator) accounts() {
	const wantCookieName = "want a cookie name: letters, digits, - and _"
	a := v.Accounts
	v.check(8 <= a.PasswordMinLength && a.PasswordMinLength <= 64, "accounts.password_min_length", "want 8 to 64")
	// A hash that costs more would not be verified.
	v.check(1 <= a.Argon2.Time && a.Argon2.Time <= passwords.MaxTime, "accounts.argon2.time", "want 1 to 10")
	v.check(1 <= a.Argon2.Threads && a.Argon2.Threads <= passwords.MaxThreads, "accounts.argon2.threads", "want 1 to 16")
	v.check(8*kib*Size(a.Argon2.Threads) <= a.Argon2.Memory && a.Argon2.Memory <= passwords.MaxMemory*kib, "accounts.argon2.memory",
		"want 8KiB per thread or more, and 256MiB or less")
	v.check(a.Argon2.QueueWait > 0, "accounts.argon2.queue_wait", "want more than 0s")
	v.check(cookieName.MatchString(a.Cookies.AccessName), "accounts.cookies.access_name", wantCookieName)
	v.check(cookieName.MatchString(a.Cookies.RefreshName), "accounts.cookies.refresh_name", wantCookieName)
	v.check(a.Cookies.AccessName != a.Cookies.RefreshName, "accounts.cookies.refresh_name", "want another name than accounts.cookies.access_name")
	v.check(cookieName.MatchString(a.Cookies.SessionName), "accounts.cookies.session_name", wantCookieName)
	v.check(v.AccountAPI.SessionLifetime > 0, "account_api.session_lifetime", "want more than 0s")
	v.check(strings.HasPrefix(a.Cookies.RefreshPath, "/") && !strings.ContainsAny(a.Cookies.RefreshPath, "; ,"), "accounts.cookies.refresh_path", "want a path such as / or /api/accounts/v1/")
	v.oneOf("accounts.cookies.same_site", a.Cookies.SameSite, "lax", "strict", "none")
	v.check(a.Cookies.SameSite != "none" || a.Cookies.Secure || strings.HasPrefix(v.Issuer, "https:"), "accounts.cookies.same_site",
		"want lax or strict: browsers drop a none cookie that is not accounts.cookies.secure")
	v.oneOf("accounts.email_verification", a.EmailVerification, "none", "optional", "mandatory")
	login := a.LoginSession
	v.check(login.Idle > 0, "accounts.login_session.idle", "want more than 0s")
	v.check(login.Max >= login.Idle, "accounts.login_session.max", "want accounts.login_session.idle or more")
	v.check(login.Remembered >= login.Max, "accounts.login_session.remembered", "want accounts.login_session.max or more")
	v.check(a.VerificationLifetime > 0, "accounts.verification_lifetime", "want more than 0s")
	v.check(a.PasswordResetLifetime > 0, "accounts.password_reset_lifetime", "want more than 0s")
	v.check(isLink(a.VerifyEmailURL, "{key}"), "accounts.verify_email_url", "want nothing, or a URL with {key}")
	v.check(isLink(a.PasswordResetURL, "{uid}", "{token}"), "accounts.password_reset_url", "want nothing, or a URL with {uid} and {token}")
	v.check(!a.PreventEnumeration || a.EmailVerification == "mandatory", "accounts.prevent_enumeration",
		"want false unless accounts.email_verification is mandatory: who is signed in at once knows that the address was new")
	v.oneOf("account_api.dialect", v.AccountAPI.Dialect, "2", "7")
	v.check(v.AccountAPI.NewPasswordMaxLength == 0 || v.AccountAPI.NewPasswordMaxLength >= 64, "account_api.new_password_max_length",
		"want 64 or more, or 0 for no other limit than 4096 bytes")
}

func (v *validator) protocol() {
	for _, grantType := range v.OAuth.Grants {
		v.oneOf("oauth.grants", grantType, provider.GrantAuthorizationCode, provider.GrantImplicit, provider.GrantRefreshToken, provider.GrantPassword, provider.GrantClientCredentials)
	}
	v.oneOf("oauth.dynamic_registration", v.OAuth.DynamicRegistration, "off", "token", "open")
	v.check(!slices.ContainsFunc(v.CORS.AllowedOrigins, func(o string) bool { return !isOrigin(o) }),
		"cors.allowed_origins", "want origins, scheme://host[:port] in lower case, without a path and without *")
	v.oneOf("log.format", v.Log.Format, "text", "json")
	v.check(v.DataDir != "", "data_dir", "want a directory")
}

// production refuses what is only safe while nobody else can reach the issuer.
func (v *validator) production() {
	if u, err := url.Parse(v.Issuer); err != nil || u.Hostname() == "" {
		return // whatever it was meant to be
	}
	v.check(v.Secrets.MasterKey != "", "secrets.master_key",
		"want one, from `openssl rand -base64 32`: it is generated for a loopback issuer only")
	v.check(v.Limits.Enabled, "limits.enabled", "want true: limits may be off for a loopback issuer only")
	// OWASP's least costs are 46 MiB once, 19 MiB twice, 12 MiB three times … 7 MiB five times.
	argon2 := v.Accounts.Argon2
	v.check(argon2.Memory >= 7*mib && argon2.Memory*Size(argon2.Time) >= 35*mib, "accounts.argon2.memory",
		"want OWASP's minimum or more: 19MiB with time 2, 46MiB with time 1")
}

func isListenAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// collide tells whether two listeners want the same port of the same address. Port 0 is any free
// one.
func collide(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isWildcard(hostA) || isWildcard(hostB)
}

func isWildcard(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// hasHost tells whether a URL has anything between "//", or the user behind it, and the path.
func hasHost(storeURL string) bool {
	_, rest, found := strings.Cut(storeURL, "://")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	return found && rest != "" && !strings.ContainsRune("/?:,", rune(rest[0]))
}

func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") &&
		!strings.Contains(u.Host, "*") && origin == strings.ToLower(u.Scheme+"://"+u.Host)
}

// isLink tells whether a URL for mails is empty, or leads to a page and brings everything that it must.
func isLink(link string, brings ...string) bool {
	if link == "" {
		return true
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(link))
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") &&
		!slices.ContainsFunc(brings, func(part string) bool { return !strings.Contains(link, part) })
}

func isMasterKey(text string) bool {
	_, err := decodeMasterKey(Secret(text))
	return err == nil
}

var errMasterKey = fmt.Errorf("a master key is not the base64 of %d bytes", secrets.KeySize)

func decodeMasterKey(s Secret) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(string(s))
	if err != nil || len(key) != secrets.KeySize {
		return nil, errMasterKey
	}
	return key, nil
}
