package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/signet-id/signet/provider"
)

// ticket is what a secret in a mail was sent for. It is good while all of it is still true of the
// user.
type ticket struct {
	UserID int64  `json:"user"`
	Email  string `json:"email"` // canonical
	// HashDigest (of the password's hash) and LastLogin (microseconds) are those of the moment when a new
	// password was asked for: a login or a change since then shows that none is needed.
	HashDigest string `json:"hash,omitempty"`
	LastLogin  int64  `json:"login,omitempty"`
}

// purpose keeps tickets apart: none opens another's door.
type purpose string

const (
	forVerification purpose = "verify"
	forReset        purpose = "reset"
	// newestReset is found by the user and names the only link that is good, where that is the rule.
	newestReset purpose = "newest-reset"
)

// key is the name of a ticket's record.
func (p purpose) key(secret string) string { return string(p) + ":" + secret }

// ticketFor returns the ticket that would be issued to a user now.
func (p purpose) ticketFor(user provider.User) (ticket, error) {
	email, err := provider.CanonicalEmail(user.Email)
	if err != nil {
		return ticket{}, err
	}
	t := ticket{UserID: user.ID, Email: email}
	if p == forReset {
		digest := sha256.Sum256([]byte(user.PasswordHash))
		t.HashDigest = hex.EncodeToString(digest[:])
		if !user.LastLogin.IsZero() {
			t.LastLogin = user.LastLogin.UnixMicro()
		}
	}
	return t, nil
}

// issue keeps a ticket for a user under a secret.
func (a *Accounts) issue(ctx context.Context, p purpose, user provider.User, secret string, lifetime time.Duration) error {
	t, err := p.ticketFor(user)
	if err != nil {
		return err
	}
	value, err := json.Marshal(t)
	if err != nil {
		return err
	}
	err = a.Tickets.CreateRecord(ctx, provider.Record{
		Kind: provider.RecordTicket, Key: p.key(secret), Value: value, ExpiresAt: a.Now().UTC().Add(lifetime),
	})
	if err != nil {
		return fmt.Errorf("issue ticket: %w", err)
	}
	return nil
}

// present tells whether a secret is good for a user, without using it.
func (a *Accounts) present(ctx context.Context, p purpose, user provider.User, secret string) (bool, error) {
	record, err := a.Tickets.Record(ctx, provider.RecordTicket, p.key(secret))
	if errors.Is(err, provider.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read ticket: %w", err)
	}
	now, err := p.ticketFor(user)
	if err != nil {
		return false, err
	}
	var then ticket
	return json.Unmarshal(record.Value, &then) == nil && then == now && user.Active, nil
}

// use consumes a secret. Of concurrent callers one gets the ticket, the others ErrNotFound.
func (a *Accounts) use(ctx context.Context, p purpose, secret string) (ticket, error) {
	record, err := a.Tickets.ConsumeRecord(ctx, provider.RecordTicket, p.key(secret), a.Now().UTC())
	if errors.Is(err, provider.ErrConsumed) {
		return ticket{}, provider.ErrNotFound
	}
	if err != nil {
		return ticket{}, fmt.Errorf("use ticket: %w", err)
	}
	var t ticket
	if err := json.Unmarshal(record.Value, &t); err != nil {
		return ticket{}, fmt.Errorf("read ticket: %w", err)
	}
	return t, nil
}

// The secrets have the shapes of those that front ends of the account API know: their routes may
// match nothing else. What cannot be guessed is the random part.

// newVerificationKey returns <user>:<seconds>:<256 random bits>, each in the letters of base64url.
func newVerificationKey(user provider.User, now time.Time) string {
	return encode([]byte(strconv.FormatInt(user.ID, 10))) + ":" + strconv.FormatInt(now.Unix(), 36) + ":" + encode(randomBytes(32))
}

// newResetToken returns <seconds since 2001>-<128 random bits>, in base 36 and 16.
func newResetToken(now time.Time) string {
	begin := time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)
	return strconv.FormatInt(int64(now.Sub(begin)/time.Second), 36) + "-" + hex.EncodeToString(randomBytes(16))
}

// formatUID and parseUID are a user's ID as the links of the account API have it: in base 36.
func formatUID(id int64) string { return strconv.FormatInt(id, 36) }

func parseUID(uid string) (int64, error) {
	id, err := strconv.ParseInt(uid, 36, 64)
	if err != nil || id < 1 || uid[0] == '+' {
		return 0, provider.ErrNotFound
	}
	return id, nil
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func randomBytes(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails: it would end the program
	return raw
}
