package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-id/signet/provider"
)

// App is a client that a user let have something, or that has tokens of theirs.
type App struct {
	Client provider.Client
	// Consent is what the user let it have; the zero value for a client that needs none.
	Consent provider.Consent
	// Scopes are those of the consent and of every living grant.
	Scopes []string
	// LastUsedAt is when tokens were last issued; zero when no grant lives.
	LastUsedAt time.Time
}

// Apps lists a user's clients, by name.
func (e *Engine) Apps(ctx context.Context, user provider.User) ([]App, error) {
	consents, err := e.Consents.ConsentsOfUser(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	grants, err := e.Grants.GrantsOfUser(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	byClient := map[string]*App{}
	app := func(clientID string) *App {
		if byClient[clientID] == nil {
			byClient[clientID] = &App{}
		}
		return byClient[clientID]
	}
	for _, consent := range consents {
		a := app(consent.ClientID)
		a.Consent, a.Scopes = consent, union(a.Scopes, consent.Scopes)
	}
	for _, grant := range grants {
		if !grant.CreatedAt.After(user.SessionsValidAfter) {
			continue // ended with everything of its time
		}
		a := app(grant.ClientID)
		a.Scopes = union(a.Scopes, grant.Scopes)
		if grant.RotatedAt.After(a.LastUsedAt) {
			a.LastUsedAt = grant.RotatedAt
		}
	}
	var apps []App
	for clientID, a := range byClient {
		a.Client, err = e.clients.client(ctx, clientID)
		if errors.Is(err, provider.ErrNotFound) {
			continue // nothing of a client that is gone is good
		}
		if err != nil {
			return nil, err
		}
		apps = append(apps, *a)
	}
	slices.SortFunc(apps, func(a, b App) int {
		return cmp.Or(cmp.Compare(a.Client.Name, b.Client.Name), cmp.Compare(a.Client.ID, b.Client.ID))
	})
	return apps, nil
}

// EndApp takes back everything that a user let a client have: the consent first, so that nothing new is
// issued without a question, then every grant.
func (e *Engine) EndApp(ctx context.Context, userID int64, clientID string) error {
	if err := e.Consents.RevokeConsent(ctx, userID, clientID); err != nil {
		return fmt.Errorf("revoke consent: %w", err)
	}
	grants, err := e.Grants.GrantsOfUser(ctx, userID)
	if err != nil {
		return fmt.Errorf("list grants: %w", err)
	}
	for _, grant := range grants {
		if grant.ClientID != clientID {
			continue
		}
		if err := e.EndGrant(ctx, grant); err != nil {
			return fmt.Errorf("end grant: %w", err)
		}
	}
	return nil
}

// LivingSessions lists the browsers that a user is signed in at, newest first.
func (e *Engine) LivingSessions(ctx context.Context, user provider.User) ([]provider.LoginSession, error) {
	sessions, err := e.Sessions.LoginSessionsOfUser(ctx, user.ID)
	return slices.DeleteFunc(sessions, func(s provider.LoginSession) bool { return !s.CreatedAt.After(user.SessionsValidAfter) }), err
}
