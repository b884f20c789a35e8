package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/internal/mail"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/mails"
)

// post is how mails leave.
type post struct {
	sender mails.Sender
	// readable lists those that stay on this machine, when only this machine asks.
	readable func(limit int) ([]mails.Message, error)
}

func newPost(config configs.Config, log *slog.Logger) post {
	switch config.Mail.Driver {
	case "smtp":
		return post{sender: newSMTP(config)}
	case "log":
		return post{sender: mail.Log{Log: log}}
	}
	file := mail.File{Dir: config.Mail.Dir, From: config.Sender()}
	if !config.Loopback() {
		return post{sender: file}
	}
	return post{sender: file, readable: file.Recent}
}

func newSMTP(config configs.Config) mail.SMTP {
	server := config.Mail.SMTP
	return mail.SMTP{
		From: config.Sender(), Host: server.Host, Port: server.Port, Username: server.Username, Password: string(server.Password),
		TLS: mail.TLS(server.TLS), Timeout: server.Timeout,
	}
}

// countMails registers the measurement of what comes of mails.
func countMails(registry prometheus.Registerer) func(mails.Outcome) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_mails_total", Help: "Attempts to send a mail, by outcome: sent, deferred (to be tried again) or dead (given up).",
	}, []string{"outcome"})
	registry.MustRegister(attempts)
	for _, outcome := range []mails.Outcome{mails.Sent, mails.Deferred, mails.Dead} {
		attempts.WithLabelValues(string(outcome)) // 0 is known from the start
	}
	return func(outcome mails.Outcome) { attempts.WithLabelValues(string(outcome)).Inc() }
}

// examineMail asks what takes the mails.
func examineMail(ctx context.Context, config configs.Config) finding {
	const check = "mail"
	switch config.Mail.Driver {
	case "smtp":
		server := config.Mail.SMTP
		if err := newSMTP(config).Check(ctx); err != nil {
			return finding{check, statusFault, err.Error(), "start the mail server, or correct mail.smtp"}
		}
		return finding{check, statusOK, fmt.Sprintf("SMTP server %s:%d lets us in (%s)", server.Host, server.Port, server.TLS), ""}
	case "log":
		return finding{check, statusOK, "goes into the log", ""}
	}
	if err := checkWritable(config.Mail.Dir); err != nil {
		return finding{check, statusFault, err.Error(), "let the server write to mail.dir, or correct it"}
	}
	if !config.Loopback() {
		return finding{check, statusWarning, "goes into files in " + config.Mail.Dir + ": nobody receives it", "set mail.driver to smtp"}
	}
	return finding{check, statusOK, "goes into files in " + config.Mail.Dir + ", listed at " + config.Issuer + "/dev/mail", ""}
}

// checkWritable tells whether a file can be made in a directory, or in the nearest one above it.
func checkWritable(dir string) error {
	for {
		file, err := os.CreateTemp(dir, ".check-*")
		if err == nil {
			_ = file.Close()
			return os.Remove(file.Name())
		}
		if parent := filepath.Dir(dir); os.IsNotExist(err) && parent != dir {
			dir = parent
			continue
		}
		return err
	}
}

// examineOutbox reports mails that were given up.
func examineOutbox(ctx context.Context, store provider.OutboxStore) finding {
	const check, most = "outbox", 100
	dead, err := store.DeadParcels(ctx, provider.TopicMail, most)
	switch {
	case err != nil:
		return finding{check, statusFault, err.Error(), "see the database"}
	case len(dead) == 0:
		return finding{check, statusOK, "no mail was given up", ""}
	}
	count := fmt.Sprint(len(dead))
	if len(dead) == most {
		count += " or more"
	}
	return finding{
		check, statusWarning, fmt.Sprintf("given up: %s, the newest of %s (%s)", count, dead[0].CreatedAt.Format("2006-01-02 15:04"), dead[0].LastError),
		"correct what refuses them; their readers have to ask again",
	}
}
