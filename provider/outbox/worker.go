package outbox

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/signet-id/signet/provider"
)

// Outcome is what came of one attempt to deliver a parcel.
type Outcome string

// The outcomes of an attempt.
const (
	Delivered Outcome = "sent"
	Deferred  Outcome = "deferred" // it will be tried again
	Dead      Outcome = "dead"     // it was given up
)

// Worker delivers what is in an outbox. Any number of processes may run one. Its fields are set once.
type Worker struct {
	Outbox *Outbox
	// Deliver makes one attempt, which ends with ctx. nil: the parcel was accepted, and is forgotten here.
	// ErrRefused: trying again is of no use.
	Deliver func(ctx context.Context, p provider.Parcel) error
	// Delays are the times between attempts; after one more attempt a parcel is dead.
	Delays []time.Duration
	// Timeout bounds an attempt. A parcel whose worker was silent for twice as long is taken by another.
	Timeout time.Duration
	// ForgetDead removes parcels that were given up, of which only the log shall tell.
	ForgetDead bool
	// AtOnce bounds the attempts at a time.
	AtOnce int
	// Tell is told of each attempt: the parcel, what came of it, and why and until when it was deferred.
	Tell func(ctx context.Context, p provider.Parcel, outcome Outcome, reason string, delay time.Duration)
	// Log is told what goes wrong with the outbox itself.
	Log *slog.Logger
}

const (
	// poll is how often a worker looks for parcels that it was not told of: those that are due again, and
	// those of other processes that have died.
	poll = 5 * time.Second
	// maxReason bounds what is kept of a failure, in bytes.
	maxReason = 500
)

// Run delivers parcels until ctx ends and those in hand are finished.
func (w *Worker) Run(ctx context.Context) {
	var delivering sync.WaitGroup
	defer delivering.Wait()
	free := make(chan struct{}, w.AtOnce)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case free <- struct{}{}:
		}
		if p, found := w.claim(ctx); found {
			delivering.Go(func() {
				defer func() { <-free }()
				w.try(context.WithoutCancel(ctx), p)
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

// claim takes one parcel that is due.
func (w *Worker) claim(ctx context.Context) (provider.Parcel, bool) {
	if ctx.Err() != nil {
		return provider.Parcel{}, false
	}
	now := w.Outbox.now().UTC()
	claimed, err := w.Outbox.store.ClaimParcels(ctx, w.Outbox.topic, now, now.Add(2*w.Timeout), 1)
	if err != nil && ctx.Err() == nil {
		w.Log.ErrorContext(ctx, "outbox not read", "topic", string(w.Outbox.topic), "error", err)
	}
	if len(claimed) == 0 {
		return provider.Parcel{}, false
	}
	return claimed[0], true
}

// try makes one attempt to deliver a parcel and writes down what came of it. When that fails, the parcel is
// tried again once the claim has ended.
func (w *Worker) try(ctx context.Context, p provider.Parcel) {
	err := w.deliver(ctx, p)
	outcome, reason, delay := Delivered, "", time.Duration(0)
	switch {
	case err == nil:
	case p.Attempts > len(w.Delays) || errors.Is(err, ErrRefused):
		outcome, reason = Dead, shorten(err.Error())
	default:
		outcome, reason, delay = Deferred, shorten(err.Error()), w.Delays[max(p.Attempts, 1)-1]
	}
	w.Tell(ctx, p, outcome, reason, delay)
	if outcome == Delivered || (outcome == Dead && w.ForgetDead) {
		err = w.Outbox.store.RemoveParcel(ctx, p.Topic, p.ID)
	} else {
		err = w.Outbox.store.DeferParcel(ctx, p.Topic, p.ID, w.Outbox.now().UTC().Add(delay), reason, outcome == Dead)
	}
	if err != nil {
		w.Log.ErrorContext(ctx, "outcome of an attempt not stored: it will be repeated", "topic", string(p.Topic), "id", p.ID, "error", err)
	}
	if outcome == Deferred && delay < poll {
		time.AfterFunc(delay, w.Outbox.wake)
	}
}

func (w *Worker) deliver(ctx context.Context, p provider.Parcel) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	return w.Deliver(ctx, p)
}

// shorten makes a reason one line of valid text that fits the outbox.
func shorten(reason string) string {
	line := strings.Join(strings.Fields(reason), " ")
	return strings.ToValidUTF8(line[:min(len(line), maxReason)], "")
}
