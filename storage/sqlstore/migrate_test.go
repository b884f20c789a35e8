package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

func migrationFiles(t *testing.T, dialect string) []string {
	t.Helper()
	entries, err := os.ReadDir("migrations/" + dialect)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.NotEmpty(t, names)
	return names
}

func TestBothDialectsHaveTheSameMigrations(t *testing.T) {
	names := migrationFiles(t, "mysql")
	require.Equal(t, names, migrationFiles(t, "sqlite"))
	for i, name := range names {
		require.True(t, strings.HasPrefix(name, fmt.Sprintf("%05d_", i+1)), "%s is out of sequence", name)
	}
}

// MySQL commits each statement by itself, so a file with two could stop half-way. SQLite runs a
// file in one transaction.
func TestMigrationsCanBeInterrupted(t *testing.T) {
	for _, name := range migrationFiles(t, "mysql") {
		text, err := fs.ReadFile(os.DirFS("migrations/mysql"), name)
		require.NoError(t, err)
		changes := regexp.MustCompile(`(?m)^[ ']*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)\b`)
		require.Len(t, changes.FindAll(text, -1), 1, "%s: one statement that changes something per file", name)
		require.NotContains(t, string(text), "+goose Down", "%s: forward only", name)
	}
	for _, name := range migrationFiles(t, "sqlite") {
		text, err := fs.ReadFile(os.DirFS("migrations/sqlite"), name)
		require.NoError(t, err)
		require.NotContains(t, string(text), "NO TRANSACTION", name)
		require.NotContains(t, string(text), "+goose Down", "%s: forward only", name)
	}
}

func TestThreeProcessesMigrateAtOnce(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			rawURL := database.url(t)
			errs := make(chan error, 3)
			for range 3 {
				go func() {
					s, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
					if err == nil {
						if err = s.Migrate(t.Context()); err == nil {
							err = s.Close()
						}
					}
					errs <- err
				}()
			}
			for range 3 {
				require.NoError(t, <-errs)
			}
			s := sqlstoretest.Open(t, rawURL)
			steps, err := s.MigrationStatus(t.Context())
			require.NoError(t, err)
			require.Len(t, steps, len(migrationFiles(t, s.Dialect())))
			for _, step := range steps {
				require.False(t, step.AppliedAt.IsZero(), "%s is pending", step.Name)
			}
		})
	}
}

func TestMigrationStatusListsPendingSteps(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), database.url(t), sqlstore.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			require.NoError(t, s.MigrateTo(t.Context(), 2))
			steps, err := s.MigrationStatus(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(1), steps[0].Version)
			require.Equal(t, "00001_users.sql", steps[0].Name)
			require.False(t, steps[1].AppliedAt.IsZero())
			require.True(t, steps[2].AppliedAt.IsZero())
		})
	}
}

// A process may die after a change of the schema and before the record of it (MySQL), or while it
// holds the lock.
func TestMigrationsContinueAfterAKill(t *testing.T) {
	t.Run("before the step was recorded/mariadb", func(t *testing.T) {
		rawURL := sqlstoretest.MariaDBURL(t)
		for version := int64(1); version <= int64(len(migrationFiles(t, "mysql"))); version++ {
			s, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
			require.NoError(t, err)
			require.NoError(t, s.MigrateTo(t.Context(), version))
			_, err = s.Writer().ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id = ?", version)
			require.NoError(t, err)
			require.NoError(t, s.MigrateTo(t.Context(), version))
			require.NoError(t, s.Close())
		}
	})
	t.Run("with the lock held/mariadb", func(t *testing.T) {
		s, err := sqlstore.Open(t.Context(), sqlstoretest.MariaDBURL(t), sqlstore.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(t.Context(), 1))
		_, err = s.Writer().ExecContext(t.Context(),
			"REPLACE INTO goose_lock (lock_id, locked, locked_at, locked_by, lease_expires_at) VALUES (4097083626, 1, now(6), 'dead', now(6) + INTERVAL 1 SECOND)")
		require.NoError(t, err)
		begin := time.Now()
		require.NoError(t, s.Migrate(t.Context()), "the lease of the dead ends")
		require.Greater(t, time.Since(begin), 700*time.Millisecond, "the lease holds until then")
	})
	t.Run("with the lock held/sqlite", func(t *testing.T) {
		rawURL := sqlstoretest.SQLiteURL(t)
		s, err := sqlstore.Open(t.Context(), rawURL, sqlstore.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(t.Context(), 1))
		holder, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(rawURL, "sqlite:")+"-lock")
		require.NoError(t, err)
		holder.SetMaxOpenConns(1)
		_, err = holder.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- s.Migrate(t.Context()) }()
		select {
		case err := <-done:
			require.Fail(t, "the lock did not hold", "%v", err)
		case <-time.After(100 * time.Millisecond):
		}
		require.NoError(t, holder.Close(), "what the system does for a dead process")
		require.NoError(t, <-done)
	})
}

// rowsOf are rows as a release with that many migrations wrote them, by the migration that made
// their table.
var rowsOf = map[int64]string{
	1: "INSERT INTO users (id, subject, email, email_canonical, email_verified, first_name, last_name, password_hash, active, staff, superuser) " +
		"VALUES (7, 'sub', 'A@example.com', 'a@example.com', 1, 'A', 'B', '!', 1, 0, 0)",
	2: `INSERT INTO clients (id, disabled, document) VALUES ('app', 0, '{"v":1,"client_name":"App"}')`,
	3: "INSERT INTO signing_keys (id, algorithm, generation, private_key) VALUES ('kid', 'ES256', 1, 'sealed')",
	4: "INSERT INTO revoked_grants (grant_id, expires_at) VALUES ('ended', %[1]s)",
	5: "INSERT INTO grants (id, client_id, user_id, generation, expires_at, idle_expires_at, document) " +
		`VALUES ('g', 'app', 7, 3, %[1]s, %[1]s, '{"v":1,"sub":"sub"}')`,
	6: "INSERT INTO records (hash, kind, value, expires_at) VALUES ('12345678901234567890123456789012', 'jti', 'x', %[1]s)",
	7: "INSERT INTO login_sessions (cookie_hash, id, user_id, expires_at, idle_expires_at, document) " +
		`VALUES ('hash', 'sid', 7, %[1]s, %[1]s, '{"v":1}')`,
	8: "INSERT INTO rate_limits (key_hash, tat, expires_at) VALUES ('12345678901234567890123456789012', 1, %[1]s)",
	9: "INSERT INTO outbox (id, sealed, due_at, attempts, last_error, dead) VALUES ('m', 'sealed', %[1]s, 2, '', 0)",
	10: "INSERT INTO users (id, subject, email, email_canonical, email_verified, first_name, last_name, password_hash, active, staff, superuser, profile) " +
		`VALUES (8, 'sub8', 'b@example.com', 'b@example.com', 1, 'A', 'B', '!', 1, 0, 0, '{"v":1,"nickname":"bee"}')`,
	11: `INSERT INTO consents (user_id, client_id, document) VALUES (7, 'app', '{"v":1,"scopes":["openid"]}')`,
	12: "INSERT INTO login_session_clients (session_id, client_id, expires_at) VALUES ('sid', 'app', %[1]s)",
	13: "INSERT INTO logout_notices (id, sealed, due_at, attempts, last_error, dead) VALUES ('n', 'sealed', %[1]s, 2, '', 0)",
}

func TestRowsOfEachVersionSurviveToTheLast(t *testing.T) {
	future := map[string]string{"sqlite": "4102444800000000", "mysql": "'2100-01-01 00:00:00'"}
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), database.url(t), sqlstore.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			last := int64(len(migrationFiles(t, s.Dialect())))
			for version := int64(1); version <= last; version++ {
				require.NoError(t, s.MigrateTo(t.Context(), version))
				statement, ok := rowsOf[version]
				require.True(t, ok, "rowsOf needs a row of version %d", version)
				if strings.Contains(statement, "%[1]s") {
					statement = fmt.Sprintf(statement, future[s.Dialect()])
				}
				_, err := s.Writer().ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			require.NoError(t, s.Migrate(t.Context()))

			u, err := s.UserByEmail(t.Context(), "a@EXAMPLE.com")
			require.NoError(t, err)
			require.Equal(t, int64(7), u.ID)
			standing, err := s.Standing(t.Context(), "app", 7, "ended", "")
			require.NoError(t, err)
			require.True(t, standing.GrantEnded)
			require.Equal(t, "App", standing.Client.Name)
			require.Equal(t, u, standing.User)
			keys, err := s.SigningKeys(t.Context())
			require.NoError(t, err)
			require.Equal(t, []byte("sealed"), keys[0].PrivateKey)
			grants, err := s.GrantsOfUser(t.Context(), 7)
			require.NoError(t, err)
			require.Equal(t, 3, grants[0].Generation)
			sessions, err := s.LoginSessionsOfUser(t.Context(), 7)
			require.NoError(t, err)
			require.Equal(t, "sid", sessions[0].ID)
			consents, err := s.ConsentsOfUser(t.Context(), 7)
			require.NoError(t, err)
			require.Equal(t, []string{"openid"}, consents[0].Scopes)
			clients, err := s.SessionClients(t.Context(), "sid")
			require.NoError(t, err)
			require.Equal(t, []string{"app"}, clients)
			bee, err := s.UserByID(t.Context(), 8)
			require.NoError(t, err)
			require.Equal(t, "bee", bee.Profile.Nickname)
			mails, err := s.ClaimParcels(t.Context(), provider.TopicMail, time.Date(2100, time.January, 2, 0, 0, 0, 0, time.UTC), now(), 1)
			require.NoError(t, err)
			require.Equal(t, 3, mails[0].Attempts)
		})
	}
}

// TestBothDialectsHaveTheSameSchema compares tables, columns, which of them may be NULL, and
// indexes.
func TestBothDialectsHaveTheSameSchema(t *testing.T) {
	lite, maria := sqlstoretest.SQLite(t), sqlstoretest.MariaDB(t)
	liteSchema := describe(t, lite, `SELECT m.name, c.name, CASE WHEN c."notnull" THEN 'NO' ELSE 'YES' END
		FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%'`)
	mariaSchema := describe(t, maria, `SELECT table_name, column_name, is_nullable FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name NOT LIKE 'goose%'`)
	require.Equal(t, mariaSchema, liteSchema)

	liteIndexes := describe(t, lite, `SELECT i.name, c.name, CASE WHEN i."unique" THEN 'UNIQUE' ELSE '' END
		FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
		WHERE m.type = 'table' AND i.origin = 'c'`)
	mariaIndexes := describe(t, maria, `SELECT index_name, column_name, CASE WHEN non_unique THEN '' ELSE 'UNIQUE' END
		FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' AND table_name NOT LIKE 'goose%'`)
	require.Equal(t, mariaIndexes, liteIndexes)
}

// TestNoLookupColumnFoldsLetters keeps collations that fold case, accents or trailing spaces away
// from everything that is compared.
func TestNoLookupColumnFoldsLetters(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := sqlstoretest.MariaDB(t)
		for _, column := range describe(t, s, `SELECT table_name, column_name, collation_name FROM information_schema.columns
			WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND table_name NOT LIKE 'goose%'`) {
			require.Regexp(t, regexp.MustCompile(`^users (email|first_name|last_name) utf8mb4_bin$`), column, "use VARBINARY")
		}
	})
}

func describe(t *testing.T, s *sqlstore.Store, query string) []string {
	t.Helper()
	rows, err := s.Writer().QueryContext(context.WithoutCancel(t.Context()), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var lines []string
	for rows.Next() {
		var a, b, c string
		require.NoError(t, rows.Scan(&a, &b, &c))
		lines = append(lines, strings.TrimSpace(a+" "+b+" "+c))
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, lines)
	slices.Sort(lines)
	return lines
}
