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

// grantColumns are scanned by scanGrant. The row's idle end never lies beyond its absolute end, so
// it alone says whether the grant lives.
const grantColumns = "id, client_id, user_id, generation, created_at, rotated_at, expires_at, idle_expires_at, " +
	"code_expires_at, code_used_at, document"

// grantDocument is what never changes of a grant and decides nothing in SQL.
type grantDocument struct {
	Version    int                `json:"v"`
	Subject    string             `json:"sub,omitempty"`
	Scopes     []string           `json:"scopes,omitempty"`
	Audience   []string           `json:"aud,omitempty"`
	SessionID  string             `json:"sid,omitempty"`
	AuthTime   time.Time          `json:"auth_time,omitzero"`
	ACR        string             `json:"acr,omitempty"`
	AMR        []string           `json:"amr,omitempty"`
	UserAgent  string             `json:"user_agent,omitempty"`
	RemoteAddr string             `json:"remote_addr,omitempty"`
	Code       *grantCodeDocument `json:"code,omitempty"`
}

type grantCodeDocument struct {
	RedirectURI         string `json:"redirect_uri,omitempty"`
	CodeChallenge       string `json:"code_challenge,omitempty"`
	CodeChallengeMethod string `json:"code_challenge_method,omitempty"`
	Nonce               string `json:"nonce,omitempty"`
	Claims              string `json:"claims,omitempty"`
}

// grantDocumentVersion is written now; older ones are read too.
const grantDocumentVersion = 1

func newGrantDocument(g provider.Grant) ([]byte, error) {
	d := grantDocument{
		Version:    grantDocumentVersion,
		Subject:    g.Subject,
		Scopes:     g.Scopes,
		Audience:   g.Audience,
		SessionID:  g.SessionID,
		AuthTime:   micro(g.AuthTime),
		ACR:        g.ACR,
		AMR:        g.AMR,
		UserAgent:  g.UserAgent,
		RemoteAddr: g.RemoteAddr,
	}
	if g.Code != nil {
		d.Code = &grantCodeDocument{
			RedirectURI:         g.Code.RedirectURI,
			CodeChallenge:       g.Code.CodeChallenge,
			CodeChallengeMethod: g.Code.CodeChallengeMethod,
			Nonce:               g.Code.Nonce,
			Claims:              g.Code.Claims,
		}
	}
	document, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode grant: %w", err)
	}
	return document, nil
}

func scanGrant(rows *sql.Rows) (provider.Grant, error) {
	var (
		g                                   provider.Grant
		created, rotated, codeEnds, codeUse timestamp
		document                            sql.RawBytes
		d                                   grantDocument
	)
	err := rows.Scan(&g.ID, &g.ClientID, &g.UserID, &g.Generation, &created, &rotated, &g.ExpiresAt, &g.IdleExpiresAt,
		&codeEnds, &codeUse, &document)
	if err != nil {
		return provider.Grant{}, fmt.Errorf("scan grant: %w", err)
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return provider.Grant{}, fmt.Errorf("decode grant: %w", err)
	}
	if d.Version > grantDocumentVersion {
		return provider.Grant{}, fmt.Errorf("decode grant: %w", errNewerDocument)
	}
	g.CreatedAt, g.RotatedAt = created.Time, rotated.Time
	g.Subject, g.Scopes, g.Audience, g.SessionID = d.Subject, d.Scopes, d.Audience, d.SessionID
	g.AuthTime, g.ACR, g.AMR = d.AuthTime, d.ACR, d.AMR
	g.UserAgent, g.RemoteAddr = d.UserAgent, d.RemoteAddr
	if d.Code != nil {
		g.Code = &provider.AuthorizationCode{
			RedirectURI:         d.Code.RedirectURI,
			CodeChallenge:       d.Code.CodeChallenge,
			CodeChallengeMethod: d.Code.CodeChallengeMethod,
			Nonce:               d.Code.Nonce,
			Claims:              d.Code.Claims,
			ExpiresAt:           codeEnds.Time,
			UsedAt:              codeUse.Time,
		}
	}
	return g, nil
}

func (s *Store) CreateGrant(ctx context.Context, g provider.Grant) error {
	document, err := newGrantDocument(g)
	if err != nil {
		return fmt.Errorf("create grant: %w", err)
	}
	var code provider.AuthorizationCode
	if g.Code != nil {
		code = *g.Code
	}
	insert := func(ctx context.Context) error {
		_, err := s.exec(ctx, "INSERT INTO grants ("+grantColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			g.ID, g.ClientID, g.UserID, g.Generation, at(g.CreatedAt), at(g.RotatedAt), at(g.ExpiresAt), at(g.EndsAt()),
			at(code.ExpiresAt), at(code.UsedAt), document)
		return err
	}
	if g.SessionID == "" || g.SessionEndsAt.IsZero() {
		err = insert(ctx)
	} else {
		err = s.InTx(ctx, func(ctx context.Context) error {
			if err := insert(ctx); err != nil {
				return err
			}
			return s.noteSessionClient(ctx, g.SessionID, g.ClientID, g.SessionEndsAt)
		})
	}
	if err != nil {
		return fmt.Errorf("create grant: %w", err)
	}
	return nil
}

func (s *Store) Grant(ctx context.Context, id string) (provider.Grant, error) {
	return s.grant(ctx, id, s.now())
}

// grant reads a grant that lives at now.
func (s *Store) grant(ctx context.Context, id string, now time.Time) (provider.Grant, error) {
	grants, err := s.grants(ctx, "SELECT "+grantColumns+" FROM grants WHERE id = ? AND idle_expires_at > ?", id, micro(now))
	if err == nil && len(grants) == 0 {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.Grant{}, fmt.Errorf("read grant: %w", err)
	}
	return grants[0], nil
}

func (s *Store) grants(ctx context.Context, query sqlText, args ...any) ([]provider.Grant, error) {
	var grants []provider.Grant
	err := s.query(ctx, query, args, func(rows *sql.Rows) error {
		g, err := scanGrant(rows)
		grants = append(grants, g)
		return err
	})
	return grants, err
}

func (s *Store) RotateRefresh(ctx context.Context, r provider.Rotation) (provider.Grant, error) {
	g, err := s.decide(ctx, r.GrantID, r.Now, func(g provider.Grant) (provider.Grant, bool, error) {
		return s.tryRotation(ctx, g, r)
	})
	if err != nil {
		return g, fmt.Errorf("rotate refresh token: %w", err)
	}
	return g, nil
}

func (s *Store) RedeemCode(ctx context.Context, r provider.Redemption) (provider.Grant, error) {
	g, err := s.decide(ctx, r.GrantID, r.Now, func(g provider.Grant) (provider.Grant, bool, error) {
		return s.tryRedemption(ctx, g, r)
	})
	if err != nil {
		return g, fmt.Errorf("redeem code: %w", err)
	}
	return g, nil
}

// errRace says that a grant kept changing under a decision.
var errRace = errors.New("the grant kept changing")

// decide reads a grant and lets try decide one use of it. What try reads may be old, so its change
// is one UPDATE that names what it read; it reports whether it got an answer. Without one somebody
// else changed the grant, and the decision is taken again on what the grant became.
func (s *Store) decide(ctx context.Context, id string, now time.Time, try func(provider.Grant) (provider.Grant, bool, error)) (provider.Grant, error) {
	// Each lost race is another's rotation. Callers with one generation lose once; more losses
	// take others who hold successive generations.
	for range 5 {
		g, err := s.grant(ctx, id, now)
		if err != nil {
			return provider.Grant{}, err
		}
		g, decided, err := try(g)
		if decided || err != nil {
			return g, err
		}
	}
	return provider.Grant{}, fmt.Errorf("%w: %w", provider.ErrUnavailable, errRace)
}

func (s *Store) tryRotation(ctx context.Context, g provider.Grant, r provider.Rotation) (_ provider.Grant, decided bool, _ error) {
	if g.ClientID != r.ClientID {
		return provider.Grant{}, true, provider.ErrNotFound
	}
	current := r.Generation == g.Generation
	inGrace := r.Generation == g.Generation-1 && r.Grace > 0 && !micro(r.Now).After(g.RotatedAt.Add(r.Grace))
	switch {
	case r.Generation < 1 || !current && !inGrace:
		return g, true, provider.ErrConsumed
	case !g.HasScopes(r.Scopes):
		return provider.Grant{}, true, provider.ErrScopeExceeded
	case inGrace:
		return g, true, nil
	}
	g.IdleExpiresAt = micro(r.IdleExpiresAt)
	g.IdleExpiresAt = g.EndsAt()
	if !r.Keep {
		g.Generation++
		g.RotatedAt = micro(r.Now)
	}
	found, err := s.exec(ctx,
		"UPDATE grants SET generation = ?, rotated_at = ?, idle_expires_at = ? WHERE id = ? AND generation = ? AND idle_expires_at > ?",
		g.Generation, at(g.RotatedAt), g.IdleExpiresAt, g.ID, r.Generation, micro(r.Now))
	return g, found == 1, err
}

func (s *Store) tryRedemption(ctx context.Context, g provider.Grant, r provider.Redemption) (_ provider.Grant, decided bool, _ error) {
	switch {
	case g.ClientID != r.ClientID || g.Code == nil:
		return provider.Grant{}, true, provider.ErrNotFound
	case !g.Code.UsedAt.IsZero():
		return g, true, provider.ErrConsumed
	case !g.Code.ExpiresAt.After(r.Now):
		return provider.Grant{}, true, provider.ErrNotFound
	}
	g.Code.UsedAt = micro(r.Now)
	g.IdleExpiresAt = micro(r.IdleExpiresAt)
	g.IdleExpiresAt = g.EndsAt()
	if r.Refresh {
		g.Generation = 1
	}
	found, err := s.exec(ctx,
		"UPDATE grants SET code_used_at = ?, generation = ?, idle_expires_at = ? WHERE id = ? AND code_used_at IS NULL AND idle_expires_at > ?",
		g.Code.UsedAt, g.Generation, g.IdleExpiresAt, g.ID, micro(r.Now))
	return g, found == 1, err
}

func (s *Store) EndGrant(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM grants WHERE id = ?", id); err != nil {
		return fmt.Errorf("end grant: %w", err)
	}
	return nil
}

func (s *Store) GrantsOfUser(ctx context.Context, userID int64) ([]provider.Grant, error) {
	grants, err := s.grants(ctx,
		"SELECT "+grantColumns+" FROM grants WHERE user_id = ? AND idle_expires_at > ? ORDER BY created_at DESC, id DESC",
		userID, micro(s.now()))
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return grants, nil
}
