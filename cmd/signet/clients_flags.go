package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/signet-id/signet/provider"
)

// clientFlag is a flag for one field of a client.
type clientFlag[T any] struct {
	name, usage string
	field       func(*clientView) *T
}

var clientTexts = []clientFlag[string]{
	{"name", "name shown to people", func(v *clientView) *string { return &v.Name }},
	{"token-endpoint-auth-method", "client_secret_basic (default), client_secret_post, client_secret_jwt, private_key_jwt or none", func(v *clientView) *string { return &v.TokenEndpointAuthMethod }},
	{"token-endpoint-auth-signing-alg", "the only algorithm of its assertions (default: any)", func(v *clientView) *string { return &v.TokenEndpointAuthSigningAlg }},
	{"jwks-uri", "where the client's public keys are", func(v *clientView) *string { return &v.JWKSURI }},
	{"id-token-signed-response-alg", "RS256 (default), ES256 or EdDSA", func(v *clientView) *string { return &v.IDTokenSignedResponseAlg }},
	{"userinfo-signed-response-alg", "RS256, ES256 or EdDSA (default: not signed)", func(v *clientView) *string { return &v.UserinfoSignedResponseAlg }},
	{"request-object-signing-alg", "the only algorithm of its request objects (default: any)", func(v *clientView) *string { return &v.RequestObjectSigningAlg }},
	{"client-uri", "the client's home page", func(v *clientView) *string { return &v.ClientURI }},
	{"logo-uri", "logo shown where people sign in", func(v *clientView) *string { return &v.LogoURI }},
	{"policy-uri", "privacy policy linked where people sign in", func(v *clientView) *string { return &v.PolicyURI }},
	{"tos-uri", "terms of service linked where people sign in", func(v *clientView) *string { return &v.TermsURI }},
	{"initiate-login-uri", "where others may send people to begin a sign-in", func(v *clientView) *string { return &v.InitiateLoginURI }},
	{"backchannel-logout-uri", "told by the server that a login session ended", func(v *clientView) *string { return &v.BackchannelLogoutURI }},
	{"frontchannel-logout-uri", "told by the browser that a login session ended", func(v *clientView) *string { return &v.FrontchannelLogoutURI }},
}

var clientLists = []clientFlag[[]string]{
	{"redirect-uri", "redirect URI (repeat or separate by commas)", func(v *clientView) *[]string { return &v.RedirectURIs }},
	{"post-logout-redirect-uri", "where to go after logout", func(v *clientView) *[]string { return &v.PostLogoutRedirectURIs }},
	{"request-uri", "where request objects may be fetched from", func(v *clientView) *[]string { return &v.RequestURIs }},
	{"grant-type", "grant type (default with --redirect-uri: authorization_code, refresh_token)", func(v *clientView) *[]string { return &v.GrantTypes }},
	{"response-type", "response type (default with authorization_code: code)", func(v *clientView) *[]string { return &v.ResponseTypes }},
	{"audience", "resource server that tokens may be for; the first is the default", func(v *clientView) *[]string { return &v.Audience }},
	{"allowed-origin", "origin whose pages may call the token endpoint", func(v *clientView) *[]string { return &v.AllowedOrigins }},
}

var clientSwitches = []clientFlag[bool]{
	{"backchannel-logout-session-required", "its logout tokens need the sid", func(v *clientView) *bool { return &v.BackchannelLogoutSessionRequired }},
	{"frontchannel-logout-session-required", "its front-channel logout needs iss and sid", func(v *clientView) *bool { return &v.FrontchannelLogoutSessionRequired }},
	{"pkce-optional", "may leave code_challenge away; never for public clients", func(v *clientView) *bool { return &v.PKCEOptional }},
	{"first-party", "is the operator's own product: nobody is asked for consent", func(v *clientView) *bool { return &v.FirstParty }},
	{"resource-server", "may introspect every token", func(v *clientView) *bool { return &v.ResourceServer }},
	{"no-refresh-rotation", "keep one refresh token until its end", func(v *clientView) *bool { return &v.NoRefreshRotation }},
	{"disabled", "refuse the client", func(v *clientView) *bool { return &v.Disabled }},
}

var clientTimes = []clientFlag[seconds]{
	{"access-token-lifetime", "lifetime of its access tokens, such as 10m; 0: as the settings say", func(v *clientView) *seconds { return &v.AccessTokenLifetime }},
	{"refresh-token-idle", "end of a refresh token that is not used; 0: as the settings say", func(v *clientView) *seconds { return &v.RefreshTokenIdle }},
	{"refresh-token-max", "end of a refresh token in any case; 0: as the settings say", func(v *clientView) *seconds { return &v.RefreshTokenMax }},
}

// clientFlags are the properties that create and update take.
type clientFlags struct {
	given         clientView
	scopes        []string
	defaultMaxAge string
	public        bool
	jwksFile      string
	file          string
}

func (f *clientFlags) register(flags *pflag.FlagSet) {
	for _, flag := range clientTexts {
		flags.StringVar(flag.field(&f.given), flag.name, "", flag.usage)
	}
	for _, flag := range clientLists {
		flags.StringSliceVar(flag.field(&f.given), flag.name, nil, flag.usage)
	}
	for _, flag := range clientSwitches {
		flags.BoolVar(flag.field(&f.given), flag.name, false, flag.usage)
	}
	for _, flag := range clientTimes {
		flags.DurationVar((*time.Duration)(flag.field(&f.given)), flag.name, 0, flag.usage)
	}
	flags.StringSliceVar(&f.scopes, "scope", nil, "scope that may be asked for")
	flags.StringVar(&f.defaultMaxAge, "default-max-age", "", "seconds after which people sign in again; empty: never")
	flags.BoolVar(&f.public, "public", false, "cannot keep a secret: token_endpoint_auth_method none")
	flags.StringVar(&f.jwksFile, "jwks-file", "", "file with the client's public keys (RFC 7517)")
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
	copyGiven(flags, clientTexts, &f.given, &view)
	copyGiven(flags, clientLists, &f.given, &view)
	copyGiven(flags, clientSwitches, &f.given, &view)
	copyGiven(flags, clientTimes, &f.given, &view)
	if flags.Changed("scope") {
		view.Scope = strings.Join(f.scopes, " ")
	}
	if flags.Changed("default-max-age") {
		if err := view.setDefaultMaxAge(f.defaultMaxAge); err != nil {
			return err
		}
	}
	if f.public {
		view.TokenEndpointAuthMethod = provider.AuthMethodNone
	}
	if flags.Changed("jwks-file") {
		if err := view.readJWKS(f.jwksFile); err != nil {
			return err
		}
	}
	view.apply(c)
	return nil
}

// copyGiven copies the fields whose flags were given.
func copyGiven[T any](flags *pflag.FlagSet, table []clientFlag[T], from, to *clientView) {
	for _, flag := range table {
		if flags.Changed(flag.name) {
			*flag.field(to) = *flag.field(from)
		}
	}
}

func (v *clientView) setDefaultMaxAge(text string) error {
	v.DefaultMaxAge = nil
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return usageError{fmt.Errorf("--default-max-age is a number of seconds, not %q", text)}
	}
	age := seconds(time.Duration(n) * time.Second)
	v.DefaultMaxAge = &age
	return nil
}

// readJWKS reads the keys of a file; without a file the client has none of its own. provider.Client.Validate judges them.
func (v *clientView) readJWKS(file string) error {
	v.JWKS = nil
	if file == "" {
		return nil
	}
	raw, err := os.ReadFile(file) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return usageError{fmt.Errorf("%s is not a JWK Set (RFC 7517 §5): %w", file, err)}
	}
	v.JWKS = compact.Bytes()
	return nil
}
