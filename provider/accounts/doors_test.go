package accounts_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
)

// brings returns what the newest mail's link brings: its path's parts.
func (f *fixture) brings(t *testing.T, kind provider.MailKind) []string {
	t.Helper()
	require.NotEmpty(t, f.mails)
	newest := f.mails[len(f.mails)-1]
	require.Equal(t, kind, newest.Kind)
	path, found := strings.CutPrefix(newest.Values["link"], "https://id.example/")
	require.True(t, found, newest.Values["link"])
	return strings.Split(strings.Trim(path, "/"), "/")[1:]
}

// signUp is the sign-up of Ada.
func (f *fixture) signUp(t *testing.T) (provider.User, bool) {
	t.Helper()
	user, signedIn, err := f.SignUp(t.Context(), accounts.Registration{Email: email, Password: password}, password)
	require.NoError(t, err)
	return user, signedIn
}

func TestVerificationSaysWhatASignUpLeadsTo(t *testing.T) {
	for verification, want := range map[accounts.Verification]struct {
		mails    int
		signedIn bool
		login    error
	}{
		accounts.VerificationNone:      {0, true, nil},
		"":                             {1, true, nil},
		accounts.VerificationOptional:  {1, true, nil},
		accounts.VerificationMandatory: {1, false, provider.ErrEmailNotVerified},
	} {
		t.Run(string(verification), func(t *testing.T) {
			f := newFixture(t, cheap)
			f.Verification = verification
			_, signedIn := f.signUp(t)
			require.Equal(t, want.signedIn, signedIn)
			require.Len(t, f.mails, want.mails)
			_, err := f.Authenticate(t.Context(), email, password)
			require.ErrorIs(t, err, want.login)
			_, err = f.Authenticate(t.Context(), email, "wrong")
			require.ErrorIs(t, err, provider.ErrInvalidCredentials, "only who knows the password hears of it")
			if want.mails > 0 {
				require.NoError(t, f.VerifyEmail(t.Context(), f.brings(t, provider.MailVerifyEmail)[0]))
				_, err = f.Authenticate(t.Context(), email, password)
				require.NoError(t, err)
			}
		})
	}
}

func TestSecretsInLinksHaveTheShapesThatFrontEndsKnow(t *testing.T) {
	f := newFixture(t, cheap)
	f.signUp(t)
	key := f.brings(t, provider.MailVerifyEmail)[0]
	require.Regexp(t, regexp.MustCompile(`^[-\w]+:[0-9A-Za-z]+:[-\w]{43}$`), key)
	require.NoError(t, f.RequestPasswordReset(t.Context(), email))
	link := f.brings(t, provider.MailPasswordReset)
	require.Equal(t, "1", link[0])
	require.Regexp(t, regexp.MustCompile(`^[0-9a-z]+-[0-9a-f]{32}$`), link[1])
}

func TestSignUpReportsEveryFieldBeforeTheyAreCompared(t *testing.T) {
	f := newFixture(t, cheap)
	f.signUp(t)
	taken := "email: A user is already registered with this e-mail address."
	for name, tc := range map[string]struct {
		email, password, repeated string
		want                      []string
	}{
		"taken and weak":      {email, "aX9-k3", "aX9-k3", []string{taken, "password1: This password is too short. It must contain at least 8 characters."}},
		"weak and different":  {"b@example.com", "aX9-k3", "aX9", []string{"password1: This password is too short. It must contain at least 8 characters."}},
		"different":           {"b@example.com", password, password + "1", []string{"non_field_errors: The two password fields didn't match."}},
		"like the address":    {"bartholomew@example.com", "bartholomew", "bartholomew", []string{"non_field_errors: The password is too similar to the email address."}},
		"taken and different": {email, password, "x", []string{taken}},
	} {
		_, _, err := f.SignUp(t.Context(), accounts.Registration{Email: tc.email, Password: tc.password}, tc.repeated)
		require.Equal(t, tc.want, faults(t, err), name)
	}
}

func TestLinksAreSentToActiveUsersOnly(t *testing.T) {
	f := newFixture(t, cheap)
	user := f.register(t)
	require.NoError(t, f.RequestPasswordReset(t.Context(), "nobody@example.com"))
	require.NoError(t, f.RequestVerification(t.Context(), "nobody@example.com"))
	require.Empty(t, f.mails)
	require.NoError(t, f.SetActive(t.Context(), user.ID, false))
	require.NoError(t, f.RequestPasswordReset(t.Context(), email))
	require.NoError(t, f.RequestVerification(t.Context(), email))
	require.Empty(t, f.mails, "disabled users get none")
}

func TestResetTellsFirstWhatIsWrongWithTheLink(t *testing.T) {
	f := newFixture(t, cheap)
	f.register(t)
	require.NoError(t, f.RequestPasswordReset(t.Context(), email))
	link := f.brings(t, provider.MailPasswordReset)
	weak := twice("aX9-k3")
	for _, tc := range []struct {
		uid, token string
		chosen     accounts.NewPassword
		want       string
	}{
		{"zz", link[1], weak, "uid: Invalid value"},
		{"", link[1], weak, "uid: Invalid value"},
		{"+1", link[1], weak, "uid: Invalid value"},
		{link[0], "x", weak, "token: Invalid value"},
		{link[0], link[1], accounts.NewPassword{Password: renewed, Repeated: "x"}, "new_password2: The two password fields didn’t match."},
		{link[0], link[1], weak, "new_password2: This password is too short. It must contain at least 8 characters."},
	} {
		require.Equal(t, tc.want, faults(t, f.ResetPassword(t.Context(), tc.uid, tc.token, tc.chosen))[0])
	}
	require.NoError(t, f.ResetPassword(t.Context(), link[0], link[1], twice(renewed)), "the link stayed good")
	require.Equal(t, provider.MailPasswordSet, f.mails[len(f.mails)-1].Kind)
	require.True(t, f.stored(t, 1).EmailVerified, "the link was read at the address")
	require.Equal(t, f.now(), f.stored(t, 1).UpdatedAt)
}

func TestLoginSessionLastsUntilItsUserMayNoLonger(t *testing.T) {
	f := newFixture(t, cheap)
	user := f.register(t)
	f.Sessions = f.users
	secret, _, err := f.BeginSession(t.Context(), user, accounts.SessionTerms{Idle: time.Hour, Max: time.Hour})
	require.NoError(t, err)
	found, _, err := f.SessionUser(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, user.ID, found.ID)
	_, _, err = f.SessionUser(t.Context(), secret+"x")
	require.ErrorIs(t, err, provider.ErrNotFound)

	f.set(f.now().Add(time.Minute))
	require.NoError(t, f.SetPassword(t.Context(), user.ID, renewed))
	_, _, err = f.SessionUser(t.Context(), secret)
	require.ErrorIs(t, err, provider.ErrNotFound, "a new password ends it")

	f.set(f.now().Add(time.Minute))
	secret, _, err = f.BeginSession(t.Context(), user, accounts.SessionTerms{Idle: time.Hour, Max: time.Hour})
	require.NoError(t, err)
	f.hourPasses()
	_, _, err = f.SessionUser(t.Context(), secret)
	require.ErrorIs(t, err, provider.ErrNotFound, "its time ends it")
}
