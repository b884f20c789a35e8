package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// MaxInitialAccessUses bounds how many clients one initial access token may register.
const MaxInitialAccessUses = 50

// initialAccess is an initial access token (RFC 7591 §3), which lets its bearer register clients. One record says that
// it exists, one more stands for each of its uses: of concurrent callers one gets each, and a store that lost
// them lets nobody in.
type initialAccess struct {
	token string
	uses  int
}

const initialAccessPrefix = "sgi_"

// use is the key of the nth use, from 1 on.
func (a initialAccess) key(n int) string { return a.token + "#" + strconv.Itoa(n) }

// NewInitialAccessToken makes an initial access token for a number of registrations until expiresAt.
func NewInitialAccessToken(ctx context.Context, records provider.RecordStore, uses int, expiresAt time.Time) (string, error) {
	if uses < 1 || uses > MaxInitialAccessUses {
		return "", fmt.Errorf("an initial access token is for 1 to %d clients, not %d", MaxInitialAccessUses, uses)
	}
	access := initialAccess{token: initialAccessPrefix + rand.Text() + "_" + strconv.Itoa(uses), uses: uses}
	keys := []string{access.token}
	for n := range uses {
		keys = append(keys, access.key(n+1))
	}
	for _, key := range keys {
		if err := records.CreateRecord(ctx, provider.Record{Kind: provider.RecordInitialAccess, Key: key, ExpiresAt: expiresAt.UTC()}); err != nil {
			return "", fmt.Errorf("store initial access token: %w", err)
		}
	}
	return access.token, nil
}

// initialAccess reads the initial access token of a request, without using it.
func (e *Engine) initialAccess(r *http.Request) (*initialAccess, error) {
	ctx := r.Context()
	if err := e.Limits.TokenByAddress(ctx); err != nil {
		return nil, err
	}
	token, err := bearerHeader(r)
	if err != nil {
		return nil, err
	}
	_, number, ok := strings.Cut(strings.TrimPrefix(token, initialAccessPrefix), "_")
	uses, err := strconv.Atoi(number)
	if !ok || err != nil || uses < 1 || uses > MaxInitialAccessUses || !strings.HasPrefix(token, initialAccessPrefix) {
		return nil, e.invalidRegistrationToken(err)
	}
	if _, err := e.Records.Record(ctx, provider.RecordInitialAccess, token); err != nil {
		if errors.Is(err, provider.ErrNotFound) {
			return nil, e.invalidRegistrationToken(err)
		}
		return nil, err
	}
	return &initialAccess{token: token, uses: uses}, nil
}

// use uses the token up by one registration. The error matches provider.ErrNotFound or provider.ErrConsumed when there is
// none left, or says that a store is down.
func (a initialAccess) use(ctx context.Context, records provider.RecordStore, now time.Time) error {
	var err error
	for n := range a.uses {
		if _, err = records.ConsumeRecord(ctx, provider.RecordInitialAccess, a.key(n+1), now); !errors.Is(err, provider.ErrConsumed) {
			return err
		}
	}
	return err
}
