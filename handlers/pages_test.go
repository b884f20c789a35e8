package handlers_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
)

// reader is somebody with a browser: it keeps cookies and sends the forms of pages as they are.
type reader struct {
	s        *testServer
	t        *testing.T
	language string
	agent    string
	cookies  map[string]string
}

func (s *testServer) reader(t *testing.T) *reader {
	return &reader{s: s, t: t, language: "en", agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", cookies: map[string]string{}}
}

func (r *reader) do(method, path, body string) answer {
	r.t.Helper()
	headers := []string{"Accept: text/html", "Accept-Language: " + r.language, "User-Agent: " + r.agent}
	if method == http.MethodPost {
		headers = append(headers, formType)
	}
	var pairs []string
	for name, value := range r.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) > 0 {
		headers = append(headers, "Cookie: "+strings.Join(pairs, "; "))
	}
	a := r.s.do(method, path, body, headers...)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		r.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(r.cookies, c.Name)
		}
	}
	return a
}

func (r *reader) get(path string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, path, "")
}

var (
	formPattern   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	actionPattern = regexp.MustCompile(` action="([^"]*)"`)
)

// submit fills in the form of the page at path that has an id, or the text, and sends it.
func (r *reader) submit(path, form string, pairs ...string) answer {
	r.t.Helper()
	return r.send(r.get(path), path, form, pairs...)
}

// send is submit from a page that is open already. A form that names no address goes to path.
func (r *reader) send(page answer, path, form string, pairs ...string) answer {
	r.t.Helper()
	for _, found := range formPattern.FindAllStringSubmatch(page.body, -1) {
		if !strings.Contains(found[0], form) {
			continue
		}
		target := path
		if action := actionPattern.FindStringSubmatch(found[1]); action != nil {
			target = html.UnescapeString(action[1])
		}
		for _, hidden := range hiddenPattern.FindAllStringSubmatch(found[2], -1) {
			pairs = append(pairs, html.UnescapeString(hidden[1]), html.UnescapeString(hidden[2]))
		}
		return r.do(http.MethodPost, target, encodeForm(pairs))
	}
	require.FailNow(r.t, "there is no such form", "%s at %s: %d %s", form, path, page.status, page.body)
	return answer{}
}

// goesTo is a 303, and where it leads.
func (r *reader) goesTo(location string, a answer) {
	r.t.Helper()
	require.Equal(r.t, http.StatusSeeOther, a.status, a.body)
	require.Equal(r.t, location, a.header.Get("Location"))
	require.Empty(r.t, a.body)
}

// signUp makes an account and signs it in.
func (r *reader) signUp(email string) {
	r.t.Helper()
	r.goesTo("/account", r.submit("/signup", "signup-form", "email", email, "password1", password, "password2", password))
}

const newcomer = "newcomer@example.com"

func TestSignUpPage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.reader(t)
		r.goesTo("/account/password", r.submit("/signup?next=/account/password", "signup-form",
			"email", " Newcomer@Example.com ", "first_name", "Kim", "password1", password, "password2", password))
		own := r.get("/account/password")
		require.Equal(t, http.StatusOK, own.status)
		require.Contains(t, own.body, "Newcomer@Example.com")
		user, err := s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		require.Equal(t, "Kim", user.FirstName)
		require.Equal(t, http.StatusOK, s.json(login, object{"email": newcomer, "password": password}).status, "the same password at the other door")
		require.Equal(t, provider.MailVerifyEmail, s.mailsTo("Newcomer@Example.com")[0].Kind)
	}, func(with *setup) { with.accounts.Verification = accounts.VerificationOptional })
}

func TestSignUpPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	r := s.reader(t)
	r.language = "ko"
	a := r.submit("/signup", "signup-form", "email", `"><b>x`, "first_name", "Kim", "password1", "1234", "password2", "1234")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "올바른 이메일 주소를 입력하세요.")
	require.Contains(t, a.body, `value="&#34;&gt;&lt;b&gt;x"`)
	require.Contains(t, a.body, `value="Kim"`)
	require.NotContains(t, a.body, "1234")
	a = r.submit("/signup", "signup-form", "email", newcomer, "password1", "1234", "password2", "1234")
	for _, fault := range []string{"최소 8자를 입력하세요.", "너무 흔한 비밀번호입니다.", "숫자로만 된 비밀번호는 사용할 수 없습니다."} {
		require.Contains(t, a.body, fault)
	}
	require.Contains(t, r.submit("/signup", "signup-form", "email", newcomer, "password1", password, "password2", password+"x").body, "두 비밀번호가 일치하지 않습니다.")
	require.Contains(t, r.submit("/signup", "signup-form", "email", email, "password1", password, "password2", password).body, "이미 등록된 이메일 주소입니다.")
	require.Contains(t, r.submit("/signup", "signup-form").body, "필수 입력 항목입니다.")
	_, err := s.database.UserByEmail(context.Background(), newcomer)
	require.ErrorIs(t, err, provider.ErrNotFound)
	r.goesTo("/login?next=%2Faccount%2Fpassword", r.get("/account/password"))
}

func TestSignUpPageHidesWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, func(with *setup) {
		with.accounts.Verification, with.accounts.PreventEnumeration = accounts.VerificationMandatory, true
	})
	var answers []answer
	for _, address := range []string{email, newcomer} {
		r := s.reader(t)
		a := r.submit("/signup", "signup-form", "email", address, "password1", password, "password2", password)
		r.goesTo("/verify-email", a)
		require.Contains(t, r.get("/verify-email").body, "Look into your mail")
		r.goesTo("/login?next=%2Faccount%2Fpassword", r.get("/account/password"))
		a.header.Del("Date")
		a.header.Del("X-Request-Id")
		answers = append(answers, a)
	}
	require.Equal(t, answers[0], answers[1])
	require.Equal(t, provider.MailAccountExists, s.mailsTo(email)[0].Kind)
	require.Equal(t, provider.MailVerifyEmail, s.mailsTo(newcomer)[0].Kind)
}

func TestSignUpPageWhenClosed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	r := s.reader(t)
	r.get("/signup")
	s.handler.SignUpOpen = false
	a := r.get("/signup?next=/account/apps")
	require.Equal(t, http.StatusForbidden, a.status)
	require.Contains(t, a.body, "No new accounts")
	require.Contains(t, a.body, `href="/login?next=%2Faccount%2Fapps"`)
	require.NotContains(t, a.body, "<form")
}

func TestSignUpsAreCounted(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, func(with *setup) {
		with.rates.RegistrationPerAddress = provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}
	})
	r := s.reader(t)
	r.signUp(newcomer)
	a := r.submit("/signup", "signup-form", "email", "second@example.com", "password1", password, "password2", password)
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Contains(t, a.body, `id="error-page"`)
	require.NotEmpty(t, a.header.Get("Retry-After"))
}

func TestVerifyEmailPages(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		for i, path := range []string{"/verify-email?key=", "/api/accounts/v1/registration/account-confirm-email/"} {
			r, address := s.reader(t), fmt.Sprintf("newcomer%d@example.com", i)
			s.register(address, password)
			path += s.verificationKey(t, address)
			for range 2 { // scanners of mails follow links
				require.Contains(t, r.get(path).body, "Press the button")
			}
			user, err := s.database.UserByEmail(context.Background(), address)
			require.NoError(t, err)
			require.False(t, user.EmailVerified)
			r.goesTo("/verify-email/done", r.submit(path, "notice-form"))
			require.Contains(t, r.get("/verify-email/done").body, "Address confirmed")
			user, err = s.database.UserByEmail(context.Background(), address)
			require.NoError(t, err)
			require.True(t, user.EmailVerified)
			dead := r.submit(path, "notice-form")
			require.Equal(t, http.StatusNotFound, dead.status)
			require.Contains(t, dead.body, "This link does not work")
		}
	})
}

func TestAnAddressOfNothingHasAPageForPeople(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	page := s.do(http.MethodGet, "/acount/%3Cb%3Eprofile", "", "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8")
	require.Equal(t, http.StatusNotFound, page.status)
	require.Contains(t, page.body, `<p id="error-description">There is no page at this address.</p>`)
	require.Contains(t, page.body, page.header.Get("X-Request-Id"))
	require.NotContains(t, page.body, "<b>")
	for _, path := range []string{"/nothing", "/api/accounts/v1/nothing/", "/oauth2/nothing"} {
		require.Equal(t, `{"detail":"Not found."}`, s.do(http.MethodGet, path, "").body, path)
		require.Equal(t, `{"detail":"Not found."}`, s.do(http.MethodPost, path, "", "Accept: text/html").body, path)
	}
	require.Equal(t, `{"detail":"Not found."}`, s.do(http.MethodGet, "/api/accounts/v1/nothing/", "", "Accept: text/html").body)
	require.Contains(t, s.do(http.MethodGet, "/nothing", "", "Accept: text/html", "Accept-Language: ko").body, "이 주소에는 페이지가 없습니다.")
}

func TestPasswordResetPages(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		r, other := s.reader(t), s.reader(t)
		other.signUp(newcomer)
		for _, address := range []string{newcomer, "nobody@example.com"} {
			r.goesTo("/password-reset/sent", r.submit("/password-reset", "forgot-form", "email", address))
		}
		require.Contains(t, r.get("/password-reset/sent").body, "If the address has an account")
		require.Empty(t, s.mailsTo("nobody@example.com"))
		wrong := r.submit("/password-reset", "forgot-form", "email", "no address")
		require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
		require.Contains(t, wrong.body, "Enter a valid email address.")

		sent := s.mailsTo(newcomer)
		link := strings.TrimPrefix(sent[len(sent)-1].Values["link"], s.URL)
		weak := r.submit(link, "reset-form", "new_password1", "12345678", "new_password2", "12345678")
		require.Equal(t, http.StatusUnprocessableEntity, weak.status)
		require.Contains(t, weak.body, "This password is too common.")
		require.NotContains(t, weak.body, "12345678")
		open := r.get(link)
		r.goesTo("/password-reset/done", r.submit(link, "reset-form", "new_password1", renewed, "new_password2", renewed))
		require.Contains(t, r.get("/password-reset/done").body, "Password changed")
		dead := r.send(open, link, "reset-form", "new_password1", renewed, "new_password2", renewed)
		require.Equal(t, http.StatusNotFound, dead.status)
		require.Contains(t, dead.body, `href="/password-reset"`)
		for _, old := range []string{link, "/password-reset/confirm/1/nothing/", "/password-reset/confirm/!/nothing/"} {
			dead = r.get(old)
			require.Equal(t, http.StatusNotFound, dead.status, "nobody types a password for a link that is dead")
			require.Contains(t, dead.body, `href="/password-reset"`)
			require.NotContains(t, dead.body, "reset-form")
		}
		other.goesTo("/login?next=%2Faccount%2Fpassword", other.get("/account/password"))
		require.Equal(t, http.StatusOK, s.json(login, object{"email": newcomer, "password": renewed}).status)
	})
}

func TestPasswordPage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		r := s.reader(t)
		r.signUp(newcomer)
		other := s.json(login, object{"email": newcomer, "password": password})
		before := r.cookies
		wrong := r.submit("/account/password", "password-form", "old_password", "wrong", "new_password1", renewed, "new_password2", renewed)
		require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
		require.Contains(t, wrong.body, `<a href="#old_password">Your old password was entered incorrectly.`)
		thief := s.reader(t)
		thief.cookies = map[string]string{}
		for name, value := range before {
			thief.cookies[name] = value
		}
		r.goesTo("/account/password?done", r.submit("/account/password", "password-form", "old_password", password, "new_password1", renewed, "new_password2", renewed))
		require.Contains(t, r.get("/account/password?done").body, "Your password is changed.", "this browser stays")
		thief.goesTo("/login?next=%2Faccount%2Fpassword", thief.get("/account/password"))
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(other.text(t, "access_token"))).status)
		sent := s.mailsTo(newcomer)
		require.Equal(t, provider.MailPasswordSet, sent[len(sent)-1].Kind)
	})
}

func TestSessionsPage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		here, there, stranger := s.reader(t), s.reader(t), s.reader(t)
		here.signUp(newcomer)
		there.signIn(newcomer, password)
		stranger.signUp("stranger@example.com")
		page := here.get("/account/sessions")
		require.Equal(t, 2, strings.Count(page.body, "Firefox on Linux</h2>")+strings.Count(page.body, "Firefox on Linux <span"))
		require.Equal(t, 1, strings.Count(page.body, "this browser"))
		require.Equal(t, 1, strings.Count(page.body, `value="end"`))
		id := regexp.MustCompile(`name="session" value="([^"]+)"`).FindStringSubmatch(page.body)[1]

		stranger.goesTo("/account/sessions?done", stranger.submit("/account/sessions", "sessions-form", "action", "end", "session", id))
		require.Equal(t, http.StatusOK, there.get("/account/password").status, "nobody ends others' sessions")
		here.goesTo("/account/sessions?done", here.submit("/account/sessions", `value="end"`, "action", "end"))
		there.goesTo("/login?next=%2Faccount%2Fpassword", there.get("/account/password"))
		require.Contains(t, here.get("/account/sessions?done").body, "That browser is signed out.")

		there.signIn(newcomer, password)
		tokens := s.json(login, object{"email": newcomer, "password": password})
		here.goesTo("/login", here.submit("/account/sessions", "sessions-form", "action", "end-all"))
		for _, r := range []*reader{here, there} {
			r.goesTo("/login?next=%2Faccount%2Fpassword", r.get("/account/password"))
		}
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(tokens.text(t, "access_token"))).status)
		require.Equal(t, http.StatusOK, stranger.get("/account/password").status)
	})
}

func TestAppsPage(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		r, stranger := s.reader(t), s.reader(t)
		r.signUp(newcomer)
		stranger.signUp("stranger@example.com")
		require.Contains(t, r.get("/account/apps").body, "There are none.")
		user, err := s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		s.changeClient(spa, func(c *provider.Client) { c.Name, c.ClientURI = "Shop <1>", "https://shop.example/" })
		require.NoError(t, s.database.SaveConsent(context.Background(), provider.Consent{
			UserID: user.ID, ClientID: spa, Scopes: []string{"openid", "email"}, Claims: []string{"nickname"}, CreatedAt: s.clock.now(), GivenAt: s.clock.now(),
		}))
		require.NoError(t, s.database.SaveConsent(context.Background(), provider.Consent{UserID: user.ID, ClientID: "gone", GivenAt: s.clock.now()}))
		tokens := s.form("/oauth2/token", []string{"grant_type", "password", "client_id", spa, "username", newcomer, "password", password, "scope", "openid profile offline_access"})
		require.Equal(t, http.StatusOK, tokens.status, tokens.body)

		page := r.get("/account/apps")
		for _, part := range []string{"Shop &lt;1&gt;", "see your name and your profile", "see your nickname", "keep its access while you are away", "Allowed", "Last used"} {
			require.Contains(t, page.body, part)
		}
		require.NotContains(t, page.body, "gone")
		require.NotContains(t, stranger.get("/account/apps").body, "Shop")
		stranger.do(http.MethodPost, "/account/apps", encodeForm([]string{"form_token", formTokenOf(t, stranger.get("/account/password")), "client_id", spa}))
		s.requireAlive(t, tokens.text(t, "access_token"))

		r.goesTo("/account/apps?done", r.submit("/account/apps", `value="`+spa+`"`))
		s.requireDead(t, tokens.text(t, "access_token"))
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(tokens.text(t, "refresh_token")))
		page = r.get("/account/apps?done")
		require.Contains(t, page.body, "can no longer use your account")
		require.NotContains(t, page.body, "Shop")
		consents, err := s.database.ConsentsOfUser(context.Background(), user.ID)
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(consents, func(c provider.Consent) bool { return c.ClientID == spa }))
	})
}

func formTokenOf(t *testing.T, page answer) string {
	t.Helper()
	found := regexp.MustCompile(`name="form_token" value="([^"]+)"`).FindStringSubmatch(page.body)
	require.NotEmpty(t, found, page.body)
	return found[1]
}

func TestStaticFilesAreKeptForEver(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	home := s.do(http.MethodGet, "/", "")
	files := regexp.MustCompile(`/static/([^/"]+)/([^"]+)`).FindAllStringSubmatch(home.body, -1)
	require.Len(t, files, 3)
	for _, file := range files {
		a := s.do(http.MethodGet, file[0], "")
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "public, max-age=31536000, immutable", a.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		old := s.do(http.MethodGet, "/static/older/"+file[2], "")
		require.Equal(t, a.body, old.body, "pages of another release")
		require.Equal(t, "no-cache", old.header.Get("Cache-Control"))
		require.Equal(t, http.StatusNotModified, s.do(http.MethodGet, file[0], "", "If-None-Match: "+a.header.Get("ETag")).status)
		require.Equal(t, http.StatusOK, s.do(http.MethodHead, file[0], "").status)
	}
	for _, path := range []string{"/static/x/page.html", "/static/x/..%2fpages.go", "/static/x/"} {
		require.Equal(t, http.StatusNotFound, s.do(http.MethodGet, path, "").status, path)
	}
}

// notPages are the routes of GET that no person reads, by their beginning.
var notPages = []string{
	"/.well-known/", "/openapi.yaml", "/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo", "/oauth2/register", "/static/", "/api/accounts/v1/",
}

// pagePaths are the pages of a server, from its router, so that none can be forgotten.
func pagePaths(s *testServer) []string {
	var paths []string
	for _, route := range s.handler.Routes().(*gin.Engine).Routes() {
		if route.Method != http.MethodGet || slices.ContainsFunc(notPages, func(start string) bool { return strings.HasPrefix(route.Path, start) }) &&
			!strings.Contains(route.Path, "account-confirm-email") && !strings.Contains(route.Path, "email-verification-sent") {
			continue
		}
		paths = append(paths, strings.NewReplacer(":key", "a-key", ":uid", "1", ":token", "a-token").Replace(route.Path))
	}
	return paths
}

// Whoever is signed in or not, and whatever is wrong, pages have the headers that keep browsers out of trouble.
func TestWEB_01_and_02_and_07_EveryPageIsForItsReaderAlone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	in, out := s.reader(t), s.reader(t)
	in.signUp(newcomer)
	paths := pagePaths(s)
	require.Greater(t, len(paths), 14)
	for _, path := range paths {
		for _, a := range []answer{in.get(path), out.get(path), out.do(http.MethodPost, path, "form_token=wrong")} {
			require.Equal(t, "no-store", a.header.Get("Cache-Control"), path)
			require.Equal(t, "DENY", a.header.Get("X-Frame-Options"), path)
			require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
			require.NotEmpty(t, a.header.Get("Referrer-Policy"), path)
			policy := a.header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'", path)
			require.Contains(t, policy, "frame-ancestors 'none'", path)
			require.NotContains(t, policy, "unsafe", path)
			if a.status == http.StatusSeeOther || a.status == http.StatusMethodNotAllowed {
				continue
			}
			require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"), path)
			for _, part := range []string{"script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'"} {
				require.Contains(t, policy, part, path)
			}
			require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|<script>|javascript:`, a.body, path)
			require.Contains(t, a.body, `<html lang="en"`, path)
		}
	}
}

// A form that no page of ours made for this browser does nothing.
func TestFormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	r, mallory := s.reader(t), s.reader(t)
	r.signUp(newcomer)
	foreign := formTokenOf(t, mallory.get("/signup"))
	own := formTokenOf(t, r.get("/account/password"))
	posts := 0
	for _, route := range s.handler.Routes().(*gin.Engine).Routes() {
		if route.Method != http.MethodPost || !strings.HasPrefix(route.Path, "/account/") {
			continue
		}
		posts++
		for _, body := range []string{"", "form_token=", "form_token=" + foreign, "form_token=" + strings.ToLower(own)} {
			a := r.do(http.MethodPost, route.Path, body+"&action=end-all&client_id="+spa)
			require.Equal(t, http.StatusForbidden, a.status, route.Path)
			require.Contains(t, a.body, `id="error-page"`)
		}
		require.Equal(t, http.StatusForbidden, r.do(http.MethodPost, route.Path+"?form_token="+own, "action=end-all").status, "the body alone counts")
	}
	require.Equal(t, 4, posts)
	require.Equal(t, http.StatusOK, r.get("/account/password").status)
}

func TestWEB_05_NextIsAPageOfOurs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for _, next := range []string{
		"//evil.example", `/\evil.example`, "/%09/evil.example", "/\t/evil.example", "javascript:alert(1)", "https:evil.example", "https://evil.example",
		"/%2f%2fevil.example", `\\evil.example`, "/%5cevil.example", "%2f%2fevil.example", "///evil.example", "/ /evil.example", "/\r\nLocation: x", "account", "",
	} {
		r := s.reader(t)
		page := r.get("/signup?next=" + url.QueryEscape(next))
		require.NotContains(t, page.body, "evil", next)
		address := fmt.Sprintf("next%x", next)
		a := r.do(http.MethodPost, "/signup", encodeForm([]string{
			"form_token", formTokenOf(t, page), "email", address[:min(len(address), 60)] + "@example.com", "password1", password, "password2", password, "next", next,
		}))
		r.goesTo("/account", a)
	}
	r := s.reader(t)
	r.goesTo("/account/apps?x=1", r.submit("/signup?next=%2Faccount%2Fapps%3Fx%3D1", "signup-form", "email", newcomer, "password1", password, "password2", password))
}

// signIn signs the browser in by the page.
func (r *reader) signIn(email, password string) {
	r.t.Helper()
	r.goesTo("/account", r.submit("/login", "login-form", "username", email, "password", password, "action", "login"))
}

// OpenID Connect, Initiating User Registration: who signs up on the way to a client arrives there.
func TestPromptCreateLeadsThroughTheSignUp(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(webapp, webappCB, "prompt", "create", "scope", "openid email", "login_hint", newcomer)
		p := b.open(r.path())
		require.True(t, p.has("signup-form"), p.body)
		require.True(t, p.has("client-logo"))
		require.Equal(t, newcomer, attribute(p.find("email"), "value"))
		require.Contains(t, p.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example;")
		p = b.submit(p, "signup-submit", "email", newcomer, "password1", password, "password2", "other")
		require.Equal(t, http.StatusUnprocessableEntity, p.status)
		require.True(t, p.has("client-logo"), "still on the way")
		p = b.submit(p, "signup-submit", "email", newcomer, "password1", password, "password2", password)
		require.True(t, p.has("consent-form"), p.body)
		a := s.redeem(r, b.arrived(b.submit(p, "consent-accept"), r).Get("code"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		user, err := s.database.UserByEmail(context.Background(), newcomer)
		require.NoError(t, err)
		require.Contains(t, string(decodeSegment(t, a.text(t, "id_token"), 1)), user.Subject)
	})
}

// What was removed is asked for again.
func TestARemovedAppAsksAgain(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.addWebClients()
		b := s.newBrowser(t)
		r := newRequest(webapp, webappCB, "scope", "openid offline_access")
		a := s.redeem(r, b.signIn(r).Get("code"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		silent := newRequest(webapp, webappCB, "prompt", "none")
		require.NotEmpty(t, b.arrived(b.open(silent.path()), silent).Get("code"))

		p := b.open("/account/apps")
		require.Contains(t, p.body, "Web App")
		path, body := b.filled(p, "app-"+webapp)
		require.Equal(t, "/account/apps?done", b.follow(b.send(http.MethodPost, path, body), path).url.RequestURI())
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.form("/oauth2/token", []string{"grant_type", "refresh_token", "refresh_token", a.text(t, "refresh_token")}, basic(webapp, serviceSecret)))
		require.Equal(t, "consent_required", b.arrived(b.open(silent.path()), silent).Get("error"))
	})
}

func TestWEB_06_CookiesOfOthersSignNobodyIn(t *testing.T) {
	t.Parallel()
	const name = "signet-session"
	t.Run("two of them", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		r := s.reader(t)
		r.signUp(newcomer)
		for _, other := range []string{"x", r.cookies[name]} {
			a := s.do(http.MethodGet, "/account/password", "", fmt.Sprintf("Cookie: %s=%s; %[1]s=%[3]s", name, r.cookies[name], other))
			r.goesTo("/login?next=%2Faccount%2Fpassword", a)
		}
		require.Equal(t, http.StatusOK, r.get("/account/password").status)
	})
	t.Run("a sibling domain's", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t, func(with *setup) { with.handler.Issuer.Scheme = "https" })
		r := s.reader(t)
		r.signUp(newcomer)
		a := s.do(http.MethodGet, "/account/password", "", "Cookie: "+name+"="+r.cookies["__Host-"+name])
		r.goesTo("/login?next=%2Faccount%2Fpassword", a)
		require.Equal(t, http.StatusOK, r.get("/account/password").status)
	})
	t.Run("a very long one", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		r := s.reader(t)
		r.cookies[name] = strings.Repeat("x", 5<<10)
		for _, path := range []string{"/account/password", "/login", "/oauth2/authorize"} {
			require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, r.get(path).status)
		}
	})
}
