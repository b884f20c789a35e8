package oidc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// clientMetadata is what a client says of itself (RFC 7591 §2, OpenID Connect Registration §2 and the logout
// specifications). Members that are not listed are passed over.
type clientMetadata struct {
	RedirectURIs                      []string        `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs            []string        `json:"post_logout_redirect_uris,omitempty"`
	ResponseTypes                     []string        `json:"response_types,omitempty"`
	GrantTypes                        []string        `json:"grant_types,omitempty"`
	ApplicationType                   string          `json:"application_type,omitempty"`
	Contacts                          []string        `json:"contacts,omitempty"`
	ClientName                        string          `json:"client_name,omitempty"`
	ClientURI                         string          `json:"client_uri,omitempty"`
	LogoURI                           string          `json:"logo_uri,omitempty"`
	PolicyURI                         string          `json:"policy_uri,omitempty"`
	TermsURI                          string          `json:"tos_uri,omitempty"`
	JWKSURI                           string          `json:"jwks_uri,omitempty"`
	JWKS                              json.RawMessage `json:"jwks,omitempty"`
	SectorIdentifierURI               string          `json:"sector_identifier_uri,omitempty"`
	SubjectType                       string          `json:"subject_type,omitempty"`
	IDTokenSignedResponseAlg          string          `json:"id_token_signed_response_alg,omitempty"`
	UserinfoSignedResponseAlg         string          `json:"userinfo_signed_response_alg,omitempty"`
	RequestObjectSigningAlg           string          `json:"request_object_signing_alg,omitempty"`
	TokenEndpointAuthMethod           string          `json:"token_endpoint_auth_method,omitempty"`
	TokenEndpointAuthSigningAlg       string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	DefaultMaxAge                     *int64          `json:"default_max_age,omitempty"` // seconds
	DefaultACRValues                  []string        `json:"default_acr_values,omitempty"`
	InitiateLoginURI                  string          `json:"initiate_login_uri,omitempty"`
	RequestURIs                       []string        `json:"request_uris,omitempty"`
	BackchannelLogoutURI              string          `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool            `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string          `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool            `json:"frontchannel_logout_session_required,omitempty"`
	Scope                             string          `json:"scope,omitempty"`
}

// registrationRequest is the body of a registration or of its change.
type registrationRequest struct {
	clientMetadata
	// ClientID and ClientSecret are those of the client whose registration is changed (RFC 7592 §2.2).
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	// RotateClientSecret asks for a new secret; ours, since RFC 7592 has no way to.
	RotateClientSecret bool `json:"rotate_client_secret"`
	// What would protect the client if we had it is not passed over.
	SoftwareStatement            json.RawMessage `json:"software_statement"`
	IDTokenEncryptedResponseAlg  json.RawMessage `json:"id_token_encrypted_response_alg"`
	UserinfoEncryptedResponseAlg json.RawMessage `json:"userinfo_encrypted_response_alg"`
	RequestObjectEncryptionAlg   json.RawMessage `json:"request_object_encryption_alg"`
}

func invalidMetadata(description string) *Error {
	return &Error{Code: "invalid_client_metadata", Description: description}
}

// parseRegistration reads a body. encoding/json takes "CLIENT_NAME" for "client_name"; such members are not ours.
func parseRegistration(body []byte) (registrationRequest, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(body, &parts); err != nil || parts == nil {
		return registrationRequest{}, invalidMetadata("The request body is not a JSON object.")
	}
	for name, value := range parts {
		if name != strings.ToLower(name) || bytes.Equal(value, []byte("null")) { // RFC 7591 §2: null is as good as none
			delete(parts, name)
		}
	}
	var in registrationRequest
	exact, err := json.Marshal(parts)
	if err == nil {
		err = json.Unmarshal(exact, &in)
	}
	if err != nil {
		return registrationRequest{}, invalidMetadata("A member of the metadata has the wrong type.")
	}
	switch {
	case in.SoftwareStatement != nil:
		return registrationRequest{}, &Error{Code: "unapproved_software_statement", Description: "Software statements are not accepted: no issuer of them is trusted here."}
	case in.IDTokenEncryptedResponseAlg != nil || in.UserinfoEncryptedResponseAlg != nil || in.RequestObjectEncryptionAlg != nil:
		return registrationRequest{}, invalidMetadata("Encryption of tokens is not supported.")
	case in.SubjectType != "" && in.SubjectType != "public":
		return registrationRequest{}, invalidMetadata("subject_type must be public.")
	case in.DefaultMaxAge != nil && (*in.DefaultMaxAge < 0 || *in.DefaultMaxAge > math.MaxInt32):
		return registrationRequest{}, invalidMetadata("default_max_age must be a number of seconds from 0 on.")
	}
	return in, nil
}

// selfScopes are what clients that register themselves may ask their users for; all of them when they name none.
var selfScopes = []string{
	provider.ScopeOpenID, provider.ScopeProfile, provider.ScopeEmail, provider.ScopeAddress, provider.ScopePhone, provider.ScopeOfflineAccess,
}

// selfGrantTypes are what such clients may be registered for. Nobody vouches for them: they see no passwords, and get
// no tokens without a user who consents.
var selfGrantTypes = []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken, provider.GrantImplicit}

// describe writes to a client what the metadata says, within the policy for clients that register themselves. What
// describes the client is replaced: a member that is left out is gone. What protects it keeps its value when it
// is left out, and operators' fields are not touched.
func (m clientMetadata) describe(c *provider.Client) {
	c.RedirectURIs, c.PostLogoutRedirectURIs, c.RequestURIs = m.RedirectURIs, m.PostLogoutRedirectURIs, m.RequestURIs
	c.Name, c.Contacts, c.ApplicationType = m.ClientName, m.Contacts, m.ApplicationType
	c.ClientURI, c.LogoURI, c.PolicyURI, c.TermsURI = m.ClientURI, m.LogoURI, m.PolicyURI, m.TermsURI
	c.SectorIdentifierURI, c.InitiateLoginURI = m.SectorIdentifierURI, m.InitiateLoginURI
	c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = m.BackchannelLogoutURI, m.BackchannelLogoutSessionRequired
	c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = m.FrontchannelLogoutURI, m.FrontchannelLogoutSessionRequired
	c.DefaultACRValues, c.DefaultMaxAge = m.DefaultACRValues, nil
	if m.DefaultMaxAge != nil {
		age := time.Duration(*m.DefaultMaxAge) * time.Second
		c.DefaultMaxAge = &age
	}

	method := cmp.Or(m.TokenEndpointAuthMethod, c.TokenEndpointAuthMethod, provider.AuthMethodClientSecretBasic)
	if method != c.TokenEndpointAuthMethod {
		c.TokenEndpointAuthSigningAlg = ""
	}
	c.TokenEndpointAuthMethod = method
	c.TokenEndpointAuthSigningAlg = cmp.Or(m.TokenEndpointAuthSigningAlg, c.TokenEndpointAuthSigningAlg)
	c.IDTokenSignedResponseAlg = cmp.Or(m.IDTokenSignedResponseAlg, c.IDTokenSignedResponseAlg)
	c.UserinfoSignedResponseAlg = cmp.Or(m.UserinfoSignedResponseAlg, c.UserinfoSignedResponseAlg)
	c.RequestObjectSigningAlg = cmp.Or(m.RequestObjectSigningAlg, c.RequestObjectSigningAlg)
	if len(m.JWKS) > 0 || m.JWKSURI != "" {
		c.JWKS, c.JWKSURI = string(m.JWKS), m.JWKSURI
	}
	if len(m.GrantTypes) > 0 {
		c.GrantTypes = m.GrantTypes
	}
	if len(m.ResponseTypes) > 0 {
		c.ResponseTypes = m.ResponseTypes
	}
	c.PKCEOptional = c.PKCEOptional && !c.Public()
	if asked := strings.Fields(m.Scope); len(asked) > 0 {
		c.Scopes = slices.DeleteFunc(slices.Clone(selfScopes), func(scope string) bool { return !slices.Contains(asked, scope) })
	}
}

// metadataOf is what a client is registered with, defaults included.
func metadataOf(c provider.Client) clientMetadata {
	m := clientMetadata{
		RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, ResponseTypes: c.ResponseTypes, GrantTypes: c.GrantTypes,
		ApplicationType: cmp.Or(c.ApplicationType, "web"), Contacts: c.Contacts, ClientName: c.Name, ClientURI: c.ClientURI, LogoURI: c.LogoURI,
		PolicyURI: c.PolicyURI, TermsURI: c.TermsURI, JWKSURI: c.JWKSURI, JWKS: json.RawMessage(c.JWKS),
		SectorIdentifierURI: c.SectorIdentifierURI, SubjectType: "public",
		IDTokenSignedResponseAlg:  cmp.Or(c.IDTokenSignedResponseAlg, defaultIDTokenAlgorithm),
		UserinfoSignedResponseAlg: c.UserinfoSignedResponseAlg, RequestObjectSigningAlg: c.RequestObjectSigningAlg,
		TokenEndpointAuthMethod: c.TokenEndpointAuthMethod, TokenEndpointAuthSigningAlg: c.TokenEndpointAuthSigningAlg,
		DefaultACRValues: c.DefaultACRValues, InitiateLoginURI: c.InitiateLoginURI, RequestURIs: c.RequestURIs,
		BackchannelLogoutURI: c.BackchannelLogoutURI, BackchannelLogoutSessionRequired: c.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSessionRequired: c.FrontchannelLogoutSessionRequired,
		Scope: strings.Join(c.Scopes, " "),
	}
	if c.DefaultMaxAge != nil {
		age := int64(*c.DefaultMaxAge / time.Second)
		m.DefaultMaxAge = &age
	}
	return m
}
