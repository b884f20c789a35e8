package configs

import (
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Mail says how mails leave.
type Mail struct {
	// Driver is "file", "smtp" or, for development, "log".
	Driver string `yaml:"driver"`
	// Dir is where the file driver writes.
	Dir string `yaml:"dir"`
	// From is an address, or "Name <address>". Sender returns it.
	From string `yaml:"from"`
	SMTP SMTP   `yaml:"smtp"`
}

// SMTP is the server that the smtp driver hands mails to.
type SMTP struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	Username string `yaml:"username"`
	Password Secret `yaml:"password"`
	// TLS is "starttls", "implicit" or, for a server on this machine, "none".
	TLS     string        `yaml:"tls"`
	Timeout time.Duration `yaml:"timeout"`
}

// defaultMail writes mails where a developer finds them.
func defaultMail() Mail {
	return Mail{Driver: "file", Dir: "data/mail", SMTP: SMTP{Port: 587, TLS: "starttls", Timeout: 20 * time.Second}}
}

// Sender is who mails come from: mail.from, and what it leaves open from the issuer and the name of the
// service.
func (c Config) Sender() mail.Address {
	sender := mail.Address{}
	if parsed, err := mail.ParseAddress(c.Mail.From); err == nil {
		sender = *parsed
	} else if issuer, err := url.Parse(c.Issuer); err == nil {
		sender.Address = "no-reply@" + issuer.Hostname()
	}
	if sender.Name == "" {
		sender.Name = c.Branding.Name
	}
	return sender
}

func (v *validator) mail() {
	m, server := v.Mail, v.Mail.SMTP
	v.oneOf("mail.driver", m.Driver, "log", "file", "smtp")
	v.check(m.Driver != "log" || v.Loopback(), "mail.driver", "want file or smtp: the log driver shows one-time links, so it is for a loopback issuer only")
	v.check(m.Driver != "file" || m.Dir != "", "mail.dir", "want a directory")
	v.check(m.From == "" || isSender(m.From), "mail.from", `want an address, or "Name <address>"`)
	v.oneOf("mail.smtp.tls", server.TLS, "starttls", "implicit", "none")
	v.check(1 <= server.Port && server.Port <= 65535, "mail.smtp.port", "want 1 to 65535")
	v.check(server.Timeout > 0, "mail.smtp.timeout", "want more than 0s")
	v.check(server.Username == "" || server.Password != "", "mail.smtp.password", "want the password of mail.smtp.username")
	v.check(server.Password == "" || server.Username != "", "mail.smtp.username", "want the user of mail.smtp.password")
	if m.Driver == "smtp" {
		v.check(m.From != "", "mail.from", "want the address that the smtp driver sends from")
		v.check(isHost(server.Host), "mail.smtp.host", "want the name of the server, without a port")
		v.check(server.TLS != "none" || isLoopback(server.Host), "mail.smtp.tls", "want starttls or implicit: none is for a server on this machine")
	}
}

func isSender(from string) bool {
	parsed, err := mail.ParseAddress(from)
	return err == nil && !strings.ContainsFunc(parsed.Name+parsed.Address, unicode.IsControl)
}

// isHost tells whether a string is a name or an IP address.
func isHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host != "" && !strings.ContainsAny(host, ":/@[] ")
}

// isLoopback tells whether a name or address leads to this machine and nowhere else.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
