package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// loginSessionRow is a login session. Its idle end never lies beyond its absolute end, so it alone
// says whether the session lives.
type loginSessionRow struct {
	CookieHash    string `gorm:"primaryKey"`
	ID            string
	UserID        int64
	CreatedAt     timestamp `gorm:"autoCreateTime:false"`
	SeenAt        timestamp
	ExpiresAt     timestamp
	IdleExpiresAt timestamp
	Document      []byte
}

func (loginSessionRow) TableName() string { return "login_sessions" }

// loginSessionDocument is what never changes of a session and decides nothing in SQL.
type loginSessionDocument struct {
	Version    int       `json:"v"`
	AuthTime   time.Time `json:"auth_time,omitzero"`
	AMR        []string  `json:"amr,omitempty"`
	Remembered bool      `json:"remembered,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
	RemoteAddr string    `json:"remote_addr,omitempty"`
}

// loginSessionDocumentVersion is written now; older ones are read too.
const loginSessionDocumentVersion = 1

func (r loginSessionRow) session() (provider.LoginSession, error) {
	var d loginSessionDocument
	if err := json.Unmarshal(r.Document, &d); err != nil {
		return provider.LoginSession{}, fmt.Errorf("decode login session: %w", err)
	}
	if d.Version > loginSessionDocumentVersion {
		return provider.LoginSession{}, fmt.Errorf("decode login session: %w", errNewerDocument)
	}
	return provider.LoginSession{
		ID:            r.ID,
		CookieHash:    r.CookieHash,
		UserID:        r.UserID,
		AuthTime:      d.AuthTime,
		AMR:           d.AMR,
		Remembered:    d.Remembered,
		CreatedAt:     r.CreatedAt.Time,
		SeenAt:        r.SeenAt.Time,
		ExpiresAt:     r.ExpiresAt.Time,
		IdleExpiresAt: r.IdleExpiresAt.Time,
		UserAgent:     d.UserAgent,
		RemoteAddr:    d.RemoteAddr,
	}, nil
}

func (s *Store) CreateLoginSession(ctx context.Context, session provider.LoginSession) error {
	document, err := json.Marshal(loginSessionDocument{
		Version:    loginSessionDocumentVersion,
		AuthTime:   micro(session.AuthTime),
		AMR:        session.AMR,
		Remembered: session.Remembered,
		UserAgent:  session.UserAgent,
		RemoteAddr: session.RemoteAddr,
	})
	if err != nil {
		return fmt.Errorf("encode login session: %w", err)
	}
	idleEnd := session.IdleExpiresAt
	if idleEnd.After(session.ExpiresAt) {
		idleEnd = session.ExpiresAt
	}
	err = s.create(ctx, &loginSessionRow{
		CookieHash:    session.CookieHash,
		ID:            session.ID,
		UserID:        session.UserID,
		CreatedAt:     timestamp{micro(session.CreatedAt)},
		SeenAt:        timestamp{micro(session.SeenAt)},
		ExpiresAt:     timestamp{micro(session.ExpiresAt)},
		IdleExpiresAt: timestamp{micro(idleEnd)},
		Document:      document,
	})
	if err != nil {
		return fmt.Errorf("create login session: %w", err)
	}
	return nil
}

func (s *Store) LoginSession(ctx context.Context, cookieHash string) (provider.LoginSession, error) {
	var row loginSessionRow
	if err := s.take(ctx, &row, "cookie_hash = ? AND idle_expires_at > ?", cookieHash, micro(s.now())); err != nil {
		return provider.LoginSession{}, fmt.Errorf("read login session: %w", err)
	}
	return row.session()
}

func (s *Store) TouchLoginSession(ctx context.Context, cookieHash string, seenAt, idleExpiresAt time.Time) error {
	idleEnd := micro(idleExpiresAt)
	found, err := s.exec(ctx, "UPDATE login_sessions SET seen_at = ?, "+
		"idle_expires_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END WHERE cookie_hash = ? AND idle_expires_at > ?",
		at(seenAt), idleEnd, idleEnd, cookieHash, micro(s.now()))
	if err == nil && found == 0 {
		err = provider.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("touch login session: %w", err)
	}
	return nil
}

func (s *Store) DeleteLoginSession(ctx context.Context, cookieHash string) error {
	if _, err := s.exec(ctx, "DELETE FROM login_sessions WHERE cookie_hash = ?", cookieHash); err != nil {
		return fmt.Errorf("delete login session: %w", err)
	}
	return nil
}

func (s *Store) LoginSessionsOfUser(ctx context.Context, userID int64) ([]provider.LoginSession, error) {
	var rows []loginSessionRow
	err := s.find(ctx, &rows, "created_at DESC, id DESC", 0, "user_id = ? AND idle_expires_at > ?", userID, micro(s.now()))
	if err != nil {
		return nil, fmt.Errorf("list login sessions: %w", err)
	}
	sessions := make([]provider.LoginSession, len(rows))
	for i, row := range rows {
		if sessions[i], err = row.session(); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}

// noteSessionClient enters a client among those of a login session.
func (s *Store) noteSessionClient(ctx context.Context, sessionID, clientID string, until time.Time) error {
	_, err := s.exec(ctx, "INSERT INTO login_session_clients (session_id, client_id, expires_at) VALUES (?, ?, ?)", sessionID, clientID, at(until))
	if errors.Is(err, provider.ErrAlreadyExists) {
		_, err = s.exec(ctx, "UPDATE login_session_clients SET expires_at = ? WHERE session_id = ? AND client_id = ? AND expires_at < ?",
			at(until), sessionID, clientID, at(until))
	}
	return err
}

func (s *Store) SessionClients(ctx context.Context, sessionID string) ([]string, error) {
	var clients []string
	err := s.query(ctx, "SELECT client_id FROM login_session_clients WHERE session_id = ? AND expires_at > ? ORDER BY client_id",
		[]any{sessionID, micro(s.now())}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			clients = append(clients, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list clients of login session: %w", err)
	}
	return clients, nil
}
