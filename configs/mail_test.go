package configs

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bySMTP is a production issuer that can send mail.
func bySMTP() Config {
	c := production()
	c.Mail.Driver, c.Mail.From = "smtp", "Acme <id@acme.example>"
	c.Mail.SMTP.Host, c.Mail.SMTP.Username, c.Mail.SMTP.Password = "smtp.acme.example", "acme", "hunter2"
	return c
}

func TestMailSettingsThatWork(t *testing.T) {
	require.NoError(t, bySMTP().Validate())
	for name, change := range map[string]func(*Config){
		"no login":           func(c *Config) { c.Mail.SMTP.Username, c.Mail.SMTP.Password = "", "" },
		"implicit TLS":       func(c *Config) { c.Mail.SMTP.TLS, c.Mail.SMTP.Port = "implicit", 465 },
		"this machine":       func(c *Config) { c.Mail.SMTP.TLS, c.Mail.SMTP.Host = "none", "localhost" },
		"this machine, IPv6": func(c *Config) { c.Mail.SMTP.TLS, c.Mail.SMTP.Host = "none", "::1" },
		"a bare address":     func(c *Config) { c.Mail.From = "id@acme.example" },
		"a Korean name":      func(c *Config) { c.Branding.Name = "시그넷 아이디" },
		"files":              func(c *Config) { c.Mail = defaultMail() },
		"the log, at home":   func(c *Config) { *c = Default(); c.Mail.Driver = "log" },
	} {
		t.Run(name, func(t *testing.T) {
			c := bySMTP()
			change(&c)
			require.NoError(t, c.Validate())
		})
	}
}

func TestMailSettingsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"another driver":          {func(c *Config) { c.Mail.Driver = "sendmail" }, `mail.driver is "sendmail": want log, file, smtp`},
		"the log, in public":      {func(c *Config) { c.Mail.Driver = "log" }, `mail.driver is "log": want file or smtp`},
		"files nowhere":           {func(c *Config) { c.Mail.Driver, c.Mail.Dir = "file", "" }, `mail.dir is "": want a directory`},
		"from nobody":             {func(c *Config) { c.Mail.From = "" }, `mail.from is "": want the address that the smtp driver`},
		"from no address":         {func(c *Config) { c.Mail.From = "Acme" }, `mail.from is "Acme": want an address`},
		"from two":                {func(c *Config) { c.Mail.From = "a@x.kr, b@x.kr" }, `mail.from is "a@x.kr, b@x.kr": want an address`},
		"from with a line":        {func(c *Config) { c.Mail.From = "=?utf-8?q?A=0D=0ABcc:_e@e.kr?= <a@x.kr>" }, `mail.from is "=?utf-8?q?A=0D=0ABcc:_e@e.kr?= <a@x.kr>": want an address`},
		"no server":               {func(c *Config) { c.Mail.SMTP.Host = "" }, `mail.smtp.host is "": want the name`},
		"server with a port":      {func(c *Config) { c.Mail.SMTP.Host = "smtp.acme.example:25" }, `mail.smtp.host is "smtp.acme.example:25": want the name`},
		"no port":                 {func(c *Config) { c.Mail.SMTP.Port = 0 }, `mail.smtp.port is "0": want 1`},
		"port beyond all":         {func(c *Config) { c.Mail.SMTP.Port = 65536 }, `mail.smtp.port is "65536": want 1`},
		"another TLS":             {func(c *Config) { c.Mail.SMTP.TLS = "ssl" }, `mail.smtp.tls is "ssl": want starttls, implicit, none`},
		"no TLS":                  {func(c *Config) { c.Mail.SMTP.TLS = "none" }, `mail.smtp.tls is "none": want starttls or implicit`},
		"no TLS to a look-alike":  {func(c *Config) { c.Mail.SMTP.TLS, c.Mail.SMTP.Host = "none", "localhost.example" }, `mail.smtp.tls is "none": want starttls or implicit`},
		"user without a password": {func(c *Config) { c.Mail.SMTP.Password = "" }, `mail.smtp.password is "": want the password`},
		"password without a user": {func(c *Config) { c.Mail.SMTP.Username = "" }, `mail.smtp.username is "": want the user`},
		"no time":                 {func(c *Config) { c.Mail.SMTP.Timeout = 0 }, `mail.smtp.timeout is "0s": want more`},
		"no name":                 {func(c *Config) { c.Branding.Name = " " }, `branding.name is " ": want a name`},
		"name of two lines":       {func(c *Config) { c.Branding.Name = "A\r\nBcc: e@e.kr" }, `branding.name is "A\r\nBcc: e@e.kr": want a name`},
		"endless name":            {func(c *Config) { c.Branding.Name = strings.Repeat("a", 65) }, `branding.name is "` + strings.Repeat("a", 65) + `": want a name`},
	} {
		t.Run(name, func(t *testing.T) {
			c := bySMTP()
			tc.change(&c)
			got := messages(c.Validate(), "")
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], tc.want), "got %s, want %s", got[0], tc.want)
		})
	}
}

func TestSenderOfMails(t *testing.T) {
	for from, want := range map[string]mail.Address{
		"":                       {Name: "Acme ID", Address: "no-reply@id.example.com"},
		"id@acme.example":        {Name: "Acme ID", Address: "id@acme.example"},
		"Acme <id@acme.example>": {Name: "Acme", Address: "id@acme.example"},
	} {
		c := production()
		c.Branding.Name, c.Mail.From = "Acme ID", from
		require.Equal(t, want, c.Sender())
	}
}
