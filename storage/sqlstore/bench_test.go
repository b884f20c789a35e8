package sqlstore_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

func eachBenchmark(b *testing.B, bench func(b *testing.B, s *sqlstore.Store)) {
	b.Helper()
	for _, store := range stores {
		b.Run(store.name, func(b *testing.B) {
			s := store.open(b)
			b.ReportAllocs()
			before := cpu()
			bench(b, s)
			b.ReportMetric(float64(cpu()-before)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

// cpu is what this process used so far: on MariaDB, the client's part.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func benchClient(b *testing.B, s *sqlstore.Store) {
	b.Helper()
	require.NoError(b, s.CreateClient(b.Context(), provider.Client{
		ID: "app", Name: "An application", SecretHashes: []provider.SecretHash{{Hash: "sha256$0123456789abcdef0123456789abcdef"}},
		TokenEndpointAuthMethod: provider.AuthMethodClientSecretBasic,
		GrantTypes:              []string{provider.GrantAuthorizationCode, provider.GrantRefreshToken, provider.GrantPassword},
		ResponseTypes:           []string{"code"}, RedirectURIs: []string{"https://app.example.com/callback"},
		Scopes: []string{"openid", "profile", "email", "offline_access"}, Audience: []string{"https://api.example.com"},
		CreatedAt: now(), UpdatedAt: now(),
	}))
}

// connections is how many callers a benchmark has at once.
const connections = 32

// parallel runs op in every caller, with the caller's number and its own count.
func parallel(b *testing.B, op func(caller, i int) error) {
	b.Helper()
	var callers atomic.Int32
	b.SetParallelism((connections + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		caller := int(callers.Add(1))
		for i := 1; pb.Next(); i++ {
			if err := op(caller, i); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkStanding(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *sqlstore.Store) {
		benchClient(b, s)
		u, err := s.CreateUser(b.Context(), newUser("a@example.com"))
		require.NoError(b, err)
		parallel(b, func(int, int) error {
			standing, err := s.Standing(b.Context(), "app", u.ID, "grant", "")
			if err == nil && standing.User.ID != u.ID {
				err = provider.ErrNotFound
			}
			return err
		})
	})
}

func BenchmarkRotateRefresh(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *sqlstore.Store) {
		for caller := range 2 * connections {
			require.NoError(b, s.CreateGrant(b.Context(), newGrant(fmt.Sprintf("grant-%d-%d", b.N, caller))))
		}
		parallel(b, func(caller, i int) error {
			at := time.Now()
			_, err := s.RotateRefresh(b.Context(), provider.Rotation{
				GrantID: fmt.Sprintf("grant-%d-%d", b.N, caller), ClientID: "app", Generation: i, Now: at, IdleExpiresAt: at.Add(time.Hour),
			})
			return err
		})
	})
}

func BenchmarkCreateGrant(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *sqlstore.Store) {
		template := newGrant("")
		parallel(b, func(caller, i int) error {
			g := template
			g.ID = fmt.Sprintf("grant-%d-%d-%d", b.N, caller, i)
			return s.CreateGrant(b.Context(), g)
		})
	})
}

func BenchmarkTake(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *sqlstore.Store) {
		rate := provider.Rate{Limit: 1_000_000, Per: time.Second, Burst: 1_000_000}
		parallel(b, func(caller, _ int) error {
			_, err := s.Take(b.Context(), fmt.Sprint("address ", caller), rate, time.Now())
			return err
		})
	})
}

// BenchmarkOpen opens a database that is up to date, as each start of a process does.
func BenchmarkOpen(b *testing.B) {
	for _, database := range databases {
		b.Run(database.name, func(b *testing.B) {
			rawURL := database.url(b)
			sqlstoretest.Open(b, rawURL)
			for b.Loop() {
				s, err := sqlstore.Open(b.Context(), rawURL, sqlstore.Options{})
				require.NoError(b, err)
				require.NoError(b, s.Migrate(b.Context()))
				require.NoError(b, s.Close())
			}
		})
	}
}
