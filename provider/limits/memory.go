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
func (m *Memory) Take(_ context.Context, key string, rate provider.Rate, now time.Time) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	due, ok := m.due.Get(key)
	if !ok || due.Before(now) {
		due = now
	}
	due = due.Add(rate.Interval())
	if wait := due.Add(-time.Duration(rate.Burst) * rate.Interval()).Sub(now); wait > 0 {
		return wait, nil
	}
	m.due.Add(key, due)
	return 0, nil
}

// Forget implements provider.Limiter.
func (m *Memory) Forget(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due.Remove(key)
	return nil
}
