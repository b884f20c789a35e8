package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// person uses a browser without scripts: it keeps cookies, follows redirects and fills forms.
type person struct {
	t      *testing.T
	client *http.Client
	// at is the address that the last step ended at, status and page what was there. At an address that begins with
	// one of those where nobody listens the browser stops.
	at     *url.URL
	status int
	header http.Header
	page   string
}

func newPerson(t *testing.T, nobodyListens ...string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	p := &person{t: t}
	p.client = &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		for _, address := range nobodyListens {
			if strings.HasPrefix(next.URL.String(), address) {
				p.at = next.URL
				return http.ErrUseLastResponse
			}
		}
		require.Less(t, len(before), 20, "redirected for ever, at last to %s", next.URL.Path)
		return nil
	}}
	return p
}

func (p *person) visit(address string) {
	p.t.Helper()
	p.send(http.MethodGet, address, nil)
}

func (p *person) send(method, address string, form url.Values) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(p.t, err)
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	p.at = nil
	response, err := p.client.Do(request)
	require.NoError(p.t, err)
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	p.status, p.header, p.page = response.StatusCode, response.Header, string(page)
	if p.at == nil {
		p.at = response.Request.URL
	}
}

var (
	inputTag  = regexp.MustCompile(`<input\b[^>]*>`)
	attribute = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
)

// attributes are those of the tag that a text begins with.
func attributes(tag string) map[string]string {
	tag, _, _ = strings.Cut(tag, ">")
	found := map[string]string{}
	for _, match := range attribute.FindAllStringSubmatch(tag, -1) {
		found[match[1]] = html.UnescapeString(match[2])
	}
	return found
}

// submit fills the page's form of this id and sends it, with what the page itself has put into it.
func (p *person) submit(id string, filled url.Values) {
	p.t.Helper()
	_, form, found := strings.Cut(p.page, `<form id="`+id+`"`)
	require.True(p.t, found, "%s (%d) has no form %s:\n%s", p.at, p.status, id, p.page)
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, tag := range inputTag.FindAllString(form, -1) {
		if input := attributes(tag); input["type"] == "hidden" {
			values.Add(input["name"], input["value"])
		}
	}
	for name, value := range filled {
		values[name] = value
	}
	action, err := p.at.Parse(attributes(form)["action"])
	require.NoError(p.t, err)
	p.send(http.MethodPost, action.String(), values)
}

// logIn is what the demo's user does at the login page.
func (p *person) logIn() {
	p.t.Helper()
	p.submit("login-form", url.Values{"username": {demoEmail}, "password": {demoPassword}, "action": {"login"}})
}
