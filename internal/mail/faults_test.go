package mail_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers/smtpserver"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/mails"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
	"github.com/signet-id/signet/templates"
)

// clock is the real time plus what the test adds.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Show 6: a server that refuses, hangs, drops mid-message and comes back. Whatever it does, every mail
// arrives once or is reported dead.
func TestEveryMailArrivesOnceOrIsReportedDead(t *testing.T) {
	const writtenPerRound = 8
	master, err := secrets.New(bytes.Repeat([]byte{1}, secrets.KeySize))
	require.NoError(t, err)
	hours := &clock{}
	store := sqlstoretest.SQLiteFile(t, sqlstoretest.Clock(hours.now))
	outbox := mails.NewOutbox(store, master, hours.now)
	server := smtpserver.Start(t, smtpserver.Options{})
	transport := smtpTo(server)
	transport.Timeout = 500 * time.Millisecond

	// round runs a worker until it has tried everything that is due.
	round := func(due int) map[mails.Outcome]int {
		var mu sync.Mutex
		counts, tried := map[mails.Outcome]int{}, 0
		done := make(chan struct{})
		worker := mails.Worker{
			Outbox: outbox, Sender: transport, Render: templates.NewMails("Signet").Render, Timeout: transport.Timeout,
			Log: slog.New(slog.DiscardHandler), Count: func(o mails.Outcome) {
				mu.Lock()
				defer mu.Unlock()
				counts[o]++
				if tried++; tried == due {
					close(done)
				}
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { worker.Run(ctx); close(ended) }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			require.Fail(t, "not everything that was due was tried", "%v of %d", counts, due)
		}
		cancel()
		<-ended
		return counts
	}

	written, waiting := 0, 0
	for name, behave := range map[string]func(){
		"down":              server.Stop,
		"defers":            func() { server.Behave(smtpserver.Defer) },
		"refuses somebody":  func() { server.Behave(smtpserver.Refuse) },
		"hangs":             func() { server.Behave(smtpserver.Hang) },
		"drops mid-message": func() { server.Behave(smtpserver.Drop) },
		"drops afterwards":  func() { server.Behave(smtpserver.DropAfter) },
	} {
		behave()
		for i := range writtenPerRound {
			to := fmt.Sprintf("u%d@example.com", written)
			if i == 0 {
				to = fmt.Sprintf("nobody%d@example.com", written)
			}
			require.NoError(t, outbox.EnqueueMail(t.Context(), provider.Mail{
				Kind: provider.MailVerifyEmail, To: to, Values: map[string]string{"link": "https://id.example.com/v"},
			}))
			written++
		}
		hours.move(10 * time.Hour) // longer than any wait
		counts := round(waiting + writtenPerRound)
		waiting += writtenPerRound - counts[mails.Sent] - counts[mails.Dead]
		t.Logf("server %s: %v", name, counts)
		if name == "down" {
			server.Listen()
		}
	}
	// It comes back, and still knows nobody.
	server.Behave(smtpserver.Refuse)
	if waiting > 0 {
		hours.move(10 * time.Hour)
		require.Zero(t, round(waiting)[mails.Deferred])
	}
	arrived := map[string]int{}
	for _, m := range server.Accepted() {
		arrived[m.Header.Get("Message-Id")]++
	}
	for id, times := range arrived {
		require.Equal(t, 1, times, id)
	}
	dead, err := store.DeadParcels(t.Context(), provider.TopicMail, 1000)
	require.NoError(t, err)
	require.Equal(t, written, len(arrived)+len(dead))
	for _, m := range dead {
		require.Contains(t, m.LastError, "550")
	}
	left, err := store.ClaimParcels(t.Context(), provider.TopicMail, hours.now().Add(1000*time.Hour), hours.now(), 1)
	require.NoError(t, err)
	require.Empty(t, left)
	t.Logf("%d written: %d arrived once, %d reported dead", written, len(arrived), len(dead))
}
