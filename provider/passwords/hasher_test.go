package passwords

import (
	"context"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

func TestHashVerifiesItsPasswordAndNoOther(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	for _, password := range []string{"", "a", "correct horse battery staple", " spaces ", "🔑🔑", strings.Repeat("a", 73), strings.Repeat("ä", MaxLength/2)} {
		stored, err := hasher.Hash(t.Context(), password)
		require.NoError(t, err)
		ok, outdated, err := hasher.Verify(t.Context(), stored, password)
		require.NoError(t, err)
		require.True(t, ok, "%q", password)
		require.False(t, outdated)
		if len(password) == MaxLength {
			continue
		}
		for _, other := range []string{password + "a", "a" + password, password + "\x00"} {
			ok, _, err = hasher.Verify(t.Context(), stored, other)
			require.NoError(t, err)
			require.False(t, ok, "%q for %q", other, password)
		}
	}
}

func TestOneByteMoreIsAnotherPasswordAtAnyLength(t *testing.T) {
	t.Parallel()
	hasher := New(Params{Memory: 8, Time: 1, Threads: 1})
	for n := 0; n < MaxLength; n += 1 + n/64 {
		password := strings.Repeat("a", n)
		stored, err := hasher.Hash(t.Context(), password)
		require.NoError(t, err)
		ok, _, err := hasher.Verify(t.Context(), stored, password)
		require.NoError(t, err)
		require.True(t, ok, n)
		ok, _, err = hasher.Verify(t.Context(), stored, password+"a")
		require.NoError(t, err)
		require.False(t, ok, n)
	}
}

func TestHashIsAPHCStringWithAFreshSalt(t *testing.T) {
	t.Parallel()
	hasher := New(Params{})
	first, err := hasher.Hash(t.Context(), "secret")
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, first)
	second, err := hasher.Hash(t.Context(), "secret")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

// REG-12: one password, however the keyboard composes its letters.
func TestComposedAndDecomposedLettersAreOnePassword(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	for composed, decomposed := range map[string]string{"pässword": "pa\u0308ssword", "비밀번호": "\u1107\u1175\u1106\u1175\u11af\u1107\u1165\u11ab\u1112\u1169"} {
		stored, err := hasher.Hash(t.Context(), composed)
		require.NoError(t, err)
		ok, _, err := hasher.Verify(t.Context(), stored, decomposed)
		require.NoError(t, err)
		require.True(t, ok, composed)
	}
	// NFC only: letters that merely look alike stay different.
	stored, err := hasher.Hash(t.Context(), "finest")
	require.NoError(t, err)
	ok, _, err := hasher.Verify(t.Context(), stored, "ﬁnest")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestHashOfAnotherCostIsOutdated(t *testing.T) {
	t.Parallel()
	for name, params := range map[string]Params{
		"memory":  {Memory: 72, Time: 1, Threads: 1},
		"time":    {Memory: 64, Time: 2, Threads: 1},
		"threads": {Memory: 64, Time: 1, Threads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored, err := New(params).Hash(t.Context(), "secret")
			require.NoError(t, err)
			ok, outdated, err := cheap().Verify(t.Context(), stored, "secret")
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, outdated)
			ok, outdated, err = cheap().Verify(t.Context(), stored, "wrong")
			require.NoError(t, err)
			require.False(t, ok || outdated)
		})
	}
}

func TestHashOfDjangoWithTheSameCostIsOutdated(t *testing.T) {
	t.Parallel()
	stored, err := cheap().Hash(t.Context(), "secret")
	require.NoError(t, err)
	ok, outdated, err := cheap().Verify(t.Context(), "argon2"+stored, "secret")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, outdated, "its letters are not normalised")
}

// REG-11: nothing is hashed, so the cost of a request does not grow with its size.
func TestPasswordThatIsTooLongIsNotHashed(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	stored, err := hasher.Hash(t.Context(), strings.Repeat("a", MaxLength))
	require.NoError(t, err)
	long := strings.Repeat("a", MaxLength+1)
	occupy(hasher, cap(hasher.places))
	_, err = hasher.Hash(t.Context(), long)
	require.ErrorIs(t, err, ErrTooLong)
	_, _, err = hasher.Verify(t.Context(), stored, long)
	require.ErrorIs(t, err, ErrTooLong)
	require.ErrorIs(t, hasher.Waste(t.Context(), long), ErrTooLong)
}

// occupy fills n places; of those as many run as may.
func occupy(h *Hasher, n int) {
	for range n {
		h.places <- struct{}{}
		select {
		case h.running <- struct{}{}:
		default:
		}
	}
}

func TestNoMoreHashesThanAllowedRunAtOnce(t *testing.T) {
	t.Parallel()
	hasher := New(Params{Concurrent: 3, Queue: 100, QueueWait: time.Minute})
	var running, most atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := hasher.run(t.Context(), "", func() {
				n := running.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(2 * time.Millisecond)
				running.Add(-1)
			})
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.EqualValues(t, 3, most.Load())
	require.Empty(t, hasher.places)
	require.Empty(t, hasher.running)
}

func TestFullQueueIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := New(Params{Memory: 64, Time: 1, Concurrent: 2, Queue: 3, QueueWait: 5 * time.Second})
		occupy(hasher, 5)
		start := time.Now()
		_, err := hasher.Hash(t.Context(), "secret")
		busy := new(provider.BusyError)
		require.ErrorAs(t, err, &busy)
		require.Equal(t, 5*time.Second, busy.RetryAfter)
		require.ErrorIs(t, err, provider.ErrUnavailable)
		require.Zero(t, time.Since(start))
	})
}

func TestWaitingInTheQueueEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		patience time.Duration
		want     error
		after    time.Duration
	}{
		"with the queue's patience": {time.Hour, provider.ErrUnavailable, 5 * time.Second},
		"with the caller's context": {time.Second, context.DeadlineExceeded, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hasher := New(Params{Memory: 64, Time: 1, Concurrent: 1, Queue: 3, QueueWait: 5 * time.Second})
				occupy(hasher, 1)
				ctx, cancel := context.WithTimeout(t.Context(), tc.patience)
				defer cancel()
				start := time.Now()
				_, err := hasher.Hash(ctx, "secret")
				require.ErrorIs(t, err, tc.want)
				require.Equal(t, tc.after, time.Since(start))
				require.Len(t, hasher.places, 1, "the place in the queue was not given back")

				<-hasher.running
				<-hasher.places
				_, err = hasher.Hash(t.Context(), "secret")
				require.NoError(t, err)
			})
		})
	}
}

func TestCallerThatIsGoneIsNotServed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		require.ErrorIs(t, cheap().run(ctx, "", func() { t.Error("work was done") }), context.Canceled)
	}
}

// The memory of many callers is that of the few that run: with argon2id's 19 MiB each, 24 at once
// would take 456 MiB.
func TestMemoryIsBoundedByTheHashesAtOnce(t *testing.T) {
	hasher := New(Params{Concurrent: 2, Queue: 64, QueueWait: time.Minute})
	var peak atomic.Uint64
	done := make(chan struct{})
	var watch, all sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				peak.Store(max(peak.Load(), residentMemory()))
			}
		}
	})
	before := residentMemory()
	for range 24 {
		all.Go(func() {
			_, err := hasher.Hash(context.Background(), "secret")
			require.NoError(t, err)
		})
	}
	all.Wait()
	close(done)
	watch.Wait()
	t.Logf("24 hashes, 2 at once: %d MiB before, %d MiB at most", before>>20, peak.Load()>>20)
	// The garbage collector lets as much garbage pile up as there is memory in use, and a little more.
	require.Less(t, peak.Load(), before+8*19<<20)
}

// residentMemory is what the Go runtime holds of the machine's memory.
func residentMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

func BenchmarkVerify(b *testing.B) {
	hasher := New(Params{})
	stored, err := hasher.Hash(b.Context(), "secret")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		ok, _, err := hasher.Verify(b.Context(), stored, "secret")
		require.NoError(b, err)
		require.True(b, ok)
	}
}
