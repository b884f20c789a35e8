package configs

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/signet-id/signet/provider"
)

// Config holds every setting. A yaml tag is the key; the environment variable follows from it
// (server.tls.cert_file is SIGNET_SERVER_TLS_CERT_FILE).
type Config struct {
	// Issuer is the public base URL, the "iss" of every token (OpenID Connect Discovery §3).
	Issuer string `yaml:"issuer"`
	// DataDir holds what a loopback issuer makes for itself.
	DataDir    string     `yaml:"data_dir"`
	Server     Server     `yaml:"server"`
	Database   Database   `yaml:"database"`
	Sessions   Sessions   `yaml:"sessions"`
	Secrets    Secrets    `yaml:"secrets"`
	Tokens     Tokens     `yaml:"tokens"`
	Accounts   Accounts   `yaml:"accounts"`
	AccountAPI AccountAPI `yaml:"account_api"`
	OAuth      OAuth      `yaml:"oauth"`
	Mail       Mail       `yaml:"mail"`
	Limits     Limits     `yaml:"limits"`
	CORS       CORS       `yaml:"cors"`
	Outbound   Outbound   `yaml:"outbound"`
	Branding   Branding   `yaml:"branding"`
	Log        Log        `yaml:"log"`
	Telemetry  Telemetry  `yaml:"telemetry"`
}

// Server says where and how requests are accepted.
type Server struct {
	Listen string `yaml:"listen"`
	// OpsListen serves health, metrics and profiles; it is not meant for the public.
	OpsListen string `yaml:"ops_listen"`
	// AllowedHosts are names by which requests may call the server beside the issuer's.
	AllowedHosts []string `yaml:"allowed_hosts"`
	// TrustedProxies are the peers whose forwarding headers are believed.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	TLS            TLS            `yaml:"tls"`
	// ShutdownDelay is how long requests are still accepted after SIGTERM while /readyz fails, so that
	// balancers have noticed. ShutdownTimeout is how long started requests may take after that.
	ShutdownDelay     time.Duration `yaml:"shutdown_delay"`
	ShutdownTimeout   time.Duration `yaml:"shutdown_timeout"`
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	ReadTimeout       time.Duration `yaml:"read_timeout"`
	WriteTimeout      time.Duration `yaml:"write_timeout"`
	IdleTimeout       time.Duration `yaml:"idle_timeout"`
	MaxHeaderBytes    Size          `yaml:"max_header_bytes"`
	MaxBodyBytes      Size          `yaml:"max_body_bytes"`
}

// TLS names the certificate of a server that no proxy terminates TLS for.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Database is the long-lived store.
type Database struct {
	URL            StoreURL `yaml:"url"`
	MigrateOnStart bool     `yaml:"migrate_on_start"`
	// MaxOpenConns bounds the connections of one process; 0 leaves it to the store.
	MaxOpenConns int `yaml:"max_open_conns"`
}

// Sessions is the short-lived store.
type Sessions struct {
	// URL is a Redis; empty means the database.
	URL StoreURL `yaml:"url"`
	// WaitReplicas makes each single-use decision wait for that many replicas.
	WaitReplicas int `yaml:"wait_replicas"`
}

// Secrets are the keys that everything else is protected with. MasterKeys decodes them.
type Secrets struct {
	MasterKey          Secret   `yaml:"master_key"`
	PreviousMasterKeys []Secret `yaml:"previous_master_keys"`
}

// Tokens says what is issued and for how long.
type Tokens struct {
	AccessTokenLifetime time.Duration `yaml:"access_token_lifetime"`
	IDTokenLifetime     time.Duration `yaml:"id_token_lifetime"`
	// RefreshTokenIdle ends a grant that is not used, RefreshTokenMax any grant.
	RefreshTokenIdle time.Duration `yaml:"refresh_token_idle"`
	RefreshTokenMax  time.Duration `yaml:"refresh_token_max"`
	// CodeLifetime ends an authorization code that is not redeemed, InteractionLifetime a sign-in whose pages
	// are not finished.
	CodeLifetime        time.Duration `yaml:"code_lifetime"`
	InteractionLifetime time.Duration `yaml:"interaction_lifetime"`
	// RefreshGrace is how long a used refresh token still gets the successor it got first.
	RefreshGrace         time.Duration `yaml:"refresh_grace"`
	AccessTokenAlgorithm string        `yaml:"access_token_algorithm"`
	KeyRotation          time.Duration `yaml:"key_rotation"`
	JWKSMaxAge           time.Duration `yaml:"jwks_max_age"`
	KeyPollInterval      time.Duration `yaml:"key_poll_interval"`
	// DefaultAudience is for clients that have none of their own; empty means the client's ID.
	DefaultAudience string `yaml:"default_audience"`
}

// Accounts are the rules for users.
type Accounts struct {
	SignUpOpen        bool `yaml:"sign_up_open"`
	PasswordMinLength int  `yaml:"password_min_length"`
	// EmailVerification is none, optional or mandatory.
	EmailVerification    string        `yaml:"email_verification"`
	VerificationLifetime time.Duration `yaml:"verification_lifetime"`
	// VerifyEmailURL and PasswordResetURL are where mails lead; empty means pages of ours.
	VerifyEmailURL        string        `yaml:"verify_email_url"`
	PasswordResetLifetime time.Duration `yaml:"password_reset_lifetime"`
	PasswordResetURL      string        `yaml:"password_reset_url"`
	// NewestResetLinkOnly ends the links that were mailed before.
	NewestResetLinkOnly bool `yaml:"newest_reset_link_only"`
	// OldPasswordRequired false lets a signed-in user choose a new password without the old one.
	OldPasswordRequired bool    `yaml:"old_password_required"`
	PreventEnumeration  bool    `yaml:"prevent_enumeration"`
	Argon2              Argon2  `yaml:"argon2"`
	Cookies             Cookies `yaml:"cookies"`
	// LoginSession is for browsers that sign in on our pages.
	LoginSession LoginSession `yaml:"login_session"`
}

// LoginSession says how long a browser stays signed in: Idle without use and Max in any case, or Remembered
// for those who ask to be.
type LoginSession struct {
	Idle       time.Duration `yaml:"idle"`
	Max        time.Duration `yaml:"max"`
	Remembered time.Duration `yaml:"remembered"`
}

// Argon2 is the cost of a password hash, and how many may be paid at once.
type Argon2 struct {
	Memory  Size `yaml:"memory"`
	Time    int  `yaml:"time"`
	Threads int  `yaml:"threads"`
	// Concurrent bounds the hashes at once; 0 means the number of cores.
	Concurrent int           `yaml:"concurrent"`
	Queue      int           `yaml:"queue"`
	QueueWait  time.Duration `yaml:"queue_wait"`
}

// Cookies are those that front ends of the account API know.
type Cookies struct {
	AccessName  string `yaml:"access_name"`
	RefreshName string `yaml:"refresh_name"`
	SessionName string `yaml:"session_name"`
	RefreshPath string `yaml:"refresh_path"`
	// SameSite is lax, strict or none.
	SameSite string `yaml:"same_site"`
	// Secure is for the issuer that is not https itself; with an https issuer they always are.
	Secure   bool `yaml:"secure"`
	HTTPOnly bool `yaml:"http_only"`
}

// AccountAPI switches the API that Django front ends speak.
type AccountAPI struct {
	Enabled             bool   `yaml:"enabled"`
	Dialect             string `yaml:"dialect"`
	RotateRefreshTokens bool   `yaml:"rotate_refresh_tokens"`
	ReturnExpirations   bool   `yaml:"return_expirations"`
	CookiesAtSignUp     bool   `yaml:"cookies_at_sign_up"`
	CSRFToken           bool   `yaml:"csrf_token"`
	// LoginSession signs a browser in beyond its tokens' lives, for SessionLifetime.
	LoginSession    bool          `yaml:"login_session"`
	SessionLifetime time.Duration `yaml:"session_lifetime"`
	// NewPasswordMaxLength is in characters; 0 means what can be hashed.
	NewPasswordMaxLength int `yaml:"new_password_max_length"`
}

// OAuth says what of the protocol is offered at all; clients choose among it.
type OAuth struct {
	// PasswordGrant false refuses the password grant (RFC 6749 §4.3) even if Grants lists it.
	PasswordGrant       bool     `yaml:"password_grant"`
	Grants              []string `yaml:"grants"`
	DynamicRegistration string   `yaml:"dynamic_registration"`
}

// GrantTypes returns the grant types that are offered.
func (o OAuth) GrantTypes() []string {
	return slices.DeleteFunc(slices.Clone(o.Grants), func(grantType string) bool {
		return grantType == provider.GrantPassword && !o.PasswordGrant
	})
}

// Limits are the rates at the doors.
type Limits struct {
	Enabled                 bool `yaml:"enabled"`
	LoginPerAddress         Rate `yaml:"login_per_address"`
	LoginFailuresPerAccount Rate `yaml:"login_failures_per_account"`
	RegistrationPerAddress  Rate `yaml:"registration_per_address"`
	AccountAPIPerAddress    Rate `yaml:"account_api_per_address"`
	MailsPerRecipient       Rate `yaml:"mails_per_recipient"`
	MailsPerAddress         Rate `yaml:"mails_per_address"`
	TokenPerAddress         Rate `yaml:"token_per_address"`
	TokenPerClient          Rate `yaml:"token_per_client"`
	IntrospectionPerClient  Rate `yaml:"introspection_per_client"`
	// ClientRegistrationsPerAddress is for clients, RegistrationPerAddress for people.
	ClientRegistrationsPerAddress Rate `yaml:"client_registrations_per_address"`
}

// CORS lists the origins that may call the account API from a browser. Those of the OAuth endpoints
// belong to the clients.
type CORS struct {
	AllowedOrigins []string `yaml:"allowed_origins"`
}

// Log says how the log is written.
type Log struct {
	Format string     `yaml:"format"`
	Level  slog.Level `yaml:"level"`
}

// Telemetry switches what the operations listener measures.
type Telemetry struct {
	Metrics bool `yaml:"metrics"`
}

const (
	day = 24 * time.Hour
	kib = Size(1 << 10)
	mib = Size(1 << 20)
)

// Default returns the settings of a fresh clone: a loopback issuer on SQLite.
func Default() Config {
	return Config{
		Issuer:  "http://localhost:8080",
		DataDir: "data",
		Server: Server{
			Listen:            ":8080",
			OpsListen:         "127.0.0.1:9090",
			ShutdownTimeout:   25 * time.Second,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       120 * time.Second,
			MaxHeaderBytes:    32 * kib,
			MaxBodyBytes:      64 * kib,
		},
		Database: Database{URL: "sqlite:data/signet.db", MigrateOnStart: true},
		Tokens: Tokens{
			AccessTokenLifetime:  5 * time.Minute,
			IDTokenLifetime:      time.Hour,
			RefreshTokenIdle:     day,
			RefreshTokenMax:      30 * day,
			RefreshGrace:         30 * time.Second,
			CodeLifetime:         time.Minute,
			InteractionLifetime:  30 * time.Minute,
			AccessTokenAlgorithm: "ES256",
			KeyRotation:          90 * day,
			JWKSMaxAge:           5 * time.Minute,
			KeyPollInterval:      30 * time.Second,
		},
		Accounts: Accounts{
			SignUpOpen:            true,
			PasswordMinLength:     8,
			EmailVerification:     "optional",
			VerificationLifetime:  3 * day,
			PasswordResetLifetime: time.Hour,
			OldPasswordRequired:   true,
			Argon2:                Argon2{Memory: 19 * mib, Time: 2, Threads: 1, Queue: 50, QueueWait: time.Second},
			Cookies:               Cookies{AccessName: "my-app-auth", RefreshName: "my-refresh-token", SessionName: "sessionid", RefreshPath: "/", SameSite: "lax", HTTPOnly: true},
			LoginSession:          LoginSession{Idle: 12 * time.Hour, Max: day, Remembered: 30 * day},
		},
		AccountAPI: AccountAPI{Enabled: true, Dialect: "2", RotateRefreshTokens: true, SessionLifetime: 14 * day, NewPasswordMaxLength: 128},
		OAuth: OAuth{
			PasswordGrant:       true,
			Grants:              []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken, provider.GrantPassword, provider.GrantClientCredentials},
			DynamicRegistration: "off",
		},
		Mail: defaultMail(),
		Limits: Limits{
			Enabled:                 true,
			LoginPerAddress:         Rate{Limit: 30, Per: time.Minute, Burst: 30},
			LoginFailuresPerAccount: Rate{Limit: 5, Per: 5 * time.Minute, Burst: 5},
			RegistrationPerAddress:  Rate{Limit: 20, Per: time.Hour, Burst: 20},
			AccountAPIPerAddress:    Rate{Limit: 600, Per: time.Minute, Burst: 600},
			MailsPerRecipient:       Rate{Limit: 1, Per: 30 * time.Minute, Burst: 2},
			MailsPerAddress:         Rate{Limit: 60, Per: time.Hour, Burst: 60},
			TokenPerAddress:         Rate{Limit: 300, Per: time.Minute, Burst: 300},
			TokenPerClient:          Rate{Limit: 600, Per: time.Minute, Burst: 600},
			IntrospectionPerClient:  Rate{Limit: 6000, Per: time.Minute, Burst: 6000},

			ClientRegistrationsPerAddress: Rate{Limit: 10, Per: time.Hour, Burst: 10},
		},
		Branding:  Branding{Name: "Signet"},
		Log:       Log{Format: "text"},
		Telemetry: Telemetry{Metrics: true},
	}
}

// setProductionDefaults changes the defaults that suit a laptop only; isSet tells whether the
// operator chose a value.
func (c *Config) setProductionDefaults(isSet func(key string) bool) {
	if !isSet("server.shutdown_delay") {
		c.Server.ShutdownDelay = 5 * time.Second
	}
	if !isSet("log.format") {
		c.Log.Format = "json"
	}
}

// Loopback tells whether the issuer can be reached from this machine alone. Only then may the
// server generate secrets, switch limits off and make demo users.
func (c Config) Loopback() bool {
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return false
	}
	return isLoopback(u.Hostname())
}
