package provider

import (
	"context"
	"time"
)

// Rate is how often something may happen: Burst at once, and Limit per Per in the long run.
type Rate struct {
	Limit int
	Per   time.Duration
	Burst int
}

// Interval is the time that one event uses up.
func (r Rate) Interval() time.Duration { return r.Per / time.Duration(max(r.Limit, 1)) }

// Limiter counts events per key (generic cell rate algorithm). Implementations pass
// storagetest.RunLimiter.
type Limiter interface {
	// Take counts one event and returns 0 when it is within the rate; otherwise nothing is counted
	// and it returns how long to wait. Counting is atomic: of concurrent callers no more succeed than the
	// rate allows. A key that is not used expires by itself.
	Take(ctx context.Context, key string, rate Rate, now time.Time) (time.Duration, error)
	// Forget drops what was counted under a key; nil when nothing was.
	Forget(ctx context.Context, key string) error
}
