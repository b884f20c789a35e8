package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// onEachPair runs a test against a server on SQLite and one on MariaDB with Redis.
func onEachPair(t *testing.T, test func(t *testing.T, p *process)) {
	t.Run("sqlite", func(t *testing.T) { test(t, startServer(t, sqliteEnv(t)...)) })
	t.Run("mariadb+redis", func(t *testing.T) { test(t, startServer(t, sharedEnv(t, testRedis(t))...)) })
}

// A relying party that nobody here wrote: it knows the issuer and its own registration.
func TestRelyingPartyInGo(t *testing.T) {
	onEachPair(t, func(t *testing.T, p *process) {
		ctx := context.Background()
		discovered, err := oidc.NewProvider(ctx, p.issuer)
		require.NoError(t, err)
		var metadata struct {
			Introspection string `json:"introspection_endpoint"`
			Revocation    string `json:"revocation_endpoint"`
			JWKS          string `json:"jwks_uri"`
		}
		require.NoError(t, discovered.Claims(&metadata))

		config := oauth2.Config{ClientID: demoSPA, Endpoint: discovered.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}}
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		token, err := config.PasswordCredentialsToken(ctx, demoEmail, demoPassword)
		require.NoError(t, err)

		verifier := discovered.Verifier(&oidc.Config{ClientID: demoSPA})
		idToken, err := verifier.Verify(ctx, token.Extra("id_token").(string))
		require.NoError(t, err)
		require.NoError(t, idToken.VerifyAccessToken(token.AccessToken))
		access, err := oidc.NewVerifier(p.issuer, oidc.NewRemoteKeySet(ctx, metadata.JWKS),
			&oidc.Config{ClientID: demoSPA, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, token.AccessToken)
		require.NoError(t, err)
		require.Equal(t, idToken.Subject, access.Subject)

		info, err := discovered.UserInfo(ctx, oauth2.StaticTokenSource(token))
		require.NoError(t, err)
		require.Equal(t, idToken.Subject, info.Subject)
		require.Equal(t, demoEmail, info.Email)

		expired := *token
		expired.Expiry = time.Now().Add(-time.Minute)
		refreshed, err := config.TokenSource(ctx, &expired).Token()
		require.NoError(t, err)
		require.NotEqual(t, token.RefreshToken, refreshed.RefreshToken)
		again, err := verifier.Verify(ctx, refreshed.Extra("id_token").(string))
		require.NoError(t, err)
		require.Equal(t, idToken.Subject, again.Subject)

		service := clientcredentials.Config{ClientID: demoService, ClientSecret: demoSecret, TokenURL: discovered.Endpoint().TokenURL, Scopes: []string{"orders:read"}}
		machine, err := service.Token(ctx)
		require.NoError(t, err)
		_, err = oidc.NewVerifier(p.issuer, oidc.NewRemoteKeySet(ctx, metadata.JWKS),
			&oidc.Config{ClientID: "https://api.example.com", SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, machine.AccessToken)
		require.NoError(t, err)

		require.Equal(t, p.issuer+"/oauth2/introspect", metadata.Introspection)
		require.Equal(t, p.issuer+"/oauth2/revoke", metadata.Revocation)
		require.Equal(t, true, p.introspect(refreshed.AccessToken).body["active"])
		require.Equal(t, http.StatusOK, p.revoke(refreshed.RefreshToken).status)
		require.Equal(t, false, p.introspect(refreshed.AccessToken).body["active"])
		_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshed.RefreshToken}).Token()
		require.ErrorContains(t, err, "invalid_grant")
	})
}

// The authorization code flow of a web application (OpenID Connect Core §3.1), from the first request to the logout.
func TestSignInForARelyingPartyInGo(t *testing.T) {
	onEachPair(t, func(t *testing.T, p *process) {
		ctx := t.Context()
		discovered, err := oidc.NewProvider(ctx, p.issuer)
		require.NoError(t, err)
		var metadata struct {
			EndSession string `json:"end_session_endpoint"`
		}
		require.NoError(t, discovered.Claims(&metadata))
		const redirectURI, signedOut = "http://localhost:5174/callback", "http://localhost:5174/signed-out"
		config := oauth2.Config{
			ClientID: demoWebapp, ClientSecret: demoAppSecret, Endpoint: discovered.Endpoint(), RedirectURL: redirectURI,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		}
		config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		person := newPerson(t, "http://localhost:5174/")

		codeVerifier := oauth2.GenerateVerifier()
		begun := time.Now().Truncate(time.Second)
		person.visit(config.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(codeVerifier)))
		person.logIn()
		person.submit("consent-form", url.Values{"action": {"accept"}})
		answer := person.at.Query()
		require.Equal(t, redirectURI, "http://localhost:5174"+person.at.Path)
		require.Equal(t, []string{"a state", p.issuer}, []string{answer.Get("state"), answer.Get("iss")})

		token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(codeVerifier))
		require.NoError(t, err)
		verifier := discovered.Verifier(&oidc.Config{ClientID: demoWebapp})
		raw := token.Extra("id_token").(string)
		idToken, err := verifier.Verify(ctx, raw)
		require.NoError(t, err)
		require.NoError(t, idToken.VerifyAccessToken(token.AccessToken))
		require.Equal(t, "a nonce", idToken.Nonce)
		var claims struct {
			SessionID string   `json:"sid"`
			AuthTime  int64    `json:"auth_time"`
			AMR       []string `json:"amr"`
		}
		require.NoError(t, idToken.Claims(&claims))
		require.NotEmpty(t, claims.SessionID)
		require.WithinRange(t, time.Unix(claims.AuthTime, 0), begun, time.Now())
		require.Equal(t, []string{"pwd"}, claims.AMR)
		info, err := discovered.UserInfo(ctx, oauth2.StaticTokenSource(token))
		require.NoError(t, err)
		require.Equal(t, []string{idToken.Subject, demoEmail}, []string{info.Subject, info.Email})

		refreshed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		require.NoError(t, err)
		again, err := verifier.Verify(ctx, refreshed.Extra("id_token").(string))
		require.NoError(t, err)
		require.Equal(t, idToken.Subject, again.Subject)
		require.NoError(t, again.Claims(&claims))

		// Signed in, and asked before: no page.
		person.visit(config.AuthCodeURL("s", oauth2.S256ChallengeOption(codeVerifier), oauth2.SetAuthURLParam("prompt", "none")))
		second := person.at.Query().Get("code")
		require.NotEmpty(t, second, person.at)
		_, err = config.Exchange(ctx, second, oauth2.VerifierOption(codeVerifier))
		require.NoError(t, err)
		_, err = config.Exchange(ctx, second, oauth2.VerifierOption(codeVerifier))
		require.ErrorContains(t, err, "invalid_grant", "a code is good once")

		person.visit(metadata.EndSession + "?" + url.Values{
			"id_token_hint": {raw}, "post_logout_redirect_uri": {signedOut}, "state": {"a state"},
		}.Encode())
		require.Equal(t, signedOut+"?state=a+state", person.at.String())
		_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshed.RefreshToken}).Token()
		require.ErrorContains(t, err, "invalid_grant", "signing out ends what the session gave")
		person.visit(config.AuthCodeURL("s", oauth2.S256ChallengeOption(codeVerifier), oauth2.SetAuthURLParam("prompt", "none")))
		require.Equal(t, "login_required", person.at.Query().Get("error"))
	})
}

// The same by openid-client, the certified library for JavaScript.
func TestRelyingPartyInJavaScript(t *testing.T) {
	installNodePackage(t, "openid-client")
	onEachPair(t, func(t *testing.T, p *process) {
		script := exec.Command("node", "interop/openid-client.mjs") //nolint:noctx // bounded by the test
		script.Dir = "../../web"
		script.Env = append(os.Environ(), "ISSUER="+p.issuer, "SPA="+demoSPA, "SERVICE="+demoService, "SECRET="+demoSecret, "EMAIL="+demoEmail, "PASSWORD="+demoPassword,
			"WEBAPP="+demoWebapp, "WEBAPP_SECRET="+demoAppSecret)
		out, err := script.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "all steps passed")
	})
}

// What the README shows works as it is shown.
func TestCommandsBesideARunningServer(t *testing.T) {
	onEachPair(t, func(t *testing.T, p *process) {
		require.Contains(t, p.command("users", "list"), demoEmail)
		p.command("users", "set", demoEmail, "--active=false")
		require.Equal(t, "invalid_grant", p.signIn().text("error"))
		p.command("users", "set", demoEmail, "--active=true", "--verified=true", "--first-name=Dee")
		require.Contains(t, p.command("users", "show", demoEmail, "--output", "json"), `"email_verified": true`)
		require.Equal(t, http.StatusOK, p.signIn().status)

		created := p.command("clients", "create", "--id", "worker", "--name", "Worker", "--grant-type", "client_credentials", "--scope", "jobs:run,jobs:read", "--output", "json")
		require.Contains(t, created, `"client_secret": "sgs_`)
		require.Contains(t, p.command("clients", "show", "worker"), "jobs:run jobs:read")
		require.NotContains(t, p.command("clients", "show", "worker", "--output", "json"), "sgs_")
		p.command("clients", "delete", "worker", "--yes")

		require.Contains(t, p.command("keys", "list"), "active")
		require.Contains(t, p.command("keys", "rotate", "--algorithm", "ES256"), "next")
		require.Contains(t, p.command("migrate", "status"), "true")
		require.NotContains(t, p.command("doctor"), "fault")
		require.NotContains(t, p.command("config"), masterKey)
	})
}

func TestClientSecretRotationOverlaps(t *testing.T) { // CLI-04
	p := startServer(t, sqliteEnv(t)...)
	p.command("clients", "create", "--id", "worker", "--secret", "a chosen secret: %+é", "--grant-type", "client_credentials")
	token := func(secret string) int {
		return p.post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "worker", secret).status
	}
	require.Equal(t, http.StatusOK, token("a chosen secret: %+é"))
	p.command("clients", "rotate-secret", "worker", "--overlap", "4s")
	time.Sleep(1100 * time.Millisecond) // the server's cache of clients
	require.Equal(t, http.StatusOK, token("a chosen secret: %+é"))
	time.Sleep(4 * time.Second)
	require.Equal(t, http.StatusUnauthorized, token("a chosen secret: %+é"))
}
