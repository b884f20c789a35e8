package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/passwords"
)

func newPages(t *testing.T, overrides string) *Pages {
	t.Helper()
	p, err := NewPages(Brand{Name: "Example ID"}, overrides)
	require.NoError(t, err)
	return p
}

func (p *Pages) mustRender(t *testing.T, reader Reader, view View) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.Render(&b, reader, view))
	return b.String()
}

func TestEveryPageSaysWhatItHasTo(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	require.NoError(t, p.try(), "nothing inline")
	seen := map[string]bool{}
	for _, language := range p.Languages() {
		for i, view := range samples() {
			seen[view.template()] = true
			page := p.mustRender(t, Reader{Language: language, FormToken: "the-token", Theme: "dark"}, view)
			name := fmt.Sprintf("%s %d %s", language, i, view.template())
			require.Contains(t, page, `<html lang="`+language+`" data-theme="dark">`, name)
			require.Regexp(t, `<title>[^<]+ – Example ID</title>`, page, name)
			require.Equal(t, 1, strings.Count(page, "<h1>"), name)
			require.Equal(t, 1, strings.Count(page, "<main "), name)
			require.NotContains(t, page, "ZgotmplZ", name)
			require.NotContains(t, page, "<no value>", name)
			require.NotContains(t, page, "Example <Shop>", name)
			if _, foreign := view.(FormPostView); !foreign {
				require.Equal(t, strings.Count(page, `method="post"`), strings.Count(page, `name="form_token" value="the-token"`), name)
			}
			ids := map[string]bool{}
			for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				require.False(t, ids[id[1]], "%s: two elements have the id %s", name, id[1])
				ids[id[1]] = true
			}
			for _, label := range regexp.MustCompile(` (?:for="|href="#)([^"]*)"`).FindAllStringSubmatch(page, -1) {
				require.True(t, ids[label[1]], "%s: nothing has the id %s", name, label[1])
			}
			for _, described := range regexp.MustCompile(` aria-describedby="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				for id := range strings.FieldsSeq(described[1]) {
					require.True(t, ids[id], "%s: nothing has the id %s", name, id)
				}
			}
		}
	}
	for name := range p.rendered[defaultLanguage] {
		require.True(t, seen[name], "%s has no sample", name)
	}
}

// The ids that automated browsers rely on.
func TestPagesKeepTheirHooks(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	client := &ClientView{Name: "Shop", LogoURI: "https://shop.example/logo.png", PolicyURI: "https://shop.example/privacy", TermsURI: "https://shop.example/terms"}
	for view, hooks := range map[View][]string{
		&LoginView{Client: client, Interaction: "i"}: {
			`<form id="login-form" method="post" action="/login">`, `<input id="username" name="username" `, `<input id="password" name="password" type="password"`,
			`<button type="submit" id="login-submit" `, `<button type="submit" id="login-cancel" `, `<img id="client-logo" src="https://shop.example/logo.png"`,
			`<a id="client-policy" href="https://shop.example/privacy"`, `<a id="client-tos" href="https://shop.example/terms"`,
		},
		&SignupView{}:                {`<form id="signup-form" method="post" action="/signup">`},
		&ConsentView{Client: client}: {`<form id="consent-form" method="post" action="/consent">`, `<button type="submit" id="consent-accept" `, `<button type="submit" id="consent-deny" `},
		&ErrorView{Code: "access_denied", Description: "No."}: {`<div id="error-page">`, `id="error-code">access_denied<`, `id="error-description" lang="en">No.<`},
		&LogoutView{}: {`<button type="submit" id="logout-confirm" `, `<button type="submit" id="logout-cancel" `},
		&LoggedOutView{Continue: "https://shop.example/?state=a&b"}: {`<div id="logged-out">`, `<a id="logged-out-continue" href="https://shop.example/?state=a&amp;b">`},
		&FormPostView{Action: "com.example.app:/callback?a=b", Fields: []HiddenField{{"code", "c"}}}: {
			`<form id="form-post" method="post" action="com.example.app:/callback?a=b">`, `<input type="hidden" name="code" value="c">`, `<button type="submit" id="form-post-submit" `,
		},
	} {
		page := p.mustRender(t, Reader{Language: "en"}, view)
		for _, hook := range hooks {
			require.Contains(t, page, hook)
		}
	}
}

func TestPagesLeadToNothingThatRuns(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	for _, uri := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", " javascript:alert(1)", "//evil.example", "java\nscript:x", ""} {
		require.Error(t, p.Render(&bytes.Buffer{}, Reader{Language: "en"}, FormPostView{Action: uri}), uri)
	}
	page := p.mustRender(t, Reader{Language: "en"}, LoginView{Client: &ClientView{Name: "x", URI: "javascript:alert(1)", PolicyURI: "javascript:alert(2)"}})
	require.NotContains(t, page, "alert")
}

// Each message is in both languages with the same values, and each is said somewhere.
func TestWordsAreCompleteAndUsed(t *testing.T) {
	t.Parallel()
	words := map[string]map[string]string{}
	for _, language := range []string{"en", "ko"} {
		raw, err := ownPages.ReadFile("locales/active." + language + ".json")
		require.NoError(t, err)
		var all map[string]string
		require.NoError(t, json.Unmarshal(raw, &all))
		words[language] = all
		require.Len(t, words[language], strings.Count(string(raw), "\n")-2-strings.Count(string(raw), "\n\n"), "%s: an id is there twice", language)
	}
	require.Equal(t, len(words["en"]), len(words["ko"]))
	for id, text := range words["en"] {
		require.NotEmpty(t, words["ko"][id], id)
		require.Equal(t, placeholders(text), placeholders(words["ko"][id]), id)
	}

	p := newPages(t, "")
	used := usedMessages(p)
	for id := range words["en"] {
		require.True(t, used[id] || strings.HasPrefix(id, faultPrefix) || strings.HasPrefix(id, toldPrefix), "no page says %q", id)
	}
	for id := range used {
		require.NotEmpty(t, words["en"][id], "there is no %q", id)
	}
}

// usedMessages are the ids that templates name, in whatever function, and those that views and codes lead to.
func usedMessages(p *Pages) map[string]bool {
	used := map[string]bool{"format.time": true, "device.browser_on_system": true, "device.unknown": true}
	looksLikeID := regexp.MustCompile(`^[a-z_]+\.[a-z_.]+$`)
	var visit func(node parse.Node)
	visit = func(node parse.Node) {
		switch n := node.(type) {
		case *parse.ListNode:
			if n != nil {
				for _, child := range n.Nodes {
					visit(child)
				}
			}
		case *parse.ActionNode:
			visit(n.Pipe)
		case *parse.TemplateNode:
			visit(n.Pipe)
		case *parse.PipeNode:
			if n != nil {
				for _, cmd := range n.Cmds {
					for _, arg := range cmd.Args {
						visit(arg)
					}
				}
			}
		case *parse.StringNode:
			if looksLikeID.MatchString(n.Text) && !strings.HasSuffix(n.Text, ".css") && !strings.HasSuffix(n.Text, ".js") && !strings.HasSuffix(n.Text, ".svg") {
				used[n.Text] = true
			}
		case *parse.IfNode:
			visit(n.Pipe)
			visit(n.List)
			visit(n.ElseList)
		case *parse.WithNode:
			visit(n.Pipe)
			visit(n.List)
			visit(n.ElseList)
		case *parse.RangeNode:
			visit(n.Pipe)
			visit(n.List)
			visit(n.ElseList)
		}
	}
	files, err := openPageFiles("")
	if err != nil {
		panic(err)
	}
	for _, name := range files.templates {
		text, err := files.read(name)
		if err != nil {
			panic(err)
		}
		tree := parse.New(name)
		tree.Mode = parse.SkipFuncCheck
		set := map[string]*parse.Tree{}
		if _, err := tree.Parse(text, "", "", set); err != nil {
			panic(err)
		}
		for _, t := range set {
			visit(t.Root)
		}
	}
	for _, view := range samples() {
		switch v := view.(type) {
		case NoticeView:
			for _, id := range []string{v.Message + ".title", v.Message + ".text", v.Button, v.LinkMessage} {
				used[id] = id != ""
			}
		case ErrorView:
			if p.words.has(explainPrefix + v.Code) {
				used[explainPrefix+v.Code] = true
			}
		case ConsentView:
			for _, scope := range v.Scopes {
				used["scope."+scope] = p.words.has("scope." + scope)
			}
			for _, claim := range v.Claims {
				used["claim."+claim] = p.words.has("claim." + claim)
			}
		}
	}
	used["scope.other"], used["claim.other"], used[explainPrefix+"other"] = true, true, true
	for id, is := range used {
		if !is {
			delete(used, id)
		}
	}
	return used
}

// Whatever the rules say to a person is said in Korean too.
func TestRulesSpeakKorean(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	var said []string
	long := strings.Repeat("x", passwords.MaxLength+1)
	ada := passwords.Attributes{FirstName: "Augusta", LastName: "Lovelace", Email: "countess@example.com"}
	for _, password := range []string{long, "1234", "password", "augusta1", "lovelace", "countess@example.com"} {
		said = append(said, passwords.Policy{MinLength: 12}.Check(password, ada)...)
	}
	invalid := new(provider.InvalidError)
	require.ErrorAs(t, provider.Profile{
		Nickname: strings.Repeat("x", 256), PageURL: "javascript:x", Birthdate: "x", Zoneinfo: "-", Locale: "-", PhoneNumber: "x",
	}.Validate(), &invalid)
	for _, f := range invalid.Fields {
		said = append(said, f.Message)
	}
	// The rules of other packages have their words in their sources.
	sources := ""
	for _, file := range []string{
		"../provider/accounts/accounts.go", "../provider/accounts/reset.go", "../handlers/input.go", "../handlers/errors.go", "../handlers/login.go",
		"../provider/passwords/policy.go", "../provider/profile.go",
	} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		sources += string(source)
		for _, match := range regexp.MustCompile(`"((?:Enter|Ensure|This field|The two|Your old|A user|E-mail is|Unable|Null char|Not a valid|Too many)[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
			said = append(said, strings.ReplaceAll(match[1], "%d", "150"))
		}
	}
	for english, id := range p.words.faults {
		require.True(t, strings.Contains(sources, english) || strings.HasPrefix(id, "fault.password_like_"), "nobody says %q any more", english)
	}
	require.Greater(t, len(said), 20)
	for _, message := range said {
		korean, err := p.words.fault("ko", message)
		require.NoError(t, err)
		require.Regexp(t, `\p{Hangul}`, korean, message)
		for _, number := range regexp.MustCompile(`\d{2,}`).FindAllString(message, -1) {
			if !strings.Contains(message, "+82") {
				require.Contains(t, korean, number)
			}
		}
	}
	english, err := p.words.fault("en", "This password is too common.")
	require.NoError(t, err)
	require.Equal(t, "This password is too common.", english)
	page := p.mustRender(t, Reader{Language: "ko"}, NewPasswordView{Faults: []Fault{{"new_password2", "This password is too short. It must contain at least 12 characters."}}})
	require.Equal(t, 2, strings.Count(page, "최소 12자를 입력하세요."), "in the list and at the field")
	require.Contains(t, page, `aria-invalid="true" aria-describedby="new_password2-fault-0"`)
}

// An error that a person can do something about is told in their language, by the words that the code has.
func TestErrorsSpeakKorean(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	sources := ""
	for _, file := range []string{"../provider/oidc/interaction.go", "../provider/oidc/authorize.go", "../handlers/page.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		sources += string(source)
	}
	for _, match := range regexp.MustCompile(`Description: "([^"]*[Gg]o back[^"]*)"`).FindAllStringSubmatch(sources, -1) {
		page := p.mustRender(t, Reader{Language: "ko"}, ErrorView{Code: "invalid_request", Description: match[1]})
		require.Regexp(t, `<p id="error-description">[^<]*\p{Hangul}`, page, match[1])
		require.NotContains(t, page, match[1])
	}
	for english := range p.words.told {
		require.Contains(t, sources, english, "nobody says it any more")
	}
	page := p.mustRender(t, Reader{Language: "ko"}, ErrorView{Code: "invalid_client", Description: "The application is not known here."})
	require.Contains(t, page, `<dd id="error-description" lang="en">The application is not known here.</dd>`)
}

func TestMatchFindsTheReadersLanguage(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	for _, c := range []struct {
		preferences []string
		want        string
	}{
		{nil, "en"},
		{[]string{"ko"}, "ko"},
		{[]string{"ko-KR,ko;q=0.9,en;q=0.8"}, "ko"},
		{[]string{"fr-CA fr ko"}, "ko"},
		{[]string{"fr", "ko"}, "ko"},
		{[]string{"en-GB", "ko"}, "en"},
		{[]string{"", "fr", ""}, "en"},
		{[]string{"<script>", "ko"}, "ko"},
		{[]string{strings.Repeat("ko,", 100), "en"}, "en"},
	} {
		require.Equal(t, c.want, p.Match(c.preferences...), "%q", c.preferences)
	}
}

func TestOverridesTakeThePlaceOfOurFiles(t *testing.T) {
	t.Parallel()
	folder := override(t, map[string]string{
		"elements/form.html":     mustReadOwn(t, "elements/form.html") + `{{define "extra"}}<p>Hello from {{.Name}}</p>{{end}}`,
		"layouts/page.html":      strings.Replace(mustReadOwn(t, "layouts/page.html"), "</main>", `{{template "extra" .Brand}}<img src="{{asset "seal.svg"}}" alt=""></main>`, 1),
		"static/seal.svg":        `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"locales/active.en.json": `{"login.title": "Come in"}`,
		".git/config":            "not ours to read",
	})
	p := newPages(t, folder)
	page := p.mustRender(t, Reader{Language: "en"}, LoginView{})
	require.Contains(t, page, "<p>Hello from Example ID</p>")
	require.Contains(t, page, "<h1>Come in</h1>")
	seal, ok := p.Asset("seal.svg")
	require.True(t, ok)
	require.Contains(t, page, StaticPath+seal.Hash+"/seal.svg")
	require.Contains(t, p.mustRender(t, Reader{Language: "ko"}, LoginView{}), "<h1>로그인</h1>")
}

func TestFaultsOfOverridesAreFoundAtStart(t *testing.T) {
	t.Parallel()
	login := mustReadOwn(t, "auth/login.html")
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"a syntax error":             {"auth/login.html", "<p>\n{{if}}", []string{"auth/login.html:2"}},
		"a value that is not there":  {"auth/login.html", login + "\n\n{{.View.Shoes}}", []string{"auth/login.html:", "Shoes"}},
		"one that only samples show": {"auth/consent.html", strings.Replace(mustReadOwn(t, "auth/consent.html"), "{{scope .}}", "{{.Name}}", 1), []string{"auth/consent.html:7", "Name"}},
		"an unknown message":         {"errors/error.html", strings.Replace(mustReadOwn(t, "errors/error.html"), "error.home", "error.shoes", 1), []string{"errors/error.html:12", "error.shoes"}},
		"an unknown picture":         {"layouts/page.html", strings.Replace(mustReadOwn(t, "layouts/page.html"), "<body>", `<body><img src="{{asset "x.png"}}" alt="">`, 1), []string{"layouts/page.html", "x.png"}},
		"markup that does not end":   {"auth/login.html", login + `<a href="`, []string{"auth/login.html"}},
		"a script":                   {"auth/login.html", login + "<script>alert(1)</script>", []string{"auth/login.html", "inline"}},
		"a style":                    {"auth/login.html", login + `<p style="color:red">`, []string{"auth/login.html", "inline"}},
		"a handler":                  {"auth/login.html", login + `<p onclick="x()">`, []string{"auth/login.html", "inline"}},
		"no such page":               {"auth/logn.html", login, []string{"auth/logn.html", "none of ours"}},
		"unknown words":              {"locales/active.en.json", `{"login.tilte": "x"}`, []string{"locales/active.en.json", "login.tilte"}},
		"words that are no JSON":     {"locales/active.en.json", "{\n\"login.title\" \"x\"}", []string{"locales/active.en.json", "line 2"}},
		"other values":               {"locales/active.ko.json", `{"consent.title": "x"}`, []string{"locales/active.ko.json", "consent.title"}},
		"the words of rules":         {"locales/active.en.json", `{"fault.email": "x"}`, []string{"locales/active.en.json", "fault.email"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewPages(Brand{Name: "x"}, override(t, map[string]string{c.file: c.text}))
			require.Error(t, err)
			for _, part := range c.want {
				require.ErrorContains(t, err, part)
			}
		})
	}
	_, err := NewPages(Brand{Name: "x"}, filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorContains(t, err, "nowhere")
}

func override(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return folder
}

func mustReadOwn(t *testing.T, name string) string {
	t.Helper()
	raw, err := ownPages.ReadFile(name)
	require.NoError(t, err)
	return string(raw)
}

func TestEveryAccentCanBeRead(t *testing.T) {
	t.Parallel()
	steps := []int{0x00, 0x33, 0x66, 0x80, 0x99, 0xcc, 0xff}
	for _, r := range steps {
		for _, g := range steps {
			for _, b := range steps {
				accent := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				theme, err := themeOf(accent)
				require.NoError(t, err)
				found := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(theme, -1)
				require.Len(t, found, 5)
				require.Equal(t, accent, found[0], "the brand's colour stays as it is")
				for _, pair := range [][2]string{{found[0], found[1]}, {found[2], lightPaper.String()}, {found[2], "#ffffff"}, {found[4], darkPaper.String()}, {found[4], "#131318"}} {
					one, err := parseColour(pair[0])
					require.NoError(t, err)
					other, err := parseColour(pair[1])
					require.NoError(t, err)
					require.GreaterOrEqual(t, contrast(one, other), leastContrast, "%s: %v", accent, pair)
				}
			}
		}
	}
	for _, wrong := range []string{"red", "#fff", "#12345g", "123456", "#1234567", "#123456;}"} {
		_, err := themeOf(wrong)
		require.Error(t, err, wrong)
	}
}

// WCAG's own examples of the ratio.
func TestContrast(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 21, contrast(white, black), 0.001)
	require.InDelta(t, 1, contrast(white, white), 0.001)
	require.InDelta(t, 4.54, contrast(colour{0x76, 0x76, 0x76}, white), 0.005)
}

func TestLogosAreOursOrNamed(t *testing.T) {
	t.Parallel()
	folder := override(t, map[string]string{"logo.png": "picture", "logo.html": "<script>"})
	p, err := NewPages(Brand{Name: "x", LogoFile: filepath.Join(folder, "logo.png"), LogoURL: "https://cdn.example/logo.png"}, "")
	require.NoError(t, err)
	logo, ok := p.Asset("brand-logo")
	require.True(t, ok)
	require.Equal(t, Asset{[]byte("picture"), "image/png", logo.Hash}, logo)
	require.Empty(t, p.Images(LoginView{}))
	require.Contains(t, p.mustRender(t, Reader{Language: "en"}, LoginView{}), `<img src="/static/`+logo.Hash+`/brand-logo" alt="x">`)

	p, err = NewPages(Brand{Name: "x", LogoURL: "https://cdn.example/logo.png"}, "")
	require.NoError(t, err)
	require.Equal(t, []string{"https://cdn.example/logo.png", "https://shop.example/l.png"}, p.Images(LoginView{Client: &ClientView{LogoURI: "https://shop.example/l.png"}}))
	for _, wrong := range []string{"logo.html", "missing.png"} {
		_, err := NewPages(Brand{Name: "x", LogoFile: filepath.Join(folder, wrong)}, "")
		require.ErrorContains(t, err, wrong)
	}
}

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	p := newPages(t, "")
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0": "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36":                  "Chrome on Android",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                    "Firefox on Linux",
		"curl/8.5": "Unknown device",
		"":         "Unknown device",
	} {
		got, err := p.device("en", agent)
		require.NoError(t, err)
		require.Equal(t, want, got, agent)
	}
}

func TestLanguagesAreThoseOfMails(t *testing.T) {
	t.Parallel()
	for language := range NewMails("x").words {
		require.True(t, slices.Contains(newPages(t, "").Languages(), language))
	}
}
