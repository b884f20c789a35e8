package handlers_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/passwords"
)

const (
	verifyEmail    = "/api/accounts/v1/registration/verify-email/"
	resendEmail    = "/api/accounts/v1/registration/resend-email/"
	passwordChange = "/api/accounts/v1/password/change/"
	passwordReset  = "/api/accounts/v1/password/reset/"
	resetConfirm   = "/api/accounts/v1/password/reset/confirm/"
	renewed        = "N3w-Lantern-Quay-7"
)

const (
	invalidToken = `{"token":["Invalid value"]}`
	resetDone    = `{"detail":"Password has been reset with the new password."}`
)

// link is where the newest mail of a kind to an address leads, in parts.
func (s *testServer) link(t *testing.T, kind provider.MailKind, to string) []string {
	t.Helper()
	for _, m := range slices.Backward(s.mailsTo(to)) {
		if m.Kind == kind {
			u, err := url.Parse(m.Values["link"])
			require.NoError(t, err)
			require.Equal(t, s.URL, u.Scheme+"://"+u.Host, "a link leads to the issuer")
			return strings.Split(strings.Trim(u.Path, "/"), "/")
		}
	}
	require.Fail(t, "no such mail")
	return nil
}

func (s *testServer) verificationKey(t *testing.T, to string) string {
	t.Helper()
	parts := s.link(t, provider.MailVerifyEmail, to)
	return parts[len(parts)-1]
}

// reset asks for a link to reset the password of an address and returns what it brings.
func (s *testServer) reset(t *testing.T, email string) (uid, token string) {
	t.Helper()
	require.Equal(t, http.StatusOK, s.json(passwordReset, object{"email": email}).status)
	parts := s.link(t, provider.MailPasswordReset, email)
	return parts[len(parts)-2], parts[len(parts)-1]
}

func (s *testServer) confirmReset(uid, token, password string) answer {
	s.t.Helper()
	return s.json(resetConfirm, object{"uid": uid, "token": token, "new_password1": password, "new_password2": password})
}

func kinds(mails []provider.Mail) []provider.MailKind {
	var all []provider.MailKind
	for _, m := range mails {
		all = append(all, m.Kind)
	}
	return all
}

func mandatory(s *setup) { s.accounts.Verification = accounts.VerificationMandatory }

// hidden is enumeration-proof registration.
func hidden(s *setup) {
	mandatory(s)
	s.accounts.PreventEnumeration = true
}

func TestREG01SignUpWithAKnownAddressLooksLikeAnyOther(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		known, unknown := s.register(email, password), s.register("new@example.com", password)
		require.Equal(t, http.StatusCreated, known.status)
		require.Equal(t, `{"detail":"Verification e-mail sent."}`, known.body)
		require.Equal(t, unknown.status, known.status)
		require.Equal(t, unknown.body, known.body)
		for _, a := range []answer{known, unknown} {
			a.header.Del("X-Request-Id")
			a.header.Del("Date")
		}
		require.Equal(t, unknown.header, known.header)
		require.Equal(t, []provider.MailKind{provider.MailVerifyEmail}, kinds(s.mailsTo("new@example.com")))
		require.Equal(t, []provider.MailKind{provider.MailAccountExists}, kinds(s.mailsTo(email)))
		parts := s.link(t, provider.MailAccountExists, email)
		require.Equal(t, resetDone, s.confirmReset(parts[len(parts)-2], parts[len(parts)-1], renewed).body, "the owner can go on from there")
		require.Equal(t, http.StatusBadRequest, s.register(email, "1234567").status, "what is wrong with the password is said to everybody")
	}, hidden)
}

func TestREG05AddressesAreNotFoldedButTheirLimitsAre(t *testing.T) {
	s := newTestServer(t)
	for _, address := range []string{"a.b@example.com", "ab@example.com", "ab+1@example.com", "ab+2@example.com"} {
		require.Equal(t, http.StatusCreated, s.register(address, password).status, address)
	}
	require.Len(t, s.mailsTo("ab@example.com"), 1)
	require.Len(t, s.mailsTo("ab+1@example.com"), 1)
	require.Empty(t, s.mailsTo("ab+2@example.com"), "the third mail to one mailbox")
}

func TestREG07OneMailForManySignUpsAtOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		for _, a := range race(20, func(int) answer { return s.register("race@example.com", password) }) {
			require.Equal(t, http.StatusCreated, a.status, a.body)
			require.Equal(t, `{"detail":"Verification e-mail sent."}`, a.body)
		}
		sent := kinds(s.mailsTo("race@example.com"))
		require.Len(t, slices.DeleteFunc(sent, func(k provider.MailKind) bool { return k != provider.MailVerifyEmail }), 1)
	}, hidden)
}

func TestREG10VerificationKeys(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		const to = "new@example.com"
		made := s.register(to, password)
		key := s.verificationKey(t, to)
		require.NotContains(t, made.body, key)
		verified := func() bool {
			user, err := s.database.UserByEmail(context.Background(), to)
			require.NoError(t, err)
			return user.EmailVerified
		}

		t.Run("a GET of the link uses nothing", func(t *testing.T) {
			page := s.do(http.MethodGet, "/api/accounts/v1/registration/account-confirm-email/"+key+"/", "")
			require.Equal(t, http.StatusOK, page.status)
			require.Contains(t, page.body, "<button")
			require.False(t, verified())
		})
		t.Run("the first use only, of many at once", func(t *testing.T) {
			used := 0
			for _, a := range race(20, func(int) answer { return s.json(verifyEmail, object{"key": key}) }) {
				if a.status == http.StatusOK {
					used++
					continue
				}
				require.Equal(t, http.StatusNotFound, a.status, a.body)
				require.Equal(t, `{"detail":"Not found."}`, a.body)
			}
			require.Equal(t, 1, used)
			require.True(t, verified())
		})
		t.Run("expired", func(t *testing.T) {
			require.Equal(t, http.StatusCreated, s.register("late@example.com", password).status)
			late := s.verificationKey(t, "late@example.com")
			s.clock.move(72*time.Hour + time.Second)
			require.Equal(t, http.StatusNotFound, s.json(verifyEmail, object{"key": late}).status)
		})
		t.Run("after the address changed", func(t *testing.T) {
			require.Equal(t, http.StatusCreated, s.register("old@example.com", password).status)
			stale := s.verificationKey(t, "old@example.com")
			user, err := s.database.UserByEmail(context.Background(), "old@example.com")
			require.NoError(t, err)
			changed := "changed@example.com"
			require.NoError(t, s.database.UpdateUser(context.Background(), user.ID, provider.UserChange{Email: &changed}))
			require.Equal(t, http.StatusNotFound, s.json(verifyEmail, object{"key": stale}).status)
		})
		t.Run("a key to verify resets no password", func(t *testing.T) {
			require.Equal(t, http.StatusCreated, s.register("other@example.com", password).status)
			uid, _ := s.reset(t, "other@example.com")
			require.Equal(t, invalidToken, s.confirmReset(uid, s.verificationKey(t, "other@example.com"), renewed).body)
		})
	})
}

func TestREG14ResetTakesAnAccountBackFromWhoRegisteredItFirst(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		attacker := s.register("victim@example.com", password)
		require.Equal(t, http.StatusCreated, attacker.status)
		uid, token := s.reset(t, "victim@example.com")
		require.Equal(t, resetDone, s.confirmReset(uid, token, renewed).body)
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(attacker.text(t, "access_token"))).status)
		require.Equal(t, http.StatusUnauthorized, s.json(tokenRefresh, object{"refresh": attacker.text(t, "refresh_token")}).status)
		require.Equal(t, http.StatusBadRequest, s.json(login, object{"email": "victim@example.com", "password": password}).status)
		require.Equal(t, http.StatusOK, s.json(login, object{"email": "victim@example.com", "password": renewed}).status)
	})
}

// LOG-02: neither a reset nor a sign-up tells by its time whether an address has an account.
func TestLOG02TimeTellsNothingOfAddresses(t *testing.T) {
	s := newTestServer(t, hidden, func(with *setup) { with.accounts.Passwords = passwords.New(passwords.Params{}) })
	s.handler.Limits.Enabled = false
	doors := map[string]func(email string) answer{
		"reset":        func(email string) answer { return s.json(passwordReset, object{"email": email}) },
		"resend":       func(email string) answer { return s.json(resendEmail, object{"email": email}) },
		"registration": func(email string) answer { return s.register(email, password) },
	}
	for door, knock := range doors {
		t.Run(door, func(t *testing.T) {
			var known, unknown time.Duration
			for attempt := range 8 {
				var times [2][]time.Duration
				order := rand.New(rand.NewPCG(1, uint64(attempt))).Perm(200)
				for i, n := range order {
					address := [2]string{email, "nobody-" + door + string(rune('a'+attempt)) + "-" + strings.Repeat("x", i%7) + time.Now().Format("150405.000000000") + "@example.com"}[n%2]
					begin := time.Now()
					a := knock(address)
					times[n%2] = append(times[n%2], time.Since(begin))
					require.Less(t, a.status, http.StatusBadRequest, a.body)
					s.handler.Wait() // what one answer left behind must not slow the next
				}
				known, unknown = median(times[0]), median(times[1])
				// A tenth of a millisecond cannot be told over a network, whatever its share.
				if difference := (known - unknown).Abs(); difference < 5*time.Millisecond && difference < max(known/20, unknown/20, 100*time.Microsecond) {
					t.Logf("%s: known %s, unknown %s", door, known, unknown)
					return
				}
			}
			require.Fail(t, "medians differ by more than 5 % or 5 ms, eight times", "known %s, unknown %s", known, unknown)
		})
	}
}

// LOG-04: the old password at password/change/ is a guess like any other.
func TestLOG04OldPasswordsAreCountedLikeLogins(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		in := s.json(login, object{"email": email, "password": password}).text(t, "access_token")
		for range 4 { // the login before was the first of five
			a := s.json(passwordChange, object{"old_password": "wrong-1", "new_password1": renewed, "new_password2": renewed}, bearer(in))
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, `{"old_password":["Your old password was entered incorrectly. Please enter it again."]}`, a.body)
		}
		require.Equal(t, http.StatusTooManyRequests, s.json(login, object{"email": email, "password": password}).status)
		// RST-11: the sixth.
		require.Equal(t, http.StatusTooManyRequests, s.json(passwordChange, object{"old_password": password, "new_password1": renewed, "new_password2": renewed}, bearer(in)).status)
	})
}

// LOG-12: who is disabled or deleted is out at once, links included.
func TestLOG12DisabledAndDeletedUsersAreOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		for name, end := range map[string]func(user provider.User) error{
			"disabled": func(user provider.User) error { return s.accounts.SetActive(context.Background(), user.ID, false) },
			"deleted":  func(user provider.User) error { return s.database.DeleteUser(context.Background(), user.ID) },
		} {
			address := name + "@example.com"
			in := s.register(address, password)
			uid, token := s.reset(t, address)
			user, err := s.database.UserByEmail(context.Background(), address)
			require.NoError(t, err)
			require.NoError(t, end(user))
			require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(in.text(t, "access_token"))).status, name)
			require.Equal(t, http.StatusUnauthorized, s.json(tokenRefresh, object{"refresh": in.text(t, "refresh_token")}).status, name)
			require.Equal(t, http.StatusUnauthorized, s.json(tokenVerify, object{"token": in.text(t, "access_token")}).status, name)
			require.Equal(t, http.StatusBadRequest, s.confirmReset(uid, token, renewed).status, name)
			require.Equal(t, http.StatusNotFound, s.json(verifyEmail, object{"key": s.verificationKey(t, address)}).status, name)
		}
	})
}

func TestRST01AskingForALinkTellsNothing(t *testing.T) {
	s := newTestServer(t)
	known, unknown := s.json(passwordReset, object{"email": email}), s.json(passwordReset, object{"email": "nobody@example.com"})
	require.Equal(t, http.StatusOK, known.status)
	require.Equal(t, unknown.body, known.body)
	require.Len(t, s.mailsTo(email), 1)
	require.Empty(t, s.mailsTo("nobody@example.com"))
	s.accounts.Mail = noMail{}
	s.clock.move(time.Hour)
	down := s.json(passwordReset, object{"email": email})
	require.Equal(t, known.status, down.status)
	require.Equal(t, known.body, down.body)
	s.handler.Wait()
	require.Contains(t, s.logs.String(), "work after the answer failed")
}

// noMail is a queue that cannot be reached.
type noMail struct{}

func (noMail) EnqueueMail(context.Context, provider.Mail) error { return provider.ErrUnavailable }

func TestRST02LinksComeFromTheIssuer(t *testing.T) {
	s := newTestServer(t)
	for _, header := range []string{"X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Proto: https", "Host: localhost:9"} {
		require.Equal(t, http.StatusOK, s.json(passwordReset, object{"email": email}, header).status)
		s.link(t, provider.MailPasswordReset, email) // it checks where the link leads
		s.clock.move(time.Hour)
	}
	request := func(path string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
		require.NoError(t, err)
		r.Host = "evil.example"
		return r
	}
	for path, want := range map[string]int{"/": http.StatusMisdirectedRequest, "/oauth2/userinfo": http.StatusMisdirectedRequest, userPath: http.StatusBadRequest} {
		response, err := http.DefaultClient.Do(request(path))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, path)
	}
}

func TestRST03OneAddressOnly(t *testing.T) {
	s := newTestServer(t)
	for _, bad := range []any{[]string{email, "a@example.com"}, email + ",a@example.com", email + "\na@example.com", email + "%0aa@example.com", object{"a": email}} {
		a := s.json(passwordReset, object{"email": bad})
		require.Equal(t, http.StatusBadRequest, a.status, "%v", bad)
		require.Equal(t, `{"email":["Enter a valid email address."]}`, a.body, "%v", bad)
	}
	require.Empty(t, s.mailsTo(email))
}

func TestRST04MailGoesToTheStoredAddress(t *testing.T) {
	s := newTestServer(t)
	require.Equal(t, http.StatusCreated, s.register("mike@Example.com", password).status)
	for _, asked := range []string{"MIKE@EXAMPLE.COM", "mıke@example.com", "mike@exａmple.com", "\u212aike@example.com"} {
		s.json(passwordReset, object{"email": asked})
		require.Empty(t, s.mailsTo(asked), asked)
	}
	require.Equal(t, []provider.MailKind{provider.MailVerifyEmail, provider.MailPasswordReset}, kinds(s.mailsTo("mike@Example.com")))
}

func TestRST05LinkWorksOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		uid, token := s.reset(t, email)
		done := 0
		for _, a := range race(20, func(int) answer { return s.confirmReset(uid, token, renewed) }) {
			if a.status == http.StatusOK {
				done++
				continue
			}
			require.Equal(t, http.StatusBadRequest, a.status, a.body)
			require.Equal(t, invalidToken, a.body)
		}
		require.Equal(t, 1, done)
		require.Equal(t, invalidToken, s.confirmReset(uid, token, renewed).body)
	})
}

func TestRST06WhatEndsALink(t *testing.T) {
	ctx := context.Background()
	onEachStore(t, func(t *testing.T, s *testServer) {
		s.accounts.NewestResetOnly = true
		changed, number := "changed@example.com", 0
		for name, end := range map[string]func(address string){
			"a newer request": func(address string) { s.reset(t, address) },
			"a login": func(address string) {
				require.Equal(t, http.StatusOK, s.json(login, object{"email": address, "password": password}).status)
			},
			"a password change": func(address string) {
				in := s.json(login, object{"email": address, "password": password}).text(t, "access_token")
				body := object{"old_password": password, "new_password1": renewed, "new_password2": renewed}
				require.Equal(t, http.StatusOK, s.json(passwordChange, body, bearer(in)).status)
			},
			"another address": func(address string) {
				user, err := s.database.UserByEmail(ctx, address)
				require.NoError(t, err)
				require.NoError(t, s.database.UpdateUser(ctx, user.ID, provider.UserChange{Email: &changed}))
			},
			"an hour": func(string) { s.clock.move(time.Hour + time.Second) },
		} {
			t.Run(name, func(t *testing.T) {
				number++
				address := string(rune('a'+number)) + "@example.com"
				require.Equal(t, http.StatusCreated, s.register(address, password).status)
				uid, token := s.reset(t, address)
				end(address)
				require.Equal(t, invalidToken, s.confirmReset(uid, token, renewed).body)
			})
		}
	})
}

func TestRST07LinkIsOneUsersInOneSpelling(t *testing.T) {
	s := newTestServer(t)
	require.Equal(t, http.StatusCreated, s.register("b@example.com", password).status)
	uidA, tokenA := s.reset(t, email)
	uidB, tokenB := s.reset(t, "b@example.com")
	require.Equal(t, invalidToken, s.confirmReset(uidA, tokenB, renewed).body)
	require.Equal(t, invalidToken, s.confirmReset(uidB, tokenA, renewed).body)
	for _, spelling := range []string{"+" + uidA, "-" + uidA, uidA + "=", "MQ==", "zzzzzzzzzzzzzzzz"} {
		require.Equal(t, `{"uid":["Invalid value"]}`, s.confirmReset(spelling, tokenA, renewed).body, spelling)
	}
	require.Equal(t, invalidToken, s.confirmReset(uidA, strings.ToUpper(tokenA), renewed).body)
	require.Equal(t, resetDone, s.confirmReset(uidA, tokenA, renewed).body)
}

func TestRST08NoStepCanBeLeftOut(t *testing.T) {
	s := newTestServer(t)
	uid, good := s.reset(t, email)
	for _, token := range []any{"", "0", nil, 0, true, []string{}} {
		a := s.json(resetConfirm, object{"uid": uid, "token": token, "new_password1": renewed, "new_password2": renewed})
		require.Equal(t, http.StatusBadRequest, a.status, "%v: %s", token, a.body)
	}
	require.Equal(t, http.StatusBadRequest, s.json(resetConfirm, object{"uid": uid, "new_password1": renewed, "new_password2": renewed}).status)
	page := "/password-reset/confirm/" + uid + "/0/"
	require.Equal(t, http.StatusForbidden, s.form(page, []string{"new_password1", renewed, "new_password2", renewed}).status)
	r := s.reader(t)
	open := r.get("/password-reset/confirm/" + uid + "/" + good + "/")
	require.Equal(t, http.StatusNotFound, r.send(open, page, "reset-form", "new_password1", renewed, "new_password2", renewed).status)
	require.Equal(t, http.StatusOK, s.json(login, object{"email": email, "password": password}).status, "the password is the old one")
}

func TestRST09ResetEndsEverything(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		third := s.signIn("openid offline_access")
		uid, older := s.reset(t, email)
		_, newer := s.reset(t, email)
		require.Equal(t, resetDone, s.confirmReset(uid, newer, renewed).body)
		require.Equal(t, invalidToken, s.confirmReset(uid, older, password).body)
		s.requireDead(t, third.text(t, "access_token"))
		requireRefused(t, http.StatusBadRequest, "invalid_grant", s.refresh(third.text(t, "refresh_token")))
		sent := s.mailsTo(email)
		require.Equal(t, provider.MailPasswordSet, sent[len(sent)-1].Kind)
	})
}

func TestRST10PagesOfLinksKeepThemToThemselves(t *testing.T) {
	s := newTestServer(t)
	uid, token := s.reset(t, email)
	path := "/password-reset/confirm/" + uid + "/" + token + "/"
	r := s.reader(t)
	page := r.get(path)
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, "no-referrer", page.header.Get("Referrer-Policy"))
	require.Equal(t, "no-store", page.header.Get("Cache-Control"))
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self';")
	require.NotContains(t, page.body, "http", "nothing of others")
	require.NotContains(t, page.body, "<script")
	require.NotContains(t, s.logs.String(), token)
	weak := r.submit(path, "reset-form", "new_password1", "1234567", "new_password2", "1234567")
	require.Equal(t, http.StatusUnprocessableEntity, weak.status)
	require.Equal(t, "no-referrer", weak.header.Get("Referrer-Policy"))
	require.Contains(t, weak.body, "This password is too common.")
	open := r.get(path)
	r.goesTo("/password-reset/done", r.submit(path, "reset-form", "new_password1", renewed, "new_password2", renewed))
	dead := r.send(open, path, "reset-form", "new_password1", renewed, "new_password2", renewed)
	require.Equal(t, http.StatusNotFound, dead.status)
	require.Equal(t, "no-referrer", dead.header.Get("Referrer-Policy"))
	require.Equal(t, http.StatusOK, s.json(login, object{"email": email, "password": renewed}).status)
}

func TestRST11ChangingAPasswordEndsAllOtherSessions(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		other, own := s.json(login, object{"email": email, "password": password}), s.json(login, object{"email": email, "password": password})
		access := own.text(t, "access_token")
		require.Equal(t, `{"old_password":["This field is required."]}`, s.json(passwordChange, object{"new_password1": renewed, "new_password2": renewed}, bearer(access)).body)
		done := s.json(passwordChange, object{"old_password": password, "new_password1": renewed, "new_password2": renewed}, bearer(access))
		require.Equal(t, `{"detail":"New password has been saved."}`, done.body)
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodGet, userPath, "", bearer(other.text(t, "access_token"))).status)
		require.Equal(t, http.StatusUnauthorized, s.json(tokenRefresh, object{"refresh": other.text(t, "refresh_token")}).status)
		require.Equal(t, http.StatusOK, s.do(http.MethodGet, userPath, "", bearer(access)).status, "the caller stays signed in")
		require.Equal(t, http.StatusOK, s.json(tokenRefresh, object{"refresh": own.text(t, "refresh_token")}).status)
	})
}

func TestRST13AMailboxIsNotFlooded(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *testServer) {
		for range 60 {
			require.Equal(t, http.StatusOK, s.json(passwordReset, object{"email": email}).status)
			s.clock.move(time.Minute - time.Second)
		}
		require.LessOrEqual(t, len(s.mailsTo(email)), 3)
		require.NotEmpty(t, s.mailsTo(email))
	})
}
