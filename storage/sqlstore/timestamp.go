package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"time"
)

// timestamp is a time column: UTC, whole microseconds, NULL for the zero time.
type timestamp struct{ time.Time }

// Value returns the stored form.
func (t timestamp) Value() (driver.Value, error) { return at(t.Time), nil }

// Scan reads the stored form.
func (t *timestamp) Scan(value any) error {
	var stored sql.NullTime
	if err := stored.Scan(value); err != nil {
		return err
	}
	t.Time = stored.Time.UTC()
	if !stored.Valid {
		t.Time = time.Time{}
	}
	return nil
}

// at returns a time as a value for SQL.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micro(t)
}

// micro cuts a time to what the databases keep.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
