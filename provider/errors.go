package provider

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The failures that callers tell apart. Stores and rules wrap them; compare with errors.Is.
var (
	// ErrNotFound says that the record does not exist, is no longer valid or is not the caller's.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyExists says that a record with the same unique name exists.
	ErrAlreadyExists = errors.New("already exists")
	// ErrConsumed says that a single-use credential was used before.
	ErrConsumed = errors.New("already used")
	// ErrScopeExceeded says that more scope was asked for than the grant has.
	ErrScopeExceeded = errors.New("scope exceeds the grant")
	// ErrInvalidCredentials says that a user and password do not belong together. It never says which
	// of them is wrong, nor whether the account exists or is disabled.
	ErrInvalidCredentials = errors.New("invalid credentials")
	// ErrEmailNotVerified says that a user and password belong together, but that the user has yet to
	// show that the address is theirs.
	ErrEmailNotVerified = errors.New("e-mail address not verified")
	// ErrUnavailable says that a store or a bounded resource cannot serve now; the same call may
	// succeed later. Every store wraps its outages in it.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrForbiddenTarget says that a URL, or an address that it leads to, must not be reached from here.
	ErrForbiddenTarget = errors.New("forbidden target")
)

// BusyError says that a bounded resource is exhausted and when to try again. It matches
// ErrUnavailable.
type BusyError struct {
	RetryAfter time.Duration
}

// Error describes the refusal.
func (e *BusyError) Error() string {
	return fmt.Sprintf("busy, retry after %s", e.RetryAfter)
}

// Unwrap makes the error match ErrUnavailable.
func (e *BusyError) Unwrap() error { return ErrUnavailable }

// RateLimitError says that a caller did something too often and when it may do it again.
type RateLimitError struct {
	RetryAfter time.Duration
}

// Error describes the refusal.
func (e *RateLimitError) Error() string {
	return fmt.Sprintf("rate limited, retry after %s", e.RetryAfter)
}

// FieldError is one fault of one input field, in words meant for the person who filled it in.
type FieldError struct {
	Field   string
	Message string
}

// InvalidError lists every fault of an input, in field order. Faults of the whole input have the
// field name "non_field_errors".
type InvalidError struct {
	Fields []FieldError
}

// NonField is the field name of a fault that belongs to no single field.
const NonField = "non_field_errors"

// Invalid returns an InvalidError with one fault.
func Invalid(field, message string) *InvalidError {
	return &InvalidError{Fields: []FieldError{{Field: field, Message: message}}}
}

// Error lists the names of the faulty fields; the messages may quote input and stay out of logs.
func (e *InvalidError) Error() string {
	names := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		if !slices.Contains(names, f.Field) {
			names = append(names, f.Field)
		}
	}
	return "invalid input: " + strings.Join(names, ", ")
}
