package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// A statement's first use by a caller who waits for a connection must not stop the transaction that
// has it and uses the same statement.
func TestATransactionDoesNotWaitForOthersToPrepare(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			s := store.open(t, func(o *sqlstore.Options) { o.MaxOpenConns = 1 })
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			waiting := make(chan error, 1)
			require.NoError(t, s.InTx(ctx, func(tx context.Context) error {
				go func() { waiting <- s.CreateGrant(ctx, newGrant("outside")) }()
				time.Sleep(50 * time.Millisecond)
				return s.CreateGrant(tx, newGrant("inside"))
			}))
			require.NoError(t, <-waiting)
		})
	}
}

// A connection that breaks under one caller must not take the statements of others away.
func TestBrokenConnectionsAreReplaced(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := sqlstoretest.MariaDB(t)
		require.NoError(t, s.CreateGrant(t.Context(), newGrant("g")))
		stop := make(chan struct{})
		errs := make(chan error, 8)
		for range cap(errs) {
			go func() {
				for {
					select {
					case <-stop:
						errs <- nil
						return
					default:
					}
					if _, err := s.Grant(t.Context(), "g"); err != nil {
						errs <- err
						return
					}
				}
			}()
		}
		for range 20 {
			s.Writer().SetMaxIdleConns(0) // closes what is idle
			s.Writer().SetMaxIdleConns(8)
			time.Sleep(5 * time.Millisecond)
		}
		close(stop)
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
	})
}
