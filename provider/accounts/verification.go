package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signet-id/signet/provider"
)

// Verification says what an address that nobody has shown to be theirs is good for.
type Verification string

// The kinds of verification.
const (
	VerificationNone      Verification = "none"      // no mail at sign-up
	VerificationOptional  Verification = "optional"  // a mail at sign-up; the user may log in without it
	VerificationMandatory Verification = "mandatory" // no login before
)

// Links are the URLs that mails lead to. {key}, {uid} and {token} stand for what the mail brings.
type Links struct {
	VerifyEmail   string
	ResetPassword string
}

// SignUp registers a stranger, who typed the password twice, and mails what the rules ask for. signedIn tells whether the user may be
// signed in at once; otherwise the address has to be verified first, and nothing tells whether it had
// an account before: then its owner is told by mail, and user is the zero value.
func (a *Accounts) SignUp(ctx context.Context, r Registration, repeated string) (user provider.User, signedIn bool, err error) {
	user, err = a.newUser(ctx, newUserOf(r), NewPassword{r.Password, repeated})
	switch {
	case errors.Is(err, provider.ErrAlreadyExists) && a.hidesAccounts():
		return provider.User{}, false, a.tellOwner(ctx, r.Email)
	case err != nil:
		return provider.User{}, false, err
	case a.Verification == VerificationNone:
		return user, true, nil
	}
	return user, a.Verification != VerificationMandatory, a.sendVerification(ctx, user)
}

// hidesAccounts: only where nobody is signed in by signing up can both answers be the same.
func (a *Accounts) hidesAccounts() bool {
	return a.PreventEnumeration && a.Verification == VerificationMandatory
}

// tellOwner mails the owner of an address that somebody wanted to register it again.
func (a *Accounts) tellOwner(ctx context.Context, email string) error {
	user, err := a.Users.UserByEmail(ctx, email)
	if errors.Is(err, provider.ErrNotFound) {
		return nil // deleted in this moment
	}
	if err != nil || !user.Active {
		return err
	}
	return a.sendReset(ctx, user, provider.MailAccountExists)
}

// RequestVerification mails another key to an address that has yet to be verified. Nothing tells
// whether it did: not for unknown, verified and disabled users, nor when there were too many.
func (a *Accounts) RequestVerification(ctx context.Context, email string) error {
	user, err := a.Users.UserByEmail(ctx, email)
	if errors.Is(err, provider.ErrNotFound) || (err == nil && (user.EmailVerified || !user.Active)) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.sendVerification(ctx, user)
}

func (a *Accounts) sendVerification(ctx context.Context, user provider.User) error {
	if limited, err := a.tooManyMails(ctx, provider.MailVerifyEmail, user); limited || err != nil {
		return err
	}
	key := newVerificationKey(user, a.Now())
	if err := a.issue(ctx, forVerification, user, key, a.VerificationLifetime); err != nil {
		return err
	}
	return a.mail(ctx, provider.MailVerifyEmail, user, strings.ReplaceAll(a.Links.VerifyEmail, "{key}", key))
}

// VerifyEmail uses a key that was mailed: the address it went to is its reader's.
// provider.ErrNotFound: it is unknown, used, expired, or the user has another address now.
func (a *Accounts) VerifyEmail(ctx context.Context, key string) error {
	t, err := a.use(ctx, forVerification, key)
	if err != nil {
		return err
	}
	user, err := a.Users.UserByID(ctx, t.UserID)
	if err != nil {
		return err
	}
	if now, err := forVerification.ticketFor(user); err != nil || now != t || !user.Active {
		return provider.ErrNotFound
	}
	return a.Users.UpdateUser(ctx, user.ID, a.withVerified(provider.UserChange{}, user))
}

// withVerified adds to a change that the user has shown to read the mails to their address.
func (a *Accounts) withVerified(change provider.UserChange, user provider.User) provider.UserChange {
	verified, now := true, a.Now().UTC()
	change.EmailVerified = &verified
	if !user.EmailVerified {
		change.UpdatedAt = &now
	}
	return change
}

// tooManyMails counts a mail of a kind to a user and tells whether it must not be sent.
func (a *Accounts) tooManyMails(ctx context.Context, kind provider.MailKind, user provider.User) (bool, error) {
	email, err := provider.CanonicalEmail(user.Email)
	if err != nil {
		return false, err
	}
	limited := new(provider.RateLimitError)
	if err := a.Limits.Mail(ctx, kind, email); !errors.As(err, &limited) {
		return false, err
	}
	return true, nil
}

// mail queues a mail to a user's stored address; link may be empty.
func (a *Accounts) mail(ctx context.Context, kind provider.MailKind, user provider.User, link string) error {
	m := provider.Mail{Kind: kind, To: user.Email}
	if link != "" {
		m.Values = map[string]string{"link": link}
	}
	if err := a.Mail.EnqueueMail(ctx, m); err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	return nil
}
