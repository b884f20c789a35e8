package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/oidc"
)

// Server answers the requests of the public listener. Its fields are set once, before Routes.
type Server struct {
	Engine   *oidc.Engine
	Accounts *accounts.Accounts
	Limits   *limits.Limits
	Users    provider.UserStore
	Metrics  *Metrics
	Log      *slog.Logger
	Now      func() time.Time

	// Issuer is the public base URL; cookies are Secure when it is https.
	Issuer *url.URL
	// TrustedProxies may say in X-Forwarded-For whom they speak for; nobody else may.
	TrustedProxies []netip.Prefix
	// AllowedOrigins may call the account API from a browser with credentials.
	AllowedOrigins []string
	// MaxBody bounds request bodies, in bytes.
	MaxBody int64
	// AccountAPI switches the account API on.
	AccountAPI bool
	SignUpOpen bool
	Cookies    CookieNames

	crossOrigin *http.CrossOriginProtection
}

// CookieNames are the cookies of the account API.
type CookieNames struct {
	Access  string
	Refresh string
}

// secure tells whether cookies are sent over https only.
func (s *Server) secure() bool { return s.Issuer.Scheme == "https" }

// Check tells whether a part of the service can do its work.
type Check func(ctx context.Context) error
