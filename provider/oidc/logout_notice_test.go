package oidc_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/outbox"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// A listener is the servers of all clients.
type listener struct {
	do    func(ctx context.Context, uri string) error
	mu    sync.Mutex
	heard []heardNotice
}

type heardNotice struct {
	uri   string
	token string
	at    time.Time
}

func (l *listener) PostForm(ctx context.Context, uri string, form url.Values) error {
	l.mu.Lock()
	l.heard = append(l.heard, heardNotice{uri, form.Get("logout_token"), time.Now()})
	l.mu.Unlock()
	if l.do == nil {
		return nil
	}
	return l.do(ctx, uri)
}

func (l *listener) notices(uri string) []heardNotice {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []heardNotice
	for _, h := range l.heard {
		if h.uri == uri {
			found = append(found, h)
		}
	}
	return found
}

// A house is a provider whose clients have servers that listen.
type house struct {
	t        *testing.T
	store    *sqlstore.Store
	engine   *oidc.Engine
	listener *listener
	user     provider.User
	mu       sync.Mutex
	counts   map[outbox.Outcome]int
	log      bytes.Buffer
}

// Write takes the log.
func (p *house) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(line)
}

func (p *house) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *house) requireCounts(sent, deferred, dead int) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Equal(p.t, [3]int{sent, deferred, dead}, [3]int{p.counts[outbox.Delivered], p.counts[outbox.Deferred], p.counts[outbox.Dead]})
}

func newHouse(t *testing.T) *house {
	t.Helper()
	store := sqlstoretest.SQLite(t)
	master, err := secrets.New(bytes.Repeat([]byte{7}, secrets.KeySize))
	require.NoError(t, err)
	ring, err := keys.Open(t.Context(), store, master, keys.Schedule{Rotation: 90 * 24 * time.Hour, JWKSMaxAge: time.Minute, Poll: time.Minute, LongestToken: time.Hour}, time.Now)
	require.NoError(t, err)
	p := &house{t: t, store: store, listener: &listener{}, counts: map[outbox.Outcome]int{}}
	p.engine = oidc.New(oidc.Engine{
		Settings: oidc.Settings{Issuer: "https://id.example"}, Clients: store, Users: store, Standings: store, Ended: store, Grants: store, Sessions: store,
		Notices: outbox.New(provider.TopicLogoutNotice, store, master, time.Now), Keys: ring, Master: master,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	p.user, err = store.CreateUser(t.Context(), provider.User{Subject: provider.NewSubject(), Email: "ada@example.com", Active: true})
	require.NoError(t, err)
	return p
}

// work runs a worker until the test ends.
func (p *house) work() {
	p.t.Helper()
	w := &oidc.NoticeWorker{
		Engine: p.engine, Poster: p.listener, Timeout: 6 * time.Second, Log: slog.New(slog.NewTextHandler(p, nil)),
		Count: func(outcome outbox.Outcome) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.counts[outcome]++
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	p.t.Cleanup(func() { cancel(); <-done })
}

// client registers a client with a server at its name.
func (p *house) client(id string) {
	p.t.Helper()
	require.NoError(p.t, p.store.CreateClient(p.t.Context(), provider.Client{ID: id, BackchannelLogoutURI: "https://" + id + ".example/"}))
}

// session signs the user in at a browser and at clients.
func (p *house) session(id string, clients ...string) provider.LoginSession {
	p.t.Helper()
	now := time.Now().UTC()
	s := provider.LoginSession{
		ID: id, CookieHash: "hash of " + id, UserID: p.user.ID, CreatedAt: now, AuthTime: now, SeenAt: now,
		ExpiresAt: now.Add(1000 * time.Hour), IdleExpiresAt: now.Add(1000 * time.Hour),
	}
	require.NoError(p.t, p.store.CreateLoginSession(p.t.Context(), s))
	for _, client := range clients {
		require.NoError(p.t, p.store.CreateGrant(p.t.Context(), provider.Grant{
			ID: fmt.Sprintf("%s at %s", id, client), ClientID: client, UserID: p.user.ID, Subject: p.user.Subject, SessionID: id, SessionEndsAt: s.ExpiresAt,
			CreatedAt: now, ExpiresAt: now.Add(time.Hour), IdleExpiresAt: now.Add(time.Hour),
		}))
	}
	return s
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func issuedAt(t *testing.T, token string) time.Time {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims struct {
		IssuedAt int64 `json:"iat"`
	}
	require.NoError(t, json.Unmarshal(payload, &claims))
	return time.Unix(claims.IssuedAt, 0)
}

func TestClientThatDoesNotListenIsTriedForHoursAndThenReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHouse(t)
		p.client("deaf")
		p.listener.do = func(context.Context, string) error { return errors.New("answered with status 503") }
		p.work()
		require.NoError(t, p.engine.EndLoginSession(t.Context(), p.session("s", "deaf")))
		pass(24 * time.Hour)
		heard := p.listener.notices("https://deaf.example/")
		delays := []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
		require.Len(t, heard, len(delays)+1)
		for i, h := range heard {
			require.Equal(t, h.at.Truncate(time.Second).UTC(), issuedAt(t, h.token).UTC(), "minted when it is sent")
			if i > 0 {
				wait := h.at.Sub(heard[i-1].at)
				require.GreaterOrEqual(t, wait, delays[i-1])
				require.Less(t, wait, delays[i-1]+min(delays[i-1], 6*time.Second), "the worker looks in time")
			}
		}
		p.requireCounts(0, 6, 1)
		require.Equal(t, 1, strings.Count(p.logged(), `level=ERROR msg="client not told of a logout, given up"`))
		require.Equal(t, 7, strings.Count(p.logged(), "client_id=deaf"))
		require.NotContains(t, p.logged(), heard[0].token)
		left, err := p.store.DeadParcels(t.Context(), provider.TopicLogoutNotice, 10)
		require.NoError(t, err)
		require.Empty(t, left, "nobody reads it: the log has said it")
	})
}

// A server that hangs keeps those of other clients from nothing.
func TestClientThatHangsDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHouse(t)
		p.client("hanging")
		p.client("listening")
		p.listener.do = func(ctx context.Context, uri string) error {
			if uri == "https://hanging.example/" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		p.work()
		synctest.Wait()
		for i := range 10 {
			require.NoError(t, p.engine.EndLoginSession(t.Context(), p.session(fmt.Sprint("h", i), "hanging")))
		}
		begun := time.Now()
		require.NoError(t, p.engine.EndLoginSession(t.Context(), p.session("s", "hanging", "listening")))
		synctest.Wait()
		require.Equal(t, begun, time.Now())
		require.Len(t, p.listener.notices("https://listening.example/"), 1)
		require.Len(t, p.listener.notices("https://hanging.example/"), 11)
		pass(10 * time.Second)
		p.requireCounts(1, 11, 0)
	})
}

func TestNoticeOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHouse(t)
		p.client("app")
		require.NoError(t, p.engine.EndLoginSession(t.Context(), p.session("s", "app"))) // nobody works yet
		pass(time.Hour)
		p.work()
		synctest.Wait()
		require.Len(t, p.listener.notices("https://app.example/"), 1)
		p.requireCounts(1, 0, 0)
	})
}

func TestClientThatWantsNoNoticesAnyMoreGetsNone(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *house){
		"gone":     func(t *testing.T, p *house) { require.NoError(t, p.store.DeleteClient(t.Context(), "app")) },
		"disabled": func(t *testing.T, p *house) { p.change("app", func(c *provider.Client) { c.Disabled = true }) },
		"silent": func(t *testing.T, p *house) {
			p.change("app", func(c *provider.Client) { c.BackchannelLogoutURI = "" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newHouse(t)
				p.client("app")
				require.NoError(t, p.engine.EndLoginSession(t.Context(), p.session("s", "app")))
				change(t, p)
				p.work()
				pass(24 * time.Hour)
				require.Empty(t, p.listener.heard)
				p.requireCounts(0, 0, 1)
			})
		})
	}
}

func (p *house) change(id string, change func(*provider.Client)) {
	p.t.Helper()
	c, err := p.store.Client(p.t.Context(), id)
	require.NoError(p.t, err)
	was := c.UpdatedAt
	change(&c)
	require.NoError(p.t, p.store.ReplaceClient(p.t.Context(), c, was))
}

type fullOutbox struct{ provider.OutboxStore }

func (fullOutbox) AddParcel(context.Context, provider.Parcel) error { return provider.ErrUnavailable }

// Who cannot be told is no reason to keep somebody signed in, but a queue that is full is: then it is tried
// again.
func TestLogoutThatCannotBeAnnouncedIsNotDone(t *testing.T) {
	p := newHouse(t)
	p.client("app")
	s := p.session("s", "app")
	p.engine.Notices = outbox.New(provider.TopicLogoutNotice, fullOutbox{p.store}, p.engine.Master, time.Now)
	require.ErrorIs(t, p.engine.EndLoginSession(t.Context(), s), provider.ErrUnavailable)
	_, err := p.store.LoginSession(t.Context(), s.CookieHash)
	require.NoError(t, err)
}
