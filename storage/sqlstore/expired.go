package sqlstore

import (
	"context"
	"fmt"
	"time"
)

// expiring lists the tables whose rows end, with the indexed column that says when.
var expiring = []struct{ table, end string }{
	{"grants", "idle_expires_at"},
	{"records", "expires_at"},
	{"login_sessions", "idle_expires_at"},
	{"login_session_clients", "expires_at"},
	{"rate_limits", "expires_at"},
	{"revoked_grants", "expires_at"},
}

func (s *Store) DeleteExpired(ctx context.Context, now time.Time, limit int) (int64, error) {
	var total int64
	for _, t := range expiring {
		left := int64(limit) - total
		if left <= 0 {
			break
		}
		deleted, err := s.exec(ctx, sqlText(fmt.Sprintf(s.deleteSomeRows, t.table, t.end)), micro(now), left)
		if err != nil {
			return total, fmt.Errorf("delete expired %s: %w", t.table, err)
		}
		total += deleted
	}
	return total, nil
}
