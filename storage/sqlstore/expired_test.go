package sqlstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// movable is a clock that tests move.
type movable struct{ offset atomic.Int64 }

func (m *movable) now() time.Time           { return now().Add(time.Duration(m.offset.Load())) }
func (m *movable) advance(by time.Duration) { m.offset.Add(int64(by)) }

func TestDeleteExpired(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		begin := now()
		hour, day := begin.Add(time.Hour), begin.Add(24*time.Hour)
		for i := range 5 {
			name := fmt.Sprint("short", i)
			g := newGrant(name)
			g.IdleExpiresAt = hour
			require.NoError(t, s.CreateGrant(t.Context(), g))
			require.NoError(t, s.RecordEndedGrant(t.Context(), name, hour))
			require.NoError(t, s.CreateRecord(t.Context(), provider.Record{Kind: provider.RecordPAR, Key: name, ExpiresAt: hour}))
			require.NoError(t, s.CreateLoginSession(t.Context(), provider.LoginSession{ID: name, CookieHash: name, ExpiresAt: day, IdleExpiresAt: hour}))
			_, err := s.Take(t.Context(), name, provider.Rate{Limit: 1, Per: time.Minute, Burst: 1}, begin)
			require.NoError(t, err)
		}
		long := newGrant("long")
		long.ExpiresAt, long.IdleExpiresAt = day, day
		require.NoError(t, s.CreateGrant(t.Context(), long))
		require.NoError(t, s.RecordEndedGrant(t.Context(), "long", day))
		_, err := s.CreateUser(t.Context(), newUser("stays@example.com"))
		require.NoError(t, err)

		deleted, err := s.DeleteExpired(t.Context(), begin, 100)
		require.NoError(t, err)
		require.Zero(t, deleted, "nothing has ended")

		var batches []int64
		for {
			deleted, err := s.DeleteExpired(t.Context(), begin.Add(2*time.Hour), 7)
			require.NoError(t, err)
			batches = append(batches, deleted)
			if deleted == 0 {
				break
			}
		}
		require.Equal(t, []int64{7, 7, 7, 4, 0}, batches)
		_, err = s.Grant(t.Context(), "long")
		require.NoError(t, err)
		require.NoError(t, s.CreateClient(t.Context(), provider.Client{ID: "c"}))
		standing, err := s.Standing(t.Context(), "c", 0, "long", "")
		require.NoError(t, err)
		require.True(t, standing.GrantEnded, "an ended grant is remembered while it could live")
	})
}

func TestARecordThatExpiredCanBeMadeAgain(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			var clock movable
			s := store.open(t, sqlstoretest.Clock(clock.now))
			jti := provider.Record{Kind: provider.RecordAssertion, Key: "jti", Value: []byte("old"), ExpiresAt: clock.now().Add(time.Minute)}
			require.NoError(t, s.CreateRecord(t.Context(), jti))
			_, err := s.ConsumeRecord(t.Context(), jti.Kind, jti.Key, clock.now())
			require.NoError(t, err)
			require.ErrorIs(t, s.CreateRecord(t.Context(), jti), provider.ErrAlreadyExists)

			clock.advance(time.Hour)
			jti.Value, jti.ExpiresAt = []byte("new"), clock.now().Add(time.Minute)
			require.NoError(t, s.CreateRecord(t.Context(), jti))
			got, err := s.Record(t.Context(), jti.Kind, jti.Key)
			require.NoError(t, err)
			require.Equal(t, jti, got, "the new record is unused")
			require.ErrorIs(t, s.CreateRecord(t.Context(), jti), provider.ErrAlreadyExists)
		})
	}
}

func TestAnEndedGrantIsKeptForTheLongestTimeGiven(t *testing.T) {
	eachStore(t, func(t *testing.T, s *sqlstore.Store) {
		require.NoError(t, s.CreateClient(t.Context(), provider.Client{ID: "c"}))
		begin := now()
		for _, hours := range []int{1, 9, 2} {
			require.NoError(t, s.RecordEndedGrant(t.Context(), "g", begin.Add(time.Duration(hours)*time.Hour)))
		}
		deleted, err := s.DeleteExpired(t.Context(), begin.Add(8*time.Hour), 10)
		require.NoError(t, err)
		require.Zero(t, deleted)
		standing, err := s.Standing(t.Context(), "c", 0, "g", "")
		require.NoError(t, err)
		require.True(t, standing.GrantEnded)
	})
}

func TestTwoProcessesDecideOnce(t *testing.T) {
	const callers = 16
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			rawURL := database.url(t)
			processes := []*sqlstore.Store{sqlstoretest.Open(t, rawURL), sqlstoretest.Open(t, rawURL)}
			for round := range 10 {
				g := newGrant(fmt.Sprint("g", round))
				require.NoError(t, processes[0].CreateGrant(t.Context(), g))
				errs := make(chan error, 2*callers)
				for i := range 2 * callers {
					go func() {
						_, err := processes[i%2].RotateRefresh(t.Context(), provider.Rotation{
							GrantID: g.ID, ClientID: "app", Generation: 1, Now: now(), IdleExpiresAt: g.IdleExpiresAt,
						})
						errs <- err
					}()
				}
				won := 0
				for range 2 * callers {
					if err := <-errs; err == nil {
						won++
					} else {
						require.ErrorIs(t, err, provider.ErrConsumed)
					}
				}
				require.Equal(t, 1, won)
			}
		})
	}
}
