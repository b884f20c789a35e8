package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

const standingQuery = "SELECT c.disabled, c.created_at, c.updated_at, c.document, r.grant_id IS NOT NULL, " +
	"u.id, u.subject, u.email, u.email_verified, u.first_name, u.last_name, u.password_hash, u.active, u.staff, u.superuser, " +
	"u.joined_at, u.last_login, u.sessions_valid_after " +
	"FROM clients c LEFT JOIN users u ON u.id = ? LEFT JOIN revoked_grants r ON r.grant_id = ? WHERE c.id = ?"

func (s *Store) Standing(ctx context.Context, clientID string, userID int64, grantID string) (provider.Standing, error) {
	var (
		standing                                      provider.Standing
		client                                        = clientRow{ID: clientID}
		id                                            sql.NullInt64
		subject, email, firstName, lastName, password sql.NullString
		verified, active, staff, superuser            sql.NullBool
		joined, lastLogin, validAfter                 timestamp
	)
	err := s.queryRow(ctx, standingQuery, []any{userID, grantID, clientID},
		&client.Disabled, &client.CreatedAt, &client.UpdatedAt, &client.Document, &standing.GrantEnded,
		&id, &subject, &email, &verified, &firstName, &lastName, &password, &active, &staff, &superuser,
		&joined, &lastLogin, &validAfter)
	if err == nil {
		standing.Client, err = s.client(client)
	}
	if err != nil {
		return provider.Standing{}, fmt.Errorf("read standing: %w", err)
	}
	standing.User = provider.User{
		ID:                 id.Int64,
		Subject:            subject.String,
		Email:              email.String,
		EmailVerified:      verified.Bool,
		FirstName:          firstName.String,
		LastName:           lastName.String,
		PasswordHash:       password.String,
		Active:             active.Bool,
		Staff:              staff.Bool,
		Superuser:          superuser.Bool,
		JoinedAt:           joined.Time,
		LastLogin:          lastLogin.Time,
		SessionsValidAfter: validAfter.Time,
	}
	return standing, nil
}

func (s *Store) RecordEndedGrant(ctx context.Context, grantID string, until time.Time) error {
	_, err := s.exec(ctx, "INSERT INTO revoked_grants (grant_id, expires_at) VALUES (?, ?)", grantID, at(until))
	if errors.Is(err, provider.ErrAlreadyExists) {
		_, err = s.exec(ctx, "UPDATE revoked_grants SET expires_at = ? WHERE grant_id = ? AND expires_at < ?",
			at(until), grantID, at(until))
	}
	if err != nil {
		return fmt.Errorf("record ended grant: %w", err)
	}
	return nil
}
