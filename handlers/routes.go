package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/templates"
)

// AccountAPI is the base path of the account API.
const AccountAPI = "/api/accounts/v1/"

// The pages that links in mails of the account API lead to: followed by the key, and by uid and token.
const (
	ConfirmEmailPage = AccountAPI + "registration/account-confirm-email"
	ResetPage        = "/password-reset/confirm"
)

// Routes returns every route of the public listener.
func (s *Server) Routes() http.Handler {
	s.crossOrigin = http.NewCrossOriginProtection()
	for _, origin := range s.AllowedOrigins {
		_ = s.crossOrigin.AddTrustedOrigin(origin) // the settings were validated
	}
	s.background = newBackground()
	s.formKey = s.Engine.Master.Derive("form-token")[0] // a form outlives no change of the master key
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.HandleMethodNotAllowed = true
	g.RedirectTrailingSlash = false
	_ = g.SetTrustedProxies(nil) // the address is ours to decide: see clientAddr

	// Metadata (OpenID Connect Discovery, RFC 8414, RFC 7517) and other documents: made once, the same
	// for everybody, asked for all the time. They are counted, and have no log line.
	g.Use(setHeaders(s.safeHeaders()))
	s.document(g, "/.well-known/openid-configuration", s.Engine.ServeDiscovery)
	s.document(g, "/.well-known/oauth-authorization-server", s.Engine.ServeDiscovery)
	s.document(g, "/.well-known/jwks.json", s.Engine.ServeJWKS)
	s.document(g, "/openapi.yaml", serveOpenAPI())

	g.Use(s.observe, s.knownHost)
	g.NoRoute(s.nowhere)
	g.NoMethod(methodNotAllowed)

	// OAuth 2 and OpenID Connect. The engine refuses other methods in the protocol's own form.
	g.GET(authorizePath, s.onPage(s.authorizePage))
	g.POST(authorizePath, s.onPage(s.authorizePage))
	g.GET(endSessionPath, s.onPage(s.endSessionPage))
	g.POST(endSessionPath, s.onPage(s.endSessionPage))
	protocol(g, "/oauth2/token", s.Engine.ServeToken, browsers)
	protocol(g, "/oauth2/introspect", s.Engine.ServeIntrospect, servers)
	protocol(g, "/oauth2/revoke", s.Engine.ServeRevoke, browsers)
	g.POST(registerPath, wrap(s.Engine.ServeRegistration))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		g.Handle(method, registerPath+"/:client_id", s.registeredClient)
	}
	g.GET("/oauth2/userinfo", wrap(s.Engine.ServeUserinfo))
	g.POST("/oauth2/userinfo", wrap(s.Engine.ServeUserinfo))
	g.OPTIONS("/oauth2/userinfo", protocolPreflight)

	// Pages.
	g.GET(templates.StaticPath+":hash/:name", s.staticFile)
	g.HEAD(templates.StaticPath+":hash/:name", s.staticFile)
	g.GET(loginPath, s.onPage(s.loginPage))
	g.POST(loginPath, s.onPage(s.loginFromPage))
	g.GET(consentPath, s.onPage(s.consentPage))
	g.POST(consentPath, s.onPage(s.consent))
	g.GET(logoutPath, s.onPage(s.logoutPage))
	g.POST(logoutPath, s.onPage(s.logoutFromPage))
	s.accountPages(g)

	if s.AccountAPI {
		s.accountRoutes(g)
	}
	if s.Mails != nil {
		g.GET("/dev/mail", s.devMailPage) // not of the service: openapi.yaml does not describe it
	}
	return g
}

// accountRoutes are those of the account API.
func (s *Server) accountRoutes(g *gin.Engine) {
	for path, e := range s.endpoints() {
		s.account(g, path, e)
	}
	for _, slash := range []string{"/", ""} {
		g.GET(ConfirmEmailPage+"/:key"+slash, s.onPage(s.confirmEmailPage))
		g.POST(ConfirmEmailPage+"/:key"+slash, s.onPage(s.confirmEmail))
		g.GET(AccountAPI+"registration/account-email-verification-sent"+slash, s.onPage(s.verificationSentPage))
	}
}

// accountPages are the pages on which people make an account, get back into it and look after it.
func (s *Server) accountPages(g *gin.Engine) {
	g.GET("/", s.onPage(s.startPage))
	g.GET(signUpPath, s.onPage(s.signUpPage))
	g.POST(signUpPath, s.onPage(s.signUp))
	g.GET(VerifyEmailPage, s.onPage(s.verifyEmailPage))
	g.POST(VerifyEmailPage, s.onPage(s.verifyEmailFromPage))
	g.GET(VerifyEmailPage+"/done", s.onPage(s.emailVerifiedPage))
	g.GET("/password-reset", s.onPage(s.forgotPasswordPage))
	g.POST("/password-reset", s.onPage(s.forgotPassword))
	g.GET("/password-reset/sent", s.onPage(s.resetSentPage))
	for _, slash := range []string{"/", ""} {
		g.GET(ResetPage+"/:uid/:token"+slash, s.onPage(s.resetPage))
		g.POST(ResetPage+"/:uid/:token"+slash, s.onPage(s.resetFromPage))
	}
	g.GET("/password-reset/done", s.onPage(s.resetDonePage))
	g.GET(homePath, s.accountPage(s.accountHome))
	g.GET("/account/profile", s.accountPage(s.profilePage))
	g.POST("/account/profile", s.accountPage(s.saveProfile))
	g.GET("/account/password", s.accountPage(s.passwordPage))
	g.POST("/account/password", s.accountPage(s.changePassword))
	g.GET("/account/sessions", s.accountPage(s.sessionsPage))
	g.POST("/account/sessions", s.accountPage(s.endSessions))
	g.GET("/account/apps", s.accountPage(s.appsPage))
	g.POST("/account/apps", s.accountPage(s.endApp))
}

// document serves a document that anybody may read.
func (s *Server) document(g *gin.Engine, path string, h http.HandlerFunc) {
	count := s.Metrics.counter(path)
	counted := func(c *gin.Context) {
		begun := s.Now()
		h(c.Writer, c.Request)
		count(s.Now().Sub(begun), c.Writer.Status())
	}
	g.GET(path, counted)
	g.HEAD(path, counted)
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

// account registers a path of the account API, with and without the final slash.
func (s *Server) account(g *gin.Engine, path string, e *endpoint) {
	for _, full := range []string{AccountAPI + path + "/", AccountAPI + path} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			h := e.methods[method]
			if h == nil && method == http.MethodHead {
				h = e.methods[http.MethodGet]
			}
			if h == nil && method == http.MethodGet && !strings.HasSuffix(full, "/") {
				g.GET(full, toSlash)
				continue
			}
			g.Handle(method, full, s.accountCORS, s.handle(e, h))
		}
		g.OPTIONS(full, s.accountPreflight(e.allow))
	}
}

// toSlash sends somebody who opens a path that is not for GET to the one with its page.
func toSlash(c *gin.Context) {
	c.Header("Location", c.Request.URL.EscapedPath()+"/")
	c.Data(http.StatusMovedPermanently, "text/html; charset=utf-8", nil)
}

func wrap(h http.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) { h(c.Writer, c.Request) }
}
