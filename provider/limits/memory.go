package limits

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-id/signet/provider"
)

// Memory is a provider.Limiter of this process alone.
type Memory struct {
	mu sync.Mutex
	// due is, per key, the moment at which all that was counted is used up (GCRA's theoretical arrival
	// time).
	due *lru.Cache[string, time.Time]
}

// NewMemory returns a limiter that remembers at most size keys; the one not used for longest goes
// first.
func NewMemory(size int) *Memory {
	due, err := lru.New[string, time.Time](size)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Memory{due: due}
}

// Take implements provider.Limiter.
func (m *Memory) Take(ctx context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	taken, err := m.TakeEach(ctx, []provider.Bucket{{Key: key, Rate: rate}}, now)
	return taken[0].Wait, err
}

// TakeEach implements provider.Limiter.
func (m *Memory) TakeEach(_ context.Context, buckets []provider.Bucket, now time.Time) ([]provider.Taken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := make([]provider.Taken, len(buckets))
	for i, b := range buckets {
		taken[i] = m.take(b, now)
	}
	return taken, nil
}

func (m *Memory) take(b provider.Bucket, now time.Time) provider.Taken {
	due, ok := m.due.Get(b.Key)
	first := !ok || !due.After(now)
	if first {
		due = now
	}
	due = due.Add(b.Rate.Interval())
	if wait := due.Add(-time.Duration(b.Rate.Burst) * b.Rate.Interval()).Sub(now); wait > 0 {
		return provider.Taken{Wait: wait}
	}
	m.due.Add(b.Key, due)
	return provider.Taken{First: first}
}

// Forget implements provider.Limiter.
func (m *Memory) Forget(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due.Remove(key)
	return nil
}
