// Package mail owns the three ways that mails leave the process: into the log and into files, for
// development, and to an SMTP server. It alone knows go-mail and how a message is written (RFC 5322).
//
// It does not know what mails are about, nor when one is tried again.
package mail
