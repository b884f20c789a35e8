package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-id/signet/provider"
)

// userPage is how many users a page has when its query does not say.
const userPage = 100

// usersPerInsert keeps a statement below the databases' limits of parameters and packets.
const usersPerInsert = 500

type userRow struct {
	ID      int64 `gorm:"primaryKey;autoIncrement"`
	Subject string
	// Email is as typed, EmailCanonical unique.
	Email              string
	EmailCanonical     string
	EmailVerified      bool
	FirstName          string
	LastName           string
	PasswordHash       string
	Active             bool
	Staff              bool
	Superuser          bool
	JoinedAt           timestamp
	LastLogin          timestamp
	SessionsValidAfter timestamp
	Profile            []byte
	UpdatedAt          timestamp `gorm:"autoUpdateTime:false"`
	Roles              []byte
	UserGroups         []byte
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() (provider.User, error) {
	profile, err1 := decodeProfile(r.Profile)
	roles, err2 := decodeNames(r.Roles)
	groups, err3 := decodeNames(r.UserGroups)
	if err := errors.Join(err1, err2, err3); err != nil {
		return provider.User{}, err
	}
	return provider.User{
		ID:                 r.ID,
		Subject:            r.Subject,
		Email:              r.Email,
		EmailVerified:      r.EmailVerified,
		FirstName:          r.FirstName,
		LastName:           r.LastName,
		PasswordHash:       r.PasswordHash,
		Active:             r.Active,
		Staff:              r.Staff,
		Superuser:          r.Superuser,
		JoinedAt:           r.JoinedAt.Time,
		LastLogin:          r.LastLogin.Time,
		SessionsValidAfter: r.SessionsValidAfter.Time,
		Profile:            profile,
		Roles:              roles,
		Groups:             groups,
		UpdatedAt:          r.UpdatedAt.Time,
	}, nil
}

// newUserRow is the row of a user, provider.ErrInvalidEmail without an address that can be stored.
func newUserRow(u provider.User) (userRow, error) {
	canonical, err := provider.CanonicalEmail(u.Email)
	if err != nil {
		return userRow{}, err
	}
	profile, err1 := encodeProfile(u.Profile)
	roles, err2 := encodeNames(u.Roles)
	groups, err3 := encodeNames(u.Groups)
	if err := errors.Join(err1, err2, err3); err != nil {
		return userRow{}, err
	}
	return userRow{
		ID:                 u.ID,
		Subject:            u.Subject,
		Email:              u.Email,
		EmailCanonical:     canonical,
		EmailVerified:      u.EmailVerified,
		FirstName:          u.FirstName,
		LastName:           u.LastName,
		PasswordHash:       u.PasswordHash,
		Active:             u.Active,
		Staff:              u.Staff,
		Superuser:          u.Superuser,
		JoinedAt:           timestamp{micro(u.JoinedAt)},
		LastLogin:          timestamp{micro(u.LastLogin)},
		SessionsValidAfter: timestamp{micro(u.SessionsValidAfter)},
		Profile:            profile,
		UpdatedAt:          timestamp{micro(u.UpdatedAt)},
		Roles:              roles,
		UserGroups:         groups,
	}, nil
}

func (s *Store) CreateUser(ctx context.Context, u provider.User) (provider.User, error) {
	row, err := newUserRow(u)
	if err == nil {
		err = s.create(ctx, &row)
	}
	if err != nil {
		return provider.User{}, fmt.Errorf("create user: %w", err)
	}
	return row.user()
}

func (s *Store) CreateUsers(ctx context.Context, users []provider.User) error {
	err := s.InTx(ctx, func(ctx context.Context) error {
		for chunk := range slices.Chunk(users, usersPerInsert) {
			rows := make([]userRow, len(chunk))
			for i, u := range chunk {
				var err error
				if rows[i], err = newUserRow(u); err != nil {
					return err
				}
			}
			if err := s.create(ctx, &rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create users: %w", err)
	}
	return nil
}

func (s *Store) UserByID(ctx context.Context, id int64) (provider.User, error) {
	return s.user(ctx, "id = ?", id)
}

func (s *Store) UserByEmail(ctx context.Context, email string) (provider.User, error) {
	canonical, err := provider.CanonicalEmail(email)
	if err != nil {
		return provider.User{}, fmt.Errorf("read user: %w", provider.ErrNotFound) // nobody has such an address
	}
	return s.user(ctx, "email_canonical = ?", canonical)
}

func (s *Store) UserBySubject(ctx context.Context, subject string) (provider.User, error) {
	return s.user(ctx, "subject = ?", subject)
}

func (s *Store) user(ctx context.Context, where sqlText, arg any) (provider.User, error) {
	var row userRow
	if err := s.take(ctx, &row, where, arg); err != nil {
		return provider.User{}, fmt.Errorf("read user: %w", err)
	}
	return row.user()
}

func (s *Store) UpdateUser(ctx context.Context, id int64, change provider.UserChange) error {
	set := columns{}
	if change.Email != nil {
		canonical, err := provider.CanonicalEmail(*change.Email)
		if err != nil {
			return fmt.Errorf("update user: %w", err)
		}
		set["email"], set["email_canonical"] = *change.Email, canonical
	}
	setIf(set, "email_verified", change.EmailVerified)
	setIf(set, "first_name", change.FirstName)
	setIf(set, "last_name", change.LastName)
	setIf(set, "password_hash", change.PasswordHash)
	setIf(set, "active", change.Active)
	setIf(set, "staff", change.Staff)
	setIf(set, "superuser", change.Superuser)
	if change.Profile != nil {
		profile, err := encodeProfile(*change.Profile)
		if err != nil {
			return fmt.Errorf("update user: %w", err)
		}
		set["profile"] = profile
	}
	for column, names := range map[sqlText]*[]string{"roles": change.Roles, "user_groups": change.Groups} {
		if names == nil {
			continue
		}
		encoded, err := encodeNames(*names)
		if err != nil {
			return fmt.Errorf("update user: %w", err)
		}
		set[column] = encoded
	}
	if change.UpdatedAt != nil {
		set["updated_at"] = at(*change.UpdatedAt)
	}
	if change.LastLogin != nil {
		set["last_login"] = at(*change.LastLogin)
	}
	if change.SessionsValidAfter != nil && !change.SessionsValidAfter.IsZero() {
		set["sessions_valid_after"] = raise{*change.SessionsValidAfter}
	}
	if len(set) == 0 {
		_, err := s.UserByID(ctx, id)
		return err
	}
	found, err := s.update(ctx, "users", set, "id = ?", id)
	if err == nil && found == 0 {
		err = provider.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("update user: %w", err)
	}
	return nil
}

func (s *Store) ReplacePasswordHash(ctx context.Context, id int64, was, hash string) error {
	found, err := s.update(ctx, "users", columns{"password_hash": hash}, "id = ? AND password_hash = ?", id, was)
	if err == nil && found == 0 {
		err = provider.ErrConsumed
	}
	if err != nil {
		return fmt.Errorf("replace password hash: %w", err)
	}
	return nil
}

func setIf[T any](set columns, column sqlText, value *T) {
	if value != nil {
		set[column] = *value
	}
}

func (s *Store) DeleteUser(ctx context.Context, id int64) error {
	err := s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "DELETE FROM consents WHERE user_id = ?", id); err != nil {
			return err
		}
		found, err := s.exec(ctx, "DELETE FROM users WHERE id = ?", id)
		if err == nil && found == 0 {
			err = provider.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

func (s *Store) Users(ctx context.Context, q provider.UserQuery) ([]provider.User, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = userPage
	}
	var rows []userRow
	var err error
	if q.EmailContains == "" {
		err = s.find(ctx, &rows, "id", limit, "id > ?", q.AfterID)
	} else {
		// INSTR has no wildcards to escape, and compares bytes in both dialects.
		err = s.find(ctx, &rows, "id", limit, "id > ? AND INSTR(email_canonical, ?) > 0", q.AfterID, asciiLower(q.EmailContains))
	}
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]provider.User, len(rows))
	for i, row := range rows {
		if users[i], err = row.user(); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// asciiLower lowers A to Z alone, as canonical addresses are.
func asciiLower(s string) string {
	lower := []byte(s)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + ('a' - 'A')
		}
	}
	return string(lower)
}
