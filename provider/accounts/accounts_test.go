package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/passwords"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const (
	email    = "ada@example.com"
	password = "correct horse"
	renewed  = "battery staple"
)

// fixture is accounts on a fresh database, with a clock that is moved by hand.
type fixture struct {
	*accounts.Accounts
	users *sqlstore.Store
	clock atomic.Pointer[time.Time]
	mails []provider.Mail
}

func newFixture(t *testing.T, params passwords.Params) *fixture {
	t.Helper()
	f := &fixture{}
	f.set(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	f.users = sqlstoretest.SQLite(t, sqlstoretest.Clock(f.now))
	f.Accounts = &accounts.Accounts{
		Users: f.users, Passwords: passwords.New(params), Now: f.now, Tickets: f.users, Mail: f, Limits: &limits.Limits{},
		Links:                accounts.Links{VerifyEmail: "https://id.example/verify/{key}/", ResetPassword: "https://id.example/reset/{uid}/{token}/"},
		VerificationLifetime: 72 * time.Hour, ResetLifetime: time.Hour,
	}
	return f
}

// cheap is a cost for tests that are not about it.
var cheap = passwords.Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 4, QueueWait: time.Minute}

func (f *fixture) now() time.Time  { return *f.clock.Load() }
func (f *fixture) set(t time.Time) { f.clock.Store(&t) }
func (f *fixture) hourPasses()     { f.set(f.now().Add(time.Hour)) }

// twice is a new password, repeated rightly.
func twice(password string) accounts.NewPassword {
	return accounts.NewPassword{Password: password, Repeated: password}
}

// EnqueueMail collects what the rules send.
func (f *fixture) EnqueueMail(_ context.Context, m provider.Mail) error {
	f.mails = append(f.mails, m)
	return nil
}

// register makes Ada, whose address and password are the constants.
func (f *fixture) register(t *testing.T) provider.User {
	t.Helper()
	return f.registerAs(t, email)
}

func (f *fixture) registerAs(t *testing.T, email string) provider.User {
	t.Helper()
	user, err := f.Register(t.Context(), accounts.Registration{Email: email, Password: password, FirstName: "Ada", LastName: "Lovelace"})
	require.NoError(t, err)
	return user
}

func (f *fixture) stored(t *testing.T, id int64) provider.User {
	t.Helper()
	user, err := f.users.UserByID(t.Context(), id)
	require.NoError(t, err)
	return user
}

// faults returns the messages of an InvalidError, each after its field.
func faults(t *testing.T, err error) []string {
	t.Helper()
	invalid := new(provider.InvalidError)
	require.ErrorAs(t, err, &invalid)
	var all []string
	for _, f := range invalid.Fields {
		all = append(all, f.Field+": "+f.Message)
	}
	return all
}

func TestRegisterMakesAUserWhoCanSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	user, err := f.Register(t.Context(), accounts.Registration{Email: "Ada@Example.com", Password: password, FirstName: "Ada", LastName: "Lovelace"})
	require.NoError(t, err)
	require.Equal(t, f.stored(t, user.ID), user)
	require.NotZero(t, user.ID)
	require.Regexp(t, `^[a-z2-7]{26}$`, user.Subject)
	require.True(t, strings.HasPrefix(user.PasswordHash, "$argon2id$"))
	require.Equal(t, provider.User{
		ID: user.ID, Subject: user.Subject, Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace",
		PasswordHash: user.PasswordHash, Active: true, JoinedAt: f.now(),
	}, user)

	signedIn, err := f.Authenticate(t.Context(), "ada@EXAMPLE.com", password)
	require.NoError(t, err)
	require.Equal(t, user.Subject, signedIn.Subject)
}

func TestRegisterNamesEveryFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	f.register(t)
	const (
		taken = "email: A user is already registered with this e-mail address."
		bad   = "email: Enter a valid email address."
	)
	for name, tc := range map[string]struct {
		in   accounts.Registration
		want []string
	}{
		"taken":                       {accounts.Registration{Email: email, Password: password}, []string{taken}},
		"taken in other letters":      {accounts.Registration{Email: "ADA@Example.COM.", Password: password}, []string{taken}},
		"no address":                  {accounts.Registration{Email: "bob", Password: password}, []string{bad}},
		"look-alike":                  {accounts.Registration{Email: "аda@example.com", Password: password}, []string{bad}},
		"line feed":                   {accounts.Registration{Email: "bob@x.kr\nBcc: e@e.kr", Password: password}, []string{bad}},
		"address too long":            {accounts.Registration{Email: strings.Repeat("a", 250) + "@x.kr", Password: password}, []string{"email: Ensure this field has no more than 254 characters."}},
		"empty password":              {accounts.Registration{Email: "bob@x.kr"}, []string{"password1: This password is too short. It must contain at least 8 characters."}},
		"password too long":           {accounts.Registration{Email: "bob@x.kr", Password: strings.Repeat("a", 4097)}, []string{"password1: This password is too long. It must contain at most 4096 bytes."}},
		"password like the address":   {accounts.Registration{Email: "lovelace@x.kr", Password: "lovelace1"}, []string{"non_field_errors: The password is too similar to the email address."}},
		"password like the last name": {accounts.Registration{Email: "bob@x.kr", Password: "lovelace1", LastName: "Lovelace"}, []string{"non_field_errors: The password is too similar to the last name."}},
		"weak and like the address": {accounts.Registration{Email: "1234567@x.kr", Password: "1234567"}, []string{
			"password1: This password is too short. It must contain at least 8 characters.",
			"password1: This password is too common.",
			"password1: This password is entirely numeric.",
		}},
		"everything": {accounts.Registration{Email: "bob", Password: "x{}", FirstName: strings.Repeat("ä", 151), LastName: strings.Repeat("ä", 151)}, []string{
			bad, "password1: This password is too short. It must contain at least 8 characters.",
			"first_name: Ensure this field has no more than 150 characters.", "last_name: Ensure this field has no more than 150 characters.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := f.Register(t.Context(), tc.in)
			require.Equal(t, tc.want, faults(t, err))
			require.Zero(t, user)
		})
	}
	all, err := f.users.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// REG-07.
func TestOneOfTwentyRegistrationsAtOnceSucceeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	var all sync.WaitGroup
	var succeeded atomic.Int32
	for range 20 {
		all.Go(func() {
			_, err := f.Register(context.Background(), accounts.Registration{Email: email, Password: password})
			if err == nil {
				succeeded.Add(1)
				return
			}
			require.Equal(t, []string{"email: A user is already registered with this e-mail address."}, faults(t, err))
		})
	}
	all.Wait()
	require.EqualValues(t, 1, succeeded.Load())
}

func TestNewUserKeepsWhatAnOperatorSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	user, err := f.NewUser(t.Context(), provider.User{ID: 42, Email: email, EmailVerified: true, Active: true, Staff: true, Superuser: true}, password)
	require.NoError(t, err)
	require.Equal(t, f.stored(t, 42), user)
	require.True(t, user.EmailVerified && user.Active && user.Staff && user.Superuser)
	_, err = f.Authenticate(t.Context(), email, password)
	require.NoError(t, err)
}

// LOG-01: nothing tells why a login failed.
func TestLoginsThatFailAreAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	f.register(t)
	add := func(email, hash string, active bool) {
		_, err := f.users.CreateUser(t.Context(), provider.User{Subject: email, Email: email, PasswordHash: hash, Active: active})
		require.NoError(t, err)
	}
	hash, err := f.Passwords.Hash(t.Context(), password)
	require.NoError(t, err)
	add("disabled@example.com", hash, false)
	add("unusable@example.com", "!"+hash, true)
	add("social@example.com", "", true)
	for name, tc := range map[string]struct{ email, password string }{
		"unknown address":                  {"bob@example.com", password},
		"no address":                       {"bob", password},
		"nothing":                          {"", ""},
		"wrong password":                   {email, "wrong"},
		"password in other letters":        {email, strings.ToUpper(password)},
		"password with space":              {email, password + " "},
		"empty password":                   {email, ""},
		"password too long":                {email, strings.Repeat("a", 4097)},
		"password too long, nobody":        {"bob@example.com", strings.Repeat("a", 4097)},
		"disabled user":                    {"disabled@example.com", password},
		"disabled user, wrong":             {"disabled@example.com", "wrong"},
		"unusable password":                {"unusable@example.com", password},
		"user without a password":          {"social@example.com", password},
		"user without a password, neither": {"social@example.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := f.Authenticate(t.Context(), tc.email, tc.password)
			require.Equal(t, provider.ErrInvalidCredentials, err)
			require.Zero(t, user)
		})
	}
	all, err := f.users.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	for _, u := range all {
		require.Zero(t, u.LastLogin, "a failed login was noted")
	}
}

// LOG-02: a login takes as long for an unknown address, a user without a password and a disabled one
// as for a wrong password.
func TestLoginsThatFailTakeTheSameTime(t *testing.T) {
	f := newFixture(t, passwords.Params{Concurrent: 1})
	f.register(t)
	disabled := f.registerAs(t, "disabled@example.com")
	require.NoError(t, f.SetActive(t.Context(), disabled.ID, false))
	unusable := "!"
	social := f.registerAs(t, "social@example.com")
	require.NoError(t, f.users.UpdateUser(t.Context(), social.ID, provider.UserChange{PasswordHash: &unusable}))

	// The work of this process: nothing here waits, and other processes do not disturb it.
	measure := func(address, password string) time.Duration {
		start := cpuTime(t)
		_, err := f.Authenticate(t.Context(), address, password)
		require.ErrorIs(t, err, provider.ErrInvalidCredentials)
		return cpuTime(t) - start
	}
	const tries = 15
	others := map[string]struct{ address, password string }{
		"unknown":  {"bob@example.com", "wrong"},
		"disabled": {"disabled@example.com", password},
		"unusable": {"social@example.com", "wrong"},
	}
	// Noise on a shared machine only ever adds differences, so one quiet round is proof.
	var report []string
	for range 12 {
		times := map[string][]time.Duration{}
		for range tries {
			times["known"] = append(times["known"], measure(email, "wrong"))
			for name, other := range others {
				times[name] = append(times[name], measure(other.address, other.password))
			}
		}
		known := slices.Min(times["known"])
		report = report[:0]
		for name := range others {
			if d := (slices.Min(times[name]) - known).Abs(); d > known/20 || d > 5*time.Millisecond {
				report = append(report, name+": "+slices.Min(times[name]).String()+" against "+known.String())
			}
		}
		if len(report) == 0 {
			return
		}
	}
	require.Empty(t, report, "the least differ by more than 5 % or 5 ms, twelve times")
}

// cpuTime is what this process has had of the processors.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestLoginIsNotedAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	want := f.register(t)
	f.hourPasses()
	user, err := f.Authenticate(t.Context(), email, password)
	require.NoError(t, err)
	want.LastLogin = f.now()
	require.Equal(t, want, user)
	require.Equal(t, want, f.stored(t, user.ID))
}

func TestOldHashIsMadeAnewAtLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	text, err := os.ReadFile(filepath.Join("..", "passwords", "testdata", "hashes-django-5.2.json"))
	require.NoError(t, err)
	var vectors []struct{ Name, Password, Hash string }
	require.NoError(t, json.Unmarshal(text, &vectors))
	tried := map[string]bool{}
	for _, v := range vectors {
		if tried[v.Name] || strings.HasSuffix(v.Name, "by default") {
			continue
		}
		tried[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			address := strings.ReplaceAll(v.Name, " ", "-") + "@example.com"
			user, err := f.users.CreateUser(t.Context(), provider.User{Subject: address, Email: address, PasswordHash: v.Hash, Active: true})
			require.NoError(t, err)

			_, err = f.Authenticate(t.Context(), address, v.Password+"x")
			require.ErrorIs(t, err, provider.ErrInvalidCredentials)
			require.Equal(t, v.Hash, f.stored(t, user.ID).PasswordHash)

			signedIn, err := f.Authenticate(t.Context(), address, v.Password)
			require.NoError(t, err)
			upgraded := f.stored(t, user.ID)
			require.Equal(t, upgraded, signedIn)
			require.True(t, strings.HasPrefix(upgraded.PasswordHash, "$argon2id$v=19$m=64,t=1,p=1$"))
			require.Zero(t, upgraded.SessionsValidAfter, "an upgrade signed the user out")

			_, err = f.Authenticate(t.Context(), address, v.Password)
			require.NoError(t, err)
			require.Equal(t, upgraded.PasswordHash, f.stored(t, user.ID).PasswordHash)
		})
	}
	require.Len(t, tried, 8)
}

func TestNewPasswordEndsWhatTheOldOneBegan(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture, id int64) error{
		"changed by the user": func(f *fixture, id int64) error {
			return f.ChangePassword(context.Background(), id, password, twice(renewed))
		},
		"set": func(f *fixture, id int64) error { return f.SetPassword(context.Background(), id, renewed) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, cheap)
			user := f.register(t)
			f.hourPasses()
			require.NoError(t, change(f, user.ID))
			require.Equal(t, f.now(), f.stored(t, user.ID).SessionsValidAfter)
			_, err := f.Authenticate(t.Context(), email, password)
			require.ErrorIs(t, err, provider.ErrInvalidCredentials)
			_, err = f.Authenticate(t.Context(), email, renewed)
			require.NoError(t, err)
		})
	}
}

func TestNewPasswordThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	user := f.register(t)
	weak := []string{
		"new_password2: This password is too short. It must contain at least 8 characters.",
		"new_password2: This password is too common.", "new_password2: This password is entirely numeric.",
	}
	for name, tc := range map[string]struct {
		err  error
		want []string
	}{
		"wrong old password":          {f.ChangePassword(t.Context(), user.ID, "wrong", twice(renewed)), []string{"old_password: Your old password was entered incorrectly. Please enter it again."}},
		"empty old password":          {f.ChangePassword(t.Context(), user.ID, "", twice(renewed)), []string{"old_password: Your old password was entered incorrectly. Please enter it again."}},
		"old password too long":       {f.ChangePassword(t.Context(), user.ID, strings.Repeat("a", 4097), twice(renewed)), []string{"old_password: Your old password was entered incorrectly. Please enter it again."}},
		"wrong old and weak password": {f.ChangePassword(t.Context(), user.ID, "wrong", twice("1234567")), []string{"old_password: Your old password was entered incorrectly. Please enter it again."}},
		"weak, changed":               {f.ChangePassword(t.Context(), user.ID, password, twice("1234567")), weak},
		"weak, set":                   {f.SetPassword(t.Context(), user.ID, "1234567"), weak},
		"like the first name":         {f.SetPassword(t.Context(), user.ID, "ada"), []string{"new_password2: The password is too similar to the first name.", weak[0]}},
		"like the address":            {f.SetPassword(t.Context(), user.ID, "ada.example.com"), []string{"new_password2: The password is too similar to the email address."}},
		"too long":                    {f.SetPassword(t.Context(), user.ID, strings.Repeat("a", 4097)), []string{"new_password2: This password is too long. It must contain at most 4096 bytes."}},
	} {
		require.Equal(t, tc.want, faults(t, tc.err), name)
	}
	require.Equal(t, user, f.stored(t, user.ID))
}

func TestDisablingEndsEverythingForGood(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	user := f.register(t)
	f.hourPasses()
	require.NoError(t, f.SetActive(t.Context(), user.ID, false))
	disabledAt := f.now()
	require.Equal(t, disabledAt, f.stored(t, user.ID).SessionsValidAfter)
	_, err := f.Authenticate(t.Context(), email, password)
	require.ErrorIs(t, err, provider.ErrInvalidCredentials)

	f.hourPasses()
	require.NoError(t, f.SetActive(t.Context(), user.ID, true))
	enabled := f.stored(t, user.ID)
	require.True(t, enabled.Active)
	require.Equal(t, disabledAt, enabled.SessionsValidAfter)
	_, err = f.Authenticate(t.Context(), email, password)
	require.NoError(t, err)
}

func TestUpdateNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	want := f.register(t)
	first, empty, long := strings.Repeat("ä", 150), "", strings.Repeat("ä", 151)

	require.NoError(t, f.UpdateNames(t.Context(), want.ID, &first, nil))
	want.FirstName, want.UpdatedAt = first, f.now()
	require.Equal(t, want, f.stored(t, want.ID))
	f.hourPasses()
	require.NoError(t, f.UpdateNames(t.Context(), want.ID, nil, &empty))
	want.LastName, want.UpdatedAt = "", f.now()
	require.Equal(t, want, f.stored(t, want.ID))
	f.hourPasses()
	require.NoError(t, f.UpdateNames(t.Context(), want.ID, nil, nil))

	require.Equal(t, []string{
		"first_name: Ensure this field has no more than 150 characters.", "last_name: Ensure this field has no more than 150 characters.",
	}, faults(t, f.UpdateNames(t.Context(), want.ID, &long, &long)))
	require.Equal(t, want, f.stored(t, want.ID))
}

func TestUpdateProfile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	want := f.register(t)
	require.Zero(t, want.UpdatedAt)
	f.hourPasses()
	want.FirstName, want.LastName, want.UpdatedAt = "Augusta", "King", f.now()
	want.Profile = provider.Profile{Nickname: "Ada", Birthdate: "1815-12-10", PhoneNumber: "+44 20 7946 0000", Address: provider.Address{Locality: "London"}}
	require.NoError(t, f.UpdateProfile(t.Context(), want.ID, "Augusta", "King", want.Profile))
	require.Equal(t, want, f.stored(t, want.ID))

	f.hourPasses()
	require.Equal(t, []string{
		"first_name: Ensure this field has no more than 150 characters.", "picture: Enter a valid URL.", "birthdate: Enter a date as YYYY-MM-DD.",
	}, faults(t, f.UpdateProfile(t.Context(), want.ID, strings.Repeat("ä", 151), "", provider.Profile{PictureURL: "javascript:alert(1)", Birthdate: "10.12.1815"})))
	require.Equal(t, want, f.stored(t, want.ID))
}

func TestUpdatedAtMovesWithWhatClientsAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	f.signUp(t)
	key := f.brings(t, provider.MailVerifyEmail)[0]
	f.hourPasses()
	_, err := f.Authenticate(t.Context(), email, password)
	require.NoError(t, err)
	require.NoError(t, f.SetPassword(t.Context(), 1, renewed))
	require.Zero(t, f.stored(t, 1).UpdatedAt)

	require.NoError(t, f.VerifyEmail(t.Context(), key))
	verifiedAt := f.now()
	require.Equal(t, verifiedAt, f.stored(t, 1).UpdatedAt)
	f.hourPasses()
	require.NoError(t, f.RequestPasswordReset(t.Context(), email))
	link := f.brings(t, provider.MailPasswordReset)
	require.NoError(t, f.ResetPassword(t.Context(), link[0], link[1], twice(password)))
	require.Equal(t, verifiedAt, f.stored(t, 1).UpdatedAt, "the address was verified before")
}

func TestUserWhoDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	name := "Ada"
	for what, err := range map[string]error{
		"change password": f.ChangePassword(t.Context(), 7, password, twice(renewed)),
		"set password":    f.SetPassword(t.Context(), 7, renewed),
		"set active":      f.SetActive(t.Context(), 7, false),
		"update names":    f.UpdateNames(t.Context(), 7, &name, nil),
		"update profile":  f.UpdateProfile(t.Context(), 7, name, "", provider.Profile{}),
	} {
		require.ErrorIs(t, err, provider.ErrNotFound, what)
	}
}

// impatient has one place, and nobody waits for it.
var impatient = passwords.Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 1, Queue: 1, QueueWait: time.Millisecond}

// occupy keeps an impatient hasher busy for a good part of a second.
func occupy(t *testing.T, hasher *passwords.Hasher) {
	t.Helper()
	const slow = "$argon2id$v=19$m=131072,t=10,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	var occupant sync.WaitGroup
	t.Cleanup(occupant.Wait)
	occupant.Go(func() {
		err := provider.ErrUnavailable
		for errors.Is(err, provider.ErrUnavailable) {
			_, _, err = hasher.Verify(context.Background(), slow, "")
		}
		require.NoError(t, err)
	})
	require.Eventually(t, func() bool {
		return errors.Is(hasher.Waste(context.Background(), ""), provider.ErrUnavailable)
	}, 10*time.Second, time.Millisecond)
}

func TestBusyHasherIsPassedOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, impatient)
	user := f.register(t)
	occupy(t, f.Passwords)
	_, registering := f.Register(t.Context(), accounts.Registration{Email: "bob@example.com", Password: password})
	_, known := f.Authenticate(t.Context(), email, password)
	_, unknown := f.Authenticate(t.Context(), "bob@example.com", password)
	for name, err := range map[string]error{
		"register": registering, "login": known, "login of nobody": unknown,
		"change": f.ChangePassword(t.Context(), user.ID, password, twice(renewed)),
		"set":    f.SetPassword(t.Context(), user.ID, renewed),
	} {
		busy := new(provider.BusyError)
		require.ErrorAs(t, err, &busy, name)
	}
}

func TestLoginDoesNotFailForAnUpgradeThatHasToWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, impatient)
	costlier, err := passwords.New(passwords.Params{Memory: 128, Time: 1}).Hash(t.Context(), password)
	require.NoError(t, err)
	_, err = f.users.CreateUser(t.Context(), provider.User{Subject: "ada", Email: email, PasswordHash: costlier, Active: true})
	require.NoError(t, err)
	f.Accounts.Now = func() time.Time { // it is asked for between the two hashes
		occupy(t, f.Passwords)
		return f.now()
	}
	user, err := f.Authenticate(t.Context(), email, password)
	require.NoError(t, err)
	require.Equal(t, costlier, user.PasswordHash)
	require.Equal(t, user, f.stored(t, user.ID))
	require.Equal(t, f.now(), user.LastLogin)
}

func TestStoreThatFailsIsNotTakenForAWrongPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t, cheap)
	f.register(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Authenticate(ctx, email, password)
	require.Error(t, err)
	require.False(t, errors.Is(err, provider.ErrInvalidCredentials))
}
