package mails

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/secrets"
)

// Outbox is the provider.MailQueue that keeps mails, sealed with the master key, in the long-lived
// store.
type Outbox struct {
	store  provider.OutboxStore
	master *secrets.Master
	now    func() time.Time
	// added tells this process's Worker that it need not wait for its next look.
	added chan struct{}
}

var _ provider.MailQueue = (*Outbox)(nil)

// NewOutbox returns an Outbox.
func NewOutbox(store provider.OutboxStore, master *secrets.Master, now func() time.Time) *Outbox {
	return &Outbox{store: store, master: master, now: now, added: make(chan struct{}, 1)}
}

// place is what a mail is sealed for.
func place(id string) string { return "outbox/" + id }

// sealedMail is a provider.Mail as it is kept. Its names stay: mails outlive releases.
type sealedMail struct {
	Version int               `json:"v"`
	Kind    provider.MailKind `json:"kind"`
	To      string            `json:"to"`
	Locale  string            `json:"locale,omitempty"`
	Values  map[string]string `json:"values,omitempty"`
}

const sealedMailVersion = 1

// EnqueueMail seals and stores a mail.
func (o *Outbox) EnqueueMail(ctx context.Context, m provider.Mail) error {
	plain, err := json.Marshal(sealedMail{Version: sealedMailVersion, Kind: m.Kind, To: m.To, Locale: m.Locale, Values: m.Values})
	if err != nil {
		return fmt.Errorf("encode mail: %w", err)
	}
	id := rand.Text()
	sealed, err := o.master.Seal(place(id), plain)
	if err != nil {
		return fmt.Errorf("seal mail: %w", err)
	}
	now := o.now().UTC()
	if err := o.store.AddMail(ctx, provider.QueuedMail{ID: id, Sealed: sealed, CreatedAt: now, DueAt: now}); err != nil {
		return err
	}
	o.wake()
	return nil
}

func (o *Outbox) open(q provider.QueuedMail) (provider.Mail, error) {
	plain, err := o.master.Open(place(q.ID), q.Sealed)
	if err != nil {
		return provider.Mail{}, fmt.Errorf("open mail: %w", err)
	}
	var m sealedMail
	if err := json.Unmarshal(plain, &m); err != nil {
		return provider.Mail{}, fmt.Errorf("decode mail: %w", err)
	}
	if m.Version > sealedMailVersion {
		return provider.Mail{}, fmt.Errorf("decode mail: version %d is of a newer release", m.Version)
	}
	return provider.Mail{Kind: m.Kind, To: m.To, Locale: m.Locale, Values: m.Values}, nil
}

func (o *Outbox) wake() {
	select {
	case o.added <- struct{}{}:
	default: // it is awake
	}
}
