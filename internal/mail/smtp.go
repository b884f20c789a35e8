package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/signet-id/signet/provider/mails"
)

// TLS says how the connection to an SMTP server is protected.
type TLS string

// The kinds of protection. None is for a server on this machine.
const (
	STARTTLS    TLS = "starttls" // RFC 3207; a server without it is refused
	ImplicitTLS TLS = "implicit" // RFC 8314 §3.3
	NoTLS       TLS = "none"
)

// SMTP is the mails.Sender that hands each mail to an SMTP server (RFC 5321), over a connection of its
// own.
type SMTP struct {
	From mail.Address
	Host string
	Port int
	// Username and Password are empty for a server that asks for none.
	Username string
	Password string
	TLS      TLS
	// Timeout bounds the connection.
	Timeout time.Duration
	// RootCAs are the system's when nil.
	RootCAs *x509.CertPool
}

// Send delivers a mail. A recipient or content that the server refuses for good is mails.ErrRefused; a
// server that does not let us in, or that does not take the sender, is for the operator to put right.
func (s SMTP) Send(ctx context.Context, m mails.Message) error {
	message, err := compose(s.From, m)
	if err != nil {
		return err
	}
	return s.connect(ctx, func(client *gomail.Client, server *smtp.Client) error {
		err := client.SendWithSMTPClient(server, message)
		if message.IsDelivered() {
			return nil // the server has it, whatever it said to what came after
		}
		if refusal := new(gomail.SendError); errors.As(err, &refusal) && refusal.ErrorCode() >= 500 && refusal.Reason != gomail.ErrSMTPMailFrom {
			return fmt.Errorf("%w: %w", mails.ErrRefused, err)
		}
		return fmt.Errorf("send mail: %w", err)
	})
}

// Check tells whether the server answers and lets us in.
func (s SMTP) Check(ctx context.Context) error {
	return s.connect(ctx, func(_ *gomail.Client, server *smtp.Client) error { return server.Noop() })
}

// connect says hello to the server, protects the connection, authenticates and calls use. However that
// ends, the connection is closed, at the latest when ctx ends.
func (s SMTP) connect(ctx context.Context, use func(client *gomail.Client, server *smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	client, err := gomail.NewClient(s.Host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("set up SMTP: %w", err)
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to SMTP server: %w", err)
	}
	if err := use(client, server); err != nil {
		return err
	}
	_ = server.Quit() // courtesy
	return nil
}

func (s SMTP) options(ctx context.Context) []gomail.Option {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.RootCAs}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(s.Timeout), gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(dialing, network, address)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			if s.TLS == ImplicitTLS {
				conn = tls.Client(conn, config)
			}
			return conn, nil
		}),
	}
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
	switch s.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case STARTTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	}
	if s.Username != "" {
		options = append(options, gomail.WithUsername(s.Username), gomail.WithPassword(s.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, plain, login))
	}
	return options
}
