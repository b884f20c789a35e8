package sqlstore_test

import (
	"testing"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/storagetest"
)

// TestPromises runs the promises of every store interface on every database.
func TestPromises(t *testing.T) {
	for _, store := range stores {
		t.Run("users/"+store.name, func(t *testing.T) {
			storagetest.RunUsers(t, func(t *testing.T) provider.UserStore { return store.open(t) })
		})
		t.Run("clients/"+store.name, func(t *testing.T) {
			storagetest.RunClients(t, func(t *testing.T) provider.ClientStore { return store.open(t) })
		})
		t.Run("signing keys/"+store.name, func(t *testing.T) {
			storagetest.RunSigningKeys(t, func(t *testing.T) provider.SigningKeyStore { return store.open(t) })
		})
		t.Run("standings/"+store.name, func(t *testing.T) {
			storagetest.RunStandings(t, func(t *testing.T) storagetest.Standings { return store.open(t) })
		})
		t.Run("grants/"+store.name, func(t *testing.T) {
			storagetest.RunGrants(t, func(t *testing.T) provider.GrantStore { return store.open(t) })
		})
		t.Run("records/"+store.name, func(t *testing.T) {
			storagetest.RunRecords(t, func(t *testing.T) provider.RecordStore { return store.open(t) })
		})
		t.Run("login sessions/"+store.name, func(t *testing.T) {
			storagetest.RunLoginSessions(t, func(t *testing.T) provider.LoginSessionStore { return store.open(t) })
		})
		t.Run("consents/"+store.name, func(t *testing.T) {
			storagetest.RunConsents(t, func(t *testing.T) storagetest.Consents { return store.open(t) })
		})
		t.Run("session clients/"+store.name, func(t *testing.T) {
			storagetest.RunSessionClients(t, func(t *testing.T) storagetest.Sessions { return store.open(t) })
		})
		t.Run("limiter/"+store.name, func(t *testing.T) {
			storagetest.RunLimiter(t, func(t *testing.T) provider.Limiter { return store.open(t) })
		})
		t.Run("outbox/"+store.name, func(t *testing.T) {
			storagetest.RunOutbox(t, func(t *testing.T) provider.OutboxStore { return store.open(t) })
		})
		t.Run("expired/"+store.name, func(t *testing.T) {
			storagetest.RunExpired(t, func(t *testing.T) storagetest.Expiring { return store.open(t) })
		})
	}
}
