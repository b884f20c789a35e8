package accounts

import (
	"context"
	"errors"
	"strings"

	"github.com/signet-id/signet/provider"
)

// NewPassword is a password as its owner typed it twice.
type NewPassword struct {
	Password string
	Repeated string
}

// RequestPasswordReset mails a link by which a user can choose a new password, to the address as it is
// stored. Nothing tells whether it did: not for unknown and disabled users, nor when there were too
// many.
func (a *Accounts) RequestPasswordReset(ctx context.Context, email string) error {
	user, err := a.Users.UserByEmail(ctx, email)
	if errors.Is(err, provider.ErrNotFound) || (err == nil && !user.Active) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.sendReset(ctx, user, provider.MailPasswordReset)
}

func (a *Accounts) sendReset(ctx context.Context, user provider.User, kind provider.MailKind) error {
	if limited, err := a.tooManyMails(ctx, kind, user); limited || err != nil {
		return err
	}
	token := newResetToken(a.Now())
	if err := a.issue(ctx, forReset, user, token, a.ResetLifetime); err != nil {
		return err
	}
	if a.NewestResetOnly {
		if err := a.nameNewest(ctx, user, token); err != nil {
			return err
		}
	}
	link := strings.NewReplacer("{uid}", formatUID(user.ID), "{token}", token).Replace(a.Links.ResetPassword)
	return a.mail(ctx, kind, user, link)
}

// nameNewest makes a token the only one of its user that is good.
func (a *Accounts) nameNewest(ctx context.Context, user provider.User, token string) error {
	key := newestReset.key(formatUID(user.ID))
	if err := a.Tickets.DeleteRecord(ctx, provider.RecordTicket, key); err != nil {
		return err
	}
	err := a.Tickets.CreateRecord(ctx, provider.Record{
		Kind: provider.RecordTicket, Key: key, Value: []byte(token), ExpiresAt: a.Now().UTC().Add(a.ResetLifetime),
	})
	if errors.Is(err, provider.ErrAlreadyExists) {
		return nil // two at once: either is the newest
	}
	return err
}

// ResetLinkWorks tells whether a mailed link may set a password now, without using it.
func (a *Accounts) ResetLinkWorks(ctx context.Context, uid, token string) (bool, error) {
	id, err := parseUID(uid)
	if err != nil {
		return false, nil //nolint:nilerr // no user has it
	}
	user, err := a.Users.UserByID(ctx, id)
	if errors.Is(err, provider.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return a.presentReset(ctx, user, token)
}

// ResetPassword gives the user of a mailed link a new password, and ends every grant and login session
// of theirs. Faults are reported of uid, then of token, then of the password; the link stays good until
// it has worked once.
func (a *Accounts) ResetPassword(ctx context.Context, uid, token string, chosen NewPassword) error {
	id, err := parseUID(uid)
	if err != nil {
		return provider.Invalid(fieldUID, invalidValue)
	}
	user, err := a.Users.UserByID(ctx, id)
	if errors.Is(err, provider.ErrNotFound) {
		return provider.Invalid(fieldUID, invalidValue)
	}
	if err != nil {
		return err
	}
	good, err := a.presentReset(ctx, user, token)
	if err != nil {
		return err
	}
	if !good {
		return provider.Invalid(fieldToken, invalidValue)
	}
	change, err := a.passwordChange(ctx, user, chosen)
	if err != nil {
		return err
	}
	if _, err := a.use(ctx, forReset, token); errors.Is(err, provider.ErrNotFound) {
		return provider.Invalid(fieldToken, invalidValue)
	} else if err != nil {
		return err
	}
	// The link was read at the address.
	return a.newPasswordStands(ctx, user, a.withVerified(change, user))
}

func (a *Accounts) presentReset(ctx context.Context, user provider.User, token string) (bool, error) {
	good, err := a.present(ctx, forReset, user, token)
	if !good || err != nil || !a.NewestResetOnly {
		return good, err
	}
	newest, err := a.Tickets.Record(ctx, provider.RecordTicket, newestReset.key(formatUID(user.ID)))
	if errors.Is(err, provider.ErrNotFound) {
		return false, nil
	}
	return err == nil && string(newest.Value) == token, err
}
