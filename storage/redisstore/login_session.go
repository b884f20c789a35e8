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

// sessionDocument is what never changes of a login session.
type sessionDocument struct {
	Version    int      `json:"v"`
	ID         string   `json:"id"`
	UserID     int64    `json:"uid"`
	AuthTime   int64    `json:"auth,omitempty"`
	AMR        []string `json:"amr,omitempty"`
	Remembered bool     `json:"rem,omitempty"`
	CreatedAt  int64    `json:"at,omitempty"`
	UserAgent  string   `json:"ua,omitempty"`
	RemoteAddr string   `json:"addr,omitempty"`
}

// sessionDocumentVersion is written now; older ones are read too.
const sessionDocumentVersion = 1

// sessionFields are read by decodeSession, in this order.
var sessionFields = []string{"d", "e", "i", "s"}

func (s *Store) sessionKey(cookieHash string) string { return s.tagged("session", cookieHash) }

// sidKey is what keeps a session's ID its own.
func (s *Store) sidKey(id string) string { return s.prefix + "sid:" + id }

func decodeSession(cookieHash string, fields []any) (provider.LoginSession, error) {
	var d sessionDocument
	document, ok := fields[0].(string)
	if !ok || json.Unmarshal([]byte(document), &d) != nil || d.Version < 1 {
		return provider.LoginSession{}, fmt.Errorf("decode login session: %w", errGarbage)
	}
	if d.Version > sessionDocumentVersion {
		return provider.LoginSession{}, fmt.Errorf("decode login session: %w", errNewer)
	}
	var at [3]time.Time
	for i := range at {
		var err error
		if at[i], err = parseMicros(fields[1+i]); err != nil {
			return provider.LoginSession{}, fmt.Errorf("decode login session: %w", err)
		}
	}
	return provider.LoginSession{
		ID:            d.ID,
		CookieHash:    cookieHash,
		UserID:        d.UserID,
		AuthTime:      fromMicros(d.AuthTime),
		AMR:           d.AMR,
		Remembered:    d.Remembered,
		CreatedAt:     fromMicros(d.CreatedAt),
		ExpiresAt:     at[0],
		IdleExpiresAt: at[1],
		SeenAt:        at[2],
		UserAgent:     d.UserAgent,
		RemoteAddr:    d.RemoteAddr,
	}, nil
}

func (s *Store) CreateLoginSession(ctx context.Context, session provider.LoginSession) error {
	document, err := json.Marshal(sessionDocument{
		Version:    sessionDocumentVersion,
		ID:         session.ID,
		UserID:     session.UserID,
		AuthTime:   micros(session.AuthTime),
		AMR:        session.AMR,
		Remembered: session.Remembered,
		CreatedAt:  micros(session.CreatedAt),
		UserAgent:  session.UserAgent,
		RemoteAddr: session.RemoteAddr,
	})
	if err != nil {
		return fmt.Errorf("encode login session: %w", err)
	}
	now, nonce := micros(s.now()), rand.Text()
	end, idleEnd := session.ExpiresAt, earlier(session.IdleExpiresAt, session.ExpiresAt)
	made := &call{script: create, key: s.sessionKey(session.CookieHash), args: []any{
		now, nonce, expiryMillis(idleEnd),
		"d", document, "e", micros(end), "i", micros(idleEnd), "s", micros(session.SeenAt),
	}}
	claimed := &call{script: create, key: s.sidKey(session.ID), args: []any{
		now, nonce, expiryMillis(end), "i", micros(end),
	}}
	indexed := s.indexing(s.sessionsOf(session.UserID), session.CookieHash, session.CreatedAt, end)
	if err := s.runAll(ctx, claimed, made, indexed); err != nil {
		return s.failure(ctx, "create login session", err)
	}
	if created(made.reply.Val()) && created(claimed.reply.Val()) {
		return nil
	}
	// The two lie on different servers of a cluster, so one may be made without the other.
	err = s.runAll(ctx,
		&call{script: remove, key: made.key, args: []any{nonce}},
		&call{script: remove, key: claimed.key, args: []any{nonce}})
	if err != nil {
		return s.failure(ctx, "take login session back", err)
	}
	return fmt.Errorf("create login session: %w", provider.ErrAlreadyExists)
}

func (s *Store) LoginSession(ctx context.Context, cookieHash string) (provider.LoginSession, error) {
	fields, err := s.client.HMGet(ctx, s.sessionKey(cookieHash), sessionFields...).Result()
	if err != nil {
		return provider.LoginSession{}, s.failure(ctx, "read login session", err)
	}
	session, err := s.livingSession(cookieHash, fields)
	if err != nil {
		return provider.LoginSession{}, fmt.Errorf("read login session: %w", err)
	}
	return session, nil
}

// livingSession returns provider.ErrNotFound for fields of no session or of one past its end.
func (s *Store) livingSession(cookieHash string, fields []any) (provider.LoginSession, error) {
	if isMissing(fields) {
		return provider.LoginSession{}, provider.ErrNotFound
	}
	session, err := decodeSession(cookieHash, fields)
	if err == nil && !session.IdleExpiresAt.After(s.now()) {
		err = provider.ErrNotFound
	}
	if err != nil {
		return provider.LoginSession{}, err
	}
	return session, nil
}

// touchSession moves when a living session was seen and its idle end; 0: none.
//
// ARGV: now, seen, idle end.
var touchSession = newScript(`
local f = redis.call('HMGET', KEYS[1], 'e', 'i')
if not f[2] or tonumber(f[2]) <= tonumber(ARGV[1]) then
  return 0
end
local idle = tonumber(ARGV[3]) < tonumber(f[1]) and ARGV[3] or f[1]
redis.call('HSET', KEYS[1], 's', ARGV[2], 'i', idle)
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(tonumber(idle) / 1000)))
return 1`)

func (s *Store) TouchLoginSession(ctx context.Context, cookieHash string, seenAt, idleExpiresAt time.Time) error {
	touched, err := s.run(ctx, call{
		script: touchSession, key: s.sessionKey(cookieHash),
		args: []any{micros(s.now()), micros(seenAt), micros(idleExpiresAt)},
	})
	if err != nil {
		return s.failure(ctx, "touch login session", err)
	}
	if touched != int64(1) {
		return fmt.Errorf("touch login session: %w", provider.ErrNotFound)
	}
	return nil
}

// DeleteLoginSession frees the session's ID: who signs in again in the same browser keeps it. The two lie on
// different servers of a cluster; an ID that stays behind is only not given again.
func (s *Store) DeleteLoginSession(ctx context.Context, cookieHash string) error {
	fields, err := s.client.HMGet(ctx, s.sessionKey(cookieHash), sessionFields...).Result()
	if err != nil {
		return s.failure(ctx, "delete login session", err)
	}
	if isMissing(fields) {
		return nil
	}
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, s.sessionKey(cookieHash))
		if session, err := decodeSession(cookieHash, fields); err == nil { // its ID is free again
			p.Del(ctx, s.sidKey(session.ID))
		}
		return nil
	})
	if err != nil {
		return s.failure(ctx, "delete login session", err)
	}
	return nil
}

func (s *Store) LoginSessionsOfUser(ctx context.Context, userID int64) ([]provider.LoginSession, error) {
	sessions, err := listed(ctx, s, s.sessionsOf(userID), func(p redis.Pipeliner, cookieHash string) *redis.SliceCmd {
		return p.HMGet(ctx, s.sessionKey(cookieHash), sessionFields...)
	}, func(cookieHash string, fields []any) (provider.LoginSession, error) {
		session, err := s.livingSession(cookieHash, fields)
		if err == nil && session.UserID != userID {
			err = provider.ErrNotFound // its creation was refused, the cookie hash is another's
		}
		return session, err
	})
	if err != nil {
		return nil, fmt.Errorf("list login sessions: %w", err)
	}
	slices.SortFunc(sessions, func(a, b provider.LoginSession) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return sessions, nil
}

func (s *Store) SessionClients(ctx context.Context, sessionID string) ([]string, error) {
	entries, err := s.client.ZRangeByScore(ctx, s.clientsOf(sessionID), &redis.ZRangeBy{Min: fmt.Sprintf("(%d", s.now().UnixMilli()), Max: "+inf"}).Result()
	if err != nil {
		return nil, s.failure(ctx, "list clients of login session", err)
	}
	clients := make([]string, 0, len(entries))
	for _, entry := range entries {
		_, id, _ := strings.Cut(entry, " ")
		clients = append(clients, id)
	}
	slices.Sort(clients)
	return clients, nil
}
