package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/provider"
)

// clientView is a client as the commands read and show it; names are those of RFC 7591 and of OpenID Connect where they
// have them, times are seconds as there.
type clientView struct {
	ID                                string          `json:"client_id"`
	Secret                            string          `json:"client_secret,omitempty"`
	Name                              string          `json:"client_name"`
	TokenEndpointAuthMethod           string          `json:"token_endpoint_auth_method"`
	TokenEndpointAuthSigningAlg       string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	GrantTypes                        []string        `json:"grant_types"`
	ResponseTypes                     []string        `json:"response_types"`
	RedirectURIs                      []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs            []string        `json:"post_logout_redirect_uris"`
	Scope                             string          `json:"scope"`
	Audience                          []string        `json:"audience"`
	JWKS                              json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                           string          `json:"jwks_uri,omitempty"`
	IDTokenSignedResponseAlg          string          `json:"id_token_signed_response_alg,omitempty"`
	UserinfoSignedResponseAlg         string          `json:"userinfo_signed_response_alg,omitempty"`
	RequestObjectSigningAlg           string          `json:"request_object_signing_alg,omitempty"`
	RequestURIs                       []string        `json:"request_uris,omitempty"`
	ClientURI                         string          `json:"client_uri,omitempty"`
	LogoURI                           string          `json:"logo_uri,omitempty"`
	PolicyURI                         string          `json:"policy_uri,omitempty"`
	TermsURI                          string          `json:"tos_uri,omitempty"`
	Contacts                          []string        `json:"contacts,omitempty"`
	ApplicationType                   string          `json:"application_type,omitempty"`
	InitiateLoginURI                  string          `json:"initiate_login_uri,omitempty"`
	SectorIdentifierURI               string          `json:"sector_identifier_uri,omitempty"`
	DefaultMaxAge                     *seconds        `json:"default_max_age,omitempty"`
	DefaultACRValues                  []string        `json:"default_acr_values,omitempty"`
	BackchannelLogoutURI              string          `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool            `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string          `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool            `json:"frontchannel_logout_session_required,omitempty"`
	AllowedOrigins                    []string        `json:"allowed_origins"`
	AccessTokenLifetime               seconds         `json:"access_token_lifetime,omitempty"`
	RefreshTokenIdle                  seconds         `json:"refresh_token_idle,omitempty"`
	RefreshTokenMax                   seconds         `json:"refresh_token_max,omitempty"`
	PKCEOptional                      bool            `json:"pkce_optional"`
	FirstParty                        bool            `json:"first_party"`
	ResourceServer                    bool            `json:"resource_server"`
	NoRefreshRotation                 bool            `json:"no_refresh_rotation"`
	SelfRegistered                    bool            `json:"self_registered"`
	Disabled                          bool            `json:"disabled"`
}

// seconds is a time that metadata counts in seconds.
type seconds time.Duration

// MarshalJSON writes whole seconds.
func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(int64(time.Duration(s) / time.Second))
}

// UnmarshalJSON reads whole seconds.
func (s *seconds) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return fmt.Errorf("%s is not a number of seconds", raw)
	}
	*s = seconds(time.Duration(n) * time.Second)
	return nil
}

func newClientView(c provider.Client) clientView {
	v := clientView{
		ID: c.ID, Name: c.Name, TokenEndpointAuthMethod: c.TokenEndpointAuthMethod,
		TokenEndpointAuthSigningAlg: c.TokenEndpointAuthSigningAlg, GrantTypes: c.GrantTypes,
		ResponseTypes: c.ResponseTypes, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		Scope: strings.Join(c.Scopes, " "), Audience: c.Audience, JWKSURI: c.JWKSURI, IDTokenSignedResponseAlg: c.IDTokenSignedResponseAlg,
		UserinfoSignedResponseAlg: c.UserinfoSignedResponseAlg, RequestObjectSigningAlg: c.RequestObjectSigningAlg, RequestURIs: c.RequestURIs,
		ClientURI: c.ClientURI, LogoURI: c.LogoURI, PolicyURI: c.PolicyURI, TermsURI: c.TermsURI, Contacts: c.Contacts,
		ApplicationType: c.ApplicationType, InitiateLoginURI: c.InitiateLoginURI, SectorIdentifierURI: c.SectorIdentifierURI,
		DefaultMaxAge: (*seconds)(c.DefaultMaxAge), DefaultACRValues: c.DefaultACRValues,
		BackchannelLogoutURI: c.BackchannelLogoutURI, BackchannelLogoutSessionRequired: c.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSessionRequired: c.FrontchannelLogoutSessionRequired,
		AllowedOrigins: c.AllowedOrigins, AccessTokenLifetime: seconds(c.AccessTokenLifetime), RefreshTokenIdle: seconds(c.RefreshTokenIdle),
		RefreshTokenMax: seconds(c.RefreshTokenMax), PKCEOptional: c.PKCEOptional, FirstParty: c.FirstParty, ResourceServer: c.ResourceServer,
		NoRefreshRotation: c.NoRefreshRotation, SelfRegistered: c.SelfRegistered, Disabled: c.Disabled,
	}
	if json.Valid([]byte(c.JWKS)) {
		v.JWKS = json.RawMessage(c.JWKS)
	}
	return v
}

// apply writes the view's fields to a client.
func (v clientView) apply(c *provider.Client) {
	c.ID, c.Name, c.TokenEndpointAuthMethod, c.TokenEndpointAuthSigningAlg = v.ID, v.Name, v.TokenEndpointAuthMethod, v.TokenEndpointAuthSigningAlg
	c.GrantTypes, c.ResponseTypes, c.RedirectURIs = v.GrantTypes, v.ResponseTypes, v.RedirectURIs
	c.PostLogoutRedirectURIs, c.Scopes, c.Audience = v.PostLogoutRedirectURIs, strings.Fields(v.Scope), v.Audience
	c.JWKS, c.JWKSURI = string(v.JWKS), v.JWKSURI
	c.IDTokenSignedResponseAlg, c.UserinfoSignedResponseAlg = v.IDTokenSignedResponseAlg, v.UserinfoSignedResponseAlg
	c.RequestObjectSigningAlg, c.RequestURIs = v.RequestObjectSigningAlg, v.RequestURIs
	c.ClientURI, c.LogoURI, c.PolicyURI, c.TermsURI, c.Contacts = v.ClientURI, v.LogoURI, v.PolicyURI, v.TermsURI, v.Contacts
	c.ApplicationType, c.InitiateLoginURI, c.SectorIdentifierURI = v.ApplicationType, v.InitiateLoginURI, v.SectorIdentifierURI
	c.DefaultMaxAge, c.DefaultACRValues = (*time.Duration)(v.DefaultMaxAge), v.DefaultACRValues
	c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = v.BackchannelLogoutURI, v.BackchannelLogoutSessionRequired
	c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = v.FrontchannelLogoutURI, v.FrontchannelLogoutSessionRequired
	c.AllowedOrigins, c.AccessTokenLifetime = v.AllowedOrigins, time.Duration(v.AccessTokenLifetime)
	c.RefreshTokenIdle, c.RefreshTokenMax = time.Duration(v.RefreshTokenIdle), time.Duration(v.RefreshTokenMax)
	c.PKCEOptional, c.FirstParty, c.ResourceServer, c.NoRefreshRotation = v.PKCEOptional, v.FirstParty, v.ResourceServer, v.NoRefreshRotation
	c.SelfRegistered, c.Disabled = v.SelfRegistered, v.Disabled
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
	cmd.AddCommand(newClientsCreate(a), newClientsList(a), newClientsShow(a), newClientsUpdate(a), newClientsDelete(a), newClientsRotate(a), newClientsRegistrationToken(a))
	return cmd
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
				completeGrants(&client)
				secret, err := o.giveSecret(c.Context(), &client, secret)
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

// completeGrants makes a client that says only where people are sent back to one of the authorization code flow.
func completeGrants(c *provider.Client) {
	if len(c.GrantTypes) == 0 && len(c.RedirectURIs) > 0 {
		c.GrantTypes = []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken}
	}
	if len(c.ResponseTypes) == 0 && c.HasGrantType(provider.GrantAuthorizationCode) {
		c.ResponseTypes = []string{"code"}
	}
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
				secret := ""
				client, err := o.changeClient(c.Context(), args[0], func(client *provider.Client) error {
					err := flags.apply(client, c.Flags())
					if err == nil {
						// Another way of authentication may need a secret that there is not.
						secret, err = o.fitSecret(c.Context(), client)
					}
					if err != nil {
						return err
					}
					return explainFields(client.Validate())
				})
				if err != nil {
					return err
				}
				return a.printSecret(newClientView(client), secret)
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
				secret := ""
				client, err := o.changeClient(c.Context(), args[0], func(client *provider.Client) (err error) {
					secret, err = o.rotateSecret(c.Context(), client, overlap)
					return err
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
