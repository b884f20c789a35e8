package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/clientsecrets"
)

const (
	demoEmail    = "demo@example.com"
	demoPassword = "demo-Teapot-42" //nolint:gosec // G101: printed at start, loopback only
	demoSPA      = "demo-spa"
	demoService  = "demo-service"
	demoSecret   = "demo-service-secret-for-loopback-only"
)

// makeDemo makes the user and the clients of the examples, once, and prints their credentials.
func (a *app) makeDemo(ctx context.Context, config configs.Config, users *accounts.Accounts, clients provider.ClientStore) error {
	_, err := users.Register(ctx, accounts.Registration{Email: demoEmail, Password: demoPassword, FirstName: "Demo", LastName: "User"})
	if invalid := new(provider.InvalidError); err != nil && !errors.As(err, &invalid) { // registered at an earlier start
		return err
	}
	now := time.Now().UTC()
	for _, client := range []provider.Client{
		{
			ID: demoSPA, Name: "Demo single-page app", TokenEndpointAuthMethod: provider.AuthMethodNone,
			GrantTypes:     []string{provider.GrantPassword, provider.GrantRefreshToken},
			Scopes:         []string{provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail, provider.ScopeOfflineAccess},
			AllowedOrigins: []string{"http://localhost:5173"},
		},
		{
			ID: demoService, Name: "Demo service", TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
			SecretHashes: []provider.SecretHash{{Hash: clientsecrets.Hash(demoSecret)}},
			GrantTypes:   []string{provider.GrantClientCredentials},
			Scopes:       []string{"orders:read"}, Audience: []string{"https://api.example.com"}, ResourceServer: true,
		},
	} {
		client.CreatedAt, client.UpdatedAt = now, now
		if err := clients.CreateClient(ctx, client); err != nil && !errors.Is(err, provider.ErrAlreadyExists) {
			return err
		}
	}
	fmt.Fprintf(a.out, `Demo accounts (loopback only):
  user                %s / %s
  single-page app     client_id=%s
  service             client_id=%s client_secret=%s

  curl -s %[6]s/oauth2/token -d grant_type=password -d client_id=%[3]s -d scope='openid email' \
    -d username=%[1]s -d password=%[2]s
  curl -s %[6]s/oauth2/token -u %[4]s:%[5]s -d grant_type=client_credentials -d scope=orders:read
`, demoEmail, demoPassword, demoSPA, demoService, demoSecret, config.Issuer)
	return nil
}
