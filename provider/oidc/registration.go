package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
)

// checkTime bounds how long the addresses of one registration are looked up.
const checkTime = 5 * time.Second

// registrationAnswer tells a client what it is registered with (RFC 7591 §3.2.1).
type registrationAnswer struct {
	ClientID string `json:"client_id"`
	// ClientSecret is told once, when it is made; 0 says that it does not expire.
	ClientSecret          string `json:"client_secret,omitempty"`
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"`
	ClientIDIssuedAt      int64  `json:"client_id_issued_at"`
	RegistrationURI       string `json:"registration_client_uri"`
	RegistrationToken     string `json:"registration_access_token"`
	clientMetadata
}

func (e *Engine) registrationAnswer(c provider.Client, token, secret string) registrationAnswer {
	answer := registrationAnswer{
		ClientID: c.ID, ClientSecret: secret, ClientIDIssuedAt: c.CreatedAt.Unix(),
		RegistrationURI: e.Settings.Issuer + "/oauth2/register/" + url.PathEscape(c.ID), RegistrationToken: token, clientMetadata: metadataOf(c),
	}
	if secret != "" {
		answer.ClientSecretExpiresAt = new(int64)
	}
	return answer
}

// ServeRegistration answers POST /oauth2/register (RFC 7591 §3, OpenID Connect Registration §3).
func (e *Engine) ServeRegistration(w http.ResponseWriter, r *http.Request) {
	answer, err := e.register(w, r)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, answer)
}

func (e *Engine) register(w http.ResponseWriter, r *http.Request) (registrationAnswer, error) {
	ctx := r.Context()
	if !e.registers() {
		return registrationAnswer{}, errNoRegistration
	}
	in, err := readRegistration(w, r)
	if err != nil {
		return registrationAnswer{}, err
	}
	var access *initialAccess
	if e.Settings.Registration == RegistrationOpen {
		err = e.Limits.ClientRegistration(ctx)
	} else {
		access, err = e.initialAccess(r)
	}
	if err != nil {
		return registrationAnswer{}, err
	}
	now := e.Now().UTC().Truncate(time.Microsecond)
	client := provider.Client{
		ID: rand.Text(), SelfRegistered: true, CreatedAt: now, UpdatedAt: now, Scopes: selfScopes,
		GrantTypes: []string{provider.GrantAuthorizationCode}, ResponseTypes: []string{"code"},
		// Clients of the first OpenID Connect days send no code_challenge; their secret is what binds the code to them.
		PKCEOptional: true,
	}
	in.describe(&client)
	secret, err := e.giveSecret(&client, false)
	if err != nil {
		return registrationAnswer{}, err
	}
	if err := e.judge(ctx, client); err != nil {
		return registrationAnswer{}, err
	}
	token := "sgm_" + rand.Text() + rand.Text()
	client.RegistrationTokenHash = hashRegistrationToken(token)
	if access != nil { // last, so that a fault of the metadata does not use it up
		if err := access.use(ctx, e.Records, e.Now()); errors.Is(err, provider.ErrConsumed) || errors.Is(err, provider.ErrNotFound) {
			return registrationAnswer{}, e.invalidRegistrationToken(err)
		} else if err != nil {
			return registrationAnswer{}, err
		}
	}
	if err := e.Clients.CreateClient(ctx, client); err != nil {
		return registrationAnswer{}, err
	}
	e.noteRegistration(ctx, "client registered", client.ID)
	return e.registrationAnswer(client, token, secret), nil
}

// ServeRegisteredClient answers GET, PUT and DELETE /oauth2/register/{client_id} (RFC 7592), for who has the
// client's registration access token.
func (e *Engine) ServeRegisteredClient(w http.ResponseWriter, r *http.Request, clientID string) {
	if r.Method == http.MethodDelete {
		if err := e.unregister(r, clientID); err != nil {
			e.writeError(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, err := e.registered(w, r, clientID)
	if err != nil {
		e.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (e *Engine) registered(w http.ResponseWriter, r *http.Request, clientID string) (registrationAnswer, error) {
	var in registrationRequest
	if r.Method == http.MethodPut {
		if !e.registers() {
			return registrationAnswer{}, errNoRegistration
		}
		var err error
		if in, err = readRegistration(w, r); err != nil {
			return registrationAnswer{}, err
		}
	}
	client, token, err := e.registeredClient(r, clientID)
	if err != nil {
		return registrationAnswer{}, err
	}
	secret := ""
	if r.Method == http.MethodPut {
		if e.Settings.Registration == RegistrationOpen { // its URIs are looked up and read like those of a new client
			if err := e.Limits.ClientRegistration(r.Context()); err != nil {
				return registrationAnswer{}, err
			}
		}
		if client, secret, err = e.reregister(r.Context(), client, in); err != nil {
			return registrationAnswer{}, err
		}
	}
	return e.registrationAnswer(client, token, secret), nil
}

// reregister changes a client as a request says, and returns its secret if that is a new one.
func (e *Engine) reregister(ctx context.Context, client provider.Client, in registrationRequest) (provider.Client, string, error) {
	if in.ClientID != "" && in.ClientID != client.ID {
		return client, "", invalidMetadata("client_id must be that of the registration.")
	}
	if in.ClientSecret != "" {
		ok, err := e.Secrets.Verify(ctx, client.SecretHashes, in.ClientSecret, e.Now(), func() error { return e.Limits.TokenByAddress(ctx) })
		if err != nil {
			return client, "", err
		}
		if !ok {
			return client, "", invalidMetadata("client_secret cannot be chosen: leave it out, or give the present one.")
		}
	}
	was := client.UpdatedAt
	in.describe(&client)
	secret, err := e.giveSecret(&client, in.RotateClientSecret)
	if err != nil {
		return client, "", err
	}
	if err := e.judge(ctx, client); err != nil {
		return client, "", err
	}
	client.UpdatedAt = e.Now().UTC().Truncate(time.Microsecond)
	if !client.UpdatedAt.After(was) {
		client.UpdatedAt = was.Add(time.Microsecond)
	}
	switch err := e.Clients.ReplaceClient(ctx, client, was); {
	case errors.Is(err, provider.ErrConsumed):
		return client, "", &Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "The registration was changed at the same time.", RetryAfter: outageRetry, cause: err}
	case errors.Is(err, provider.ErrNotFound):
		return client, "", e.invalidRegistrationToken(err)
	case err != nil:
		return client, "", err
	}
	e.clients.forget(client.ID)
	e.noteRegistration(ctx, "client registration changed", client.ID)
	return client, secret, nil
}

// unregister deletes a client. Its tokens die with it: none is good without its client.
func (e *Engine) unregister(r *http.Request, clientID string) error {
	client, _, err := e.registeredClient(r, clientID)
	if err != nil {
		return err
	}
	if err := e.Clients.DeleteClient(r.Context(), client.ID); err != nil && !errors.Is(err, provider.ErrNotFound) {
		return err
	}
	e.clients.forget(client.ID)
	e.noteRegistration(r.Context(), "client registration deleted", client.ID)
	return nil
}

// registeredClient finds the client that a registration access token is for. A client that there is not, one that
// was not registered here and a wrong token are the same to whoever asks.
func (e *Engine) registeredClient(r *http.Request, clientID string) (provider.Client, string, error) {
	ctx := r.Context()
	if !e.registers() {
		return provider.Client{}, "", errNoRegistration
	}
	token, err := bearerHeader(r)
	if err != nil {
		return provider.Client{}, "", err
	}
	if err := e.Limits.TokenByAddress(ctx); err != nil {
		return provider.Client{}, "", err
	}
	client, err := e.Clients.Client(ctx, clientID)
	if err != nil && !errors.Is(err, provider.ErrNotFound) {
		return provider.Client{}, "", err
	}
	same := subtle.ConstantTimeCompare([]byte(client.RegistrationTokenHash), []byte(hashRegistrationToken(token))) == 1
	if !same || token == "" || client.Disabled {
		return provider.Client{}, "", e.invalidRegistrationToken(err)
	}
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = client.ID
	}
	return client, token, nil
}

// registers tells whether clients may register themselves.
func (e *Engine) registers() bool {
	return e.Settings.Registration == RegistrationOpen || e.Settings.Registration == RegistrationByToken
}

var errNoRegistration = &Error{Status: http.StatusNotFound, Code: "not_found", Description: "Clients cannot register themselves here."}

func (e *Engine) invalidRegistrationToken(cause error) *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: "invalid_token", Description: "The access token for registration is missing, wrong or used up.",
		Challenge: `Bearer realm="` + e.Settings.Issuer + `", error="invalid_token"`, cause: cause,
	}
}

func hashRegistrationToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (e *Engine) noteRegistration(ctx context.Context, what, clientID string) {
	if report := provider.RequestFrom(ctx).Report; report != nil {
		report.ClientID = clientID
	}
	e.Log.InfoContext(ctx, what, "client_id", clientID) //nolint:sloglint // three fixed texts
}

// readRegistration reads the body of a request.
func readRegistration(w http.ResponseWriter, r *http.Request) (registrationRequest, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" {
		return registrationRequest{}, &Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_client_metadata", Description: "The content type must be application/json, without a content coding."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return registrationRequest{}, invalidMetadata("The metadata is too large or cannot be read.")
	}
	return parseRegistration(body)
}

// giveSecret makes a client's secret if its authentication method needs one that it does not have, or a new one is
// asked for, and drops one that the method does not use.
func (e *Engine) giveSecret(client *provider.Client, anew bool) (string, error) {
	secret, err := clientsecrets.Generate(), error(nil)
	switch client.TokenEndpointAuthMethod {
	case provider.AuthMethodClientSecretBasic, provider.AuthMethodClientSecretPost:
		client.SealedSecret = nil
		if len(client.SecretHashes) > 0 && !anew {
			return "", nil
		}
		client.SecretHashes = []provider.SecretHash{{Hash: clientsecrets.Hash(secret)}}
	case provider.AuthMethodClientSecretJWT:
		client.SecretHashes = nil
		if len(client.SealedSecret) > 0 && !anew {
			return "", nil
		}
		client.SealedSecret, err = clientsecrets.Seal(e.Master, client.ID, secret)
	default:
		client.SecretHashes, client.SealedSecret = nil, nil
		return "", nil
	}
	return secret, err
}

// judge tells whether a client may be as it describes itself: what anybody may be registered with, what only
// operators may give, and where the URIs lead that the server itself will go to.
func (e *Engine) judge(ctx context.Context, client provider.Client) error {
	invalid := new(provider.InvalidError)
	if err := client.Validate(); errors.As(err, &invalid) {
		return metadataFault(invalid)
	} else if err != nil {
		return err
	}
	offered := func(grantType string) bool {
		return slices.Contains(selfGrantTypes, grantType) && slices.Contains(e.Settings.GrantTypes, grantType)
	}
	switch {
	case slices.ContainsFunc(client.GrantTypes, func(g string) bool { return !offered(g) }):
		return invalidMetadata("grant_types must be among those of authorization_code, refresh_token and implicit that this server offers.")
	case !client.HasGrantType(provider.GrantAuthorizationCode) && !client.HasGrantType(provider.GrantImplicit):
		return invalidMetadata("grant_types must have authorization_code or implicit.")
	case slices.ContainsFunc(client.RedirectURIs, e.ours):
		return &Error{Code: "invalid_redirect_uri", Description: "redirect_uris must lead to the client."}
	}
	if err := e.checkTargets(ctx, client); err != nil {
		return err
	}
	return e.checkSector(ctx, client)
}

// metadataFault says the first fault in the protocol's form and characters.
func metadataFault(invalid *provider.InvalidError) *Error {
	first := invalid.Fields[0]
	code := "invalid_client_metadata"
	if first.Field == "redirect_uris" {
		code = "invalid_redirect_uri"
	}
	return &Error{Code: code, Description: first.Field + " " + strings.ReplaceAll(first.Message, "§", "section ") + ".", cause: invalid}
}

// ours tells whether a URI leads to this server: a client's answers must not be requests to it.
func (e *Engine) ours(uri string) bool {
	u, err := url.Parse(uri)
	own, ownErr := url.Parse(e.Settings.Issuer)
	return err == nil && ownErr == nil && u.Scheme == own.Scheme && strings.EqualFold(u.Hostname(), own.Hostname()) && portOf(u) == portOf(own)
}

func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// checkTargets refuses URIs that lead inside, as far as that can be told now; every connection is judged again. A
// name that cannot be resolved at the moment leads nowhere.
func (e *Engine) checkTargets(ctx context.Context, client provider.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	seen := map[string]bool{}
	for _, target := range []struct {
		field string
		uris  []string
	}{
		{"jwks_uri", []string{client.JWKSURI}},
		{"sector_identifier_uri", []string{client.SectorIdentifierURI}},
		{"logo_uri", []string{client.LogoURI}},
		{"backchannel_logout_uri", []string{client.BackchannelLogoutURI}},
		{"request_uris", client.RequestURIs},
	} {
		for _, uri := range target.uris {
			u, err := url.Parse(uri)
			if uri == "" || err != nil || seen[u.Scheme+"://"+u.Host] {
				continue
			}
			seen[u.Scheme+"://"+u.Host] = true
			if err := e.Fetcher.Check(ctx, uri); errors.Is(err, provider.ErrForbiddenTarget) {
				e.Log.InfoContext(ctx, "client metadata refused", "field", target.field, "error", err)
				return invalidMetadata(target.field + " cannot be used.")
			}
		}
	}
	return nil
}

// checkSector reads the list of redirect URIs that speaks for all of them (OpenID Connect Registration §5).
func (e *Engine) checkSector(ctx context.Context, client provider.Client) error {
	if client.SectorIdentifierURI == "" {
		return nil
	}
	var listed []string
	body, err := e.Fetcher.Fetch(ctx, client.SectorIdentifierURI)
	if err == nil {
		err = json.Unmarshal(body, &listed)
	}
	if err != nil || !subset(client.RedirectURIs, listed) {
		e.Log.InfoContext(ctx, "sector identifier refused", "error", err)
		return invalidMetadata("sector_identifier_uri cannot be used: it must lead to a JSON array of all redirect_uris.")
	}
	return nil
}
