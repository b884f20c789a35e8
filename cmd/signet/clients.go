package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
)

// clientView is a client as the commands read and show it; names are RFC 7591's where it has them.
type clientView struct {
	ID                       string   `json:"client_id"`
	Secret                   string   `json:"client_secret,omitempty"`
	Name                     string   `json:"client_name"`
	TokenEndpointAuthMethod  string   `json:"token_endpoint_auth_method"`
	GrantTypes               []string `json:"grant_types"`
	ResponseTypes            []string `json:"response_types"`
	RedirectURIs             []string `json:"redirect_uris"`
	PostLogoutRedirectURIs   []string `json:"post_logout_redirect_uris"`
	Scope                    string   `json:"scope"`
	Audience                 []string `json:"audience"`
	JWKSURI                  string   `json:"jwks_uri,omitempty"`
	IDTokenSignedResponseAlg string   `json:"id_token_signed_response_alg,omitempty"`
	AllowedOrigins           []string `json:"allowed_origins"`
	FirstParty               bool     `json:"first_party"`
	ResourceServer           bool     `json:"resource_server"`
	NoRefreshRotation        bool     `json:"no_refresh_rotation"`
	Disabled                 bool     `json:"disabled"`
}

func newClientView(c provider.Client) clientView {
	return clientView{
		ID: c.ID, Name: c.Name, TokenEndpointAuthMethod: c.TokenEndpointAuthMethod, GrantTypes: c.GrantTypes,
		ResponseTypes: c.ResponseTypes, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		Scope: strings.Join(c.Scopes, " "), Audience: c.Audience, JWKSURI: c.JWKSURI, IDTokenSignedResponseAlg: c.IDTokenSignedResponseAlg,
		AllowedOrigins: c.AllowedOrigins, FirstParty: c.FirstParty, ResourceServer: c.ResourceServer,
		NoRefreshRotation: c.NoRefreshRotation, Disabled: c.Disabled,
	}
}

// apply writes the view's fields to a client.
func (v clientView) apply(c *provider.Client) {
	c.ID, c.Name, c.TokenEndpointAuthMethod = v.ID, v.Name, v.TokenEndpointAuthMethod
	c.GrantTypes, c.ResponseTypes, c.RedirectURIs = v.GrantTypes, v.ResponseTypes, v.RedirectURIs
	c.PostLogoutRedirectURIs, c.Scopes, c.Audience = v.PostLogoutRedirectURIs, strings.Fields(v.Scope), v.Audience
	c.JWKSURI, c.IDTokenSignedResponseAlg, c.AllowedOrigins = v.JWKSURI, v.IDTokenSignedResponseAlg, v.AllowedOrigins
	c.FirstParty, c.ResourceServer, c.NoRefreshRotation, c.Disabled = v.FirstParty, v.ResourceServer, v.NoRefreshRotation, v.Disabled
}

const clientHeading = "CLIENT_ID\tNAME\tAUTH METHOD\tGRANT TYPES\tSCOPE\tREDIRECT URIS\tDISABLED"

func (v clientView) row() string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%t", v.ID, v.Name, v.TokenEndpointAuthMethod,
		strings.Join(v.GrantTypes, ","), v.Scope, strings.Join(v.RedirectURIs, ","), v.Disabled)
}

func (a *app) printClients(views ...clientView) error {
	rows := make([]string, 0, len(views))
	for _, v := range views {
		rows = append(rows, v.row())
	}
	return a.print(views, clientHeading, rows...)
}

// printSecret shows a client with its secret: the only time that it can be seen.
func (a *app) printSecret(view clientView, secret string) error {
	if a.output == outputJSON {
		view.Secret = secret
		return a.printClients(view)
	}
	if err := a.printClients(view); err != nil {
		return err
	}
	if secret != "" {
		fmt.Fprintf(a.out, "\nclient_secret: %s\nIt is not shown again.\n", secret)
	}
	return nil
}

func newClients(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "clients", Short: "Manage OAuth clients", Args: noArgs}
	cmd.AddCommand(newClientsCreate(a), newClientsList(a), newClientsShow(a), newClientsUpdate(a), newClientsDelete(a), newClientsRotate(a))
	return cmd
}

// clientFlags are the properties that create and update take.
type clientFlags struct {
	view     clientView
	scopes   []string
	public   bool
	jwksFile string
	file     string
}

func (f *clientFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.view.Name, "name", "", "name shown to people")
	flags.StringSliceVar(&f.view.RedirectURIs, "redirect-uri", nil, "redirect URI (repeat or separate by commas)")
	flags.StringSliceVar(&f.view.PostLogoutRedirectURIs, "post-logout-redirect-uri", nil, "where to go after logout")
	flags.StringSliceVar(&f.view.GrantTypes, "grant-type", nil, "grant type")
	flags.StringSliceVar(&f.view.ResponseTypes, "response-type", nil, "response type")
	flags.StringSliceVar(&f.scopes, "scope", nil, "scope that may be asked for")
	flags.StringSliceVar(&f.view.Audience, "audience", nil, "resource server that tokens may be for; the first is the default")
	flags.StringVar(&f.view.TokenEndpointAuthMethod, "token-endpoint-auth-method", "", "client_secret_basic (default), client_secret_post or none")
	flags.StringVar(&f.jwksFile, "jwks-file", "", "file with the client's public keys (RFC 7517)")
	flags.StringVar(&f.view.JWKSURI, "jwks-uri", "", "where the client's public keys are")
	flags.StringVar(&f.view.IDTokenSignedResponseAlg, "id-token-signed-response-alg", "", "RS256 (default), ES256 or EdDSA")
	flags.StringSliceVar(&f.view.AllowedOrigins, "allowed-origin", nil, "origin whose pages may call the token endpoint")
	flags.BoolVar(&f.public, "public", false, "cannot keep a secret: token_endpoint_auth_method none")
	flags.BoolVar(&f.view.FirstParty, "first-party", false, "is the operator's own product")
	flags.BoolVar(&f.view.ResourceServer, "resource-server", false, "may introspect every token")
	flags.BoolVar(&f.view.NoRefreshRotation, "no-refresh-rotation", false, "keep one refresh token until its end")
	flags.BoolVar(&f.view.Disabled, "disabled", false, "refuse the client")
	flags.StringVar(&f.file, "file", "", "read metadata from a JSON file (RFC 7591 names); flags win")
}

// apply writes to a client what the file and then the flags name.
func (f *clientFlags) apply(c *provider.Client, flags *pflag.FlagSet) error {
	view := newClientView(*c)
	if f.file != "" {
		if err := decodeFile(f.file, &view); err != nil {
			return err
		}
		view.ID = c.ID
	}
	for name, set := range map[string]func(){
		"name":                         func() { view.Name = f.view.Name },
		"redirect-uri":                 func() { view.RedirectURIs = f.view.RedirectURIs },
		"post-logout-redirect-uri":     func() { view.PostLogoutRedirectURIs = f.view.PostLogoutRedirectURIs },
		"grant-type":                   func() { view.GrantTypes = f.view.GrantTypes },
		"response-type":                func() { view.ResponseTypes = f.view.ResponseTypes },
		"scope":                        func() { view.Scope = strings.Join(f.scopes, " ") },
		"audience":                     func() { view.Audience = f.view.Audience },
		"token-endpoint-auth-method":   func() { view.TokenEndpointAuthMethod = f.view.TokenEndpointAuthMethod },
		"jwks-uri":                     func() { view.JWKSURI = f.view.JWKSURI },
		"id-token-signed-response-alg": func() { view.IDTokenSignedResponseAlg = f.view.IDTokenSignedResponseAlg },
		"allowed-origin":               func() { view.AllowedOrigins = f.view.AllowedOrigins },
		"first-party":                  func() { view.FirstParty = f.view.FirstParty },
		"resource-server":              func() { view.ResourceServer = f.view.ResourceServer },
		"no-refresh-rotation":          func() { view.NoRefreshRotation = f.view.NoRefreshRotation },
		"disabled":                     func() { view.Disabled = f.view.Disabled },
	} {
		if flags.Changed(name) {
			set()
		}
	}
	if f.public {
		view.TokenEndpointAuthMethod = provider.AuthMethodNone
	}
	view.apply(c)
	if f.jwksFile != "" {
		raw, err := os.ReadFile(f.jwksFile)
		if err != nil {
			return err
		}
		c.JWKS = string(raw)
	}
	return nil
}

func newClientsCreate(a *app) *cobra.Command {
	var flags clientFlags
	id, secret := "", ""
	cmd := &cobra.Command{
		Use: "create", Short: "Register a client; its generated secret is shown once", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if id == "" {
				return usageError{errors.New("--id is needed")}
			}
			return a.operate(c.Context(), func(o *operator) error {
				now := time.Now().UTC()
				client := provider.Client{
					ID: id, TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic, CreatedAt: now, UpdatedAt: now,
				}
				if err := flags.apply(&client, c.Flags()); err != nil {
					return err
				}
				secret, err := giveSecret(c.Context(), o, &client, secret)
				if err != nil {
					return err
				}
				if err := client.Validate(); err != nil {
					return explainFields(err)
				}
				if err := o.database.CreateClient(c.Context(), client); err != nil {
					if errors.Is(err, provider.ErrAlreadyExists) {
						return fmt.Errorf("a client with the id %q exists", client.ID)
					}
					return err
				}
				return a.printSecret(newClientView(client), secret)
			})
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringVar(&id, "id", "", "client_id")
	cmd.Flags().StringVar(&secret, "secret", "", "a secret of your own choice; generated when absent")
	return cmd
}

// minChosenSecret is the shortest secret that somebody may choose.
const minChosenSecret = 16

// giveSecret stores the hash of a chosen or generated secret and returns the secret to be shown;
// public clients get none.
func giveSecret(ctx context.Context, o *operator, client *provider.Client, chosen string) (string, error) {
	if client.Public() && chosen == "" {
		return "", nil
	}
	if chosen != "" {
		if len(chosen) < minChosenSecret {
			return "", usageError{fmt.Errorf("a secret of your own choice needs %d characters; leave --secret away for a generated one", minChosenSecret)}
		}
		hash, err := clientsecrets.HashChosen(ctx, o.accounts.Passwords, chosen)
		client.SecretHashes = []provider.SecretHash{{Hash: hash}}
		return "", err
	}
	secret := clientsecrets.Generate()
	client.SecretHashes = []provider.SecretHash{{Hash: clientsecrets.Hash(secret)}}
	return secret, nil
}

func newClientsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List clients", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				clients, err := o.database.Clients(c.Context())
				if err != nil {
					return err
				}
				views := make([]clientView, 0, len(clients))
				for _, client := range clients {
					views = append(views, newClientView(client))
				}
				return a.printClients(views...)
			})
		},
	}
}

func newClientsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a client", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				client, err := o.client(c.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printClients(newClientView(client))
			})
		},
	}
}

func newClientsUpdate(a *app) *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change a client; what no flag names stays", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				client, err := o.changeClient(c.Context(), args[0], func(client *provider.Client) error {
					if err := flags.apply(client, c.Flags()); err != nil {
						return err
					}
					return explainFields(client.Validate())
				})
				if err != nil {
					return err
				}
				return a.printClients(newClientView(client))
			})
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func newClientsDelete(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a client; its tokens stop working", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				client, err := o.client(c.Context(), args[0])
				if err != nil {
					return err
				}
				if client.ID == provider.AccountClientID {
					return errors.New("the account API is built on this client: switch it off with account_api.enabled")
				}
				if err := a.confirm(yes, "Delete client "+client.ID+"?"); err != nil {
					return err
				}
				return o.database.DeleteClient(c.Context(), client.ID)
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newClientsRotate(a *app) *cobra.Command {
	overlap := time.Duration(0)
	cmd := &cobra.Command{
		Use: "rotate-secret ID", Short: "Give a client a new secret, shown once", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				secret := clientsecrets.Generate()
				client, err := o.changeClient(c.Context(), args[0], func(client *provider.Client) error {
					if client.Public() {
						return errors.New("the client has no secret: its token_endpoint_auth_method is none")
					}
					fresh := provider.SecretHash{Hash: clientsecrets.Hash(secret)}
					if overlap <= 0 {
						client.SecretHashes = []provider.SecretHash{fresh}
						return nil
					}
					old := client.SecretHashes[0]
					old.ExpiresAt = time.Now().UTC().Add(overlap)
					client.SecretHashes = []provider.SecretHash{fresh, old}
					return nil
				})
				if err != nil {
					return err
				}
				return a.printSecret(newClientView(client), secret)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 0, "how long the old secret stays valid")
	return cmd
}

// client finds a client for a command.
func (o *operator) client(ctx context.Context, id string) (provider.Client, error) {
	client, err := o.database.Client(ctx, id)
	if errors.Is(err, provider.ErrNotFound) {
		return provider.Client{}, fmt.Errorf("no client has the id %q", id)
	}
	return client, err
}

// changeClient reads a client, changes it and writes it back unless somebody else did meanwhile.
func (o *operator) changeClient(ctx context.Context, id string, change func(*provider.Client) error) (provider.Client, error) {
	client, err := o.client(ctx, id)
	if err != nil {
		return provider.Client{}, err
	}
	if client.ID == provider.AccountClientID {
		return provider.Client{}, errors.New("the account API is built on this client: change it by the settings of account_api")
	}
	was := client.UpdatedAt
	client.SecretHashes = slices.Clone(client.SecretHashes)
	if err := change(&client); err != nil {
		return provider.Client{}, err
	}
	client.UpdatedAt = time.Now().UTC()
	err = o.database.ReplaceClient(ctx, client, was)
	if errors.Is(err, provider.ErrConsumed) {
		return provider.Client{}, errors.New("somebody else changed the client at the same time; try again")
	}
	return client, err
}

// explainFields writes the faults of metadata out, each with its name.
func explainFields(err error) error {
	invalid := new(provider.InvalidError)
	if !errors.As(err, &invalid) {
		return err
	}
	lines := make([]string, 0, len(invalid.Fields))
	for _, f := range invalid.Fields {
		lines = append(lines, f.Field+" "+f.Message)
	}
	return usageError{errors.New(strings.Join(lines, "\n"))}
}
