package mail

import (
	"context"
	"log/slog"

	"github.com/signet-id/signet/provider/mails"
)

// Log is the mails.Sender that writes the text of each mail to the log. Mails hold one-time links: it is
// for development only.
type Log struct {
	Log *slog.Logger
}

// Send writes one line.
func (l Log) Send(ctx context.Context, m mails.Message) error {
	l.Log.InfoContext(ctx, "mail", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}
