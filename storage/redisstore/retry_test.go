package redisstore_test

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/redisstore/redisstoretest"
)

// lossy passes everything on to a server but, once armed, the next answer: the connection ends
// instead, after the server did what it was asked.
type lossy struct {
	addr  string
	armed atomic.Bool
	lost  atomic.Int64
}

func newLossy(t *testing.T, server string) *lossy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	l := &lossy{addr: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(client, server)
		}
	}()
	return l
}

func (l *lossy) serve(client net.Conn, server string) {
	defer client.Close()                     //nolint:errcheck // the test looks at the client's side
	upstream, err := net.Dial("tcp", server) //nolint:noctx // ends with the client's connection
	if err != nil {
		return
	}
	defer upstream.Close() //nolint:errcheck // see above
	go func() {
		_, _ = io.Copy(upstream, client)
		_ = upstream.Close()
	}()
	answer := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(answer)
		if err != nil {
			return
		}
		if l.armed.CompareAndSwap(true, false) {
			l.lost.Add(1)
			return
		}
		if _, err := client.Write(answer[:n]); err != nil {
			return
		}
	}
}

func TestLostAnswer_of_a_decision_does_not_use_it_up(t *testing.T) {
	for _, server := range servers[:2] { // a cluster's client would go around the proxy
		t.Run(server.name, func(t *testing.T) {
			host, _, _ := strings.Cut(strings.TrimPrefix(server.url(t), "redis://"), "/")
			proxy := newLossy(t, host)
			store := open(t, "redis://"+proxy.addr)
			ctx := t.Context()
			seed(t, store, "warm")
			for _, m := range methods {
				require.NoError(t, m.call(ctx, store, "warm"))
			}
			seed(t, store, "id")
			lose := func(m func() error) {
				t.Helper()
				before := proxy.lost.Load()
				proxy.armed.Store(true)
				require.NoError(t, m())
				require.Equal(t, before+1, proxy.lost.Load(), "answers lost")
			}

			lose(func() error { return store.CreateGrant(ctx, newGrant("other")) })
			lose(func() error { return store.CreateRecord(ctx, newRecord("other")) })
			lose(func() error { return store.CreateLoginSession(ctx, newSession("other")) })
			require.ErrorIs(t, store.CreateGrant(ctx, newGrant("other")), provider.ErrAlreadyExists)
			require.ErrorIs(t, store.CreateRecord(ctx, newRecord("other")), provider.ErrAlreadyExists)
			require.ErrorIs(t, store.CreateLoginSession(ctx, newSession("other")), provider.ErrAlreadyExists)

			lose(func() error {
				g, err := store.RotateRefresh(ctx, rotation(newGrant("id")))
				require.Equal(t, 2, g.Generation)
				return err
			})
			_, err := store.RotateRefresh(ctx, rotation(newGrant("id")))
			require.ErrorIs(t, err, provider.ErrConsumed)
			lose(func() error {
				_, err := store.RedeemCode(ctx, redemption(newGrant("id")))
				return err
			})
			_, err = store.RedeemCode(ctx, redemption(newGrant("id")))
			require.ErrorIs(t, err, provider.ErrConsumed)
			lose(func() error {
				_, err := store.ConsumeRecord(ctx, provider.RecordTicket, "id", now())
				return err
			})
			_, err = store.ConsumeRecord(ctx, provider.RecordTicket, "id", now())
			require.ErrorIs(t, err, provider.ErrConsumed)
		})
	}
}

func TestWaitReplicas(t *testing.T) {
	// Each server's replicas.
	for _, server := range []struct {
		name     string
		url      func(t testing.TB) string
		replicas int
	}{
		{"redis", redisstoretest.RedisURL, 0},
		{"cluster", redisstoretest.ClusterURL, 1},
		{"sentinel", redisstoretest.SentinelURL, 1},
	} {
		t.Run(server.name, func(t *testing.T) {
			ctx := t.Context()
			reached := open(t, server.url(t), func(o *redisstore.Options) { o.WaitReplicas = server.replicas })
			tooFew := open(t, server.url(t), func(o *redisstore.Options) {
				o.WaitReplicas, o.Prefix = server.replicas+1, reached.Prefix()
			})
			for i := range 20 {
				id := string(rune('a' + i))
				seed(t, reached, id)
				_, err := reached.RotateRefresh(ctx, rotation(newGrant(id)))
				require.NoError(t, err)
				_, err = reached.RedeemCode(ctx, redemption(newGrant(id)))
				require.NoError(t, err)
				_, err = reached.ConsumeRecord(ctx, provider.RecordTicket, id, now())
				require.NoError(t, err)
			}

			seed(t, reached, "few")
			_, err := tooFew.RotateRefresh(ctx, rotation(newGrant("few")))
			require.ErrorIs(t, err, provider.ErrUnavailable)
			_, err = tooFew.RedeemCode(ctx, redemption(newGrant("few")))
			require.ErrorIs(t, err, provider.ErrUnavailable)
			_, err = tooFew.ConsumeRecord(ctx, provider.RecordTicket, "few", now())
			require.ErrorIs(t, err, provider.ErrUnavailable)
			require.ErrorIs(t, tooFew.CreateRecord(ctx, newRecord("fewer")), provider.ErrUnavailable)

			_, err = reached.RedeemCode(ctx, redemption(newGrant("few")))
			require.ErrorIs(t, err, provider.ErrConsumed, "what was not confirmed is used all the same")
			_, err = reached.ConsumeRecord(ctx, provider.RecordTicket, "few", now())
			require.ErrorIs(t, err, provider.ErrConsumed)
		})
	}
}
