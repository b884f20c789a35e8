package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// standingUser are the columns of the user in both queries; the user may be missing.
const standingUser = "u.id, u.subject, u.email, u.email_verified, u.first_name, u.last_name, u.password_hash, u.active, u.staff, u.superuser, " +
	"u.joined_at, u.last_login, u.sessions_valid_after, u.profile, u.updated_at, u.roles, u.user_groups "

const standingQuery = "SELECT c.disabled, c.created_at, c.updated_at, c.document, r.grant_id IS NOT NULL, " + standingUser +
	"FROM clients c LEFT JOIN users u ON u.id = ? LEFT JOIN revoked_grants r ON r.grant_id IN (?, ?) WHERE c.id = ?"

const authorizationStandingQuery = "SELECT c.disabled, c.created_at, c.updated_at, c.document, o.created_at, o.given_at, o.document, r.grant_id IS NOT NULL, " + standingUser +
	"FROM clients c LEFT JOIN users u ON u.id = ? LEFT JOIN consents o ON o.user_id = ? AND o.client_id = c.id LEFT JOIN revoked_grants r ON r.grant_id = ? WHERE c.id = ?"

// maybeUser reads the columns of standingUser.
type maybeUser struct {
	id                                            sql.NullInt64
	subject, email, firstName, lastName, password sql.NullString
	verified, active, staff, superuser            sql.NullBool
	row                                           userRow
}

func (m *maybeUser) dest() []any {
	return []any{
		&m.id, &m.subject, &m.email, &m.verified, &m.firstName, &m.lastName, &m.password, &m.active, &m.staff, &m.superuser,
		&m.row.JoinedAt, &m.row.LastLogin, &m.row.SessionsValidAfter, &m.row.Profile, &m.row.UpdatedAt, &m.row.Roles, &m.row.UserGroups,
	}
}

// user is the zero value without a row.
func (m *maybeUser) user() (provider.User, error) {
	r := m.row
	r.ID, r.Subject, r.Email, r.FirstName, r.LastName = m.id.Int64, m.subject.String, m.email.String, m.firstName.String, m.lastName.String
	r.PasswordHash, r.EmailVerified, r.Active, r.Staff, r.Superuser = m.password.String, m.verified.Bool, m.active.Bool, m.staff.Bool, m.superuser.Bool
	return r.user()
}

func (s *Store) Standing(ctx context.Context, clientID string, userID int64, grantID, sessionID string) (provider.Standing, error) {
	var (
		standing provider.Standing
		user     maybeUser
		client   = clientRow{ID: clientID}
	)
	err := s.queryRow(ctx, standingQuery, []any{userID, grantID, sessionID, clientID},
		append([]any{&client.Disabled, &client.CreatedAt, &client.UpdatedAt, &client.Document, &standing.GrantEnded}, user.dest()...)...)
	if err == nil {
		err = s.complete(&standing, client, user)
	}
	if err != nil {
		return provider.Standing{}, fmt.Errorf("read standing: %w", err)
	}
	return standing, nil
}

func (s *Store) AuthorizationStanding(ctx context.Context, clientID string, userID int64, sessionID string) (provider.Standing, error) {
	var (
		standing provider.Standing
		user     maybeUser
		client   = clientRow{ID: clientID}
		consent  = consentRow{UserID: userID, ClientID: clientID}
	)
	err := s.queryRow(ctx, authorizationStandingQuery, []any{userID, userID, sessionID, clientID},
		append([]any{
			&client.Disabled, &client.CreatedAt, &client.UpdatedAt, &client.Document,
			&consent.CreatedAt, &consent.GivenAt, &consent.Document, &standing.GrantEnded,
		}, user.dest()...)...)
	if err == nil {
		err = s.complete(&standing, client, user)
	}
	if err == nil && len(consent.Document) > 0 {
		standing.Consent, err = consent.consent()
	}
	if err != nil {
		return provider.Standing{}, fmt.Errorf("read authorization standing: %w", err)
	}
	return standing, nil
}

func (s *Store) complete(standing *provider.Standing, client clientRow, user maybeUser) error {
	var err error
	if standing.Client, err = s.client(client); err == nil {
		standing.User, err = user.user()
	}
	return err
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

func (s *Store) GrantEnded(ctx context.Context, grantID string) (bool, error) {
	var one int
	err := s.queryRow(ctx, "SELECT 1 FROM revoked_grants WHERE grant_id = ?", []any{grantID}, &one)
	if errors.Is(err, provider.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read ended grant: %w", err)
	}
	return true, nil
}
