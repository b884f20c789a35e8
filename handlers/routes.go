package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// AccountAPI is the base path of the account API.
const AccountAPI = "/api/accounts/v1/"

// Routes returns every route of the public listener.
func (s *Server) Routes() http.Handler {
	s.crossOrigin = http.NewCrossOriginProtection()
	for _, origin := range s.AllowedOrigins {
		_ = s.crossOrigin.AddTrustedOrigin(origin) // the settings were validated
	}
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.HandleMethodNotAllowed = true
	g.RedirectTrailingSlash = false
	_ = g.SetTrustedProxies(nil) // the address is ours to decide: see clientAddr
	g.Use(s.observe, s.secureHeaders)
	g.NoRoute(notFound)
	g.NoMethod(methodNotAllowed)

	// Metadata (OpenID Connect Discovery, RFC 8414, RFC 7517).
	public(g, "/.well-known/openid-configuration", s.Engine.ServeDiscovery)
	public(g, "/.well-known/oauth-authorization-server", s.Engine.ServeDiscovery)
	public(g, "/.well-known/jwks.json", s.Engine.ServeJWKS)
	public(g, "/openapi.yaml", serveOpenAPI())

	// OAuth 2 and OpenID Connect. The engine refuses other methods in the protocol's own form.
	protocol(g, "/oauth2/token", s.Engine.ServeToken, browsers)
	protocol(g, "/oauth2/introspect", s.Engine.ServeIntrospect, servers)
	protocol(g, "/oauth2/revoke", s.Engine.ServeRevoke, browsers)
	g.GET("/oauth2/userinfo", wrap(s.Engine.ServeUserinfo))
	g.POST("/oauth2/userinfo", wrap(s.Engine.ServeUserinfo))
	g.OPTIONS("/oauth2/userinfo", protocolPreflight)

	if s.AccountAPI {
		s.accountRoutes(g)
	}
	return g
}

// accountRoutes are those of the account API.
func (s *Server) accountRoutes(g *gin.Engine) {
	s.account(g, "registration", methods{http.MethodPost: s.registration})
	s.account(g, "login", methods{http.MethodPost: s.login})
	s.account(g, "logout", methods{http.MethodPost: s.logout})
	s.account(g, "user", methods{http.MethodGet: s.user, http.MethodPut: s.updateUser, http.MethodPatch: s.updateUser})
	s.account(g, "token/refresh", methods{http.MethodPost: s.tokenRefresh})
	s.account(g, "token/verify", methods{http.MethodPost: s.tokenVerify})
}

// public serves a document that anybody may read.
func public(g *gin.Engine, path string, h http.HandlerFunc) {
	g.GET(path, wrap(h))
	g.HEAD(path, wrap(h))
	g.OPTIONS(path, protocolPreflight)
}

// callers says whether pages may call an endpoint.
type callers bool

const (
	browsers callers = true
	servers  callers = false
)

func protocol(g *gin.Engine, path string, h http.HandlerFunc, who callers) {
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		g.Handle(method, path, wrap(h))
	}
	if who == browsers {
		g.OPTIONS(path, protocolPreflight)
	}
}

// methods maps the methods of a path to what answers them.
type methods map[string]handler

// account registers a path of the account API, with and without the final slash.
func (s *Server) account(g *gin.Engine, path string, m methods) {
	allow := m.allow()
	for _, full := range []string{AccountAPI + path + "/", AccountAPI + path} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			h := m[method]
			if h == nil && method == http.MethodHead {
				h = m[http.MethodGet]
			}
			if h == nil {
				h = refuseMethod
			}
			g.Handle(method, full, s.accountCORS, s.handle(allow, h))
		}
		g.OPTIONS(full, s.accountPreflight(allow))
	}
}

// allow is the Allow header in the order that the account API has always had.
func (m methods) allow() string {
	var names []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch} {
		if m[method] != nil {
			names = append(names, method)
		}
	}
	if m[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	return strings.Join(append(names, http.MethodOptions), ", ")
}

func wrap(h http.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) { h(c.Writer, c.Request) }
}
