package provider

import (
	"context"
	"time"
)

// Topic says what a parcel is about, and so who delivers it. Parcels of two topics never meet. It names the
// table, and where parcels are sealed for: topics never change.
type Topic string

// The topics of parcels.
const (
	TopicMail         Topic = "outbox" // mails were the first to be kept like this
	TopicLogoutNotice Topic = "logout_notices"
)

// Parcel is something that is to be delivered to somebody outside: a mail to its reader, the notice of a logout
// to a client.
type Parcel struct {
	ID    string
	Topic Topic
	// Sealed is the content, encrypted and bound to Topic and ID.
	Sealed    []byte
	CreatedAt time.Time
	// DueAt is when to try next; a worker that claims a parcel moves it, so that no other takes it.
	DueAt    time.Time
	Attempts int
	// LastError is why the last attempt failed, without anything secret.
	LastError string
	// Dead parcels are not tried again; operators see them.
	Dead bool
}

// OutboxStore keeps parcels in the long-lived store until they were delivered. Implementations pass
// storagetest.RunOutbox.
type OutboxStore interface {
	// AddParcel stores a parcel. ErrAlreadyExists: its topic has one of that ID.
	AddParcel(ctx context.Context, p Parcel) error
	// ClaimParcels returns at most limit parcels of a topic that are due at now and not dead, longest due first,
	// counts an attempt for each and moves their DueAt to until. Of concurrent callers each parcel goes to one.
	ClaimParcels(ctx context.Context, topic Topic, now, until time.Time, limit int) ([]Parcel, error)
	// RemoveParcel forgets a parcel that was delivered; nil when there is none.
	RemoveParcel(ctx context.Context, topic Topic, id string) error
	// DeferParcel notes why an attempt failed and when to try again; dead ends the attempts. ErrNotFound: no
	// such parcel.
	DeferParcel(ctx context.Context, topic Topic, id string, dueAt time.Time, reason string, dead bool) error
	// DeadParcels lists the parcels of a topic that were given up, newest first.
	DeadParcels(ctx context.Context, topic Topic, limit int) ([]Parcel, error)
}
