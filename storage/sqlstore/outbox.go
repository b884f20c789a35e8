package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// outboxStatements are what is said to the table of one topic. The tables are alike: with one for all, a
// replica of a release that knows fewer topics would take what it cannot deliver.
type outboxStatements struct {
	add, due, claim, remove, deferral, dead sqlText
}

var outboxes = map[provider.Topic]outboxStatements{
	provider.TopicMail:         newOutboxStatements("outbox"),
	provider.TopicLogoutNotice: newOutboxStatements("logout_notices"),
}

func newOutboxStatements(table sqlText) outboxStatements {
	const columns = "id, sealed, created_at, due_at, attempts, last_error, dead" // scanned by parcels
	return outboxStatements{
		add:      "INSERT INTO " + table + " (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?)",
		due:      "SELECT " + columns + " FROM " + table + " WHERE dead = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",
		claim:    "UPDATE " + table + " SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND attempts = ?",
		remove:   "DELETE FROM " + table + " WHERE id = ?",
		deferral: "UPDATE " + table + " SET due_at = ?, last_error = ?, dead = ? WHERE id = ?",
		dead:     "SELECT " + columns + " FROM " + table + " WHERE dead = ? ORDER BY created_at DESC, id DESC LIMIT ?",
	}
}

func outboxOf(topic provider.Topic) (outboxStatements, error) {
	statements, ok := outboxes[topic]
	if !ok {
		return statements, fmt.Errorf("no table for parcels of topic %q", topic)
	}
	return statements, nil
}

func (s *Store) parcels(ctx context.Context, topic provider.Topic, query sqlText, args ...any) ([]provider.Parcel, error) {
	var parcels []provider.Parcel
	err := s.query(ctx, query, args, func(rows *sql.Rows) error {
		p := provider.Parcel{Topic: topic}
		var created, due timestamp
		if err := rows.Scan(&p.ID, &p.Sealed, &created, &due, &p.Attempts, &p.LastError, &p.Dead); err != nil {
			return fmt.Errorf("scan parcel: %w", err)
		}
		p.CreatedAt, p.DueAt = created.Time, due.Time
		parcels = append(parcels, p)
		return nil
	})
	return parcels, err
}

func (s *Store) AddParcel(ctx context.Context, p provider.Parcel) error {
	statements, err := outboxOf(p.Topic)
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, statements.add, p.ID, p.Sealed, at(p.CreatedAt), at(p.DueAt), p.Attempts, p.LastError, p.Dead); err != nil {
		return fmt.Errorf("add to %s: %w", p.Topic, err)
	}
	return nil
}

// ClaimParcels reads what is due and claims each parcel by one UPDATE that counts an attempt: of those who
// read the same count one succeeds. Who loses them all looks again: others may have left some.
func (s *Store) ClaimParcels(ctx context.Context, topic provider.Topic, now, until time.Time, limit int) ([]provider.Parcel, error) {
	statements, err := outboxOf(topic)
	if err != nil {
		return nil, err
	}
	var claimed []provider.Parcel
	for len(claimed) == 0 {
		due, err := s.parcels(ctx, topic, statements.due, false, micro(now), limit)
		if err != nil {
			return nil, fmt.Errorf("read what is due in %s: %w", topic, err)
		}
		if len(due) == 0 {
			break
		}
		for _, p := range due {
			found, err := s.exec(ctx, statements.claim, micro(until), p.ID, p.Attempts)
			if err != nil {
				return claimed, fmt.Errorf("claim in %s: %w", topic, err)
			}
			if found == 1 {
				p.DueAt = micro(until)
				p.Attempts++
				claimed = append(claimed, p)
			}
		}
	}
	return claimed, nil
}

func (s *Store) RemoveParcel(ctx context.Context, topic provider.Topic, id string) error {
	statements, err := outboxOf(topic)
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, statements.remove, id); err != nil {
		return fmt.Errorf("remove from %s: %w", topic, err)
	}
	return nil
}

func (s *Store) DeferParcel(ctx context.Context, topic provider.Topic, id string, dueAt time.Time, reason string, dead bool) error {
	statements, err := outboxOf(topic)
	if err != nil {
		return err
	}
	found, err := s.exec(ctx, statements.deferral, at(dueAt), reason, dead, id)
	if err == nil && found == 0 {
		err = provider.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("defer in %s: %w", topic, err)
	}
	return nil
}

func (s *Store) DeadParcels(ctx context.Context, topic provider.Topic, limit int) ([]provider.Parcel, error) {
	statements, err := outboxOf(topic)
	if err != nil {
		return nil, err
	}
	parcels, err := s.parcels(ctx, topic, statements.dead, true, limit)
	if err != nil {
		return nil, fmt.Errorf("list the dead of %s: %w", topic, err)
	}
	return parcels, nil
}
