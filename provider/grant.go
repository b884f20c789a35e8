package provider

import (
	"context"
	"slices"
	"time"
)

// Grant is one authorization and everything that comes from it: the code that starts it, its
// refresh token and its access tokens, all of which die with it.
//
// No token is stored. A code and a refresh token are authenticated by their own MAC and name the
// grant and, for a refresh token, its generation; the grant keeps which generation is current.
type Grant struct {
	// ID ties the tokens of one authorization together.
	ID       string
	ClientID string
	// UserID is 0 and Subject the client's id when no user took part.
	UserID   int64
	Subject  string
	Scopes   []string
	Audience []string
	// SessionID is the login session that the authorization was given in; empty without a browser.
	SessionID string
	// SessionEndsAt is the latest end of that session; CreateGrant notes the client under the session until
	// then. It is not kept.
	SessionEndsAt time.Time
	AuthTime      time.Time
	ACR           string
	AMR           []string
	CreatedAt     time.Time
	// ExpiresAt is the absolute end. Rotation never moves it.
	ExpiresAt time.Time
	// IdleExpiresAt ends a grant whose refresh token is not used; each rotation moves it, never beyond
	// ExpiresAt.
	IdleExpiresAt time.Time
	// Generation is the number of the refresh token that is valid now. 0: none was issued.
	Generation int
	// RotatedAt is when the current generation replaced the one before it.
	RotatedAt time.Time
	// Code is set while the grant began with an authorization code.
	Code *AuthorizationCode
	// UserAgent and RemoteAddr are where the grant was made, for its owner to recognise.
	UserAgent  string
	RemoteAddr string
}

// AuthorizationCode is what a code was issued for; all of it must match when the code is redeemed.
type AuthorizationCode struct {
	RedirectURI         string
	CodeChallenge       string
	CodeChallengeMethod string
	Nonce               string
	// Claims is the "claims" request parameter (OpenID Connect Core §5.5), JSON.
	Claims string
	// ExpiresAt ends an unused code.
	ExpiresAt time.Time
	// UsedAt is when the code was redeemed; zero while it was not.
	UsedAt time.Time
}

// EndsAt is when nothing of the grant can be used any more.
func (g Grant) EndsAt() time.Time {
	if g.IdleExpiresAt.Before(g.ExpiresAt) {
		return g.IdleExpiresAt
	}
	return g.ExpiresAt
}

// HasScopes tells whether every given scope was granted.
func (g Grant) HasScopes(scopes []string) bool {
	for _, s := range scopes {
		if !slices.Contains(g.Scopes, s) {
			return false
		}
	}
	return true
}

// Rotation asks for the refresh token after Generation.
type Rotation struct {
	GrantID    string
	ClientID   string
	Generation int
	// Scopes are those the client asks for; the grant must have them all. Empty asks for all.
	Scopes []string
	Now    time.Time
	// Grace is how long after a rotation the generation before it is answered with the same successor
	// instead of being taken for stolen. 0: not at all.
	Grace time.Duration
	// IdleExpiresAt is the grant's new idle end.
	IdleExpiresAt time.Time
	// Keep leaves the generation as it is: the same refresh token stays valid.
	Keep bool
}

// Redemption asks for the grant of an authorization code.
type Redemption struct {
	GrantID  string
	ClientID string
	Now      time.Time
	// IdleExpiresAt is the grant's idle end once the code is used.
	IdleExpiresAt time.Time
	// Refresh says that the first refresh token (generation 1) is issued.
	Refresh bool
}

// GrantStore keeps grants until they end. Implementations pass storagetest.RunGrants. Each method is
// one trip to the store. A grant whose end has passed does not exist.
type GrantStore interface {
	// CreateGrant stores a new grant, and its client among those of its login session
	// (LoginSessionStore.SessionClients). ErrAlreadyExists: its ID is taken.
	CreateGrant(ctx context.Context, g Grant) error
	// Grant returns a grant. ErrNotFound: unknown, ended or past its end.
	Grant(ctx context.Context, id string) (Grant, error)
	// RotateRefresh decides one use of a refresh token, atomically:
	//   - the current generation: it becomes the next one (or stays, with Keep), and the changed grant is returned;
	//   - the generation before it, within Grace of the rotation: the grant is returned unchanged;
	//   - any other generation: the grant and ErrConsumed (RFC 9700 §4.14.2: reuse);
	//   - another client's or no grant: ErrNotFound, and nothing changes;
	//   - scope that the grant lacks: ErrScopeExceeded, and nothing changes.
	// Of concurrent callers without grace exactly one succeeds.
	RotateRefresh(ctx context.Context, r Rotation) (Grant, error)
	// RedeemCode decides one use of an authorization code, atomically: the first caller gets the grant
	// with Code.UsedAt set, every later one the grant and ErrConsumed. ErrNotFound: another client's, no
	// code, or past the code's end; nothing changes.
	RedeemCode(ctx context.Context, r Redemption) (Grant, error)
	// EndGrant removes a grant; nil when there is none.
	EndGrant(ctx context.Context, id string) error
	// GrantsOfUser lists the living grants of a user, newest first.
	GrantsOfUser(ctx context.Context, userID int64) ([]Grant, error)
}

// EndedGrantStore remembers in the long-lived store that a grant, or a login session, was ended, so that a
// short-lived store that comes back with old data revives nothing.
type EndedGrantStore interface {
	// RecordEndedGrant is idempotent. The record is kept until nothing of the grant could live.
	RecordEndedGrant(ctx context.Context, grantID string, until time.Time) error
	// GrantEnded tells whether RecordEndedGrant was called for an ID.
	GrantEnded(ctx context.Context, grantID string) (bool, error)
}

// Standing is what the long-lived store says of everything that a token depends on.
type Standing struct {
	Client Client
	// User is the zero value when the grant has no user or the user is gone.
	User User
	// GrantEnded says that the grant was revoked, logged out or reused, or the login session signed out.
	GrantEnded bool
	// Consent is what the user consented to for the client; the zero value: nothing. Only
	// AuthorizationStanding reads it.
	Consent Consent
}

// StandingStore answers whether a token's client, user and grant still stand. Implementations pass
// storagetest.RunStandings.
type StandingStore interface {
	// Standing is one indexed query. ErrNotFound: the client is gone. userID 0 asks for no user. GrantEnded is
	// about the grant, and about the login session unless sessionID is empty.
	Standing(ctx context.Context, clientID string, userID int64, grantID, sessionID string) (Standing, error)
	// AuthorizationStanding is Standing before there is a grant, with the user's consent; one indexed query
	// too. GrantEnded says that the login session was ended (EndedGrantStore).
	AuthorizationStanding(ctx context.Context, clientID string, userID int64, sessionID string) (Standing, error)
}

// Allows tells whether a grant that began at begun for the user (0: none) may be used.
func (s Standing) Allows(userID int64, begun time.Time) bool {
	if s.GrantEnded || s.Client.Disabled {
		return false
	}
	if userID == 0 {
		return true
	}
	return s.User.ID == userID && s.User.Active && begun.After(s.User.SessionsValidAfter)
}
