package mails

import (
	"context"
	"time"

	"github.com/signet-id/signet/provider/outbox"
)

// Content is what a mail says.
type Content struct {
	Subject string
	Text    string
	HTML    string
}

// Message is a mail as it is sent.
type Message struct {
	// ID is the same for every attempt to send one mail.
	ID string
	// Date is when the mail was asked for.
	Date time.Time
	To   string
	Content
}

// ErrRefused says that a mail will be refused however often it is tried (RFC 5321 §4.2.1: 5yz).
var ErrRefused = outbox.ErrRefused

// Sender hands a mail to whatever carries it on.
type Sender interface {
	// Send returns nil only if the mail was accepted; then the mail is forgotten here. It gives up when
	// ctx ends. Its errors hold nothing of the mail's text. ErrRefused: trying again is of no use.
	Send(ctx context.Context, m Message) error
}
