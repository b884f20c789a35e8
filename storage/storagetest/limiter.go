package storagetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// RunLimiter tests the promises of provider.Limiter.
func RunLimiter(t *testing.T, open func(t *testing.T) provider.Limiter) {
	limiter := open(t)
	take := func(t *testing.T, key string, rate provider.Rate, at time.Time) time.Duration {
		t.Helper()
		wait, err := limiter.Take(t.Context(), key, rate, at)
		require.NoError(t, err)
		return wait
	}
	rate := provider.Rate{Limit: 60, Per: time.Minute, Burst: 3} // one per second

	t.Run("a burst passes at once and then one per interval", func(t *testing.T) {
		key, at := name("key"), now()
		for range rate.Burst {
			require.Zero(t, take(t, key, rate, at))
		}
		require.Equal(t, time.Second, take(t, key, rate, at))
		require.Equal(t, time.Second, take(t, key, rate, at), "a refused event is not counted")
		require.Equal(t, time.Millisecond, take(t, key, rate, at.Add(999*time.Millisecond)))
		require.Zero(t, take(t, key, rate, at.Add(time.Second)))
		require.Equal(t, time.Second, take(t, key, rate, at.Add(time.Second)))
	})

	t.Run("a pause gives the burst back and no more", func(t *testing.T) {
		key, at := name("key"), now()
		for range rate.Burst {
			require.Zero(t, take(t, key, rate, at))
		}
		at = at.Add(time.Hour)
		for range rate.Burst {
			require.Zero(t, take(t, key, rate, at))
		}
		require.Positive(t, take(t, key, rate, at))
	})

	t.Run("of many at once exactly the burst passes", func(t *testing.T) {
		key, at := name("key"), now()
		passed := 0
		for _, o := range together(func(int) outcome[time.Duration] {
			wait, err := limiter.Take(t.Context(), key, rate, at)
			return outcome[time.Duration]{wait, err}
		}) {
			require.NoError(t, o.err)
			if o.value == 0 {
				passed++
				continue
			}
			require.Equal(t, time.Second, o.value)
		}
		require.Equal(t, rate.Burst, passed)
	})

	t.Run("keys that look alike never meet", func(t *testing.T) {
		at := now()
		single := provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}
		for _, key := range lookalikes("key") {
			require.Zero(t, take(t, key, single, at), "%q", key)
			require.Equal(t, time.Hour, take(t, key, single, at), "%q", key)
		}
	})

	t.Run("a forgotten key starts anew", func(t *testing.T) {
		key, other, at := name("key"), name("key"), now()
		single := provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}
		require.NoError(t, limiter.Forget(t.Context(), key))
		require.Zero(t, take(t, key, single, at))
		require.Zero(t, take(t, other, single, at))
		require.NoError(t, limiter.Forget(t.Context(), key))
		require.Zero(t, take(t, key, single, at))
		require.Positive(t, take(t, other, single, at))
	})

	t.Run("a quick rate is exact too", func(t *testing.T) {
		// Ahead of the store's own clock, by which a count of a millisecond ends before the next call.
		key, at := name("key"), now().Add(time.Minute)
		quick := provider.Rate{Limit: 1000, Per: time.Second, Burst: 1}
		for range 20 {
			require.Zero(t, take(t, key, quick, at))
			require.Equal(t, time.Millisecond, take(t, key, quick, at))
			at = at.Add(time.Millisecond)
		}
	})

	t.Run("several buckets are counted each by itself", func(t *testing.T) {
		full, fresh, at := name("key"), name("key"), now()
		single := provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}
		double := provider.Rate{Limit: 2, Per: time.Hour, Burst: 2}
		require.Zero(t, take(t, full, single, at))
		for i, want := range [][]provider.Taken{
			{{Wait: time.Hour}, {First: true}},
			{{Wait: time.Hour}, {}},
			{{Wait: time.Hour}, {Wait: 30 * time.Minute}},
		} {
			taken, err := limiter.TakeEach(t.Context(), []provider.Bucket{{Key: full, Rate: single}, {Key: fresh, Rate: double}}, at)
			require.NoError(t, err)
			require.Equal(t, want, taken, "time %d", i+1)
		}
	})

	t.Run("an event is the first when nothing else is counted", func(t *testing.T) {
		key, at := name("key"), now()
		rate := provider.Rate{Limit: 2, Per: time.Hour, Burst: 2}
		first := func(at time.Time) bool {
			t.Helper()
			taken, err := limiter.TakeEach(t.Context(), []provider.Bucket{{Key: key, Rate: rate}}, at)
			require.NoError(t, err)
			require.Zero(t, taken[0].Wait)
			return taken[0].First
		}
		require.True(t, first(at))
		require.False(t, first(at.Add(29*time.Minute)), "the first is not used up")
		require.False(t, first(at.Add(45*time.Minute)))
		require.True(t, first(at.Add(3*time.Hour)), "all before are used up")
		require.False(t, first(at.Add(3*time.Hour)))
		require.NoError(t, limiter.Forget(t.Context(), key))
		require.True(t, first(at.Add(3*time.Hour)))

		key = name("key")
		firsts := 0
		for _, was := range together(func(int) bool {
			taken, err := limiter.TakeEach(t.Context(), []provider.Bucket{{Key: key, Rate: provider.Rate{Limit: 100, Per: time.Hour, Burst: 100}}}, at)
			return err == nil && taken[0].First
		}) {
			if was {
				firsts++
			}
		}
		require.Equal(t, 1, firsts, "of many at once")
	})
}
