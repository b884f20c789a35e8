package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signet-id/signet/provider"
)

// clientRow is a client: what statements decide by has columns, the rest is one document.
type clientRow struct {
	ID        string `gorm:"primaryKey"`
	Disabled  bool
	CreatedAt timestamp `gorm:"autoCreateTime:false"`
	UpdatedAt timestamp `gorm:"autoUpdateTime:false"`
	Document  []byte
}

func (clientRow) TableName() string { return "clients" }

// clientDocument is the stored form of a client's metadata, in the words of RFC 7591.
type clientDocument struct {
	Version                           int            `json:"v"`
	Name                              string         `json:"client_name,omitempty"`
	Secrets                           []clientSecret `json:"secrets,omitempty"`
	TokenEndpointAuthMethod           string         `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes                        []string       `json:"grant_types,omitempty"`
	ResponseTypes                     []string       `json:"response_types,omitempty"`
	RedirectURIs                      []string       `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs            []string       `json:"post_logout_redirect_uris,omitempty"`
	Scopes                            []string       `json:"scopes,omitempty"`
	Audience                          []string       `json:"audience,omitempty"`
	JWKS                              string         `json:"jwks,omitempty"`
	JWKSURI                           string         `json:"jwks_uri,omitempty"`
	IDTokenSignedResponseAlg          string         `json:"id_token_signed_response_alg,omitempty"`
	AllowedOrigins                    []string       `json:"allowed_origins,omitempty"`
	FirstParty                        bool           `json:"first_party,omitempty"`
	ResourceServer                    bool           `json:"resource_server,omitempty"`
	NoRefreshRotation                 bool           `json:"no_refresh_rotation,omitempty"`
	AccessTokenLifetime               time.Duration  `json:"access_token_lifetime,omitempty"`
	RefreshTokenIdle                  time.Duration  `json:"refresh_token_idle,omitempty"`
	RefreshTokenMax                   time.Duration  `json:"refresh_token_max,omitempty"`
	UserinfoSignedResponseAlg         string         `json:"userinfo_signed_response_alg,omitempty"`
	RequestObjectSigningAlg           string         `json:"request_object_signing_alg,omitempty"`
	RequestURIs                       []string       `json:"request_uris,omitempty"`
	TokenEndpointAuthSigningAlg       string         `json:"token_endpoint_auth_signing_alg,omitempty"`
	SealedSecret                      []byte         `json:"sealed_secret,omitempty"`
	ClientURI                         string         `json:"client_uri,omitempty"`
	LogoURI                           string         `json:"logo_uri,omitempty"`
	PolicyURI                         string         `json:"policy_uri,omitempty"`
	TermsURI                          string         `json:"tos_uri,omitempty"`
	Contacts                          []string       `json:"contacts,omitempty"`
	ApplicationType                   string         `json:"application_type,omitempty"`
	InitiateLoginURI                  string         `json:"initiate_login_uri,omitempty"`
	SectorIdentifierURI               string         `json:"sector_identifier_uri,omitempty"`
	DefaultMaxAge                     *time.Duration `json:"default_max_age,omitempty"`
	DefaultACRValues                  []string       `json:"default_acr_values,omitempty"`
	BackchannelLogoutURI              string         `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool           `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string         `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool           `json:"frontchannel_logout_session_required,omitempty"`
	PKCEOptional                      bool           `json:"pkce_optional,omitempty"`
	SelfRegistered                    bool           `json:"self_registered,omitempty"`
	RegistrationTokenHash             string         `json:"registration_token_hash,omitempty"`
}

type clientSecret struct {
	Hash      string    `json:"hash"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// clientDocumentVersion is written now; older ones are read too.
const clientDocumentVersion = 1

func newClientRow(c provider.Client) (clientRow, error) {
	d := clientDocument{
		Version:                           clientDocumentVersion,
		Name:                              c.Name,
		TokenEndpointAuthMethod:           c.TokenEndpointAuthMethod,
		GrantTypes:                        c.GrantTypes,
		ResponseTypes:                     c.ResponseTypes,
		RedirectURIs:                      c.RedirectURIs,
		PostLogoutRedirectURIs:            c.PostLogoutRedirectURIs,
		Scopes:                            c.Scopes,
		Audience:                          c.Audience,
		JWKS:                              c.JWKS,
		JWKSURI:                           c.JWKSURI,
		IDTokenSignedResponseAlg:          c.IDTokenSignedResponseAlg,
		AllowedOrigins:                    c.AllowedOrigins,
		FirstParty:                        c.FirstParty,
		ResourceServer:                    c.ResourceServer,
		NoRefreshRotation:                 c.NoRefreshRotation,
		AccessTokenLifetime:               c.AccessTokenLifetime,
		RefreshTokenIdle:                  c.RefreshTokenIdle,
		RefreshTokenMax:                   c.RefreshTokenMax,
		UserinfoSignedResponseAlg:         c.UserinfoSignedResponseAlg,
		RequestObjectSigningAlg:           c.RequestObjectSigningAlg,
		RequestURIs:                       c.RequestURIs,
		TokenEndpointAuthSigningAlg:       c.TokenEndpointAuthSigningAlg,
		SealedSecret:                      c.SealedSecret,
		ClientURI:                         c.ClientURI,
		LogoURI:                           c.LogoURI,
		PolicyURI:                         c.PolicyURI,
		TermsURI:                          c.TermsURI,
		Contacts:                          c.Contacts,
		ApplicationType:                   c.ApplicationType,
		InitiateLoginURI:                  c.InitiateLoginURI,
		SectorIdentifierURI:               c.SectorIdentifierURI,
		DefaultMaxAge:                     c.DefaultMaxAge,
		DefaultACRValues:                  c.DefaultACRValues,
		BackchannelLogoutURI:              c.BackchannelLogoutURI,
		BackchannelLogoutSessionRequired:  c.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI:             c.FrontchannelLogoutURI,
		FrontchannelLogoutSessionRequired: c.FrontchannelLogoutSessionRequired,
		PKCEOptional:                      c.PKCEOptional,
		SelfRegistered:                    c.SelfRegistered,
		RegistrationTokenHash:             c.RegistrationTokenHash,
	}
	for _, secret := range c.SecretHashes {
		d.Secrets = append(d.Secrets, clientSecret{Hash: secret.Hash, ExpiresAt: micro(secret.ExpiresAt)})
	}
	document, err := json.Marshal(d)
	if err != nil {
		return clientRow{}, fmt.Errorf("encode client: %w", err)
	}
	return clientRow{
		ID: c.ID, Disabled: c.Disabled, Document: document,
		CreatedAt: timestamp{micro(c.CreatedAt)}, UpdatedAt: timestamp{micro(c.UpdatedAt)},
	}, nil
}

// clientDocuments is how many decoded documents a Store remembers.
const clientDocuments = 1024

// knownDocument is a decoded document beside its stored form.
type knownDocument struct {
	stored  []byte
	decoded clientDocument
}

// client returns the client of a row. Every token request reads one, nearly always as it was
// before: a document that did not change is not decoded again.
func (s *Store) client(r clientRow) (provider.Client, error) {
	if known, ok := s.documents.Get(r.ID); ok && bytes.Equal(known.stored, r.Document) {
		return r.with(known.decoded), nil
	}
	var d clientDocument
	if err := json.Unmarshal(r.Document, &d); err != nil {
		return provider.Client{}, fmt.Errorf("decode client: %w", err)
	}
	if d.Version > clientDocumentVersion {
		return provider.Client{}, fmt.Errorf("decode client: %w", errNewerDocument)
	}
	s.documents.Add(r.ID, knownDocument{stored: r.Document, decoded: d})
	return r.with(d), nil
}

// with returns the client that a row and its document make; it shares nothing with the document.
func (r clientRow) with(d clientDocument) provider.Client {
	c := provider.Client{
		ID:                                r.ID,
		Name:                              d.Name,
		TokenEndpointAuthMethod:           d.TokenEndpointAuthMethod,
		GrantTypes:                        slices.Clone(d.GrantTypes),
		ResponseTypes:                     slices.Clone(d.ResponseTypes),
		RedirectURIs:                      slices.Clone(d.RedirectURIs),
		PostLogoutRedirectURIs:            slices.Clone(d.PostLogoutRedirectURIs),
		Scopes:                            slices.Clone(d.Scopes),
		Audience:                          slices.Clone(d.Audience),
		JWKS:                              d.JWKS,
		JWKSURI:                           d.JWKSURI,
		IDTokenSignedResponseAlg:          d.IDTokenSignedResponseAlg,
		AllowedOrigins:                    slices.Clone(d.AllowedOrigins),
		FirstParty:                        d.FirstParty,
		ResourceServer:                    d.ResourceServer,
		NoRefreshRotation:                 d.NoRefreshRotation,
		AccessTokenLifetime:               d.AccessTokenLifetime,
		RefreshTokenIdle:                  d.RefreshTokenIdle,
		RefreshTokenMax:                   d.RefreshTokenMax,
		UserinfoSignedResponseAlg:         d.UserinfoSignedResponseAlg,
		RequestObjectSigningAlg:           d.RequestObjectSigningAlg,
		RequestURIs:                       slices.Clone(d.RequestURIs),
		TokenEndpointAuthSigningAlg:       d.TokenEndpointAuthSigningAlg,
		SealedSecret:                      slices.Clone(d.SealedSecret),
		ClientURI:                         d.ClientURI,
		LogoURI:                           d.LogoURI,
		PolicyURI:                         d.PolicyURI,
		TermsURI:                          d.TermsURI,
		Contacts:                          slices.Clone(d.Contacts),
		ApplicationType:                   d.ApplicationType,
		InitiateLoginURI:                  d.InitiateLoginURI,
		SectorIdentifierURI:               d.SectorIdentifierURI,
		DefaultACRValues:                  slices.Clone(d.DefaultACRValues),
		BackchannelLogoutURI:              d.BackchannelLogoutURI,
		BackchannelLogoutSessionRequired:  d.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI:             d.FrontchannelLogoutURI,
		FrontchannelLogoutSessionRequired: d.FrontchannelLogoutSessionRequired,
		PKCEOptional:                      d.PKCEOptional,
		SelfRegistered:                    d.SelfRegistered,
		RegistrationTokenHash:             d.RegistrationTokenHash,
		Disabled:                          r.Disabled,
		CreatedAt:                         r.CreatedAt.Time,
		UpdatedAt:                         r.UpdatedAt.Time,
	}
	if d.DefaultMaxAge != nil {
		age := *d.DefaultMaxAge
		c.DefaultMaxAge = &age
	}
	for _, secret := range d.Secrets {
		c.SecretHashes = append(c.SecretHashes, provider.SecretHash{Hash: secret.Hash, ExpiresAt: secret.ExpiresAt})
	}
	return c
}

func (s *Store) CreateClient(ctx context.Context, c provider.Client) error {
	row, err := newClientRow(c)
	if err == nil {
		err = s.create(ctx, &row)
	}
	if err != nil {
		return fmt.Errorf("create client: %w", err)
	}
	return nil
}

func (s *Store) Client(ctx context.Context, id string) (provider.Client, error) {
	row := clientRow{ID: id}
	err := s.queryRow(ctx, "SELECT disabled, created_at, updated_at, document FROM clients WHERE id = ?", []any{id},
		&row.Disabled, &row.CreatedAt, &row.UpdatedAt, &row.Document)
	if err != nil {
		return provider.Client{}, fmt.Errorf("read client: %w", err)
	}
	return s.client(row)
}

func (s *Store) ReplaceClient(ctx context.Context, c provider.Client, was time.Time) error {
	row, err := newClientRow(c)
	if err != nil {
		return fmt.Errorf("replace client: %w", err)
	}
	set := columns{"disabled": row.Disabled, "updated_at": row.UpdatedAt, "document": row.Document}
	var found int64
	if was.IsZero() {
		found, err = s.update(ctx, "clients", set, "id = ? AND updated_at IS NULL", c.ID)
	} else {
		found, err = s.update(ctx, "clients", set, "id = ? AND updated_at = ?", c.ID, micro(was))
	}
	if err == nil && found == 0 {
		if _, err = s.Client(ctx, c.ID); err == nil {
			err = provider.ErrConsumed
		}
	}
	if err != nil {
		return fmt.Errorf("replace client: %w", err)
	}
	return nil
}

func (s *Store) DeleteClient(ctx context.Context, id string) error {
	err := s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "DELETE FROM consents WHERE client_id = ?", id); err != nil {
			return err
		}
		found, err := s.exec(ctx, "DELETE FROM clients WHERE id = ?", id)
		if err == nil && found == 0 {
			err = provider.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	return nil
}

func (s *Store) Clients(ctx context.Context) ([]provider.Client, error) {
	var rows []clientRow
	if err := s.find(ctx, &rows, "id", 0, "id >= ?", ""); err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	clients := make([]provider.Client, len(rows))
	for i, row := range rows {
		var err error
		if clients[i], err = s.client(row); err != nil {
			return nil, err
		}
	}
	return clients, nil
}
