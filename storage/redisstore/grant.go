package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signet-id/signet/provider"
)

// grantDocument is what never changes of a grant: a rotation does not encode it again.
type grantDocument struct {
	Version    int           `json:"v"`
	UserID     int64         `json:"uid,omitempty"`
	Subject    string        `json:"sub,omitempty"`
	Scopes     []string      `json:"scopes,omitempty"` // read by rotateRefresh too
	Audience   []string      `json:"aud,omitempty"`
	SessionID  string        `json:"sid,omitempty"`
	AuthTime   int64         `json:"auth,omitempty"`
	ACR        string        `json:"acr,omitempty"`
	AMR        []string      `json:"amr,omitempty"`
	CreatedAt  int64         `json:"at,omitempty"`
	UserAgent  string        `json:"ua,omitempty"`
	RemoteAddr string        `json:"addr,omitempty"`
	Code       *codeDocument `json:"code,omitempty"`
}

type codeDocument struct {
	RedirectURI         string `json:"uri,omitempty"`
	CodeChallenge       string `json:"cc,omitempty"`
	CodeChallengeMethod string `json:"ccm,omitempty"`
	Nonce               string `json:"nonce,omitempty"`
	Claims              string `json:"claims,omitempty"`
}

// grantDocumentVersion is written now; older ones are read too.
const grantDocumentVersion = 1

// grantFields are read by decodeGrant and returned by the deciding scripts, in this order. x and u
// are missing when the grant has no code.
var grantFields = []string{"d", "c", "e", "i", "g", "r", "x", "u"}

func (s *Store) grantKey(id string) string { return s.tagged("grant", id) }

func encodeGrant(g provider.Grant) ([]any, error) {
	d := grantDocument{
		Version:    grantDocumentVersion,
		UserID:     g.UserID,
		Subject:    g.Subject,
		Scopes:     g.Scopes,
		Audience:   g.Audience,
		SessionID:  g.SessionID,
		AuthTime:   micros(g.AuthTime),
		ACR:        g.ACR,
		AMR:        g.AMR,
		CreatedAt:  micros(g.CreatedAt),
		UserAgent:  g.UserAgent,
		RemoteAddr: g.RemoteAddr,
	}
	var code []any
	if g.Code != nil {
		d.Code = &codeDocument{
			RedirectURI:         g.Code.RedirectURI,
			CodeChallenge:       g.Code.CodeChallenge,
			CodeChallengeMethod: g.Code.CodeChallengeMethod,
			Nonce:               g.Code.Nonce,
			Claims:              g.Code.Claims,
		}
		code = []any{"x", micros(g.Code.ExpiresAt), "u", micros(g.Code.UsedAt)}
	}
	document, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode grant: %w", err)
	}
	return append([]any{
		"d", document, "c", g.ClientID, "e", micros(g.ExpiresAt), "i", micros(g.EndsAt()),
		"g", g.Generation, "r", micros(g.RotatedAt),
	}, code...), nil
}

func decodeGrant(id string, fields []any) (provider.Grant, error) {
	var d grantDocument
	document, ok := fields[0].(string)
	client, hasClient := fields[1].(string)
	if !ok || !hasClient || json.Unmarshal([]byte(document), &d) != nil || d.Version < 1 {
		return provider.Grant{}, fmt.Errorf("decode grant: %w", errGarbage)
	}
	if d.Version > grantDocumentVersion {
		return provider.Grant{}, fmt.Errorf("decode grant: %w", errNewer)
	}
	var n [4]int64
	for i := range n {
		var err error
		if n[i], err = parseInt(fields[2+i]); err != nil {
			return provider.Grant{}, fmt.Errorf("decode grant: %w", err)
		}
	}
	g := provider.Grant{
		ID:            id,
		ClientID:      client,
		UserID:        d.UserID,
		Subject:       d.Subject,
		Scopes:        d.Scopes,
		Audience:      d.Audience,
		SessionID:     d.SessionID,
		AuthTime:      fromMicros(d.AuthTime),
		ACR:           d.ACR,
		AMR:           d.AMR,
		CreatedAt:     fromMicros(d.CreatedAt),
		ExpiresAt:     fromMicros(n[0]),
		IdleExpiresAt: fromMicros(n[1]),
		Generation:    int(n[2]),
		RotatedAt:     fromMicros(n[3]),
		UserAgent:     d.UserAgent,
		RemoteAddr:    d.RemoteAddr,
	}
	if d.Code == nil {
		return g, nil
	}
	g.Code = &provider.AuthorizationCode{
		RedirectURI:         d.Code.RedirectURI,
		CodeChallenge:       d.Code.CodeChallenge,
		CodeChallengeMethod: d.Code.CodeChallengeMethod,
		Nonce:               d.Code.Nonce,
		Claims:              d.Code.Claims,
	}
	var err error
	if g.Code.ExpiresAt, err = parseMicros(fields[6]); err == nil {
		g.Code.UsedAt, err = parseMicros(fields[7])
	}
	if err != nil {
		return provider.Grant{}, fmt.Errorf("decode code: %w", err)
	}
	return g, nil
}

func (s *Store) CreateGrant(ctx context.Context, g provider.Grant) error {
	fields, err := encodeGrant(g)
	if err != nil {
		return fmt.Errorf("create grant: %w", err)
	}
	made := &call{
		script: create, key: s.grantKey(g.ID),
		args: append([]any{micros(s.now()), rand.Text(), expiryMillis(g.EndsAt())}, fields...),
	}
	calls := []*call{made}
	if g.UserID != 0 {
		calls = append(calls, s.indexing(s.grantsOf(g.UserID), g.ID, g.CreatedAt, g.ExpiresAt))
	}
	if g.SessionID != "" && !g.SessionEndsAt.IsZero() {
		// Without a time: a client that signs in again is the same entry.
		calls = append(calls, s.indexing(s.clientsOf(g.SessionID), g.ClientID, time.Time{}, g.SessionEndsAt))
	}
	if err := s.runAll(ctx, calls...); err != nil {
		return s.failure(ctx, "create grant", err)
	}
	if !created(made.reply.Val()) {
		return fmt.Errorf("create grant: %w", provider.ErrAlreadyExists)
	}
	return nil
}

func (s *Store) Grant(ctx context.Context, id string) (provider.Grant, error) {
	fields, err := s.client.HMGet(ctx, s.grantKey(id), grantFields...).Result()
	if err != nil {
		return provider.Grant{}, s.failure(ctx, "read grant", err)
	}
	g, err := s.livingGrant(id, fields)
	if err != nil {
		return provider.Grant{}, fmt.Errorf("read grant: %w", err)
	}
	return g, nil
}

// livingGrant returns provider.ErrNotFound for fields of no grant or of one past its end.
func (s *Store) livingGrant(id string, fields []any) (provider.Grant, error) {
	if isMissing(fields) {
		return provider.Grant{}, provider.ErrNotFound
	}
	g, err := decodeGrant(id, fields)
	if err == nil && !g.IdleExpiresAt.After(s.now()) {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.Grant{}, err
	}
	return g, nil
}

// isMissing tells whether HMGET read a key that does not exist.
func isMissing(fields []any) bool {
	return !slices.ContainsFunc(fields, func(field any) bool { return field != nil })
}

// readGrant begins the scripts that decide about a grant: f has grantFields and the nonce of the
// call that changed the grant last. Without a living grant of the client the script ends.
//
// ARGV: client, now, nonce, idle end.
const readGrant = `
local f = redis.call('HMGET', KEYS[1], 'd', 'c', 'e', 'i', 'g', 'r', 'x', 'u', 'n')
local now = tonumber(ARGV[2])
if not f[1] or f[2] ~= ARGV[1] or tonumber(f[4]) <= now then
  return {'none'}
end
local function answer(word)
  return {word, f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]}
end
local function changed(...)
  f[4] = tonumber(ARGV[4]) < tonumber(f[3]) and ARGV[4] or f[3]
  redis.call('HSET', KEYS[1], 'i', f[4], 'n', ARGV[3], ...)
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(tonumber(f[4]) / 1000)))
  return answer('done')
end
`

// rotateRefresh decides one use of a refresh token. A call that finds its own nonce was answered
// before, and the answer was lost.
//
// ARGV: … generation, grace, whether to keep the generation, then the scopes that are asked for.
var rotateRefresh = newScript(readGrant + `
local asked, current, rotated, grace = tonumber(ARGV[5]), tonumber(f[5]), tonumber(f[6]), tonumber(ARGV[6])
local in_grace = asked == current - 1 and grace > 0 and now <= rotated + grace
if asked < 1 or (asked ~= current and not in_grace) then
  return answer(f[9] == ARGV[3] and 'done' or 'consumed')
end
if #ARGV > 7 then
  local granted = {}
  for _, scope in ipairs(cjson.decode(f[1]).scopes or {}) do granted[scope] = true end
  for i = 8, #ARGV do
    if not granted[ARGV[i]] then return {'exceeded'} end
  end
end
if in_grace then
  return answer('done')
end
if ARGV[7] == '1' then
  return changed()
end
f[5], f[6] = string.format('%.0f', current + 1), ARGV[2]
return changed('g', f[5], 'r', f[6])`)

func (s *Store) RotateRefresh(ctx context.Context, r provider.Rotation) (provider.Grant, error) {
	args := make([]any, 0, 7+len(r.Scopes))
	args = append(args, r.ClientID, micros(r.Now), rand.Text(), micros(r.IdleExpiresAt), r.Generation, r.Grace.Microseconds(), r.Keep)
	for _, scope := range r.Scopes {
		args = append(args, scope)
	}
	return s.decideGrant(ctx, "rotate refresh token", r.GrantID, rotateRefresh, args)
}

// redeemCode decides one use of an authorization code.
//
// ARGV: … whether the first refresh token is issued.
var redeemCode = newScript(readGrant + `
if not f[7] then
  return {'none'}
end
if tonumber(f[8]) ~= 0 then
  return answer(f[9] == ARGV[3] and 'done' or 'consumed')
end
if tonumber(f[7]) <= now then
  return {'none'}
end
f[8] = ARGV[2]
if ARGV[5] == '1' then
  f[5] = '1'
end
return changed('u', f[8], 'g', f[5])`)

func (s *Store) RedeemCode(ctx context.Context, r provider.Redemption) (provider.Grant, error) {
	args := []any{r.ClientID, micros(r.Now), rand.Text(), micros(r.IdleExpiresAt), r.Refresh}
	return s.decideGrant(ctx, "redeem code", r.GrantID, redeemCode, args)
}

func (s *Store) decideGrant(ctx context.Context, doing, id string, decider script, args []any) (provider.Grant, error) {
	reply, err := s.decide(ctx, call{script: decider, key: s.grantKey(id), args: args})
	if err != nil {
		return provider.Grant{}, s.failure(ctx, doing, err)
	}
	word, fields, err := decision(reply, len(grantFields))
	var g provider.Grant
	if err == nil && len(fields) > 0 {
		g, err = decodeGrant(id, fields)
	}
	if err == nil {
		err = outcomes[word]
	}
	if err != nil {
		return g, fmt.Errorf("%s: %w", doing, err)
	}
	return g, nil
}

// outcomes are the errors that the words of decisions stand for.
var outcomes = map[string]error{
	replyDone:     nil,
	replyConsumed: provider.ErrConsumed,
	replyExceeded: provider.ErrScopeExceeded,
	replyNone:     provider.ErrNotFound,
}

func (s *Store) EndGrant(ctx context.Context, id string) error {
	if err := s.client.Del(ctx, s.grantKey(id)).Err(); err != nil {
		return s.failure(ctx, "end grant", err)
	}
	return nil
}

func (s *Store) GrantsOfUser(ctx context.Context, userID int64) ([]provider.Grant, error) {
	grants, err := listed(ctx, s, s.grantsOf(userID), func(p redis.Pipeliner, id string) *redis.SliceCmd {
		return p.HMGet(ctx, s.grantKey(id), grantFields...)
	}, func(id string, fields []any) (provider.Grant, error) {
		g, err := s.livingGrant(id, fields)
		if err == nil && g.UserID != userID {
			err = provider.ErrNotFound // its creation was refused, the ID is another's
		}
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	slices.SortFunc(grants, func(a, b provider.Grant) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return grants, nil
}
