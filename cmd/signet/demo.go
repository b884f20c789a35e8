package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/clientsecrets"
)

const (
	demoEmail     = "demo@example.com"
	demoPassword  = "demo-Teapot-42" //nolint:gosec // G101: printed at start, loopback only
	demoWebapp    = "demo-webapp"
	demoSPA       = "demo-spa"
	demoService   = "demo-service"
	demoSecret    = "demo-service-secret-for-loopback-only"
	demoAppSecret = "demo-webapp-secret-for-loopback-only" //nolint:gosec // G101: as demoPassword
	// demoAPI is the audience of tokens for examples/api.
	demoAPI = "https://api.example.com"
)

// demoClients are the clients of the examples folder, at the addresses where the examples listen by themselves.
func demoClients() []provider.Client {
	const webapp, spa, spaAccount = "http://localhost:5174", "http://localhost:5175", "http://localhost:5173"
	return []provider.Client{
		{
			ID: demoWebapp, Name: "Demo web application", TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
			SecretHashes:           []provider.SecretHash{{Hash: clientsecrets.Hash(demoAppSecret)}},
			GrantTypes:             []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken},
			ResponseTypes:          []string{"code"},
			RedirectURIs:           []string{webapp + "/callback"},
			PostLogoutRedirectURIs: []string{webapp + "/signed-out"},
			BackchannelLogoutURI:   webapp + "/backchannel-logout", BackchannelLogoutSessionRequired: true,
			Scopes: []string{provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail},
		},
		{
			ID: demoSPA, Name: "Demo single-page app", TokenEndpointAuthMethod: provider.AuthMethodNone,
			GrantTypes:             []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken, provider.GrantPassword},
			ResponseTypes:          []string{"code"},
			RedirectURIs:           []string{spa + "/callback"},
			PostLogoutRedirectURIs: []string{spa + "/signed-out"},
			Scopes:                 []string{provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail, provider.ScopeOfflineAccess, "orders:read"},
			Audience:               []string{demoSPA, demoAPI}, // the first unless the app asks for the API
			AllowedOrigins:         []string{spaAccount, spa},
		},
		{
			ID: demoService, Name: "Demo service", TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
			SecretHashes: []provider.SecretHash{{Hash: clientsecrets.Hash(demoSecret)}},
			GrantTypes:   []string{provider.GrantClientCredentials},
			Scopes:       []string{"orders:read"}, Audience: []string{demoAPI}, ResourceServer: true,
		},
	}
}

// makeDemo makes the user and the clients of the examples, and prints their credentials. What an older start made of
// the clients is replaced: what is printed works.
func (a *app) makeDemo(ctx context.Context, config configs.Config, users *accounts.Accounts, clients provider.ClientStore) error {
	signIn, known, err := makeDemoUser(ctx, users)
	if err != nil {
		return err
	}
	for _, client := range demoClients() {
		if err := putClient(ctx, clients, client); err != nil {
			return fmt.Errorf("client %s: %w", client.ID, err)
		}
	}
	fmt.Fprintf(a.out, `Demo accounts (loopback only):
  user                %s
  web application     client_id=%s client_secret=%s
  single-page app     client_id=%s
  service             client_id=%s client_secret=%s

`, signIn, demoWebapp, demoAppSecret, demoSPA, demoService, demoSecret)
	fmt.Fprintf(a.out, `Examples, each in a terminal of its own:
  go run ./examples/webapp --issuer %[1]s   # http://localhost:5174
  go run ./examples/spa --issuer %[1]s      # http://localhost:5175
  go run ./examples/api --issuer %[1]s      # http://localhost:5176, which the single-page app calls

  curl -s %[1]s/oauth2/token -u %[2]s:%[3]s -d grant_type=client_credentials -d scope=orders:read
`, config.Issuer, demoService, demoSecret)
	if known {
		fmt.Fprintf(a.out, `  curl -s %[1]s/oauth2/token -d grant_type=password -d client_id=%[2]s -d scope='openid email' \
    -d username=%[3]s -d password=%[4]s
`, config.Issuer, demoSPA, demoEmail, demoPassword)
	}
	return nil
}

// makeDemoUser makes the user unless there is one. It returns how to sign in as them, and whether that is known.
func makeDemoUser(ctx context.Context, users *accounts.Accounts) (signIn string, known bool, err error) {
	user, err := users.Users.UserByEmail(ctx, demoEmail)
	if errors.Is(err, provider.ErrNotFound) {
		user, err = users.Register(ctx, accounts.Registration{Email: demoEmail, Password: demoPassword, FirstName: "Demo", LastName: "User"})
	}
	if errors.Is(err, provider.ErrAlreadyExists) { // a replica was faster
		user, err = users.Users.UserByEmail(ctx, demoEmail)
	}
	if invalid := new(provider.InvalidError); errors.As(err, &invalid) {
		return "none: the settings refuse " + demoEmail + " / " + demoPassword, false, nil
	}
	if err != nil {
		return "", false, err
	}
	known, _, err = users.Passwords.Verify(ctx, user.PasswordHash, demoPassword)
	switch {
	case err != nil:
		return "", false, err
	case !user.Active:
		return demoEmail + ", who is disabled", false, nil
	case !known:
		return demoEmail + ", whose password was changed; `signet changepassword " + demoEmail + "` sets another", false, nil
	}
	return demoEmail + " / " + demoPassword, true, nil
}

// putClient registers a client, or replaces what is registered under its ID when that differs.
func putClient(ctx context.Context, clients provider.ClientStore, client provider.Client) error {
	now := time.Now().UTC()
	client.CreatedAt, client.UpdatedAt = now, now
	err := clients.CreateClient(ctx, client)
	if !errors.Is(err, provider.ErrAlreadyExists) {
		return err
	}
	stored, err := clients.Client(ctx, client.ID)
	if err != nil {
		return err
	}
	client.CreatedAt, client.UpdatedAt, client.Disabled = stored.CreatedAt, stored.UpdatedAt, stored.Disabled
	if reflect.DeepEqual(client, stored) {
		return nil
	}
	client.UpdatedAt = now
	if err := clients.ReplaceClient(ctx, client, stored.UpdatedAt); !errors.Is(err, provider.ErrConsumed) {
		return err
	}
	return nil // a replica replaced it at the same moment
}
