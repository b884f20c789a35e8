package provider

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// User is a person who can sign in.
type User struct {
	// ID is the integer key that the account API calls pk. It is kept on import.
	ID int64
	// Subject is the opaque "sub" of every token. It never changes and is never given to another user.
	Subject string
	// Email is the address as its owner typed it; CanonicalEmail(Email) is what makes it unique.
	Email         string
	EmailVerified bool
	FirstName     string
	LastName      string
	// PasswordHash is a PHC or Django hash string. One that starts with "!" matches no password.
	PasswordHash string
	Active       bool
	Staff        bool
	Superuser    bool
	JoinedAt     time.Time
	LastLogin    time.Time // zero: never
	// SessionsValidAfter ends every grant and login session that began at or before it: sign-out
	// everywhere, a changed password, a disabled account.
	SessionsValidAfter time.Time
	// Profile are the standard claims that no rule depends on.
	Profile Profile
	// Roles and Groups are what the operator says of the user to clients that ask.
	Roles  []string
	Groups []string
	// UpdatedAt is when something that userinfo tells was last changed; zero: never since sign-up.
	UpdatedAt time.Time
}

// NewSubject makes the Subject of a new user.
func NewSubject() string { return strings.ToLower(rand.Text()) }

// FullName is the display name: first and last name, or whichever exists.
func (u User) FullName() string {
	switch {
	case u.FirstName == "":
		return u.LastName
	case u.LastName == "":
		return u.FirstName
	default:
		return u.FirstName + " " + u.LastName
	}
}

// UserChange names the columns to write; nil leaves a column as it is.
type UserChange struct {
	Email         *string
	EmailVerified *bool
	FirstName     *string
	LastName      *string
	PasswordHash  *string
	Active        *bool
	Staff         *bool
	Superuser     *bool
	LastLogin     *time.Time
	Profile       *Profile
	Roles         *[]string
	Groups        *[]string
	UpdatedAt     *time.Time
	// SessionsValidAfter only ever moves forward; an earlier time than the stored one is ignored.
	SessionsValidAfter *time.Time
}

// UserQuery selects a page of users, ordered by ID.
type UserQuery struct {
	// AfterID is the last ID of the page before; 0 starts at the beginning.
	AfterID int64
	// Limit bounds the page; 0 means 100.
	Limit int
	// EmailContains filters by a part of the canonical address; empty means all.
	EmailContains string
}

// UserStore keeps users. Implementations pass storagetest.RunUsers.
type UserStore interface {
	// CreateUser stores a new user and returns it with its ID. A zero ID is assigned by the store, any
	// other is kept. ErrAlreadyExists: the canonical address, the ID or the subject is taken. Of
	// concurrent callers with one address exactly one succeeds.
	CreateUser(ctx context.Context, u User) (User, error)
	// CreateUsers stores new users, all of them or none, in few statements. Errors are CreateUser's and
	// do not say of whom.
	CreateUsers(ctx context.Context, users []User) error
	// UserByID, UserByEmail and UserBySubject return ErrNotFound for unknown users. The address is
	// made canonical by the store.
	UserByID(ctx context.Context, id int64) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	UserBySubject(ctx context.Context, subject string) (User, error)
	// UpdateUser writes the named columns. ErrNotFound: no such user. ErrAlreadyExists: the new
	// address is taken.
	UpdateUser(ctx context.Context, id int64, change UserChange) error
	// ReplacePasswordHash writes a hash of the same password, made anew, if the stored one is still was.
	// ErrConsumed: it is not, a password set meanwhile stays.
	ReplacePasswordHash(ctx context.Context, id int64, was, hash string) error
	// DeleteUser removes a user. ErrNotFound: no such user.
	DeleteUser(ctx context.Context, id int64) error
	// Users returns one page.
	Users(ctx context.Context, q UserQuery) ([]User, error)
}
