package provider

import (
	"context"
	"time"
)

// RecordKind says what a one-time record is. Records of two kinds never meet, whatever their keys.
type RecordKind string

// The kinds of one-time records.
const (
	RecordTicket      RecordKind = "ticket"      // a one-time secret sent by mail
	RecordInteraction RecordKind = "interaction" // an authorization request on its way through pages
	RecordPAR         RecordKind = "par"         // a pushed authorization request
	RecordAssertion   RecordKind = "jti"         // the jti of an assertion that was seen

	RecordInitialAccess RecordKind = "initial_access" // a token to register clients with
)

// Record is something short-lived that is found by a secret and used once.
type Record struct {
	Kind RecordKind
	// Key is the secret or its name; stores keep only its hash.
	Key       string
	Value     []byte
	ExpiresAt time.Time
	// UsedAt is when the record was consumed; zero while it was not.
	UsedAt time.Time
}

// RecordStore keeps one-time records until they expire. Implementations pass
// storagetest.RunRecords.
type RecordStore interface {
	// CreateRecord stores a new record. ErrAlreadyExists: kind and key are taken, used or not. Of
	// concurrent callers exactly one succeeds.
	CreateRecord(ctx context.Context, r Record) error
	// Record returns a record that was not used. ErrNotFound: none, expired or used.
	Record(ctx context.Context, kind RecordKind, key string) (Record, error)
	// ConsumeRecord marks a record used. Of concurrent callers one gets it and nil, the others get it
	// and ErrConsumed. ErrNotFound: none or expired.
	ConsumeRecord(ctx context.Context, kind RecordKind, key string, now time.Time) (Record, error)
	// DeleteRecord removes a record; nil when there is none.
	DeleteRecord(ctx context.Context, kind RecordKind, key string) error
}
