package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/provider/passwords"
)

// MaxNameLength is the longest first or last name, in characters.
const MaxNameLength = 150

// The names of the fields whose faults are reported, as the account API calls them.
const (
	fieldEmail       = "email"
	fieldPassword    = "password1"
	fieldOldPassword = "old_password"
	fieldNewPassword = "new_password2"
	fieldFirstName   = "first_name"
	fieldLastName    = "last_name"
	fieldUID         = "uid"
	fieldToken       = "token"
)

const addressTaken = "A user is already registered with this e-mail address."

// invalidValue is all that is said of a link that is not good.
const invalidValue = "Invalid value"

// Accounts applies the rules. Its fields are set once. Methods that take input report its faults in a
// *provider.InvalidError, and pass on the *provider.BusyError of Passwords.
type Accounts struct {
	Users     provider.UserStore
	Passwords *passwords.Hasher
	Policy    passwords.Policy
	Now       func() time.Time

	// What follows is needed where strangers reach the rules, by the methods that send mails or count
	// tries.

	// Tickets keeps what was sent by mail.
	Tickets provider.RecordStore
	Mail    provider.MailQueue
	Limits  *limits.Limits
	Links   Links
	// Sessions keeps the browsers that are signed in.
	Sessions provider.LoginSessionStore
	// SignedOut hears of users whose login sessions have all ended, those begun until then; nil: nobody does.
	SignedOut SignOutListener
	// VerificationLifetime and ResetLifetime end what was mailed.
	VerificationLifetime time.Duration
	ResetLifetime        time.Duration
	// Verification is optional when empty.
	Verification Verification
	// PreventEnumeration makes a sign-up with a known address look like any other. It needs
	// VerificationMandatory: a user who is signed in at once gives it away.
	PreventEnumeration bool
	// NewestResetOnly makes a link to reset a password worthless once another was sent.
	NewestResetOnly bool
	// OldPasswordOptional lets a signed-in user choose a new password without the old one.
	OldPasswordOptional bool
}

// SignOutListener ends what hangs on login sessions that are not valid any more.
type SignOutListener interface {
	EndLoginSessions(ctx context.Context, userID int64, begunUntil time.Time) error
}

// Registration is what somebody says of themselves to become a user.
type Registration struct {
	Email     string
	Password  string
	FirstName string
	LastName  string
}

// Register makes a user of somebody who asks for it.
func (a *Accounts) Register(ctx context.Context, r Registration) (provider.User, error) {
	return a.NewUser(ctx, newUserOf(r), r.Password)
}

func newUserOf(r Registration) provider.User {
	return provider.User{Email: r.Email, FirstName: r.FirstName, LastName: r.LastName, Active: true}
}

// NewUser makes a user as an operator describes it: subject, password hash and date are set here, an
// ID that is not 0 and the flags are kept.
func (a *Accounts) NewUser(ctx context.Context, u provider.User, password string) (provider.User, error) {
	return a.newUser(ctx, u, NewPassword{password, password})
}

func (a *Accounts) newUser(ctx context.Context, u provider.User, chosen NewPassword) (provider.User, error) {
	invalid, password := &provider.InvalidError{}, chosen.Password
	if utf8.RuneCountInString(u.Email) > provider.MaxEmailLength {
		addFaults(invalid, fieldEmail, tooLong(provider.MaxEmailLength))
	} else if _, err := provider.CanonicalEmail(u.Email); err != nil {
		addFaults(invalid, fieldEmail, "Enter a valid email address.")
	} else if taken, err := a.tellTaken(ctx, u.Email); err != nil {
		return provider.User{}, err
	} else if taken {
		addFaults(invalid, fieldEmail, addressTaken)
	}
	addFaults(invalid, fieldPassword, a.Policy.Check(password, passwords.Attributes{})...)
	checkName(invalid, fieldFirstName, u.FirstName)
	checkName(invalid, fieldLastName, u.LastName)
	if len(invalid.Fields) == 0 && password != chosen.Repeated {
		addFaults(invalid, provider.NonField, "The two password fields didn't match.")
	}
	if len(invalid.Fields) == 0 {
		// Two fields together are at fault: the API reports it of none, and only when nothing else is.
		addFaults(invalid, provider.NonField, a.Policy.Check(password, attributes(u))...)
	}
	if len(invalid.Fields) > 0 {
		return provider.User{}, invalid
	}
	hash, err := a.Passwords.Hash(ctx, password)
	if err != nil {
		return provider.User{}, err
	}
	u.Subject, u.PasswordHash, u.JoinedAt = provider.NewSubject(), hash, a.Now().UTC()
	// The store decides whether the address is taken, of concurrent callers too.
	u, err = a.Users.CreateUser(ctx, u)
	if errors.Is(err, provider.ErrAlreadyExists) {
		return provider.User{}, fmt.Errorf("%w: %w", provider.ErrAlreadyExists,
			provider.Invalid(fieldEmail, addressTaken))
	}
	return u, err
}

// tellTaken tells that an address has a user, together with other faults, unless nobody may know.
func (a *Accounts) tellTaken(ctx context.Context, email string) (bool, error) {
	if a.hidesAccounts() {
		return false, nil
	}
	_, err := a.Users.UserByEmail(ctx, email)
	if errors.Is(err, provider.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// SignIn is Authenticate for strangers: each try is counted for its address and account before it costs
// anything, and a success forgets the account's failures.
func (a *Accounts) SignIn(ctx context.Context, email, password string) (provider.User, error) {
	account, err := provider.CanonicalEmail(email)
	if err != nil {
		account = email
	}
	try, err := a.Limits.Login(ctx, account)
	if err != nil {
		return provider.User{}, err
	}
	user, err := a.Authenticate(ctx, email, password)
	if err != nil {
		return provider.User{}, err
	}
	return user, try.Succeeded(ctx)
}

// Authenticate returns the user that an address and a password belong to. An unknown address, a wrong
// password, a user without password and a disabled one are all provider.ErrInvalidCredentials, after
// the same work; provider.ErrEmailNotVerified is said to who has the right password alone. A success is
// noted as the last login, and a hash of another cost is made anew.
func (a *Accounts) Authenticate(ctx context.Context, email, password string) (provider.User, error) {
	user, err := a.Users.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, provider.ErrNotFound) {
		return provider.User{}, err
	}
	// The zero user's hash matches nothing, at the cost of one that could.
	ok, outdated, err := a.verify(ctx, user, password)
	if err != nil {
		return provider.User{}, err
	}
	if !ok || !user.Active {
		return provider.User{}, provider.ErrInvalidCredentials
	}
	if a.Verification == VerificationMandatory && !user.EmailVerified {
		return provider.User{}, provider.ErrEmailNotVerified
	}
	user.LastLogin = a.Now().UTC()
	if outdated {
		if user.PasswordHash, err = a.rehash(ctx, user, password); err != nil {
			return provider.User{}, err
		}
	}
	if err := a.Users.UpdateUser(ctx, user.ID, provider.UserChange{LastLogin: &user.LastLogin}); err != nil {
		return provider.User{}, fmt.Errorf("note login: %w", err)
	}
	return user, nil
}

// rehash stores a hash of today's cost of the password that a user has just proved, and returns the hash
// that is stored then. A password changed meanwhile stays, and a busy moment leaves it to the next login.
func (a *Accounts) rehash(ctx context.Context, user provider.User, password string) (string, error) {
	hash, err := a.Passwords.Hash(ctx, password)
	if err == nil {
		err = a.Users.ReplacePasswordHash(ctx, user.ID, user.PasswordHash, hash)
	}
	switch {
	case err == nil:
		return hash, nil
	case errors.Is(err, provider.ErrConsumed) || errors.Is(err, provider.ErrUnavailable):
		return user.PasswordHash, nil
	default:
		return "", fmt.Errorf("hash password anew: %w", err)
	}
}

// ChangePassword gives a signed-in user a new password and ends every grant and login session of theirs;
// to keep the caller's own is to begin it anew. The old password is checked whenever it was sent, counted
// like a login, and reported before the new one. provider.ErrNotFound: no such user.
func (a *Accounts) ChangePassword(ctx context.Context, userID int64, old string, chosen NewPassword) error {
	user, err := a.Users.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	if old != "" || !a.OldPasswordOptional {
		if err := a.checkOldPassword(ctx, user, old); err != nil {
			return err
		}
	}
	change, err := a.passwordChange(ctx, user, chosen)
	if err != nil {
		return err
	}
	return a.newPasswordStands(ctx, user, change)
}

// newPasswordStands writes the change that a new password makes, and tells whom it concerns.
func (a *Accounts) newPasswordStands(ctx context.Context, user provider.User, change provider.UserChange) error {
	if err := a.Users.UpdateUser(ctx, user.ID, change); err != nil {
		return err
	}
	if a.SignedOut != nil {
		if err := a.SignedOut.EndLoginSessions(ctx, user.ID, *change.SessionsValidAfter); err != nil {
			return err
		}
	}
	return a.mail(ctx, provider.MailPasswordSet, user, "")
}

func (a *Accounts) checkOldPassword(ctx context.Context, user provider.User, old string) error {
	account, err := provider.CanonicalEmail(user.Email)
	if err != nil {
		return err
	}
	try, err := a.Limits.Login(ctx, account)
	if err != nil {
		return err
	}
	ok, _, err := a.verify(ctx, user, old)
	if err != nil {
		return err
	}
	if !ok {
		return provider.Invalid(fieldOldPassword, "Your old password was entered incorrectly. Please enter it again.")
	}
	return try.Succeeded(ctx)
}

// SetPassword gives a user the password that an operator chose, and ends every grant and login session
// of theirs. provider.ErrNotFound: no such user.
func (a *Accounts) SetPassword(ctx context.Context, userID int64, password string) error {
	user, err := a.Users.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	change, err := a.passwordChange(ctx, user, NewPassword{password, password})
	if err != nil {
		return err
	}
	return a.Users.UpdateUser(ctx, user.ID, change)
}

// passwordChange is the change that a chosen password makes to a user.
func (a *Accounts) passwordChange(ctx context.Context, user provider.User, chosen NewPassword) (provider.UserChange, error) {
	if chosen.Password != chosen.Repeated {
		return provider.UserChange{}, provider.Invalid(fieldNewPassword, "The two password fields didn’t match.")
	}
	invalid := &provider.InvalidError{}
	addFaults(invalid, fieldNewPassword, a.Policy.Check(chosen.Password, attributes(user))...)
	if len(invalid.Fields) > 0 {
		return provider.UserChange{}, invalid
	}
	hash, err := a.Passwords.Hash(ctx, chosen.Password)
	if err != nil {
		return provider.UserChange{}, err
	}
	now := a.Now().UTC()
	return provider.UserChange{PasswordHash: &hash, SessionsValidAfter: &now}, nil
}

// SetActive lets a user sign in, or no longer: that ends every grant and login session of theirs, for
// good. provider.ErrNotFound: no such user.
func (a *Accounts) SetActive(ctx context.Context, userID int64, active bool) error {
	change := provider.UserChange{Active: &active}
	if !active {
		now := a.Now().UTC()
		change.SessionsValidAfter = &now
	}
	return a.Users.UpdateUser(ctx, userID, change)
}

// UpdateNames changes the names that are not nil. provider.ErrNotFound: no such user.
func (a *Accounts) UpdateNames(ctx context.Context, userID int64, firstName, lastName *string) error {
	invalid := &provider.InvalidError{}
	if firstName != nil {
		checkName(invalid, fieldFirstName, *firstName)
	}
	if lastName != nil {
		checkName(invalid, fieldLastName, *lastName)
	}
	if len(invalid.Fields) > 0 {
		return invalid
	}
	change := provider.UserChange{FirstName: firstName, LastName: lastName}
	if now := a.Now().UTC(); firstName != nil || lastName != nil {
		change.UpdatedAt = &now
	}
	return a.Users.UpdateUser(ctx, userID, change)
}

// verify tells whether a password is the user's. One that is too long is nobody's.
func (a *Accounts) verify(ctx context.Context, user provider.User, password string) (ok, outdated bool, err error) {
	ok, outdated, err = a.Passwords.Verify(ctx, user.PasswordHash, password)
	if errors.Is(err, passwords.ErrTooLong) {
		return false, false, nil
	}
	return ok, outdated, err
}

func attributes(u provider.User) passwords.Attributes {
	return passwords.Attributes{FirstName: u.FirstName, LastName: u.LastName, Email: u.Email}
}

func checkName(invalid *provider.InvalidError, field, name string) {
	if utf8.RuneCountInString(name) > MaxNameLength {
		addFaults(invalid, field, tooLong(MaxNameLength))
	}
}

func tooLong(most int) string {
	return fmt.Sprintf("Ensure this field has no more than %d characters.", most)
}

func addFaults(invalid *provider.InvalidError, field string, messages ...string) {
	for _, message := range messages {
		invalid.Fields = append(invalid.Fields, provider.FieldError{Field: field, Message: message})
	}
}
