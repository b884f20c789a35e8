package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/secrets"
)

// ErrRefused says that a parcel will be refused however often it is tried.
var ErrRefused = errors.New("refused for good")

// Outbox keeps the parcels of one topic, sealed with the master key, in the long-lived store.
type Outbox struct {
	topic  provider.Topic
	store  provider.OutboxStore
	master *secrets.Master
	now    func() time.Time
	// added tells this process's Worker that it need not wait for its next look.
	added chan struct{}
}

// New returns the Outbox of a topic.
func New(topic provider.Topic, store provider.OutboxStore, master *secrets.Master, now func() time.Time) *Outbox {
	return &Outbox{topic: topic, store: store, master: master, now: now, added: make(chan struct{}, 1)}
}

// place is what a parcel is sealed for.
func place(topic provider.Topic, id string) string { return string(topic) + "/" + id }

// Add seals and stores a parcel; it is one write to the long-lived store.
func (o *Outbox) Add(ctx context.Context, content []byte) error {
	id := rand.Text()
	sealed, err := o.master.Seal(place(o.topic, id), content)
	if err != nil {
		return fmt.Errorf("seal parcel: %w", err)
	}
	now := o.now().UTC()
	if err := o.store.AddParcel(ctx, provider.Parcel{ID: id, Topic: o.topic, Sealed: sealed, CreatedAt: now, DueAt: now}); err != nil {
		return err
	}
	o.wake()
	return nil
}

// Open returns the content of a parcel.
func (o *Outbox) Open(p provider.Parcel) ([]byte, error) {
	content, err := o.master.Open(place(o.topic, p.ID), p.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open parcel: %w", err)
	}
	return content, nil
}

func (o *Outbox) wake() {
	select {
	case o.added <- struct{}{}:
	default: // it is awake
	}
}
