package mails

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/outbox"
)

// Outcome is what came of one attempt to send a mail.
type Outcome = outbox.Outcome

// The outcomes of an attempt.
const (
	Sent     = outbox.Delivered
	Deferred = outbox.Deferred // it will be tried again
	Dead     = outbox.Dead     // it was given up
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

// atOnce bounds the attempts at a time of one worker.
const atOnce = 4

// delays are the times between attempts; after the last attempt a mail is dead, about a day old.
var delays = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// Run sends mails until ctx ends and those in hand are finished.
func (w *Worker) Run(ctx context.Context) {
	parcels := &outbox.Worker{
		Outbox: w.Outbox.parcels, Deliver: w.send, Delays: delays, Timeout: w.Timeout, AtOnce: atOnce, Tell: w.tell, Log: w.Log,
	}
	parcels.Run(ctx)
}

// send opens, renders and sends a mail. Whatever cannot be opened or rendered is kept like a mail that was
// not accepted: the replica that can may come.
func (w *Worker) send(ctx context.Context, p provider.Parcel) error {
	m, err := w.Outbox.open(p)
	if err != nil {
		return err
	}
	content, err := w.Render(m)
	if err != nil {
		return fmt.Errorf("render mail: %w", err)
	}
	return w.Sender.Send(ctx, Message{ID: p.ID, Date: p.CreatedAt, To: m.To, Content: content})
}

// tell counts an attempt and writes its log line.
func (w *Worker) tell(ctx context.Context, p provider.Parcel, outcome Outcome, reason string, delay time.Duration) {
	w.Count(outcome)
	m, _ := w.Outbox.open(p) // else its kind is unknown
	log := w.Log.With("mail_id", p.ID, "mail_kind", string(m.Kind), "attempts", p.Attempts)
	switch outcome {
	case Sent:
		log.InfoContext(ctx, "mail sent")
	case Deferred:
		log.WarnContext(ctx, "mail not sent, will be tried again", "delay", delay, "error", reason)
	case Dead:
		log.ErrorContext(ctx, "mail given up", "error", reason)
	}
}
