package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/mails"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/templates"
)

// Server answers the requests of the public listener. Its fields are set once, before Routes.
type Server struct {
	Engine   *oidc.Engine
	Accounts *accounts.Accounts
	Limits   *limits.Limits
	Metrics  *Metrics
	Log      *slog.Logger
	Now      func() time.Time

	// Issuer is the public base URL; cookies are Secure when it is https.
	Issuer *url.URL
	// AllowedHosts are host names by which the server may be called beside the issuer's.
	AllowedHosts []string
	// TrustedProxies may say in X-Forwarded-For whom they speak for; nobody else may.
	TrustedProxies []netip.Prefix
	// AllowedOrigins may call the account API from a browser with credentials.
	AllowedOrigins []string
	// MaxBody bounds request bodies, in bytes.
	MaxBody int64
	// AccountAPI switches the account API on.
	AccountAPI bool
	SignUpOpen bool
	Cookies    Cookies
	Compatible Compatible
	// Pages are what people see.
	Pages *templates.Pages
	// SessionTerms are those of a browser whose user does not ask to be remembered; RememberedFor is for one
	// that does.
	SessionTerms  accounts.SessionTerms
	RememberedFor time.Duration
	// Mails lists the newest mails that stayed on this machine; nil, as for everybody but developers: there
	// is no page that shows them.
	Mails func(limit int) ([]mails.Message, error)

	crossOrigin *http.CrossOriginProtection
	// formKey authenticates form tokens.
	formKey    []byte
	background *background
}

// Cookies are those that give a browser the tokens of the account API.
type Cookies struct {
	Access  string
	Refresh string
	// Session signs a browser in for SessionLifetime, longer than tokens live; empty: there is no such cookie.
	Session         string
	SessionLifetime time.Duration
	// RefreshPath is where the refresh token is sent; empty means everywhere.
	RefreshPath string
	// SameSite is Lax unless set.
	SameSite http.SameSite
	// Secure keeps the cookies off http, also when the issuer is not https.
	Secure bool
	// Readable lets scripts read the cookies.
	Readable bool
}

// Compatible are the ways in which installations of the recorded API differ.
type Compatible struct {
	// Dialect is the major version of dj-rest-auth whose names the answers have: "7" or the recorded one.
	Dialect string
	// Expirations adds to a login's answer when its tokens expire.
	Expirations bool
	// CookiesAtSignUp gives a browser its tokens at registration too.
	CookiesAtSignUp bool
	// CSRFToken demands, beside the right origin, Django's token of callers who use the access cookie.
	CSRFToken bool
	// NewPasswordMax bounds, in characters, a password at change and reset; 0 is what can be hashed.
	NewPasswordMax int
}

// secure tells whether cookies are sent over https only.
func (s *Server) secure() bool { return s.Issuer.Scheme == "https" }

// Check tells whether a part of the service can do its work.
type Check func(ctx context.Context) error
