package django

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-id/signet/provider"
)

// record is a row of a table or an object of a dump: its columns by name. Numbers are int64 or
// json.Number, times time.Time or text.
type record map[string]any

// reader reads the columns of one record and keeps what is wrong with them.
type reader struct {
	record record
	faults []error
}

// absent is the value of a column that does not exist.
type absent struct{}

func (r *reader) value(column string) any {
	if v, ok := r.record[column]; ok {
		return v
	}
	return absent{}
}

// fault notes that a column's value is not what is wanted.
func (r *reader) fault(column, reason string) {
	if r.value(column) == (absent{}) {
		reason = "is missing"
	}
	r.faults = append(r.faults, errors.New(column+" "+reason))
}

// err is everything that was wrong.
func (r *reader) err() error { return errors.Join(r.faults...) }

func (r *reader) text(column string) string {
	switch v := r.value(column).(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		r.fault(column, fmt.Sprintf("is no text but %T", v))
		return ""
	}
}

func (r *reader) number(column string) int64 {
	switch v := r.value(column).(type) {
	case int64:
		return v
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			r.fault(column, "is no whole number")
		}
		return n
	default:
		r.fault(column, "is no whole number")
		return 0
	}
}

func (r *reader) flag(column string) bool {
	switch v := r.value(column).(type) {
	case bool:
		return v
	case int64:
		if v == 0 || v == 1 {
			return v == 1
		}
	}
	r.fault(column, "is neither true nor false")
	return false
}

// layouts are how Django writes times as text: SQLite's (UTC, without a zone), and JSON's.
var layouts = []string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999Z07:00", "2006-01-02T15:04:05.999999"}

// time reads a time in UTC, the zero time for none.
func (r *reader) time(column string) time.Time {
	switch v := r.value(column).(type) {
	case nil:
		return time.Time{}
	case time.Time:
		return v.UTC()
	case string:
		for _, layout := range layouts {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC()
			}
		}
	}
	r.fault(column, "is no time")
	return time.Time{}
}

// user reads a user; the name of the primary key's column is "id".
func (r record) user() (provider.User, error) {
	columns := &reader{record: r}
	u := provider.User{
		ID:           columns.number("id"),
		Email:        columns.text("email"),
		FirstName:    columns.text("first_name"),
		LastName:     columns.text("last_name"),
		PasswordHash: columns.text("password"),
		Active:       columns.flag("is_active"),
		Staff:        columns.flag("is_staff"),
		Superuser:    columns.flag("is_superuser"),
		JoinedAt:     columns.time("date_joined"),
		LastLogin:    columns.time("last_login"),
	}
	return u, columns.err()
}

// address is a row of django-allauth's table of e-mail addresses.
type address struct {
	userID   int64
	email    string
	verified bool
}

// address reads an address; owner is the column with its user.
func (r record) address(owner string) (address, error) {
	columns := &reader{record: r}
	a := address{userID: columns.number(owner), email: columns.text("email"), verified: columns.flag("verified")}
	return a, columns.err()
}
