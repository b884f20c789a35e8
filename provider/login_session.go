package provider

import (
	"context"
	"time"
)

// LoginSession is one browser that is signed in.
type LoginSession struct {
	// ID is the "sid" of tokens. The cookie holds another secret, of which only a hash is stored.
	ID string
	// CookieHash is the SHA-256 of the cookie's secret, hex; it is what the session is found by.
	CookieHash string
	UserID     int64
	AuthTime   time.Time
	AMR        []string
	CreatedAt  time.Time
	SeenAt     time.Time
	// ExpiresAt is the absolute end, IdleExpiresAt the end without use.
	ExpiresAt     time.Time
	IdleExpiresAt time.Time
	// Remembered sessions outlive the browser ("remember me").
	Remembered bool
	UserAgent  string
	RemoteAddr string
}

// LoginSessionStore keeps login sessions until they end. Implementations pass
// storagetest.RunLoginSessions. A session past either end does not exist.
type LoginSessionStore interface {
	// CreateLoginSession stores a new session. ErrAlreadyExists: its ID or cookie hash is taken.
	CreateLoginSession(ctx context.Context, s LoginSession) error
	// LoginSession finds a session by its cookie hash. ErrNotFound: none.
	LoginSession(ctx context.Context, cookieHash string) (LoginSession, error)
	// TouchLoginSession moves SeenAt and IdleExpiresAt of a living session. ErrNotFound: none; a
	// session that ended is never revived.
	TouchLoginSession(ctx context.Context, cookieHash string, seenAt, idleExpiresAt time.Time) error
	// DeleteLoginSession ends a session; nil when there is none.
	DeleteLoginSession(ctx context.Context, cookieHash string) error
	// LoginSessionsOfUser lists the living sessions of a user, newest first.
	LoginSessionsOfUser(ctx context.Context, userID int64) ([]LoginSession, error)
	// SessionClients lists the clients that grants were created for in a session, by ID; they are remembered
	// until the session's latest end, also when the session or the grants ended before.
	SessionClients(ctx context.Context, sessionID string) ([]string, error)
}
