package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// Expiring is a store that removes what is past its end, and everything that has an end.
type Expiring interface {
	provider.ExpiredStore
	provider.GrantStore
	provider.RecordStore
	provider.LoginSessionStore
	provider.Limiter
	provider.EndedGrantStore
}

// RunExpired tests the promises of provider.ExpiredStore on a store whose records do not expire by
// themselves. The store must be new: everything expired in it is counted.
func RunExpired(t *testing.T, open func(t *testing.T) Expiring) {
	t.Run("what is past its end leaves in batches and the rest stays", func(t *testing.T) {
		store := open(t)
		const each, kinds, limit = 3, 6, 4
		later := now().Add(2 * time.Hour) // by then all but the last of each kind has ended
		end := func(i int) time.Time {
			if i == each {
				return later.Add(time.Hour)
			}
			return now().Add(time.Hour)
		}
		var grant provider.Grant
		var record provider.Record
		var session provider.LoginSession
		sessionID := name("session")
		for i := range each + 1 {
			grant, record, session = newGrant(t), newRecord(t), newLoginSession(t)
			grant.IdleExpiresAt, record.ExpiresAt, session.IdleExpiresAt = end(i), end(i), end(i)
			grant.SessionID, grant.SessionEndsAt = sessionID, end(i) // of one session one client stays
			require.NoError(t, store.CreateGrant(t.Context(), grant))
			require.NoError(t, store.CreateRecord(t.Context(), record))
			require.NoError(t, store.CreateLoginSession(t.Context(), session))
			require.NoError(t, store.RecordEndedGrant(t.Context(), name("grant"), end(i)))
			single := provider.Rate{Limit: 1, Per: time.Until(end(i)), Burst: 1}
			_, err := store.Take(t.Context(), fmt.Sprintf("limit %d", i), single, now())
			require.NoError(t, err)
		}

		none, err := store.DeleteExpired(t.Context(), now(), limit)
		require.NoError(t, err)
		require.Zero(t, none, "before anything ended")
		var total int64
		for {
			n, err := store.DeleteExpired(t.Context(), later, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, n, int64(limit))
			total += n
			if n == 0 {
				break
			}
		}
		require.Equal(t, int64(each*kinds), total)

		_, err = store.Grant(t.Context(), grant.ID)
		require.NoError(t, err)
		_, err = store.Record(t.Context(), record.Kind, record.Key)
		require.NoError(t, err)
		_, err = store.LoginSession(t.Context(), session.CookieHash)
		require.NoError(t, err)
		clients, err := store.SessionClients(t.Context(), sessionID)
		require.NoError(t, err)
		require.Equal(t, []string{grant.ClientID}, clients)
	})
}
