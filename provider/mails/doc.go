// Package mails owns the way of a mail from the moment somebody asks for it until it was sent or given
// up: sealing it into the outbox, claiming it, trying, waiting longer each time, and reporting what was
// given up.
//
// A mail that the outbox took is sent at least once. A process that dies between sending a mail and
// removing it makes another send it again, under the same Message-ID.
//
// It does not know how a mail is worded (package templates), nor what takes it (internal/mail), nor
// where the outbox is kept.
package mails
