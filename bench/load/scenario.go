package load

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A flow is what one connection asks for.
type flow struct {
	// request is sent next.
	request []byte
	// next makes the request that follows a successful answer; nil repeats the same one.
	next func(body []byte) ([]byte, error)
	// whole, instead of request, is several requests that count as one.
	whole func(ctx context.Context) error
}

const (
	tokenPath   = "/oauth2/token" //nolint:gosec // the path of an endpoint, no credential
	accountPath = "/api/accounts/v1/"
	formType    = "application/x-www-form-urlencoded"
	jsonType    = "application/json"
)

// scenarios make the flow of one connection.
var scenarios = map[string]func(context.Context, *session) (flow, error){
	"hello":              document("/"),
	"discovery":          document("/.well-known/openid-configuration"),
	"jwks":               document("/.well-known/jwks.json"),
	"client_credentials": clientCredentials,
	"password":           password,
	"refresh":            refresh,
	"introspection":      introspection,
	"userinfo":           userinfo,
	"registration":       registration,
	"login":              login,
	"user":               user,
	"account_refresh":    accountRefresh,
	"sign_in":            signIn,
}

// Scenarios returns the names of all scenarios.
func Scenarios() []string { return slices.Sorted(maps.Keys(scenarios)) }

// A session is one connection before its flow begins.
type session struct {
	Options
	host   string
	conn   *conn
	number int
}

// message writes a request (RFC 9112 §3).
func (s *session) message(method, path, contentType, authorization, body string) []byte {
	var b strings.Builder
	b.WriteString(method + " " + path + " HTTP/1.1\r\nHost: " + s.host + "\r\n")
	if authorization != "" {
		b.WriteString("Authorization: " + authorization + "\r\n")
	}
	if method == "POST" {
		b.WriteString("Content-Type: " + contentType + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// form is a request to an OAuth endpoint by the client.
func (s *session) form(path string, values url.Values) []byte {
	// RFC 6749 §2.3.1: both parts are form-encoded first.
	credentials := url.QueryEscape(s.ClientID) + ":" + url.QueryEscape(s.ClientSecret)
	return s.message("POST", path, formType, "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)), values.Encode())
}

// account is a POST to the account API. Strings always encode.
func (s *session) account(path string, fields map[string]string) []byte {
	body, _ := json.Marshal(fields)
	return s.message("POST", accountPath+path, jsonType, "", string(body))
}

func (s *session) email() string { return s.UsersPrefix + strconv.Itoa(s.number) + "@example.com" }

func (s *session) passwordGrant(scope string) []byte {
	return s.form(tokenPath, url.Values{
		"grant_type": {"password"}, "username": {s.email()}, "password": {s.Password}, "scope": {scope},
	})
}

func (s *session) refreshGrant(token string) []byte {
	return s.form(tokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (s *session) login() []byte {
	return s.account("login/", map[string]string{"email": s.email(), "password": s.Password})
}

// tokens are the answers of the token endpoint and of the account API, which has other names for a refreshed token.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Rotated string `json:"refresh"`
}

// obtain sends a request that must be answered with tokens.
func (s *session) obtain(ctx context.Context, request []byte) (tokens, error) {
	status, body, err := s.conn.do(ctx, request)
	if err != nil {
		return tokens{}, err
	}
	if status != 200 {
		return tokens{}, fmt.Errorf("connection %d: status %d: %s", s.number, status, body)
	}
	return readTokens(body)
}

func readTokens(body []byte) (tokens, error) {
	var t tokens
	if err := json.Unmarshal(body, &t); err != nil {
		return tokens{}, fmt.Errorf("read tokens: %w", err)
	}
	return t, nil
}

var errNoToken = errors.New("the answer has no refresh token")

func document(path string) func(context.Context, *session) (flow, error) {
	return func(_ context.Context, s *session) (flow, error) {
		return flow{request: s.message("GET", path, "", "", "")}, nil
	}
}

func clientCredentials(_ context.Context, s *session) (flow, error) {
	return flow{request: s.form(tokenPath, url.Values{"grant_type": {"client_credentials"}})}, nil
}

func password(_ context.Context, s *session) (flow, error) {
	return flow{request: s.passwordGrant("profile")}, nil
}

// refresh uses in each request the refresh token of the answer before it.
func refresh(ctx context.Context, s *session) (flow, error) {
	first, err := s.obtain(ctx, s.passwordGrant("profile offline_access"))
	if err != nil {
		return flow{}, err
	}
	return flow{request: s.refreshGrant(first.Refresh), next: func(body []byte) ([]byte, error) {
		t, err := readTokens(body)
		if err == nil && t.Refresh == "" {
			err = errNoToken
		}
		return s.refreshGrant(t.Refresh), err
	}}, nil
}

// introspection asks for a token with a user, the dearer kind.
func introspection(ctx context.Context, s *session) (flow, error) {
	t, err := s.obtain(ctx, s.passwordGrant("profile"))
	return flow{request: s.form("/oauth2/introspect", url.Values{"token": {t.Access}})}, err
}

func userinfo(ctx context.Context, s *session) (flow, error) {
	t, err := s.obtain(ctx, s.passwordGrant("openid profile email"))
	return flow{request: s.message("GET", "/oauth2/userinfo", "", "Bearer "+t.Access, "")}, err
}

// registration makes a user with each request, whose address no other run has.
func registration(_ context.Context, s *session) (flow, error) {
	prefix, n := strings.ToLower(s.UsersPrefix+rand.Text()), 0
	next := func([]byte) ([]byte, error) {
		n++
		return s.account("registration/", map[string]string{
			"email":     prefix + strconv.Itoa(n) + "@example.com",
			"password1": s.Password, "password2": s.Password,
		}), nil
	}
	first, err := next(nil)
	return flow{request: first, next: next}, err
}

func login(_ context.Context, s *session) (flow, error) { return flow{request: s.login()}, nil }

func user(ctx context.Context, s *session) (flow, error) {
	t, err := s.obtain(ctx, s.login())
	return flow{request: s.message("GET", accountPath+"user/", "", "Bearer "+t.Access, "")}, err
}

// accountRefresh is refresh through the account API, which may leave the refresh token as it is.
func accountRefresh(ctx context.Context, s *session) (flow, error) {
	t, err := s.obtain(ctx, s.login())
	if err != nil {
		return flow{}, err
	}
	request := func() []byte { return s.account("token/refresh/", map[string]string{"refresh": t.Refresh}) }
	return flow{request: request(), next: func(body []byte) ([]byte, error) {
		next, err := readTokens(body)
		if next.Rotated != "" {
			t.Refresh = next.Rotated
		}
		return request(), err
	}}, nil
}
