package mails

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/signet-id/signet/provider"
)

// Outcome is what came of one attempt to send a mail.
type Outcome string

// The outcomes of an attempt.
const (
	Sent     Outcome = "sent"
	Deferred Outcome = "deferred" // it will be tried again
	Dead     Outcome = "dead"     // it was given up
)

// Worker sends what is in the outbox. Any number of processes may run one. Its fields are set once.
type Worker struct {
	Outbox *Outbox
	Sender Sender
	Render func(m provider.Mail) (Content, error)
	// Timeout bounds an attempt. A mail whose worker was silent for twice as long is taken by another.
	Timeout time.Duration
	Log     *slog.Logger
	// Count is told of each attempt.
	Count func(Outcome)
}

const (
	// poll is how often a worker looks for mails that it was not told of: those that are due again, and
	// those of other processes that have died.
	poll = 5 * time.Second
	// atOnce bounds the attempts at a time of one worker.
	atOnce = 4
	// maxReason bounds what is kept of a failure, in bytes.
	maxReason = 500
)

// delays are the times between attempts; after the last attempt a mail is dead, about a day old.
var delays = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// Run sends mails until ctx ends and those in hand are finished.
func (w *Worker) Run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	free := make(chan struct{}, atOnce)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case free <- struct{}{}:
		}
		if q, found := w.claim(ctx); found {
			sending.Go(func() {
				defer func() { <-free }()
				w.try(context.WithoutCancel(ctx), q)
			})
			continue
		}
		<-free
		select {
		case <-ctx.Done():
			return
		case <-w.Outbox.added:
		case <-ticker.C:
		}
	}
}

// claim takes one mail that is due.
func (w *Worker) claim(ctx context.Context) (provider.QueuedMail, bool) {
	if ctx.Err() != nil {
		return provider.QueuedMail{}, false
	}
	now := w.Outbox.now().UTC()
	claimed, err := w.Outbox.store.ClaimMails(ctx, now, now.Add(2*w.Timeout), 1)
	if err != nil && ctx.Err() == nil {
		w.Log.ErrorContext(ctx, "outbox not read", "error", err)
	}
	if len(claimed) == 0 {
		return provider.QueuedMail{}, false
	}
	return claimed[0], true
}

// try makes one attempt to send a mail and writes down what came of it. When that fails, the mail is
// tried again once the claim has ended.
func (w *Worker) try(ctx context.Context, q provider.QueuedMail) {
	kind, err := w.send(ctx, q)
	log := w.Log.With("mail_id", q.ID, "mail_kind", string(kind), "attempts", q.Attempts)
	if err == nil {
		w.Count(Sent)
		if err := w.Outbox.store.RemoveMail(ctx, q.ID); err != nil {
			log.ErrorContext(ctx, "sent mail not removed: it will be sent again", "error", err)
			return
		}
		log.InfoContext(ctx, "mail sent")
		return
	}
	reason := shorten(err.Error())
	due, dead := w.Outbox.now().UTC(), q.Attempts > len(delays) || errors.Is(err, ErrRefused)
	if dead {
		w.Count(Dead)
		log.ErrorContext(ctx, "mail given up", "error", reason)
	} else {
		delay := delays[max(q.Attempts, 1)-1]
		due = due.Add(delay)
		w.Count(Deferred)
		log.WarnContext(ctx, "mail not sent, will be tried again", "delay", delay, "error", reason)
	}
	if err := w.Outbox.store.DeferMail(ctx, q.ID, due, reason, dead); err != nil {
		log.ErrorContext(ctx, "failure of a mail not stored", "error", err)
	}
}

// send opens, renders and sends a mail, and tells its kind if it could be opened. Whatever cannot be
// opened or rendered is kept like a mail that was not accepted: the replica that can may come.
func (w *Worker) send(ctx context.Context, q provider.QueuedMail) (provider.MailKind, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	m, err := w.Outbox.open(q)
	if err != nil {
		return "", err
	}
	content, err := w.Render(m)
	if err != nil {
		return m.Kind, fmt.Errorf("render mail: %w", err)
	}
	return m.Kind, w.Sender.Send(ctx, Message{ID: q.ID, Date: q.CreatedAt, To: m.To, Content: content})
}

// shorten makes a reason one line of valid text that fits the outbox.
func shorten(reason string) string {
	line := strings.Join(strings.Fields(reason), " ")
	return strings.ToValidUTF8(line[:min(len(line), maxReason)], "")
}
