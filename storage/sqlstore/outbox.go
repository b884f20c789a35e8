package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// outboxColumns are scanned by scanMail.
const outboxColumns = "id, sealed, created_at, due_at, attempts, last_error, dead"

func scanMail(rows *sql.Rows) (provider.QueuedMail, error) {
	var m provider.QueuedMail
	var created, due timestamp
	if err := rows.Scan(&m.ID, &m.Sealed, &created, &due, &m.Attempts, &m.LastError, &m.Dead); err != nil {
		return provider.QueuedMail{}, fmt.Errorf("scan mail: %w", err)
	}
	m.CreatedAt, m.DueAt = created.Time, due.Time
	return m, nil
}

func (s *Store) mails(ctx context.Context, query sqlText, args ...any) ([]provider.QueuedMail, error) {
	var mails []provider.QueuedMail
	err := s.query(ctx, query, args, func(rows *sql.Rows) error {
		m, err := scanMail(rows)
		mails = append(mails, m)
		return err
	})
	return mails, err
}

func (s *Store) AddMail(ctx context.Context, m provider.QueuedMail) error {
	_, err := s.exec(ctx, "INSERT INTO outbox ("+outboxColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
		m.ID, m.Sealed, at(m.CreatedAt), at(m.DueAt), m.Attempts, m.LastError, m.Dead)
	if err != nil {
		return fmt.Errorf("add mail: %w", err)
	}
	return nil
}

// ClaimMails reads what is due and claims each mail by one UPDATE that counts an attempt: of those who
// read the same count one succeeds. Who loses them all looks again: others may have left some.
func (s *Store) ClaimMails(ctx context.Context, now, until time.Time, limit int) ([]provider.QueuedMail, error) {
	var claimed []provider.QueuedMail
	for len(claimed) == 0 {
		due, err := s.mails(ctx, "SELECT "+outboxColumns+" FROM outbox WHERE dead = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",
			false, micro(now), limit)
		if err != nil {
			return nil, fmt.Errorf("read due mails: %w", err)
		}
		if len(due) == 0 {
			break
		}
		for _, m := range due {
			found, err := s.exec(ctx, "UPDATE outbox SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND attempts = ?",
				micro(until), m.ID, m.Attempts)
			if err != nil {
				return claimed, fmt.Errorf("claim mail: %w", err)
			}
			if found == 1 {
				m.DueAt = micro(until)
				m.Attempts++
				claimed = append(claimed, m)
			}
		}
	}
	return claimed, nil
}

func (s *Store) RemoveMail(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM outbox WHERE id = ?", id); err != nil {
		return fmt.Errorf("remove mail: %w", err)
	}
	return nil
}

func (s *Store) DeferMail(ctx context.Context, id string, dueAt time.Time, reason string, dead bool) error {
	found, err := s.exec(ctx, "UPDATE outbox SET due_at = ?, last_error = ?, dead = ? WHERE id = ?", at(dueAt), reason, dead, id)
	if err == nil && found == 0 {
		err = provider.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("defer mail: %w", err)
	}
	return nil
}

func (s *Store) DeadMails(ctx context.Context, limit int) ([]provider.QueuedMail, error) {
	mails, err := s.mails(ctx, "SELECT "+outboxColumns+" FROM outbox WHERE dead = ? ORDER BY created_at DESC, id DESC LIMIT ?", true, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead mails: %w", err)
	}
	return mails, nil
}
