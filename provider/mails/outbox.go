package mails

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/outbox"
	"github.com/signet-id/signet/provider/secrets"
)

// Outbox is the provider.MailQueue that keeps mails, sealed with the master key, in the long-lived
// store.
type Outbox struct {
	parcels *outbox.Outbox
}

var _ provider.MailQueue = (*Outbox)(nil)

// NewOutbox returns an Outbox.
func NewOutbox(store provider.OutboxStore, master *secrets.Master, now func() time.Time) *Outbox {
	return &Outbox{outbox.New(provider.TopicMail, store, master, now)}
}

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
	return o.parcels.Add(ctx, plain)
}

func (o *Outbox) open(p provider.Parcel) (provider.Mail, error) {
	plain, err := o.parcels.Open(p)
	if err != nil {
		return provider.Mail{}, err
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
