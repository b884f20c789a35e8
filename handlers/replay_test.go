package handlers_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
)

// The recorded API. testdata/account-api.json is what a front end of it relies on: requests and answers
// recorded from the system that the account API replaces. testdata/account-api-fixes.json says, in the
// same terms, what is answered instead where that system was wrong.

// exceptions are all the ways in which an answer may differ from a recorded one that was to be kept.
var exceptions = []struct{ what, reason string }{
	{"<jwt> where a refresh token stands", "refresh tokens are opaque: they rotate, and only this server reads them"},
	{"the JOSE header of access tokens, and claims beyond the recorded ones", "access tokens are signed with an asymmetric key and follow RFC 9068; token_type, exp, iat, jti and user_id are as recorded"},
	{"minted tokens", "nobody else has a key: those that the recorded server could have signed are signed with our own, for the grant of the case's user"},
	{"sender, subject and parts of mails", "mails have words and a design of their own, tested with their templates; addressee, number and links are as recorded"},
	{"notices of a changed password", "the recorded system sent none; they are not counted"},
	{"paths/admin", "Django's own administration, not the account API"},
	{"paths/admin-login", "Django's own administration, not the account API"},
	{"login/upper-path", "an unknown path under the API is answered in JSON, as paths/unknown asks"},
	{"opt-blacklist/rotation", "a refresh token that is used again outside the grace window ends its session, so the successor dies too (RFC 9700 §4.14.2)"},
}

// notReplayed are the exceptions that are whole cases without an answer of ours.
var notReplayed = []string{"paths/admin", "paths/admin-login"}

// replaySettings are the settings under which each profile of the recorded system is replayed.
var replaySettings = map[string]func(*setup){
	"jwt": func(s *setup) {
		s.rotate = false
		s.accounts.OldPasswordOptional, s.accounts.Verification = true, accounts.VerificationNone
	},
	"strict": func(s *setup) {
		s.rotate, s.handler.Compatible.Expirations = false, true
		s.accounts.Verification = accounts.VerificationNone
	},
	"blacklist": func(s *setup) {
		s.settings.RefreshGrace = 0
		s.accounts.OldPasswordOptional, s.accounts.Verification = true, accounts.VerificationNone
	},
	"verify": func(s *setup) { s.rotate, s.accounts.Verification = false, accounts.VerificationMandatory },
	"cookieopts": func(s *setup) {
		s.rotate, s.accounts.Verification = false, accounts.VerificationNone
		s.handler.Compatible.CSRFToken = true
		s.handler.Cookies.Secure, s.handler.Cookies.Readable, s.handler.Cookies.SameSite = true, true, http.SameSiteStrictMode
		s.handler.Cookies.RefreshPath = "/api/accounts/v1/token/refresh/"
	},
	"throttle": func(s *setup) {
		s.rotate, s.rates.AccountAPIPerAddress = false, provider.Rate{Limit: 2, Per: time.Minute, Burst: 2}
	},
	"short": func(s *setup) {
		s.rotate, s.accounts.Verification = false, accounts.VerificationNone
		s.settings.AccessTokenLifetime, s.settings.RefreshTokenIdle = 2*time.Second, 5*time.Second
	},
	// What the recorded system had beside its tokens.
	"login session": func(s *setup) { s.handler.Cookies.Session = "sessionid" },
	// Our own defaults, for what was not recorded.
	"default": func(s *setup) { s.handler.AllowedOrigins = []string{"https://app.example.net"} },
}

type replayCase struct {
	Name     string
	Profiles []string
	Verdict  string
	Fix      string
	Steps    []replayStep
}

type replayStep struct {
	Request *replayRequest
	Save    map[string]string
	Expect  json.RawMessage

	// What follows belongs to an op.
	Op       string
	MS       int
	Email    string
	Active   bool
	Verified bool
	Var      string
	User     string
	Password string
	To       string
	Claims   json.RawMessage
	Alg      string
	Key      string
}

// UnmarshalJSON also takes an op's "save" that is one name.
func (s *replayStep) UnmarshalJSON(raw []byte) error {
	type plain replayStep
	var one struct{ Save string }
	if json.Unmarshal(raw, &one) == nil && one.Save != "" {
		raw = bytes.Replace(raw, []byte(`"save":`), []byte(`"saved":`), 1)
		s.Save = map[string]string{"": one.Save}
	}
	return json.Unmarshal(raw, (*plain)(s))
}

type replayRequest struct {
	Method     string
	Path       string
	Headers    map[string]string
	Body       json.RawMessage
	RawBody    *string `json:"raw_body"`
	Base64Body string  `json:"raw_body_base64"`
	Multipart  map[string]string
	RepeatBody *struct {
		Prefix, Char, Suffix string
		Times                int
	} `json:"repeat_body"`
}

type replayExpectation struct {
	Status    int
	Headers   map[string]*string
	Cookies   map[string]map[string]any
	Body      json.RawMessage
	HTMLTitle string `json:"html_title"`
	JWT       map[string]struct {
		Claims json.RawMessage
	}
}

// replayFix is the better behaviour that a recorded "fix" text describes: what differs from the recorded
// steps, by their number, and what follows them.
type replayFix struct {
	Name   string
	On     string // the settings; empty means the recorded profile
	Change map[string]struct {
		Request *struct {
			Headers map[string]string
			Body    json.RawMessage
			RawBody *string `json:"raw_body"`
		}
		Op     json.RawMessage
		Expect json.RawMessage
	}
	Append []replayStep
}

func (f replayFix) apply(t *testing.T, c replayCase) replayCase {
	t.Helper()
	c.Steps = slices.Clone(c.Steps)
	for index, change := range f.Change {
		i, err := strconv.Atoi(index)
		require.NoError(t, err)
		step := &c.Steps[i]
		if change.Op != nil {
			*step = replayStep{}
			require.NoError(t, json.Unmarshal(change.Op, step))
			continue
		}
		if change.Request != nil {
			request := *step.Request
			request.Headers = maps.Clone(request.Headers)
			maps.Copy(request.Headers, change.Request.Headers)
			if change.Request.Body != nil {
				request.Body = change.Request.Body
			}
			step.Request = &request
		}
		if change.Expect != nil && step.Op != "" {
			step.Expect = change.Expect
			continue
		}
		if change.Expect != nil {
			step.Expect = merge(t, step.Expect, change.Expect)
		}
	}
	c.Steps = append(c.Steps, f.Append...)
	return c
}

// merge replaces what a changed expectation names; of the headers it replaces single ones.
func merge(t *testing.T, recorded, changed json.RawMessage) json.RawMessage {
	t.Helper()
	var expect, headers, change, changedHeaders map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(recorded, &expect))
	require.NoError(t, json.Unmarshal(changed, &change))
	require.NoError(t, json.Unmarshal(expect["headers"], &headers))
	if change["headers"] != nil {
		require.NoError(t, json.Unmarshal(change["headers"], &changedHeaders))
	}
	maps.Copy(headers, changedHeaders)
	maps.Copy(expect, change)
	expect["headers"] = encodeJSON(t, headers)
	return encodeJSON(t, expect)
}

// encodeJSON leaves placeholders as they are.
func encodeJSON(t *testing.T, value any) json.RawMessage {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(value))
	return b.Bytes()
}

func readReplay[T any](t *testing.T, name string) []T {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var read []T
	require.NoError(t, json.Unmarshal(raw, &read))
	return read
}

// TestRecordedAPI replays every case of the profiles that have settings, in parallel.
func TestRecordedAPI(t *testing.T) {
	cases := readReplay[replayCase](t, "account-api.json")
	fixes := make(map[string]replayFix)
	for _, f := range readReplay[replayFix](t, "account-api-fixes.json") {
		require.NotContains(t, fixes, f.Name)
		fixes[f.Name] = f
	}
	for _, e := range exceptions {
		t.Logf("exception: %s: %s", e.what, e.reason)
	}
	forEachStore(t, func(t *testing.T, start func(*testing.T, ...func(*setup)) *testServer) {
		servers := make(map[string]*testServer)
		for profile, settings := range replaySettings {
			servers[profile] = start(t, settings)
		}
		var kept, fixed, dropped, failed atomic.Int64
		t.Run("cases", func(t *testing.T) {
			for _, c := range cases {
				for _, profile := range c.Profiles {
					if replaySettings[profile] == nil {
						continue
					}
					fix, isFix := fixes[c.Name]
					switch {
					case c.Verdict == "drop" || slices.Contains(notReplayed, c.Name):
						t.Logf("dropped: %s: %s", c.Name, cmp.Or(c.Fix, "an artefact of the recorded framework"))
						dropped.Add(1)
						continue
					case c.Verdict == "fix" && !isFix:
						t.Errorf("%s has no fix", c.Name)
						failed.Add(1)
						continue
					}
					passed := &kept
					if isFix {
						c, profile, passed = fix.apply(t, c), cmp.Or(fix.On, profile), &fixed
					}
					t.Run(c.Name, func(t *testing.T) {
						t.Parallel()
						defer func() {
							if t.Failed() {
								passed = &failed
							}
							passed.Add(1)
						}()
						replay(t, servers[profile], c)
					})
				}
			}
		})
		t.Logf("kept %d, fixed %d, dropped %d, failed %d", kept.Load(), fixed.Load(), dropped.Load(), failed.Load())
		require.Zero(t, failed.Load())
	})
}

// replayRun is one case on one server.
type replayRun struct {
	t    *testing.T
	s    *testServer
	vars map[string]any
	// seen counts the mails that were looked at, by address.
	seen map[string]int
}

func replay(t *testing.T, s *testServer, c replayCase) {
	t.Helper()
	var id [4]byte
	_, _ = rand.Read(id[:])
	uid := "a" + hex.EncodeToString(id[:])[1:]
	r := &replayRun{t: t, s: s, vars: map[string]any{"uid": uid, "base": s.URL}, seen: map[string]int{}}
	for i, step := range c.Steps {
		if step.Op != "" {
			r.operate(step)
			continue
		}
		r.step(fmt.Sprintf("step %d: %s %s", i, step.Request.Method, step.Request.Path), step)
	}
}

var variable = regexp.MustCompile(`\{\{(\w+)\}\}`)

// fill puts the variables into a text.
func (r *replayRun) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		value, ok := r.vars[v[2:len(v)-2]]
		require.True(r.t, ok, "no variable %s", v)
		return fmt.Sprint(value)
	})
}

// fillJSON puts the variables into JSON text; a string that is one variable takes the variable's type.
func (r *replayRun) fillJSON(raw json.RawMessage) json.RawMessage {
	whole := regexp.MustCompile(`"\{\{(\w+)\}\}"`).ReplaceAllStringFunc(string(raw), func(v string) string {
		value, ok := r.vars[v[3:len(v)-3]]
		require.True(r.t, ok, "no variable %s", v)
		encoded, err := json.Marshal(value)
		require.NoError(r.t, err)
		return string(encoded)
	})
	return json.RawMessage(r.fill(whole))
}

func (r *replayRun) step(where string, step replayStep) {
	var expect replayExpectation
	require.NoError(r.t, json.Unmarshal(r.fillJSON(step.Expect), &expect), where)
	a, at := r.send(step.Request)
	require.Equal(r.t, expect.Status, a.status, "%s: %s", where, a.body)
	for _, name := range []string{"Content-Type", "Allow", "WWW-Authenticate", "Retry-After", "Location"} {
		want := ""
		if expect.Headers[name] != nil {
			want = *expect.Headers[name]
		}
		require.Regexp(r.t, placeholderPattern(want), a.header.Get(name), "%s: %s", where, name)
	}
	for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
		if want := expect.Headers[name]; want != nil {
			require.Equal(r.t, *want, a.header.Get(name), "%s: %s", where, name)
		}
	}
	r.compareBody(where, expect, a, at)
	r.compareCookies(where, expect, a, at)
	r.compareClaims(where, expect, a, at)
	for name, source := range step.Save {
		if cookie, ok := strings.CutPrefix(source, "cookie."); ok && !slices.Contains(tokenCookies, cookie) && a.cookieOf(cookie) == nil {
			r.vars[name] = "x" // information; we set it where the settings say so
			continue
		}
		r.vars[name] = r.find(source, a)
	}
}

func (r *replayRun) send(in *replayRequest) (answer, time.Time) {
	var body []byte
	headers := maps.Clone(in.Headers)
	switch {
	case in.RawBody != nil:
		body = []byte(r.fill(*in.RawBody))
	case in.Base64Body != "":
		var err error
		body, err = base64.StdEncoding.DecodeString(in.Base64Body)
		require.NoError(r.t, err)
	case in.RepeatBody != nil:
		body = []byte(in.RepeatBody.Prefix + strings.Repeat(in.RepeatBody.Char, in.RepeatBody.Times) + in.RepeatBody.Suffix)
	case in.Multipart != nil:
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		for _, name := range slices.Sorted(maps.Keys(in.Multipart)) {
			require.NoError(r.t, form.WriteField(name, r.fill(in.Multipart[name])))
		}
		require.NoError(r.t, form.Close())
		body = b.Bytes()
		headers["Content-Type"] = form.FormDataContentType()
	case in.Body != nil:
		body = r.fillJSON(in.Body)
	}
	request, err := http.NewRequestWithContext(context.Background(), in.Method, r.s.URL+r.fill(in.Path), bytes.NewReader(body))
	require.NoError(r.t, err)
	if len(body) == 0 {
		request.Body = http.NoBody
	}
	for name, value := range headers {
		if name == "Host" {
			request.Host = r.fill(value)
			continue
		}
		request.Header[http.CanonicalHeaderKey(name)] = []string{r.fill(value)}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(r.t, err)
	at := r.s.clock.now()
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return answer{response.StatusCode, response.Header, string(raw)}, at
}

func (r *replayRun) compareBody(where string, expect replayExpectation, a answer, at time.Time) {
	switch string(expect.Body) {
	case "", "null":
		require.Empty(r.t, a.body, where)
		return
	case `"<html>"`:
		require.Contains(r.t, a.body, "<!doctype html>", where)
		require.Contains(r.t, a.body, "<title>"+expect.HTMLTitle, where)
		return
	}
	got := parseNode(r.t, a.body)
	require.Equal(r.t, got.String(), a.body, "%s: not compact", where)
	if fault := match(parseNode(r.t, string(expect.Body)), got, "body", at); fault != "" {
		r.t.Fatalf("%s: %s\ngot  %s\nwant %s", where, fault, a.body, expect.Body)
	}
}

// tokenCookies are the cookies that are compared.
var tokenCookies = []string{"my-app-auth", "my-refresh-token"}

func (r *replayRun) compareCookies(where string, expect replayExpectation, a answer, at time.Time) {
	for _, name := range tokenCookies {
		want, got := expect.Cookies[name], a.cookieOf(name)
		if want == nil {
			require.Nil(r.t, got, "%s: cookie %s", where, name)
			continue
		}
		require.NotNil(r.t, got, "%s: cookie %s", where, name)
		sameSite := any(nil)
		switch got.SameSite {
		case http.SameSiteLaxMode:
			sameSite = "Lax"
		case http.SameSiteStrictMode:
			sameSite = "Strict"
		}
		require.Equal(r.t, want["samesite"], sameSite, "%s: cookie %s", where, name)
		require.Equal(r.t, want["path"], got.Path, "%s: cookie %s", where, name)
		require.Equal(r.t, want["httponly"], got.HttpOnly, "%s: cookie %s", where, name)
		require.Equal(r.t, want["secure"], got.Secure, "%s: cookie %s", where, name)
		require.EqualValues(r.t, want["max_age"], max(got.MaxAge, 0), "%s: cookie %s", where, name)
		require.Empty(r.t, got.Domain, "%s: cookie %s", where, name)
		value, _ := want["value"].(string)
		require.Empty(r.t, match(value, got.Value, "cookie."+name, at), "%s: cookie %s", where, name)
		if expires, _ := want["expires"].(string); strings.HasPrefix(expires, "<now") {
			require.WithinDuration(r.t, at.Add(time.Duration(got.MaxAge)*time.Second), got.Expires, 3*time.Second, "%s: cookie %s", where, name)
		} else {
			require.Equal(r.t, expires, got.Expires.Format(http.TimeFormat), "%s: cookie %s", where, name)
		}
	}
}

func (r *replayRun) compareClaims(where string, expect replayExpectation, a answer, at time.Time) {
	for place, want := range expect.JWT {
		if strings.Contains(place, "refresh") {
			continue // opaque
		}
		token, _ := r.find(place, a).(string)
		claims := parseNode(r.t, string(decodeSegment(r.t, token, 1))).(members)
		for _, m := range parseNode(r.t, string(want.Claims)).(members) {
			require.Empty(r.t, match(m.value, claims.get(m.name), "claim", at), "%s: %s: claim %s", where, place, m.name)
		}
	}
}

// find returns what a source of "save" names.
func (r *replayRun) find(source string, a answer) any {
	kind, rest, _ := strings.Cut(source, ".")
	switch kind {
	case "header":
		return a.header.Get(rest)
	case "cookie":
		got := a.cookieOf(rest)
		require.NotNil(r.t, got, source)
		return got.Value
	case "claim":
		last := strings.LastIndexByte(rest, '.')
		if strings.Contains(rest[:last], "refresh") {
			return 0 // opaque
		}
		return payload(r.t, r.find(rest[:last], a).(string))[rest[last+1:]]
	}
	var value any = a.fields(r.t)
	for name := range strings.SplitSeq(rest, ".") {
		value = value.(map[string]any)[name]
	}
	if number, ok := value.(float64); ok {
		return int64(number)
	}
	return value
}
