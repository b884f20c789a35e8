package provider

import "context"

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
