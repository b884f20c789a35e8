package provider

import (
	"context"
	"time"
)

// MailKind names what a mail is about; each kind has templates.
type MailKind string

// The kinds of mails.
const (
	MailVerifyEmail   MailKind = "verify-email"   // values: link
	MailPasswordReset MailKind = "password-reset" // values: link
	MailAccountExists MailKind = "account-exists" // somebody registered an address that has an account; values: link (to reset)
	MailPasswordSet   MailKind = "password-set"   // a notice that the password was changed
	MailReuseDetected MailKind = "reuse-detected" // a notice that a stolen refresh token may have been used
)

// Mail is a message to one person that is still to be written out and sent.
type Mail struct {
	Kind MailKind
	// To is the address as it is stored, never as somebody typed it.
	To string
	// Locale chooses the language, BCP 47; empty means English.
	Locale string
	// Values fill the templates. They may hold one-time secrets (links): what keeps a mail seals them.
	Values map[string]string
}

// MailQueue takes mails to be sent. A mail that was taken is sent or reported dead, whatever happens
// to the process.
type MailQueue interface {
	// EnqueueMail is one write to the long-lived store; it never waits for a mail server.
	EnqueueMail(ctx context.Context, m Mail) error
}

// QueuedMail is a mail in the outbox.
type QueuedMail struct {
	ID string
	// Sealed is the Mail, encrypted and bound to ID.
	Sealed    []byte
	CreatedAt time.Time
	// DueAt is when to try next; a worker that claims a mail moves it, so that no other takes it.
	DueAt    time.Time
	Attempts int
	// LastError is why the last attempt failed, without anything secret.
	LastError string
	// Dead mails are not tried again; operators see them.
	Dead bool
}

// OutboxStore keeps mails until they were sent. Implementations pass storagetest.RunOutbox.
type OutboxStore interface {
	// AddMail stores a mail. ErrAlreadyExists: its ID is taken.
	AddMail(ctx context.Context, m QueuedMail) error
	// ClaimMails returns at most limit mails that are due at now and not dead, longest due first, counts an
	// attempt for each and moves their DueAt to until. Of concurrent callers each mail goes to one.
	ClaimMails(ctx context.Context, now, until time.Time, limit int) ([]QueuedMail, error)
	// RemoveMail forgets a mail that was sent; nil when there is none.
	RemoveMail(ctx context.Context, id string) error
	// DeferMail notes why an attempt failed and when to try again; dead ends the attempts. ErrNotFound:
	// no such mail.
	DeferMail(ctx context.Context, id string, dueAt time.Time, reason string, dead bool) error
	// DeadMails lists the mails that were given up, newest first.
	DeadMails(ctx context.Context, limit int) ([]QueuedMail, error)
}
