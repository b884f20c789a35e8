package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/handlers"
	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/mails"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/templates"
)

func newServe(a *app) *cobra.Command {
	demo := false
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := a.config()
			if err != nil {
				return err
			}
			if demo && !config.Loopback() {
				return usageError{fmt.Errorf("--demo makes accounts with known passwords: it needs a loopback issuer, not %s", config.Issuer)}
			}
			return a.serve(c.Context(), config, demo)
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "make a demo user and example clients (loopback issuer only)")
	return cmd
}

// shortLived is the store of everything that has a lifetime.
type shortLived interface {
	provider.GrantStore
	provider.RecordStore
	provider.LoginSessionStore
	provider.Limiter
	Ping(ctx context.Context) error
}

// openSessions opens the short-lived store: a Redis, or the database itself.
func openSessions(ctx context.Context, config configs.Config, database *sqlstore.Store) (shortLived, func(), error) {
	if config.Sessions.URL == "" {
		return database, func() {}, nil
	}
	redis, err := redisstore.Open(ctx, string(config.Sessions.URL), redisstore.Options{WaitReplicas: config.Sessions.WaitReplicas})
	if err != nil {
		return nil, nil, fmt.Errorf("open sessions: %w", err)
	}
	return redis, func() { _ = redis.Close() }, nil
}

// gcPercent trades memory for time: the heap is small, and collecting it half as often saves a tenth of
// the CPU. The environment's GOGC goes before it.
const gcPercent = 200

// serve wires everything, top to bottom, and runs until ctx ends.
func (a *app) serve(ctx context.Context, config configs.Config, demo bool) error {
	log := newLog(config, a.err)
	if a.env("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	// Stores.
	database, err := openDatabase(ctx, config, log)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	checks := map[string]handlers.Check{"database": database.Ping}
	sessions, closeSessions, err := openSessions(ctx, config, database)
	if err != nil {
		return err
	}
	defer closeSessions()
	if config.Sessions.URL != "" {
		checks["sessions"] = sessions.Ping
	}

	// Rules.
	ring, master, err := openKeys(ctx, config, database)
	if err != nil {
		return fmt.Errorf("open signing keys: %w", err)
	}
	users := newAccounts(config, database)
	if err := oidc.EnsureAccountClient(ctx, database, config.AccountAPI.RotateRefreshTokens, time.Now().UTC()); err != nil {
		return fmt.Errorf("register the account client: %w", err)
	}
	doors := &limits.Limits{
		Shared: sessions, Local: limits.NewMemory(100_000), Enabled: config.Limits.Enabled, Now: time.Now,
		Rates: limits.Rates{
			LoginPerAddress: provider.Rate(config.Limits.LoginPerAddress), LoginPerAccount: provider.Rate(config.Limits.LoginFailuresPerAccount),
			RegistrationPerAddress: provider.Rate(config.Limits.RegistrationPerAddress), TokenPerAddress: provider.Rate(config.Limits.TokenPerAddress),
			TokenPerClient: provider.Rate(config.Limits.TokenPerClient), IntrospectionPerClient: provider.Rate(config.Limits.IntrospectionPerClient),
			AccountAPIPerAddress: provider.Rate(config.Limits.AccountAPIPerAddress), MailPerRecipient: provider.Rate(config.Limits.MailsPerRecipient),
			MailPerAddress: provider.Rate(config.Limits.MailsPerAddress), ClientRegistrationPerAddress: provider.Rate(config.Limits.ClientRegistrationsPerAddress),
		},
	}
	outbox := mails.NewOutbox(database, master, time.Now)
	openDoors(users, config, sessions, outbox, doors)
	client := newOutbound(config)
	pages, err := templates.NewPages(templates.Brand{
		Name: config.Branding.Name, LogoURL: config.Branding.LogoURL, LogoFile: config.Branding.LogoFile, Accent: config.Branding.Accent,
	}, config.Branding.TemplatesDir)
	if err != nil {
		return fmt.Errorf("read pages: %w", err)
	}
	engine := oidc.New(oidc.Engine{
		Settings: oidc.Settings{
			Issuer: config.Issuer, AccessTokenLifetime: config.Tokens.AccessTokenLifetime, IDTokenLifetime: config.Tokens.IDTokenLifetime,
			RefreshTokenIdle: config.Tokens.RefreshTokenIdle, RefreshTokenMax: config.Tokens.RefreshTokenMax, RefreshGrace: config.Tokens.RefreshGrace,
			AccessTokenAlgorithm: config.Tokens.AccessTokenAlgorithm, GrantTypes: config.OAuth.GrantTypes(),
			DefaultAudience: config.Tokens.DefaultAudience, JWKSMaxAge: config.Tokens.JWKSMaxAge,
			CodeLifetime: config.Tokens.CodeLifetime, InteractionLifetime: config.Tokens.InteractionLifetime, UILocales: pages.Languages(),
			Registration: oidc.Registration(config.OAuth.DynamicRegistration),
		},
		Clients: database, Users: database, Standings: database, Ended: database, Consents: database,
		Grants: sessions, Sessions: sessions, Records: sessions, Fetcher: client, Notices: newNotices(database, master), Keys: ring, Master: master,
		Accounts: users, Secrets: clientsecrets.NewVerifier(newClientHasher(config)), Limits: doors, Log: log, Now: time.Now,
	})
	users.SignedOut = engine
	if demo {
		if err := a.makeDemo(ctx, config, users, database); err != nil {
			return fmt.Errorf("make the demo: %w", err)
		}
	}

	// Listeners.
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	issuer, err := url.Parse(config.Issuer)
	if err != nil {
		return err
	}
	post := newPost(config, log)
	worker := &mails.Worker{
		Outbox: outbox, Sender: post.sender, Render: templates.NewMails(config.Branding.Name).Render, Timeout: config.Mail.SMTP.Timeout,
		Log: log, Count: countMails(registry),
	}
	notices := newNoticeWorker(engine, client, registry, log)
	login := config.Accounts.LoginSession
	server := &handlers.Server{
		Pages: pages, SessionTerms: accounts.SessionTerms{Idle: login.Idle, Max: login.Max}, RememberedFor: login.Remembered,
		Engine: engine, Accounts: users, Limits: doors, Metrics: handlers.NewMetrics(registry), Log: log, Now: time.Now,
		Issuer: issuer, AllowedHosts: config.Server.AllowedHosts, TrustedProxies: config.Server.TrustedProxies, AllowedOrigins: config.CORS.AllowedOrigins,
		MaxBody: int64(config.Server.MaxBodyBytes), SignUpOpen: config.Accounts.SignUpOpen, AccountAPI: config.AccountAPI.Enabled,
		Cookies: newCookies(config), Mails: post.readable,
		Compatible: handlers.Compatible{
			Dialect: config.AccountAPI.Dialect, Expirations: config.AccountAPI.ReturnExpirations, CookiesAtSignUp: config.AccountAPI.CookiesAtSignUp,
			CSRFToken: config.AccountAPI.CSRFToken, NewPasswordMax: config.AccountAPI.NewPasswordMaxLength,
		},
	}
	operations := &handlers.Operations{Checks: checks}
	if config.Telemetry.Metrics {
		operations.Gatherer = registry
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { ring.Run(ctx, log); return nil })
	group.Go(func() error { removeExpired(ctx, database, log); return nil })
	group.Go(func() error { worker.Run(ctx); return nil })
	group.Go(func() error { notices.Run(ctx); return nil })
	routes := server.Routes() //nolint:contextcheck // requests bring their own
	group.Go(func() error { return a.listen(ctx, config, listenAddr(config, demo), routes, operations, log) })
	defer server.Wait()
	return group.Wait()
}

// newOutbound is the one way out to addresses that clients name.
func newOutbound(config configs.Config) *outbound.Client {
	rules := config.OutboundRules()
	return outbound.New(outbound.Options{UserAgent: "Signet", AllowPrivate: rules.AllowPrivate, AllowHTTP: rules.AllowHTTP})
}

// openDoors gives the rules for users what they need where strangers reach them.
func openDoors(a *accounts.Accounts, config configs.Config, sessions shortLived, mail provider.MailQueue, doors *limits.Limits) {
	rules := config.Accounts
	a.Tickets, a.Sessions, a.Mail, a.Limits = sessions, sessions, mail, doors
	a.Links = accounts.Links{
		VerifyEmail:   cmp.Or(rules.VerifyEmailURL, config.Issuer+handlers.VerifyEmailPage+"?key={key}"),
		ResetPassword: cmp.Or(rules.PasswordResetURL, config.Issuer+handlers.ResetPage+"/{uid}/{token}/"),
	}
	a.Verification = accounts.Verification(rules.EmailVerification)
	a.VerificationLifetime, a.ResetLifetime = rules.VerificationLifetime, rules.PasswordResetLifetime
	a.PreventEnumeration, a.NewestResetOnly, a.OldPasswordOptional = rules.PreventEnumeration, rules.NewestResetLinkOnly, !rules.OldPasswordRequired
}

func newCookies(config configs.Config) handlers.Cookies {
	c := config.Accounts.Cookies
	sameSite := map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}
	cookies := handlers.Cookies{
		Access: c.AccessName, Refresh: c.RefreshName, RefreshPath: c.RefreshPath,
		SameSite: sameSite[c.SameSite], Secure: c.Secure, Readable: !c.HTTPOnly,
	}
	if config.AccountAPI.LoginSession {
		cookies.Session, cookies.SessionLifetime = c.SessionName, config.AccountAPI.SessionLifetime
	}
	return cookies
}

// listenAddr is where the public listener is. The demo's passwords are known to everybody, so unless an
// address is set it is on this machine alone.
func listenAddr(config configs.Config, demo bool) string {
	if host, port, err := net.SplitHostPort(config.Server.Listen); err == nil && host == "" && demo {
		return net.JoinHostPort("localhost", port)
	}
	return config.Server.Listen
}

// listen serves both listeners until ctx ends, then drains them: unready first, so that balancers
// turn away, then no new requests, then the started ones finish.
func (a *app) listen(ctx context.Context, config configs.Config, listen string, public http.Handler, operations *handlers.Operations, log *slog.Logger) error {
	main := newHTTPServer(config, public, log)
	ops := newHTTPServer(config, operations.Handler(), log)
	ops.WriteTimeout = 0 // profiles take as long as they are asked for

	var network net.ListenConfig
	mainListener, err := network.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	opsListener, err := network.Listen(ctx, "tcp", config.Server.OpsListen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for operations: %w", err), mainListener.Close())
	}
	if files := config.Server.TLS; files.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			return errors.Join(fmt.Errorf("load certificate: %w", err), mainListener.Close(), opsListener.Close())
		}
		mainListener = tls.NewListener(mainListener, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	log.InfoContext(ctx, "serving", "issuer", config.Issuer, "listen", mainListener.Addr().String(), "operations", opsListener.Addr().String())
	a.greet(config, mainListener.Addr())

	failed := make(chan error, 2)
	go func() { failed <- main.Serve(mainListener) }()
	go func() { failed <- ops.Serve(opsListener) }()
	select {
	case err := <-failed:
		return errors.Join(err, main.Close(), ops.Close())
	case <-ctx.Done():
	}
	log.Info("draining") //nolint:sloglint // the context has ended
	operations.Drain()
	time.Sleep(config.Server.ShutdownDelay)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.Server.ShutdownTimeout)
	defer cancel()
	return errors.Join(main.Shutdown(ending), ops.Shutdown(ending))
}

func newHTTPServer(config configs.Config, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: config.Server.ReadHeaderTimeout,
		ReadTimeout:       config.Server.ReadTimeout,
		WriteTimeout:      config.Server.WriteTimeout,
		IdleTimeout:       config.Server.IdleTimeout,
		MaxHeaderBytes:    int(config.Server.MaxHeaderBytes),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// greet tells a newcomer where to go next.
func (a *app) greet(config configs.Config, addr net.Addr) {
	if !config.Loopback() {
		return
	}
	inbox := ""
	if config.Mail.Driver == "file" {
		inbox = "  Mails       " + config.Issuer + "/dev/mail\n"
	}
	fmt.Fprintf(a.out, `
Signet is running.
  Account     %[1]s/account
  Discovery   %[1]s/.well-known/openid-configuration
  Sign up     curl -s %[1]s/api/accounts/v1/registration/ -H 'Content-Type: application/json' \
                -d '{"email":"you@example.com","password1":"correct-horse-9","password2":"correct-horse-9"}'
%[4]s  Health      http://%[2]s/readyz
Listening on %[3]s. Stop with Ctrl-C.
`, config.Issuer, config.Server.OpsListen, addr, inbox)
}

const (
	cleanInterval = time.Minute
	cleanBatch    = 500
)

// removeExpired deletes what is past its end, in small batches.
func removeExpired(ctx context.Context, store provider.ExpiredStore, log *slog.Logger) {
	ticker := time.NewTicker(cleanInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for {
			removed, err := store.DeleteExpired(ctx, time.Now().UTC(), cleanBatch)
			if err != nil {
				if ctx.Err() == nil {
					log.ErrorContext(ctx, "expired records not removed", "error", err)
				}
				break
			}
			if removed < cleanBatch {
				break
			}
		}
	}
}
