package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/secrets"
)

// State is where a key is in its life.
type State string

// The states of a key.
const (
	StateNext    State = "next"    // published, does not sign yet
	StateActive  State = "active"  // signs
	StateRetired State = "retired" // published while something it signed may live
	StateExpired State = "expired" // no longer published; verifies ID token hints only
)

// Schedule says how keys follow each other.
type Schedule struct {
	// Rotation is the age at which a key is replaced.
	Rotation time.Duration
	// JWKSMaxAge is how long others may cache the published keys.
	JWKSMaxAge time.Duration
	// Poll is how often a replica reads the keys.
	Poll time.Duration
	// LongestToken is the longest lifetime of anything that is signed.
	LongestToken time.Duration
}

const (
	// hintMemory is how long after its end a key still verifies ID token hints.
	hintMemory = 30 * 24 * time.Hour
	// plannedLead is how long before its turn a key is published when there is time.
	plannedLead = 24 * time.Hour
	// clockSkew is what the clocks of replicas and relying parties may differ.
	clockSkew = 5 * time.Minute
)

// lead is the shortest time between publishing a key and signing with it: every replica has read the
// new row, and every cache has been refreshed after that.
func (s Schedule) lead() time.Duration { return s.JWKSMaxAge + 2*s.Poll }

// Ring is the set of signing keys as this process last read it.
type Ring struct {
	store    provider.SigningKeyStore
	master   *secrets.Master
	schedule Schedule
	now      func() time.Time
	snapshot atomic.Pointer[snapshot]
}

// Info describes a key for people.
type Info struct {
	ID          string    `json:"kid"`
	Algorithm   string    `json:"alg"`
	State       State     `json:"state"`
	CreatedAt   time.Time `json:"created_at"`
	ActivatesAt time.Time `json:"activates_at"`
}

// Open reads the keys and makes those that are missing: one active key per algorithm.
func Open(ctx context.Context, store provider.SigningKeyStore, master *secrets.Master, schedule Schedule, now func() time.Time) (*Ring, error) {
	r := &Ring{store: store, master: master, schedule: schedule, now: now}
	if err := r.Refresh(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Refresh reads the keys again, makes what is due (a first key, the successor of one that is old
// enough) and removes what nobody needs any more.
func (r *Ring) Refresh(ctx context.Context) error {
	stored, err := r.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	made := false
	for _, alg := range Algorithms {
		due, activatesAt := r.successorDue(keysOf(stored, alg))
		if !due {
			continue
		}
		if err := r.create(ctx, alg, keysOf(stored, alg), activatesAt); err != nil {
			return err
		}
		made = true
	}
	if made {
		if stored, err = r.store.SigningKeys(ctx); err != nil {
			return fmt.Errorf("read signing keys: %w", err)
		}
	}
	if stored, err = r.removeForgotten(ctx, stored); err != nil {
		return err
	}
	s, err := r.open(stored)
	if err != nil {
		return err
	}
	r.snapshot.Store(s)
	return nil
}

// Rotate publishes a successor for each algorithm (all when none is given). It signs as soon as
// every replica and every cache may have seen it. An algorithm that has a next key is left alone.
func (r *Ring) Rotate(ctx context.Context, algorithms ...string) error {
	if len(algorithms) == 0 {
		algorithms = Algorithms
	}
	stored, err := r.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	now := r.now()
	for _, alg := range algorithms {
		if !slices.Contains(Algorithms, alg) {
			return fmt.Errorf("unknown algorithm %q", alg)
		}
		own := keysOf(stored, alg)
		if len(own) > 0 && own[len(own)-1].ActivatesAt.After(now) {
			continue
		}
		if err := r.create(ctx, alg, own, now.Add(r.schedule.lead())); err != nil {
			return err
		}
	}
	return r.Refresh(ctx)
}

// Run refreshes the ring until ctx ends.
func (r *Ring) Run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(r.schedule.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.Refresh(ctx); err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "signing keys not refreshed", "error", err)
			}
		}
	}
}

// Keys describes all keys, by algorithm and age.
func (r *Ring) Keys() []Info {
	s, now := r.snapshot.Load(), r.now()
	out := make([]Info, 0, len(s.all))
	for _, k := range s.all {
		out = append(out, Info{
			ID: k.id, Algorithm: k.algorithm, State: s.state(k, now, r.schedule),
			CreatedAt: k.createdAt, ActivatesAt: k.activatesAt,
		})
	}
	return out
}

// successorDue tells whether the keys of one algorithm, oldest first, need another one, and from
// when it shall sign.
func (r *Ring) successorDue(own []provider.SigningKey) (bool, time.Time) {
	now := r.now()
	if len(own) == 0 {
		return true, now
	}
	youngest := own[len(own)-1]
	turn := youngest.ActivatesAt.Add(r.schedule.Rotation)
	lead := max(r.schedule.lead(), min(plannedLead, r.schedule.Rotation/4))
	if now.Before(turn.Add(-lead)) {
		return false, time.Time{}
	}
	if earliest := now.Add(r.schedule.lead()); turn.Before(earliest) {
		turn = earliest
	}
	return true, turn
}

// create stores the next generation. Another replica that was faster is as good.
func (r *Ring) create(ctx context.Context, alg string, own []provider.SigningKey, activatesAt time.Time) error {
	generation := 1
	if len(own) > 0 {
		generation = own[len(own)-1].Generation + 1
	}
	id, der, err := generate(alg)
	if err != nil {
		return fmt.Errorf("make %s key: %w", alg, err)
	}
	sealed, err := r.master.Seal(place(id), der)
	if err != nil {
		return fmt.Errorf("seal %s key: %w", alg, err)
	}
	err = r.store.CreateSigningKey(ctx, provider.SigningKey{
		ID: id, Algorithm: alg, Generation: generation, PrivateKey: sealed,
		CreatedAt: r.now().UTC(), ActivatesAt: activatesAt.UTC(),
	})
	if err != nil && !errors.Is(err, provider.ErrAlreadyExists) {
		return fmt.Errorf("store %s key: %w", alg, err)
	}
	return nil
}

// removeForgotten deletes keys that no longer verify anything.
func (r *Ring) removeForgotten(ctx context.Context, stored []provider.SigningKey) ([]provider.SigningKey, error) {
	now := r.now()
	var kept []provider.SigningKey
	for i, k := range stored {
		if i+1 < len(stored) && stored[i+1].Algorithm == k.Algorithm &&
			now.After(r.schedule.unpublishedAt(stored[i+1].ActivatesAt).Add(hintMemory)) {
			if err := r.store.DeleteSigningKey(ctx, k.ID); err != nil {
				return nil, fmt.Errorf("delete signing key: %w", err)
			}
			continue
		}
		kept = append(kept, k)
	}
	return kept, nil
}

// unpublishedAt is when a key leaves the JWKS, given when its successor began to sign.
func (s Schedule) unpublishedAt(successorActive time.Time) time.Time {
	return successorActive.Add(s.LongestToken + clockSkew)
}

func keysOf(stored []provider.SigningKey, alg string) []provider.SigningKey {
	var own []provider.SigningKey
	for _, k := range stored {
		if k.Algorithm == alg {
			own = append(own, k)
		}
	}
	slices.SortFunc(own, func(a, b provider.SigningKey) int { return cmp.Compare(a.Generation, b.Generation) })
	return own
}

func place(id string) string { return "signing_keys/" + id }
