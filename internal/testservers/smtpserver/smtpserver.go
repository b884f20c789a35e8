// Package smtpserver is an SMTP server for tests, in process: it keeps what it accepts, and fails in the
// ways that servers do. It is imported by tests only.
package smtpserver

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Behaviour is what a server does with a message.
type Behaviour int

// The behaviours.
const (
	Accept Behaviour = iota
	// Defer answers 451 to every recipient.
	Defer
	// Refuse answers 550 to recipients whose address starts with "nobody".
	Refuse
	// RefuseSender answers 530 to every sender.
	RefuseSender
	// RefuseContent answers 554 to the message.
	RefuseContent
	// Hang reads the message and never answers.
	Hang
	// Drop closes the connection in the middle of the message.
	Drop
	// DropAnswer accepts the message and closes the connection without a word.
	DropAnswer
	// DropAfter accepts the message, says so and closes the connection.
	DropAfter
)

// Options are how a server is reached.
type Options struct {
	// TLS offers STARTTLS, or begins with TLS when Implicit.
	TLS      *tls.Config
	Implicit bool
	// Username and Password are asked for unless empty.
	Username, Password string
	// Delay is how long an accepted message takes.
	Delay time.Duration
}

// Server is an SMTP server on a port of its own.
type Server struct {
	t       testing.TB
	options Options
	Host    string
	Port    int

	mu        sync.Mutex
	server    *smtp.Server
	listener  net.Listener
	behaviour Behaviour
	accepted  []*Message
	stopped   chan struct{}
}

// Message is what the server accepted.
type Message struct {
	From, To string
	Raw      string
	Header   mail.Header
}

// Start starts a server that ends with the test.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{t: t, options: options, Host: "127.0.0.1"}
	s.Listen()
	t.Cleanup(s.Stop)
	return s
}

// Listen accepts connections, after Stop on the same port.
func (s *Server) Listen() {
	s.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", (&net.TCPAddr{IP: net.ParseIP(s.Host), Port: s.Port}).String())
	require.NoError(s.t, err)
	s.Port = listener.Addr().(*net.TCPAddr).Port
	if s.options.Implicit {
		listener = tls.NewListener(listener, s.options.TLS)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c, admitted: s.options.Username == ""}, nil
	}))
	server.Domain, server.AllowInsecureAuth = "mail.example", s.options.TLS == nil
	server.ErrorLog = log.New(io.Discard, "", 0)
	if !s.options.Implicit {
		server.TLSConfig = s.options.TLS
	}
	s.mu.Lock()
	s.server, s.listener, s.stopped = server, listener, make(chan struct{})
	s.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
}

// Stop refuses connections and ends those that are open.
func (s *Server) Stop() {
	s.mu.Lock()
	server, listener, stopped := s.server, s.listener, s.stopped
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		close(stopped)
		_ = listener.Close() // the server may not know it yet
		_ = server.Close()
	}
}

// Behave changes what the server does with the next messages.
func (s *Server) Behave(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
}

// Accepted returns the messages that the server has.
func (s *Server) Accepted() []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Message(nil), s.accepted...)
}

func (s *Server) now() (Behaviour, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour, s.stopped
}

type session struct {
	server   *Server
	conn     *smtp.Conn
	admitted bool
	from, to string
	// ending closes the connection once the answer is written.
	ending bool
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.options.Username || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.admitted = true
		return nil
	}), nil
}

func (s *session) Logout() error { return nil }

func (s *session) Reset() {
	if s.ending {
		_ = s.conn.Conn().Close()
	}
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if b, _ := s.server.now(); b == RefuseSender {
		return &smtp.SMTPError{Code: 530, Message: "authentication required"}
	}
	if !s.admitted {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch b, _ := s.server.now(); {
	case b == Defer:
		return &smtp.SMTPError{Code: 451, Message: "come again"}
	case b == Refuse && strings.HasPrefix(to, "nobody"):
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, stopped := s.server.now()
	if b == Drop {
		_, _ = io.CopyN(io.Discard, r, 64)
		return s.conn.Conn().Close()
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch b {
	case Hang:
		<-stopped
		return &smtp.SMTPError{Code: 421, Message: "closing"}
	case RefuseContent:
		return &smtp.SMTPError{Code: 554, Message: "looks like spam"}
	}
	time.Sleep(s.server.options.Delay)
	parsed, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	s.server.accepted = append(s.server.accepted, &Message{From: s.from, To: s.to, Raw: string(raw), Header: parsed.Header})
	s.server.mu.Unlock()
	if b == DropAnswer {
		return s.conn.Conn().Close()
	}
	s.ending = b == DropAfter
	return nil
}
