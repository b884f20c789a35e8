package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// RedirectURI is where the client of the sign-in scenario takes its codes.
const RedirectURI = "https://load.example/callback"

var errNoCode = errors.New("the sign-in ended without a code")

// signIn goes, with each count, the whole way of a person and their application: authorize, login, consent, code,
// tokens. The browser is a new one every time, and consent is asked for every time.
func signIn(_ context.Context, s *session) (flow, error) {
	return flow{whole: s.wholeSignIn}, nil
}

func (s *session) wholeSignIn(ctx context.Context) error {
	s.conn.heard = &browser{cookies: map[string]string{}}
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	path := "/oauth2/authorize?" + url.Values{
		"client_id": {s.ClientID}, "redirect_uri": {RedirectURI}, "response_type": {"code"}, "scope": {"openid profile email"}, "prompt": {"consent"},
		"state": {rand.Text()}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	for range 10 {
		if code, ok := strings.CutPrefix(path, RedirectURI+"?"); ok {
			return s.exchange(ctx, code, verifier)
		}
		status, body, err := s.visit(ctx, "GET", path, "")
		if err != nil {
			return err
		}
		if status == 200 {
			if path, err = s.answer(ctx, path, body); err != nil {
				return err
			}
			continue
		}
		path = s.conn.heard.location
	}
	return errNoCode
}

// answer fills in the form of a page, and returns where that leads.
func (s *session) answer(ctx context.Context, path string, page []byte) (string, error) {
	form := url.Values{"form_token": {hidden(page, "form_token")}, "interaction": {hidden(page, "interaction")}}
	switch action, _, _ := strings.Cut(path, "?"); action {
	case "/login":
		form.Set("username", s.email())
		form.Set("password", s.Password)
		_, _, err := s.visit(ctx, "POST", "/login", form.Encode())
		return s.conn.heard.location, err
	case "/consent":
		form.Set("action", "accept")
		_, _, err := s.visit(ctx, "POST", "/consent", form.Encode())
		return s.conn.heard.location, err
	default:
		return "", fmt.Errorf("%s: no form is known", action)
	}
}

// visit sends a request of the browser.
func (s *session) visit(ctx context.Context, method, path, body string) (int, []byte, error) {
	s.conn.heard.location = ""
	request := string(s.message(method, path, formType, "", body))
	var cookies []string
	for name, value := range s.conn.heard.cookies {
		cookies = append(cookies, name+"="+value)
	}
	if len(cookies) > 0 {
		slices.Sort(cookies)
		head, rest, _ := strings.Cut(request, "\r\n")
		request = head + "\r\nCookie: " + strings.Join(cookies, "; ") + "\r\n" + rest
	}
	status, answer, err := s.conn.do(ctx, []byte(request))
	if err == nil && status != 200 && status != 303 {
		err = fmt.Errorf("%s: status %d", method, status)
	}
	return status, answer, err
}

// exchange takes the tokens for a code.
func (s *session) exchange(ctx context.Context, query, verifier string) error {
	params, err := url.ParseQuery(query)
	if err != nil || params.Get("code") == "" {
		return errNoCode
	}
	_, err = s.obtain(ctx, s.form(tokenPath, url.Values{
		"grant_type": {"authorization_code"}, "code": {params.Get("code")}, "redirect_uri": {RedirectURI}, "code_verifier": {verifier},
	}))
	return err
}

// hidden is the value of a hidden field in a page of ours; none of them needs unescaping.
func hidden(page []byte, name string) string {
	_, rest, _ := bytes.Cut(page, []byte(`name="`+name+`" value="`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}
