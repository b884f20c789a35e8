package clientsecrets_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/clientsecrets"
	"github.com/signet-id/signet/provider/passwords"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func cheap() *passwords.Hasher {
	return passwords.New(passwords.Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 4, QueueWait: time.Minute})
}

func hashes(all ...string) []provider.SecretHash {
	out := make([]provider.SecretHash, 0, len(all))
	for _, h := range all {
		out = append(out, provider.SecretHash{Hash: h})
	}
	return out
}

func TestGeneratedSecretsAreRandomAndNeedNoEncoding(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^sgs_[A-Z2-7]{52}$`) // 52 letters of 5 bits: 260 bits
	seen := map[string]bool{}
	for range 1000 {
		secret := clientsecrets.Generate()
		require.Regexp(t, form, secret)
		require.False(t, seen[secret])
		seen[secret] = true
	}
}

func TestStoredHashDoesNotHoldTheSecret(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sha256$K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols", clientsecrets.Hash("secret"))
	chosen, err := clientsecrets.HashChosen(t.Context(), cheap(), "secret")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(chosen, "$argon2id$"))
}

// unlimited never refuses a slow hash.
func unlimited() error { return nil }

// What is asked before a slow hash decides whether it is computed; fast hashes and remembered ones ask
// nothing.
func TestSlowHashesAreAskedFor(t *testing.T) {
	hasher := passwords.New(passwords.Params{Memory: 64, Time: 1})
	verifier := clientsecrets.NewVerifier(hasher)
	slow, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	refused := errors.New("too many")
	refuse := func() error { return refused }
	stored := []provider.SecretHash{{Hash: slow}}
	_, err = verifier.Verify(t.Context(), stored, "secret", time.Now(), refuse)
	require.ErrorIs(t, err, refused)
	ok, err := verifier.Verify(t.Context(), stored, "secret", time.Now(), unlimited)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = verifier.Verify(t.Context(), stored, "secret", time.Now(), refuse)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = verifier.Verify(t.Context(), []provider.SecretHash{{Hash: clientsecrets.Hash("fast")}}, "fast", time.Now(), refuse)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	hasher := cheap()
	verifier := clientsecrets.NewVerifier(hasher)
	chosen, err := clientsecrets.HashChosen(t.Context(), hasher, "chosen secret")
	require.NoError(t, err)
	chosenEmpty, err := clientsecrets.HashChosen(t.Context(), hasher, "")
	require.NoError(t, err)
	generated := clientsecrets.Hash("generated secret")
	for name, tc := range map[string]struct {
		hashes []provider.SecretHash
		secret string
		want   bool
	}{
		"generated":                       {hashes(generated), "generated secret", true},
		"generated, wrong":                {hashes(generated), "generated secreT", false},
		"chosen":                          {hashes(chosen), "chosen secret", true},
		"chosen, wrong":                   {hashes(chosen), "chosen secreT", false},
		"chosen, too long":                {hashes(chosen), strings.Repeat("a", passwords.MaxLength+1), false},
		"second of two":                   {hashes(generated, chosen), "chosen secret", true},
		"neither of two":                  {hashes(generated, chosen), "other secret", false},
		"empty for a generated one":       {hashes(generated), "", false},
		"empty for the hash of empty":     {hashes(clientsecrets.Hash(""), chosenEmpty), "", false},
		"empty for an empty hash":         {hashes(""), "", false},
		"an empty hash":                   {hashes(""), "secret", false},
		"no hashes":                       {nil, "secret", false},
		"the hash itself":                 {hashes(generated), generated, false},
		"scheme without sum":              {hashes("sha256$"), "secret", false},
		"unknown scheme":                  {hashes("plain"), "plain", false},
		"in the overlap":                  {[]provider.SecretHash{{Hash: generated, ExpiresAt: now.Add(1)}}, "generated secret", true},
		"after the overlap":               {[]provider.SecretHash{{Hash: generated, ExpiresAt: now}}, "generated secret", false},
		"after the overlap of a slow one": {[]provider.SecretHash{{Hash: chosen, ExpiresAt: now}}, "chosen secret", false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time from memory
				ok, err := verifier.Verify(t.Context(), tc.hashes, tc.secret, now, unlimited)
				require.NoError(t, err)
				require.Equal(t, tc.want, ok)
			}
		})
	}
}

func TestOnlySuccessIsRememberedAndOnlyForAWhile(t *testing.T) {
	t.Parallel()
	hasher := passwords.New(passwords.Params{}) // milliseconds at least
	verifier := clientsecrets.NewVerifier(hasher)
	stored, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	// A caller that has left already only gets what needs no work.
	gone, cancel := context.WithCancel(t.Context())
	cancel()

	ok, err := verifier.Verify(t.Context(), hashes(stored), "secret", now, unlimited)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = verifier.Verify(gone, hashes(stored), "secret", now.Add(10*time.Minute-1), unlimited)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = verifier.Verify(gone, hashes(stored), "secret", now.Add(10*time.Minute), unlimited)
	require.ErrorIs(t, err, context.Canceled, "a match was remembered for ever")

	ok, err = verifier.Verify(t.Context(), hashes(stored), "wrong", now, unlimited)
	require.NoError(t, err)
	require.False(t, ok)
	_, err = verifier.Verify(gone, hashes(stored), "wrong", now, unlimited)
	require.ErrorIs(t, err, context.Canceled, "a failure was remembered")

	other, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	_, err = verifier.Verify(gone, hashes(other), "secret", now, unlimited)
	require.ErrorIs(t, err, context.Canceled, "a match was remembered for another hash")
}

func TestConcurrentCallersWithOneSecretCostOneHash(t *testing.T) {
	t.Parallel()
	// One hash at once and nobody may wait for long: a second hash would be refused.
	hasher := passwords.New(passwords.Params{Time: 4, Concurrent: 1, Queue: 1, QueueWait: time.Millisecond})
	verifier := clientsecrets.NewVerifier(hasher)
	stored, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			ok, err := verifier.Verify(t.Context(), hashes(stored), "secret", now, unlimited)
			require.NoError(t, err)
			require.True(t, ok)
		})
	}
	all.Wait()
}

func TestCallerThatLeavesDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	hasher := passwords.New(passwords.Params{Time: 10, Concurrent: 1, Queue: 2, QueueWait: time.Minute})
	verifier := clientsecrets.NewVerifier(hasher)
	stored, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { require.NoError(t, hasher.Waste(t.Context(), "")) }) // both callers have to wait
	time.Sleep(5 * time.Millisecond)
	all.Go(func() {
		_, _ = verifier.Verify(ctx, hashes(stored), "secret", now, unlimited)
	})
	time.Sleep(5 * time.Millisecond)
	all.Go(func() {
		ok, err := verifier.Verify(t.Context(), hashes(stored), "secret", now, unlimited)
		require.NoError(t, err)
		require.True(t, ok)
	})
	time.Sleep(5 * time.Millisecond)
	cancel()
	all.Wait()
}

func TestBusyHasherIsPassedOn(t *testing.T) {
	t.Parallel()
	hasher := passwords.New(passwords.Params{Memory: 64, Time: 1, Threads: 1, Concurrent: 1, Queue: 1, QueueWait: time.Millisecond})
	verifier := clientsecrets.NewVerifier(hasher)
	stored, err := clientsecrets.HashChosen(t.Context(), hasher, "secret")
	require.NoError(t, err)
	const slow = "$argon2id$v=19$m=131072,t=10,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	var occupant sync.WaitGroup
	defer occupant.Wait()
	occupant.Go(func() {
		err := provider.ErrUnavailable
		for errors.Is(err, provider.ErrUnavailable) { // the question below was in the way
			_, _, err = hasher.Verify(context.Background(), slow, "")
		}
		require.NoError(t, err)
	})
	require.Eventually(t, func() bool {
		return errors.Is(hasher.Waste(context.Background(), ""), provider.ErrUnavailable)
	}, 10*time.Second, time.Millisecond)
	ok, err := verifier.Verify(t.Context(), hashes(stored), "secret", now, unlimited)
	busy := new(provider.BusyError)
	require.ErrorAs(t, err, &busy)
	require.False(t, ok)
}

func BenchmarkVerifyRemembered(b *testing.B) {
	hasher := cheap()
	verifier := clientsecrets.NewVerifier(hasher)
	stored, err := clientsecrets.HashChosen(b.Context(), hasher, "secret")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		ok, err := verifier.Verify(b.Context(), hashes(stored), "secret", now, unlimited)
		require.NoError(b, err)
		require.True(b, ok)
	}
}
