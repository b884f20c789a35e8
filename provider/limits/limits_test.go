package limits_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/limits"
	"github.com/signet-id/signet/storage/storagetest"
)

func newLimits(now func() time.Time) *limits.Limits {
	memory := limits.NewMemory(1000)
	return &limits.Limits{
		Shared: memory, Local: memory, Enabled: true, Now: now,
		Rates: limits.Rates{
			LoginPerAddress:        provider.Rate{Limit: 10, Per: time.Minute, Burst: 10},
			LoginPerAccount:        provider.Rate{Limit: 5, Per: 5 * time.Minute, Burst: 5},
			RegistrationPerAddress: provider.Rate{Limit: 1, Per: time.Minute, Burst: 1},
		},
	}
}

func from(addr string) context.Context {
	return provider.WithRequest(context.Background(), provider.Request{Addr: netip.MustParseAddr(addr)})
}

func TestLoginLimits(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	limited := new(provider.RateLimitError)

	t.Run("an account is limited over all addresses", func(t *testing.T) {
		l := newLimits(clock)
		for i := range 5 {
			require.NoError(t, login(from(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String()), l, "bob@x.kr"))
		}
		require.ErrorAs(t, login(from("10.0.0.99"), l, "bob@x.kr"), &limited)
		require.Equal(t, time.Minute, limited.RetryAfter)
		require.NoError(t, login(from("10.0.0.99"), l, "eve@x.kr"))
	})
	t.Run("LOG-05: a success clears the account, never the address", func(t *testing.T) {
		l := newLimits(clock)
		for range 10 {
			try, err := l.Login(from("10.0.0.1"), "own@x.kr")
			require.NoError(t, err)
			require.NoError(t, try.Succeeded(from("10.0.0.1")))
		}
		require.ErrorAs(t, login(from("10.0.0.1"), l, "victim@x.kr"), &limited)
	})
	t.Run("LOG-06: guessing during a lock does not extend it", func(t *testing.T) {
		at := now
		l := newLimits(func() time.Time { return at })
		for range 5 {
			require.NoError(t, login(from("10.0.0.1"), l, "bob@x.kr"))
		}
		for range 50 {
			at = at.Add(time.Second)
			require.ErrorAs(t, login(from("10.0.0.2"), l, "bob@x.kr"), &limited)
			if at.Sub(now) > 9*time.Second {
				break
			}
		}
		at = now.Add(time.Minute)
		require.NoError(t, login(from("10.0.0.3"), l, "bob@x.kr"))
	})
	t.Run("RAT-02: an IPv6 subscriber is one address", func(t *testing.T) {
		l := newLimits(clock)
		require.NoError(t, l.Registration(from("2001:db8::1")))
		require.ErrorAs(t, l.Registration(from("2001:db8::2")), &limited)
		require.NoError(t, l.Registration(from("2001:db8:0:1::1")))
		require.NoError(t, l.Registration(from("192.0.2.1")))
		require.ErrorAs(t, l.Registration(from("::ffff:192.0.2.1")), &limited)
	})
	t.Run("RST-13, REG-05: a mailbox gets few mails of a kind, whatever its tag", func(t *testing.T) {
		l := newLimits(clock)
		l.Rates.MailPerRecipient = provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}
		l.Rates.MailPerAddress = provider.Rate{Limit: 3, Per: time.Hour, Burst: 3}
		require.NoError(t, l.Mail(from("10.0.0.1"), provider.MailPasswordReset, "bob+a@x.kr"))
		require.NoError(t, l.Mail(from("10.0.0.1"), provider.MailVerifyEmail, "bob@x.kr"), "another kind")
		require.ErrorAs(t, l.Mail(from("10.0.0.2"), provider.MailPasswordReset, "bob+b@x.kr"), &limited)
		require.NoError(t, l.Mail(from("10.0.0.1"), provider.MailPasswordReset, "b.ob@x.kr"), "dots are letters")
		require.ErrorAs(t, l.Mail(from("10.0.0.1"), provider.MailPasswordReset, "eve@x.kr"), &limited, "one address causes few")
	})
	t.Run("the account API is limited where a rate is set", func(t *testing.T) {
		l := newLimits(clock)
		for range 100 {
			require.NoError(t, l.AccountAPI(from("10.0.0.1")))
		}
		l.Rates.AccountAPIPerAddress = provider.Rate{Limit: 1, Per: time.Minute, Burst: 1}
		require.NoError(t, l.AccountAPI(from("10.0.0.1")))
		require.ErrorAs(t, l.AccountAPI(from("10.0.0.1")), &limited)
		require.NoError(t, l.AccountAPI(from("10.0.0.2")))
	})
	t.Run("switched off", func(t *testing.T) {
		l := newLimits(clock)
		l.Enabled = false
		for range 100 {
			require.NoError(t, login(from("10.0.0.1"), l, "bob@x.kr"))
		}
	})
}

// What every limiter promises holds for the one of this process too.
func TestMemory(t *testing.T) {
	storagetest.RunLimiter(t, func(*testing.T) provider.Limiter { return limits.NewMemory(1000) })
}

// trips counts the calls of a limiter.
type trips struct {
	provider.Limiter
	n int
}

func (l *trips) Take(ctx context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	l.n++
	return l.Limiter.Take(ctx, key, rate, now)
}

func (l *trips) TakeEach(ctx context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	l.n++
	return l.Limiter.TakeEach(ctx, buckets, now)
}

func (l *trips) Forget(ctx context.Context, key string) error {
	l.n++
	return l.Limiter.Forget(ctx, key)
}

// A login is one trip, and a second one only for who failed before.
func TestLoginTrips(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	l := newLimits(func() time.Time { return now })
	counted := &trips{Limiter: l.Shared}
	l.Shared = counted
	succeed := func() int {
		before := counted.n
		try, err := l.Login(from("10.0.0.1"), "bob@x.kr")
		require.NoError(t, err)
		require.NoError(t, try.Succeeded(from("10.0.0.1")))
		return counted.n - before
	}
	require.Equal(t, 1, succeed())
	// The try itself stays counted, so the next success within its interval has something to forget.
	require.Equal(t, 2, succeed())
	require.Equal(t, 1, succeed(), "it was forgotten")
	now = now.Add(time.Hour)
	require.Equal(t, 1, succeed(), "it was used up")
	require.NoError(t, login(from("10.0.0.2"), l, "eve@x.kr"))
	require.NoError(t, login(from("10.0.0.2"), l, "eve@x.kr"))
	require.Equal(t, 1, succeed()-1, "another account's failures count elsewhere")
}

func BenchmarkMemoryTake(b *testing.B) {
	memory, now := limits.NewMemory(1000), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = memory.Take(context.Background(), "k", provider.Rate{Limit: 1000, Per: time.Second, Burst: 1000}, now)
	}
}

func login(ctx context.Context, l *limits.Limits, account string) error {
	_, err := l.Login(ctx, account)
	return err
}
