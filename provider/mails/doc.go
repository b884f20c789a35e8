// Package mails owns what is particular to mails on their way through an outbox (package outbox): how they are
// kept in it, when to try again, and what is reported of them.
//
// A mail that the outbox took is sent at least once. A process that dies between sending a mail and
// removing it makes another send it again, under the same Message-ID.
//
// It does not know how a mail is worded (package templates), nor what takes it (internal/mail).
package mails
