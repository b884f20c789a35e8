package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	netmail "net/mail"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/mail"
	"github.com/signet-id/signet/internal/testservers/smtpserver"
	"github.com/signet-id/signet/provider/mails"
)

var sender = netmail.Address{Name: "Signet", Address: "no-reply@id.example.com"}

func message(id string) mails.Message {
	return mails.Message{
		ID: id, Date: time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC), To: "ada@example.com",
		Content: mails.Content{Subject: "Subject 제목", Text: "Text 본문\nhttps://id.example.com/?a=b\n", HTML: "<p>HTML 본문</p>\n"},
	}
}

// smtpTo is how a server is reached without TLS.
func smtpTo(s *smtpserver.Server) mail.SMTP {
	return mail.SMTP{From: sender, Host: s.Host, Port: s.Port, TLS: mail.NoTLS, Timeout: 5 * time.Second}
}

// certificate is for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

func TestMailArrivesOverEachKindOfConnection(t *testing.T) {
	config, roots := certificate(t)
	for name, tc := range map[string]struct {
		server smtpserver.Options
		tls    mail.TLS
	}{
		"STARTTLS":               {smtpserver.Options{TLS: config}, mail.STARTTLS},
		"STARTTLS, with a login": {smtpserver.Options{TLS: config, Username: "signet", Password: "p w:ü"}, mail.STARTTLS},
		"implicit":               {smtpserver.Options{TLS: config, Implicit: true}, mail.ImplicitTLS},
		"implicit, with a login": {smtpserver.Options{TLS: config, Implicit: true, Username: "signet", Password: "p"}, mail.ImplicitTLS},
		"none":                   {smtpserver.Options{}, mail.NoTLS},
		"none, with a login":     {smtpserver.Options{Username: "signet", Password: "p"}, mail.NoTLS},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpserver.Start(t, tc.server)
			s := smtpTo(server)
			s.TLS, s.RootCAs, s.Username, s.Password = tc.tls, roots, tc.server.Username, tc.server.Password
			require.NoError(t, s.Check(t.Context()))
			require.Empty(t, server.Accepted())
			require.NoError(t, s.Send(t.Context(), message("id")))
			require.Len(t, server.Accepted(), 1)
			got := server.Accepted()[0]
			require.Equal(t, "no-reply@id.example.com", got.From)
			require.Equal(t, "ada@example.com", got.To)
			require.Equal(t, "<id@id.example.com>", got.Header.Get("Message-Id"))
		})
	}
}

func TestConnectionThatIsNotSafeSendsNothing(t *testing.T) {
	config, roots := certificate(t)
	for name, tc := range map[string]struct {
		server smtpserver.Options
		change func(*mail.SMTP)
	}{
		"a server without STARTTLS":    {smtpserver.Options{}, func(*mail.SMTP) {}},
		"a certificate of a stranger":  {smtpserver.Options{TLS: config}, func(s *mail.SMTP) { s.RootCAs = x509.NewCertPool() }},
		"a certificate, implicit":      {smtpserver.Options{TLS: config, Implicit: true}, func(s *mail.SMTP) { s.TLS, s.RootCAs = mail.ImplicitTLS, x509.NewCertPool() }},
		"another name":                 {smtpserver.Options{TLS: config}, func(s *mail.SMTP) { s.Host = "localhost" }},
		"a wrong password":             {smtpserver.Options{TLS: config, Username: "signet", Password: "right"}, func(s *mail.SMTP) { s.Username, s.Password = "signet", "wrong" }},
		"a password nobody asked for":  {smtpserver.Options{TLS: config}, func(s *mail.SMTP) { s.Username, s.Password = "signet", "p" }},
		"plain text to an encrypted":   {smtpserver.Options{TLS: config, Implicit: true}, func(s *mail.SMTP) { s.Timeout = time.Second }},
		"encrypted to a plain text":    {smtpserver.Options{}, func(s *mail.SMTP) { s.TLS, s.Timeout = mail.ImplicitTLS, time.Second }},
		"a server that needs a login":  {smtpserver.Options{TLS: config, Username: "signet", Password: "right"}, func(*mail.SMTP) {}},
		"a server that is not running": {smtpserver.Options{TLS: config}, func(s *mail.SMTP) { s.Port = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpserver.Start(t, tc.server)
			s := smtpTo(server)
			s.TLS, s.RootCAs = mail.STARTTLS, roots
			tc.change(&s)
			err := s.Send(t.Context(), message("id"))
			require.Error(t, err)
			require.NotErrorIs(t, err, mails.ErrRefused, "the operator can put it right")
			require.NotContains(t, err.Error(), "wrong", "a password in an error")
			require.Empty(t, server.Accepted())
		})
	}
}

func TestWhatTheServerSays(t *testing.T) {
	for name, tc := range map[string]struct {
		behaviour smtpserver.Behaviour
		to        string
		fails     bool
		refused   bool
		arrives   bool
	}{
		"accepted":                        {smtpserver.Accept, "ada@example.com", false, false, true},
		"4xx for the recipient":           {smtpserver.Defer, "ada@example.com", true, false, false},
		"5xx for the recipient":           {smtpserver.Refuse, "nobody@example.com", true, true, false},
		"5xx for the content":             {smtpserver.RefuseContent, "ada@example.com", true, true, false},
		"5xx for the sender":              {smtpserver.RefuseSender, "ada@example.com", true, false, false},
		"nothing":                         {smtpserver.Hang, "ada@example.com", true, false, false},
		"gone in the middle":              {smtpserver.Drop, "ada@example.com", true, false, false},
		"gone before the answer":          {smtpserver.DropAnswer, "ada@example.com", true, false, true},
		"gone after the answer":           {smtpserver.DropAfter, "ada@example.com", false, false, true},
		"accepted, a domain in letters":   {smtpserver.Accept, "Ada@bücher.example", false, false, true},
		"not asked: no address":           {smtpserver.Accept, "ada", true, true, false},
		"not asked: two addresses":        {smtpserver.Accept, "a@x.kr, b@y.kr", true, true, false},
		"not asked: a line in an address": {smtpserver.Accept, "a@x.kr\r\nRCPT TO:<b@y.kr>", true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtpserver.Start(t, smtpserver.Options{})
			server.Behave(tc.behaviour)
			s := smtpTo(server)
			s.Timeout = time.Second
			m := message("id")
			m.To = tc.to
			err := s.Send(t.Context(), m)
			require.Equal(t, tc.fails, err != nil, "%v", err)
			if tc.refused {
				require.ErrorIs(t, err, mails.ErrRefused)
			} else {
				require.NotErrorIs(t, err, mails.ErrRefused)
			}
			if tc.fails {
				require.NotContains(t, err.Error(), "본문")
			}
			require.Equal(t, tc.arrives, len(server.Accepted()) == 1)
			if tc.to == "Ada@bücher.example" {
				require.Equal(t, "Ada@xn--bcher-kva.example", server.Accepted()[0].To)
			}
		})
	}
}

func TestServerThatHangsIsLeftInTime(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	s := mail.SMTP{From: sender, Host: "127.0.0.1", Port: silent.Addr().(*net.TCPAddr).Port, TLS: mail.STARTTLS, Timeout: 300 * time.Millisecond}
	begun := time.Now()
	require.Error(t, s.Send(t.Context(), message("id")), "no greeting")
	require.Less(t, time.Since(begun), 2*time.Second)

	s.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun = time.Now()
	require.Error(t, s.Send(ctx, message("id")), "the caller's end counts too")
	require.Less(t, time.Since(begun), 2*time.Second)
}
