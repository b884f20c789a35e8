package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

// TestEveryStatementUsesAnIndex asks the database how it runs each statement of each method, on
// tables that are large enough for a scan to be the wrong plan.
func TestEveryStatementUsesAnIndex(t *testing.T) {
	for _, store := range []struct {
		name    string
		open    func(t testing.TB, configure ...func(*sqlstore.Options)) *sqlstore.Store
		explain func(t *testing.T, s *sqlstore.Store, statement sqlstore.Statement)
	}{
		{"sqlite", sqlstoretest.SQLiteFile, explainSQLite},
		{"mariadb", sqlstoretest.MariaDB, explainMariaDB},
	} {
		t.Run(store.name, func(t *testing.T) {
			s := store.open(t)
			fill(t, s)
			statements := map[string]sqlstore.Statement{}
			s.RecordStatements(func(statement sqlstore.Statement) {
				if !strings.HasPrefix(statement.Query, "INSERT") {
					statements[statement.Query] = statement
				}
			})
			useEverything(t, s)
			require.Greater(t, len(statements), 25)
			for _, statement := range statements {
				store.explain(t, s, statement)
			}
		})
	}
}

var topics = []provider.Topic{provider.TopicMail, provider.TopicLogoutNotice}

// fill makes 300 of everything, for 300 users and in one transaction.
func fill(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	require.NoError(t, s.InTx(t.Context(), func(ctx context.Context) error {
		for i := range 300 {
			name := fmt.Sprintf("n%03d", i)
			u, err := s.CreateUser(ctx, newUser(name+"@example.com"))
			require.NoError(t, err)
			require.NoError(t, s.CreateClient(ctx, provider.Client{ID: name}))
			require.NoError(t, s.CreateSigningKey(ctx, provider.SigningKey{ID: name, Algorithm: "ES256", Generation: i + 1, PrivateKey: []byte("x")}))
			g := newGrant(name)
			g.UserID, g.ClientID = u.ID, name
			end := now().Add(time.Duration(i+1) * time.Hour)
			g.ExpiresAt, g.IdleExpiresAt, g.SessionID, g.SessionEndsAt = end, end, name, end
			require.NoError(t, s.CreateGrant(ctx, g))
			require.NoError(t, s.RecordEndedGrant(ctx, name, end))
			require.NoError(t, s.SaveConsent(ctx, provider.Consent{UserID: u.ID, ClientID: name, CreatedAt: now(), GivenAt: now()}))
			require.NoError(t, s.CreateRecord(ctx, provider.Record{Kind: provider.RecordTicket, Key: name, ExpiresAt: end}))
			require.NoError(t, s.CreateLoginSession(ctx, provider.LoginSession{
				ID: name, CookieHash: name, UserID: u.ID, CreatedAt: now(), ExpiresAt: end, IdleExpiresAt: end,
			}))
			for _, topic := range topics {
				require.NoError(t, s.AddParcel(ctx, provider.Parcel{ID: name, Topic: topic, Sealed: []byte("x"), CreatedAt: now(), DueAt: end, Dead: i%2 == 0}))
			}
			_, err = s.Take(ctx, name, provider.Rate{Limit: 1, Per: time.Duration(i+1) * time.Hour, Burst: 1}, now())
			require.NoError(t, err)
		}
		return nil
	}))
	analyze := "ANALYZE"
	if s.Dialect() == "mysql" {
		analyze = "ANALYZE TABLE users, clients, signing_keys, grants, revoked_grants, records, login_sessions, rate_limits, outbox, logout_notices, consents, login_session_clients"
	}
	_, err := s.Writer().ExecContext(t.Context(), analyze)
	require.NoError(t, err)
}

// useEverything calls each method so that it sends each of its statements.
func useEverything(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	ctx, at := t.Context(), now()
	u, err := s.UserByEmail(ctx, "n007@example.com")
	require.NoError(t, err)
	_, err = s.UserByID(ctx, u.ID)
	require.NoError(t, err)
	_, err = s.UserBySubject(ctx, u.Subject)
	require.NoError(t, err)
	require.NoError(t, s.UpdateUser(ctx, u.ID, provider.UserChange{LastLogin: &at, SessionsValidAfter: &at}))
	_, err = s.Users(ctx, provider.UserQuery{AfterID: u.ID, Limit: 10})
	require.NoError(t, err)
	_, err = s.Users(ctx, provider.UserQuery{AfterID: u.ID, Limit: 10, EmailContains: "n0"})
	require.NoError(t, err)

	c, err := s.Client(ctx, "n007")
	require.NoError(t, err)
	require.NoError(t, s.ReplaceClient(ctx, c, c.UpdatedAt.Add(0)))
	_, err = s.Standing(ctx, "n008", u.ID, "n007", "")
	require.NoError(t, err)
	require.NoError(t, s.RecordEndedGrant(ctx, "n007", at.Add(1000*time.Hour)))
	_, err = s.GrantEnded(ctx, "n007")
	require.NoError(t, err)
	require.NoError(t, s.SaveConsent(ctx, provider.Consent{UserID: u.ID, ClientID: "n008", GivenAt: at}))
	require.NoError(t, s.SaveConsent(ctx, provider.Consent{UserID: u.ID, ClientID: "n008", GivenAt: at.Add(time.Second)}))
	_, err = s.AuthorizationStanding(ctx, "n008", u.ID, "n007")
	require.NoError(t, err)
	_, err = s.ConsentsOfUser(ctx, u.ID)
	require.NoError(t, err)
	require.NoError(t, s.RevokeConsent(ctx, u.ID, "n008"))

	_, err = s.Grant(ctx, "n007")
	require.NoError(t, err)
	_, err = s.RotateRefresh(ctx, provider.Rotation{GrantID: "n007", ClientID: "n007", Generation: 1, Now: at, IdleExpiresAt: at.Add(time.Hour)})
	require.NoError(t, err)
	code := newGrant("code")
	code.Code = &provider.AuthorizationCode{ExpiresAt: at.Add(time.Minute)}
	code.SessionID, code.SessionEndsAt = "n007", at.Add(2000*time.Hour)
	require.NoError(t, s.CreateGrant(ctx, code))
	_, err = s.RedeemCode(ctx, provider.Redemption{GrantID: "code", ClientID: "app", Now: at, IdleExpiresAt: at.Add(time.Hour)})
	require.NoError(t, err)
	_, err = s.GrantsOfUser(ctx, u.ID)
	require.NoError(t, err)
	require.NoError(t, s.EndGrant(ctx, "code"))
	_, err = s.SessionClients(ctx, "n007")
	require.NoError(t, err)

	_, err = s.Record(ctx, provider.RecordTicket, "n007")
	require.NoError(t, err)
	require.ErrorIs(t, s.CreateRecord(ctx, provider.Record{Kind: provider.RecordTicket, Key: "n007", ExpiresAt: at}), provider.ErrAlreadyExists)
	_, err = s.ConsumeRecord(ctx, provider.RecordTicket, "n007", at)
	require.NoError(t, err)
	require.NoError(t, s.DeleteRecord(ctx, provider.RecordTicket, "n007"))

	_, err = s.LoginSession(ctx, "n007")
	require.NoError(t, err)
	require.NoError(t, s.TouchLoginSession(ctx, "n007", at, at.Add(time.Hour)))
	_, err = s.LoginSessionsOfUser(ctx, u.ID)
	require.NoError(t, err)
	require.NoError(t, s.DeleteLoginSession(ctx, "n007"))

	_, err = s.Take(ctx, "n007", provider.Rate{Limit: 1, Per: time.Hour, Burst: 1}, at)
	require.NoError(t, err)
	require.NoError(t, s.Forget(ctx, "n007"))
	for _, topic := range topics {
		parcels, err := s.ClaimParcels(ctx, topic, at.Add(3*time.Hour), at, 1)
		require.NoError(t, err)
		require.NoError(t, s.DeferParcel(ctx, topic, parcels[0].ID, at, "later", true))
		_, err = s.DeadParcels(ctx, topic, 10)
		require.NoError(t, err)
		require.NoError(t, s.RemoveParcel(ctx, topic, parcels[0].ID))
	}
	_, err = s.DeleteExpired(ctx, at, 10)
	require.NoError(t, err)
	require.NoError(t, s.DeleteSigningKey(ctx, "n007"))
	require.NoError(t, s.DeleteClient(ctx, "n007"))
	require.NoError(t, s.DeleteUser(ctx, u.ID))
}

func explainSQLite(t *testing.T, s *sqlstore.Store, statement sqlstore.Statement) {
	t.Helper()
	rows, err := s.Writer().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement.Query, statement.Args...)
	require.NoError(t, err, statement.Query)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		scan := strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "USING")
		require.False(t, scan || strings.Contains(detail, "TEMP B-TREE"), "%s\n%s", statement.Query, detail)
	}
	require.NoError(t, rows.Err())
}

func explainMariaDB(t *testing.T, s *sqlstore.Store, statement sqlstore.Statement) {
	t.Helper()
	rows, err := s.Writer().QueryContext(t.Context(), "EXPLAIN "+statement.Query, statement.Args...)
	require.NoError(t, err, statement.Query)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, selectType, table, access, possible, key, length, ref, count, extra sql.NullString
		require.NoError(t, rows.Scan(&id, &selectType, &table, &access, &possible, &key, &length, &ref, &count, &extra))
		if strings.Contains(extra.String, "matching row") || strings.Contains(extra.String, "const tables") {
			continue // answered from a unique index: there is no such row
		}
		require.True(t, key.Valid && access.String != "ALL" && !strings.Contains(extra.String, "filesort"),
			"%s\naccess %s, key %s: %s", statement.Query, access.String, key.String, extra.String)
	}
	require.NoError(t, rows.Err())
}
