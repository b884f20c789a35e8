package mails_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/mails"
	"github.com/signet-id/signet/provider/secrets"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const (
	secretLink = "https://id.example.com/verify-email?key=SECRET"
	timeout    = 20 * time.Second
)

// carrier is a mails.Sender that does what the test says and remembers what it accepted.
type carrier struct {
	do       func(ctx context.Context, m mails.Message) error
	mu       sync.Mutex
	accepted []mails.Message
	tries    []time.Time
}

func (c *carrier) Send(ctx context.Context, m mails.Message) error {
	c.mu.Lock()
	c.tries = append(c.tries, time.Now())
	c.mu.Unlock()
	if c.do != nil {
		if err := c.do(ctx, m); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted = append(c.accepted, m)
	return nil
}

func (c *carrier) sent() []mails.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.accepted)
}

func (c *carrier) tried() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.tries)
}

// office is an outbox, and workers whose carrier is the test's.
type office struct {
	*mails.Outbox
	t       *testing.T
	store   *sqlstore.Store
	carrier *carrier
	mu      sync.Mutex
	counts  map[mails.Outcome]int
	log     bytes.Buffer
}

// Write takes the log of all workers.
func (o *office) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(line)
}

func (o *office) logged() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.String()
}

func master(t *testing.T, keys ...byte) *secrets.Master {
	t.Helper()
	key := func(b byte) []byte { return bytes.Repeat([]byte{b}, secrets.KeySize) }
	var previous [][]byte
	for _, b := range keys[1:] {
		previous = append(previous, key(b))
	}
	m, err := secrets.New(key(keys[0]), previous...)
	require.NoError(t, err)
	return m
}

func newOffice(t *testing.T) *office {
	t.Helper()
	store := sqlstoretest.SQLite(t)
	return &office{
		Outbox: mails.NewOutbox(store, master(t, 1), time.Now), t: t, store: store, carrier: &carrier{}, counts: map[mails.Outcome]int{},
	}
}

// render fails for kinds without words, like the real one.
func render(m provider.Mail) (mails.Content, error) {
	if m.Kind != provider.MailVerifyEmail {
		return mails.Content{}, fmt.Errorf("no template for mails of kind %q", m.Kind)
	}
	return mails.Content{Subject: "subject", Text: m.Values["link"], HTML: m.Locale}, nil
}

// work runs a worker of the outbox, which is the office's or another process's; stop waits for its end.
func (o *office) work(outbox *mails.Outbox) (stop func()) {
	w := &mails.Worker{
		Outbox: outbox, Sender: o.carrier, Render: render, Timeout: timeout, Log: slog.New(slog.NewTextHandler(o, nil)),
		Count: func(outcome mails.Outcome) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.counts[outcome]++
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		w.Run(ctx)
		close(done)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	o.t.Cleanup(stop)
	return stop
}

// write enqueues a mail to somebody.
func (o *office) write(to string) {
	o.t.Helper()
	require.NoError(o.t, o.EnqueueMail(context.Background(), provider.Mail{
		Kind: provider.MailVerifyEmail, To: to, Locale: "ko", Values: map[string]string{"link": secretLink},
	}))
}

func (o *office) requireCounts(sent, deferred, dead int) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Equal(o.t, [3]int{sent, deferred, dead}, [3]int{o.counts[mails.Sent], o.counts[mails.Deferred], o.counts[mails.Dead]})
}

func (o *office) requireEmpty() {
	o.t.Helper()
	left, err := o.store.ClaimParcels(context.Background(), provider.TopicMail, time.Now().Add(1000*time.Hour), time.Now(), 10)
	require.NoError(o.t, err)
	require.Empty(o.t, left)
}

// pass lets time go by in a bubble, and everybody do what is to be done by then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestMailIsSentAtOnceAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.work(o.Outbox)
		synctest.Wait()
		pass(time.Second)
		begun := time.Now()
		o.write("ada@example.com")
		synctest.Wait()
		require.Equal(t, begun, time.Now(), "it did not wait for the next look")
		require.Len(t, o.carrier.sent(), 1)
		m := o.carrier.sent()[0]
		require.Equal(t, "ada@example.com", m.To)
		require.Equal(t, mails.Content{Subject: "subject", Text: secretLink, HTML: "ko"}, m.Content)
		require.WithinDuration(t, begun, m.Date, time.Microsecond)
		require.NotEmpty(t, m.ID)
		o.requireCounts(1, 0, 0)
		o.requireEmpty()
		require.NotContains(t, o.logged(), "SECRET")
	})
}

func TestMailThatIsNotAcceptedIsTriedForADayAndThenReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.carrier.do = func(context.Context, mails.Message) error {
			return errors.New("451 come\r\nagain " + strings.Repeat("나중에", 500))
		}
		o.work(o.Outbox)
		o.write("ada@example.com")
		pass(48 * time.Hour)
		var waits []time.Duration
		for i := range o.carrier.tried()[1:] {
			waits = append(waits, o.carrier.tried()[i+1].Sub(o.carrier.tried()[i]).Round(10*time.Second))
		}
		require.Equal(t, []time.Duration{
			time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
		}, waits)
		o.requireCounts(0, 8, 1)
		require.Equal(t, 1, strings.Count(o.logged(), "level=ERROR msg=\"mail given up\""))
		require.NotContains(t, o.logged(), "SECRET")
		dead, err := o.store.DeadParcels(t.Context(), provider.TopicMail, 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.True(t, strings.HasPrefix(dead[0].LastError, "451 come again 나중에"), dead[0].LastError)
		require.LessOrEqual(t, len(dead[0].LastError), 500)
		o.requireEmpty()
	})
}

func TestMailIsSentOnceTheServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		back := time.Now().Add(10 * time.Minute)
		o.carrier.do = func(context.Context, mails.Message) error {
			if time.Now().Before(back) {
				return errors.New("connection refused")
			}
			return nil
		}
		o.work(o.Outbox)
		for i := range 20 {
			o.write(fmt.Sprintf("u%d@example.com", i))
		}
		pass(time.Hour)
		require.Len(t, o.carrier.sent(), 20)
		o.requireEmpty()
	})
}

func TestMailThatIsRefusedForGoodIsReportedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.carrier.do = func(context.Context, mails.Message) error {
			return fmt.Errorf("%w: 550 no such user", mails.ErrRefused)
		}
		o.work(o.Outbox)
		o.write("ada@example.com")
		pass(48 * time.Hour)
		require.Len(t, o.carrier.tried(), 1)
		o.requireCounts(0, 0, 1)
		require.Contains(t, o.logged(), "level=ERROR")
	})
}

// A worker that hangs is stopped before another takes its mail.
func TestAttemptThatHangsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		hang := true
		var ended time.Time
		o.carrier.do = func(ctx context.Context, _ mails.Message) error {
			if !hang {
				return nil
			}
			hang = false
			<-ctx.Done()
			ended = time.Now()
			return ctx.Err()
		}
		o.work(o.Outbox)
		o.work(mails.NewOutbox(o.store, master(t, 1), time.Now))
		o.write("ada@example.com")
		pass(10 * time.Minute)
		require.Len(t, o.carrier.tried(), 2)
		require.Equal(t, timeout, ended.Sub(o.carrier.tried()[0]))
		require.Len(t, o.carrier.sent(), 1)
	})
}

func TestMailOfAProcessThatDiedIsSentByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.write("ada@example.com")
		now := time.Now()
		claimed, err := o.store.ClaimParcels(t.Context(), provider.TopicMail, now, now.Add(2*timeout), 1) // and dies
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		o.work(mails.NewOutbox(o.store, master(t, 1), time.Now))
		pass(2*timeout - time.Second)
		require.Empty(t, o.carrier.sent())
		pass(time.Minute)
		require.Len(t, o.carrier.sent(), 1)
		require.Equal(t, claimed[0].ID, o.carrier.sent()[0].ID, "a reader's mailbox can tell that both are one")
	})
}

func TestSeveralReplicasSendEachMailOnce(t *testing.T) {
	const count = 200
	o := newOffice(t)
	for range 3 {
		o.work(mails.NewOutbox(o.store, master(t, 1), time.Now))
	}
	o.work(o.Outbox)
	for i := range count {
		o.write(fmt.Sprintf("u%d@example.com", i))
	}
	require.Eventually(t, func() bool { return len(o.carrier.sent()) >= count }, 30*time.Second, 10*time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	to := map[string]int{}
	for _, m := range o.carrier.sent() {
		to[m.To]++
	}
	require.Len(t, to, count)
	require.Len(t, o.carrier.sent(), count)
}

func TestWorkerThatIsStoppedFinishesTheMailInHandAndBeginsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.carrier.do = func(ctx context.Context, _ mails.Message) error {
			select {
			case <-time.After(10 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for i := range 10 {
			o.write(fmt.Sprintf("u%d@example.com", i))
		}
		stop := o.work(o.Outbox)
		synctest.Wait()
		pass(time.Second)
		begun := time.Now()
		stop()
		require.Equal(t, 9*time.Second, time.Since(begun))
		require.Len(t, o.carrier.sent(), 4, "four at a time")
		o.requireCounts(4, 0, 0)
		require.Len(t, o.carrier.tried(), 4)
		o.work(mails.NewOutbox(o.store, master(t, 1), time.Now)) // the next process
		pass(time.Hour)
		require.Len(t, o.carrier.sent(), 10)
		o.requireEmpty()
	})
}

func TestOutboxKeepsNothingReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.write("ada@example.com")
		o.write("eve@example.com")
		now := time.Now()
		queued, err := o.store.ClaimParcels(t.Context(), provider.TopicMail, now, now, 2)
		require.NoError(t, err)
		require.Len(t, queued, 2)
		for _, q := range queued {
			for _, text := range []string{"SECRET", "ada", "example", "verify"} {
				require.NotContains(t, string(q.Sealed), text)
			}
		}
		// Eve, who can write the table, cannot have Ada's mail sent in the place of hers.
		for _, q := range queued {
			require.NoError(t, o.store.RemoveParcel(t.Context(), provider.TopicMail, q.ID))
		}
		queued[0].ID, queued[1].ID = queued[1].ID, queued[0].ID
		for _, q := range queued {
			require.NoError(t, o.store.AddParcel(t.Context(), q))
		}
		o.work(o.Outbox)
		pass(time.Minute)
		require.Empty(t, o.carrier.tried())
		o.requireCounts(0, 2, 0)
	})
}

func TestMailOutlivesAChangeOfTheMasterKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.write("ada@example.com")
		o.work(mails.NewOutbox(o.store, master(t, 2, 1), time.Now))
		pass(time.Second)
		require.Len(t, o.carrier.sent(), 1)
	})
}

// While releases overlap, an old replica must not give up what a new one can word.
func TestMailOfAKindThatIsNotKnownHereIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		require.NoError(t, o.EnqueueMail(t.Context(), provider.Mail{Kind: "birthday", To: "ada@example.com"}))
		o.work(o.Outbox)
		pass(time.Second)
		o.requireCounts(0, 1, 0)
		require.Contains(t, o.logged(), "birthday")
	})
}

func TestOutboxThatCannotBeReachedRefusesTheMail(t *testing.T) {
	o := newOffice(t)
	require.NoError(t, o.store.Close())
	require.Error(t, o.EnqueueMail(t.Context(), provider.Mail{Kind: provider.MailPasswordSet, To: "ada@example.com"}))
}
