package passwords

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/signet-id/signet/provider"
)

// MaxLength is the longest password that is looked at, in bytes.
const MaxLength = 4096

// ErrTooLong says that a password has more than MaxLength bytes.
var ErrTooLong = fmt.Errorf("password is longer than %d bytes", MaxLength)

// Params are the cost of a new hash and how many hashes are paid for at once. A zero field has its
// default.
type Params struct {
	Memory  uint32 // KiB, up to MaxMemory; default 19 MiB
	Time    uint32 // passes over the memory, up to MaxTime; default 2
	Threads uint8  // lanes, up to MaxThreads; default 1
	// Concurrent hashes run at once (default: one per core), Queue more may wait (default 50), each at
	// most for QueueWait (default 1 s).
	Concurrent int
	Queue      int
	QueueWait  time.Duration
}

// Hasher makes and verifies password hashes. Its work and memory are bounded: whoever finds the queue
// full, or waits too long in it, gets a *provider.BusyError.
type Hasher struct {
	params Params
	// places holds whoever is inside, running those of them that compute. Waiting senders of a channel
	// are served in their order.
	places, running chan struct{}
}

// New returns a Hasher.
func New(p Params) *Hasher {
	setDefault(&p.Memory, 19<<10)
	setDefault(&p.Time, 2)
	setDefault(&p.Threads, 1)
	setDefault(&p.Concurrent, runtime.GOMAXPROCS(0))
	setDefault(&p.Queue, 50)
	setDefault(&p.QueueWait, time.Second)
	return &Hasher{
		params:  p,
		places:  make(chan struct{}, p.Concurrent+p.Queue),
		running: make(chan struct{}, p.Concurrent),
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Hash returns the argon2id PHC string of a password. Errors: ErrTooLong, *provider.BusyError, ctx's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: it would end the program
	fresh := h.argon2id(salt)
	err := h.run(ctx, password, func() { fresh.sum = fresh.compute(password, sumSize) })
	if err != nil {
		return "", err
	}
	return fresh.String(), nil
}

// Verify tells whether a password belongs to a stored hash and, if it does, whether the hash should be
// made anew: it is of another format or cost than Hash makes. A hash that is unusable, unknown or
// not sane matches no password, and costs what a current one costs. An old one costs its own work.
// Errors: ErrTooLong, *provider.BusyError, ctx's.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (ok, outdated bool, err error) {
	hash, err := parse(stored)
	if errors.Is(err, errFormat) {
		return false, false, h.Waste(ctx, password)
	}
	if err := h.run(ctx, password, func() { ok = hash.matches(password) }); err != nil {
		return false, false, err
	}
	return ok, ok && h.outdated(hash), nil
}

// Waste does the work of a Verify that fails: an unknown user takes as long as a wrong password.
// Errors are Verify's.
func (h *Hasher) Waste(ctx context.Context, password string) error {
	dummy := h.argon2id(make([]byte, saltSize))
	dummy.sum = make([]byte, sumSize)
	return h.run(ctx, password, func() { dummy.matches(password) })
}

func (h *Hasher) argon2id(salt []byte) argon2Hash {
	return argon2Hash{
		variant: "argon2id", memory: h.params.Memory, time: h.params.Time, threads: h.params.Threads, salt: salt, normalised: true,
	}
}

func (h *Hasher) outdated(hash storedHash) bool {
	had, ok := hash.(argon2Hash)
	if !ok || len(had.salt) < saltSize || len(had.sum) != sumSize {
		return true
	}
	want := h.argon2id(had.salt)
	want.sum = had.sum
	return !had.normalised || had.String() != want.String()
}

// run does work when its turn comes.
func (h *Hasher) run(ctx context.Context, password string, work func()) error {
	if len(password) > MaxLength {
		return ErrTooLong
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	default:
		return &provider.BusyError{RetryAfter: h.params.QueueWait}
	}
	select {
	case h.running <- struct{}{}:
	default:
		if err := h.wait(ctx); err != nil {
			return err
		}
	}
	defer func() { <-h.running }()
	work()
	return nil
}

// wait takes its turn to run among those who wait.
func (h *Hasher) wait(ctx context.Context) error {
	timeout := time.NewTimer(h.params.QueueWait)
	defer timeout.Stop()
	select {
	case h.running <- struct{}{}:
		return nil
	case <-timeout.C:
		return &provider.BusyError{RetryAfter: h.params.QueueWait}
	case <-ctx.Done():
		return ctx.Err()
	}
}
