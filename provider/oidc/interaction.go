package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/signet-id/signet/provider"
)

// interaction is an authorization request on its way through pages: what was asked for, checked once, and
// how far it has come. A step never changes one that another page shows; it makes the next.
type interaction struct {
	// ID becomes the grant's: of all answers to one request exactly one gets a code.
	ID      string               `json:"id"`
	Request authorizationRequest `json:"req"`
	BegunAt time.Time            `json:"at"`
	// Browser is the digest of the browser that began it; empty before the first visit by GET. Nobody can
	// finish in one browser what another began.
	Browser string `json:"b,omitempty"`
	// Session is whose sign-in the request is answered for, once known.
	Session *signedIn `json:"s,omitempty"`
	// Approved says that the user consented, on a page that named Session's user.
	Approved bool `json:"ok,omitempty"`
}

// signedIn is a login session as a step of the interaction saw it. It decides which page is next; the
// session itself is read before anything is issued.
type signedIn struct {
	ID       string    `json:"id"`
	UserID   int64     `json:"u"`
	AuthTime time.Time `json:"t"`
	BegunAt  time.Time `json:"at"`
	// Account is the address that pages name.
	Account string `json:"a,omitempty"`
}

// errInteractionGone is shown for a request that is too old, or not one of ours.
var errInteractionGone = &Error{Code: "invalid_request", Description: "The sign-in took too long or the link is damaged. Go back to the application and try again."}

// errOtherBrowser refuses a link into somebody else's sign-in.
var errOtherBrowser = &Error{Status: http.StatusForbidden, Code: "access_denied", Description: "The sign-in was begun in another browser. Go back to the application and try again."}

const (
	interactionPlace = "interaction"
	// maxSealedInteraction bounds what travels in URLs, in bytes; a longer one is stored.
	maxSealedInteraction = 3 << 10
	// storedMark begins the handle of a stored one; base64url has no dot.
	storedMark = "."
)

// keepInteraction returns the handle that pages carry. It is the interaction itself, encrypted, so that
// strangers fill no store and a step costs no trip; only a very long request is stored.
func (e *Engine) keepInteraction(ctx context.Context, i interaction) (string, error) {
	raw, err := json.Marshal(i)
	if err != nil {
		return "", err
	}
	sealed, err := e.Master.Seal(interactionPlace, raw)
	if err != nil {
		return "", err
	}
	if len(sealed) <= maxSealedInteraction {
		return base64.RawURLEncoding.EncodeToString(sealed), nil
	}
	if err := e.Limits.TokenByAddress(ctx); err != nil { // nobody has proved anything yet
		return "", err
	}
	key := rand.Text()
	err = e.Records.CreateRecord(ctx, provider.Record{
		Kind: provider.RecordInteraction, Key: key, Value: sealed, ExpiresAt: i.BegunAt.Add(e.Settings.InteractionLifetime),
	})
	if err != nil {
		return "", fmt.Errorf("keep interaction: %w", err)
	}
	return storedMark + key, nil
}

// openInteraction returns the interaction of a handle that this browser may go on with.
func (e *Engine) openInteraction(ctx context.Context, handle, browser string) (interaction, error) {
	sealed, err := e.sealedInteraction(ctx, handle)
	if err != nil {
		return interaction{}, err
	}
	raw, err := e.Master.Open(interactionPlace, sealed)
	if err != nil {
		return interaction{}, errInteractionGone
	}
	var i interaction
	if err := json.Unmarshal(raw, &i); err != nil {
		return interaction{}, fmt.Errorf("decode interaction: %w", err)
	}
	if !e.Now().Before(i.BegunAt.Add(e.Settings.InteractionLifetime)) {
		return interaction{}, errInteractionGone
	}
	if i.Browser == "" {
		i.Browser = browserDigest(browser)
	} else if subtle.ConstantTimeCompare([]byte(i.Browser), []byte(browserDigest(browser))) != 1 {
		return interaction{}, errOtherBrowser
	}
	return i, nil
}

func (e *Engine) sealedInteraction(ctx context.Context, handle string) ([]byte, error) {
	if len(handle) > 0 && handle[:1] == storedMark {
		record, err := e.Records.Record(ctx, provider.RecordInteraction, handle[1:])
		if errors.Is(err, provider.ErrNotFound) {
			err = errInteractionGone
		}
		return record.Value, err
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(handle)
	if err != nil {
		return nil, errInteractionGone
	}
	return sealed, nil
}

func browserDigest(browser string) string {
	sum := sha256.Sum256([]byte(browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
