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
	// TakeEach is Take for several buckets, in one trip; each is counted by itself.
	TakeEach(ctx context.Context, buckets []Bucket, now time.Time) ([]Taken, error)
	// Forget drops what was counted under a key; nil when nothing was.
	Forget(ctx context.Context, key string) error
}

// Bucket is a key with its rate.
type Bucket struct {
	Key  string
	Rate Rate
}

// Taken is what became of one event.
type Taken struct {
	// Wait is 0 when the event is within the rate, otherwise how long to wait.
	Wait time.Duration
	// First says that nothing else is counted under the key.
	First bool
}
