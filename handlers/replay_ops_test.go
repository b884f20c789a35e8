package handlers_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
)

// operate does what is not a request.
func (r *replayRun) operate(step replayStep) {
	ctx := context.Background()
	user := func() provider.User {
		found, err := r.s.database.UserByEmail(ctx, r.fill(step.Email))
		require.NoError(r.t, err)
		return found
	}
	text := func(name string) string { return r.vars[name].(string) }
	switch step.Op {
	case "sleep":
		time.Sleep(time.Duration(step.MS) * time.Millisecond)
	case "set_active":
		require.NoError(r.t, r.s.accounts.SetActive(ctx, user().ID, step.Active))
	case "set_verified":
		require.NoError(r.t, r.s.database.UpdateUser(ctx, user().ID, provider.UserChange{EmailVerified: &step.Verified}))
	case "delete_user":
		require.NoError(r.t, r.s.database.DeleteUser(ctx, user().ID))
	case "tamper":
		r.vars[step.Save[""]] = tamper(text(step.Var))
	case "upper":
		r.vars[step.Save[""]] = strings.ToUpper(text(step.Var))
	case "basic":
		r.vars[step.Save[""]] = base64.StdEncoding.EncodeToString([]byte(r.fill(step.User) + ":" + r.fill(step.Password)))
	case "mint":
		r.vars[step.Save[""]] = r.mint(step)
	case "mail":
		r.mail(step)
	default:
		require.Fail(r.t, "unknown op", step.Op)
	}
}

// tamper changes one character in the middle of a token's signature, which is what is behind the last dot
// of a JWT, and the last 32 characters of a refresh token.
func tamper(token string) string {
	at := len(token) - 16
	if dot := strings.LastIndexByte(token, '.'); dot > 0 {
		at = (dot + len(token)) / 2
	}
	changed := byte('A')
	if token[at] == 'A' {
		changed = 'B'
	}
	return token[:at] + string(changed) + token[at+1:]
}

var nowPlaceholder = regexp.MustCompile(`"<now([+-]\d+)?>"`)

// mint signs claims. What our own key signs is for the grant of the case's user: without it no claim would
// be looked at.
func (r *replayRun) mint(step replayStep) string {
	now := r.s.clock.now().Unix()
	raw := nowPlaceholder.ReplaceAllStringFunc(string(r.fillJSON(step.Claims)), func(p string) string {
		offset, _ := strconv.ParseInt(strings.Trim(p, `"<now>`), 10, 64)
		return strconv.FormatInt(now+offset, 10)
	})
	var claims map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(raw), &claims))
	if step.Key != "other" && (step.Alg == "" || step.Alg == "HS256") {
		own := payload(r.t, r.vars["access"].(string))
		for _, name := range []string{"iss", "sub", "aud", "client_id", "scope", "gid", "auth_time"} {
			if _, ok := claims[name]; !ok {
				claims[name] = own[name]
			}
		}
		encoded, err := json.Marshal(claims)
		require.NoError(r.t, err)
		token, err := r.s.ring.Sign(keys.ES256, "at+jwt", encoded)
		require.NoError(r.t, err)
		return token
	}
	alg := step.Alg
	if alg == "" {
		alg = "HS256"
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"`+alg+`"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(raw))
	if alg == "none" {
		return signed + "."
	}
	mac := hmac.New(sha256.New, []byte(rand.Text()))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// mail looks at the mails to an address since the last look; notices are not among them.
func (r *replayRun) mail(step replayStep) {
	var expect struct {
		Count int
		Links []string
	}
	require.NoError(r.t, json.Unmarshal(r.fillJSON(step.Expect), &expect))
	to := r.fill(step.To)
	var links []string
	for _, m := range r.s.mailsTo(to) {
		if m.Kind == provider.MailVerifyEmail || m.Kind == provider.MailPasswordReset {
			links = append(links, m.Values["link"])
		}
	}
	links, r.seen[to] = links[r.seen[to]:], len(links)
	require.Len(r.t, links, expect.Count, "mails to %s", to)
	for _, want := range expect.Links {
		require.Regexp(r.t, placeholderPattern(want), links[len(links)-1])
	}
	for name, pattern := range step.Save {
		found := regexp.MustCompile(pattern).FindStringSubmatch(links[len(links)-1])
		require.NotNil(r.t, found, "%s in %s", pattern, links[len(links)-1])
		r.vars[name] = found[1]
	}
}
