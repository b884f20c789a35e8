package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/transfer"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const (
	fixtureDB   = "../../testdata/django/fixture.sqlite3"
	fixtureDump = "../../testdata/django/fixture.json"
)

// cli runs one command line in this process, with cheap hashes.
func cli(databaseURL string, args ...string) (stdout, stderr string, code int) {
	return cliWithInput("", databaseURL, args...)
}

func cliWithInput(input, databaseURL string, args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, streams{in: strings.NewReader(input), out: &out, err: &err}, []string{
		"SIGNET_DATABASE_URL=" + databaseURL, "SIGNET_ACCOUNTS_ARGON2_MEMORY=64KiB", "SIGNET_ACCOUNTS_ARGON2_TIME=1",
		"SIGNET_SECRETS_MASTER_KEY=" + masterKey,
	})
	return out.String(), err.String(), code
}

// importUsers runs users import and returns its report.
func importUsers(t *testing.T, databaseURL string, code int, args ...string) (importReport, string) {
	t.Helper()
	stdout, stderr, got := cli(databaseURL, append([]string{"users", "import", "--output", "json"}, args...)...)
	require.Equal(t, code, got, "%s\n%s", stdout, stderr)
	var report importReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &report), stdout)
	return report, stderr
}

// signIn are the rules for users on a database, as the server applies them.
func signIn(t *testing.T, store *sqlstore.Store) *accounts.Accounts {
	t.Helper()
	config, err := configs.Load("", []string{"SIGNET_ACCOUNTS_ARGON2_MEMORY=64KiB", "SIGNET_ACCOUNTS_ARGON2_TIME=1"})
	require.NoError(t, err)
	return newAccounts(config, store)
}

// The users of a real Django database and of its dump sign in with the passwords that they had.
func TestDjangoUsersSignInWithTheirOldPasswords(t *testing.T) {
	t.Parallel()
	database, dump := []string{"--from", "django-db", fixtureDB}, []string{"--from", "django-json", fixtureDump}
	for name, c := range map[string]struct {
		source []string
		open   func(testing.TB) string
	}{
		"database to sqlite":  {database, sqlstoretest.SQLiteURL},
		"database to mariadb": {database, sqlstoretest.MariaDBURL},
		"dump to sqlite":      {dump, sqlstoretest.SQLiteURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := c.open(t)
			report, _ := importUsers(t, databaseURL, exitOK, append(c.source, "--skip-faulty")...)
			require.Equal(t, 15, report.Created)

			store := sqlstoretest.Open(t, databaseURL)
			door := signIn(t, store)
			for local, password := range map[string]string{
				"pbkdf2-sha256": "pbkdf2_sha256", "pbkdf2-sha1": "pbkdf2_sha1", "argon2": "argon2", "bcrypt": "bcrypt",
				"bcrypt-sha256": "bcrypt_sha256", "scrypt": "scrypt",
				"staff": "staff", "super": "super", "unverified": "unverified", "names": "names", "two": "two", "late": "late",
			} {
				email := local + "@example.com"
				_, err := door.Authenticate(t.Context(), email, "old-Teapot-"+password+"x")
				require.ErrorIs(t, err, provider.ErrInvalidCredentials, email)
				_, err = door.Authenticate(t.Context(), email, "old-Teapot-"+password)
				require.NoError(t, err, email)
				user, err := store.UserByEmail(t.Context(), email)
				require.NoError(t, err)
				require.Regexp(t, `^\$argon2id\$v=19\$m=64,t=1,p=1\$`, user.PasswordHash, email)
				require.WithinDuration(t, time.Now(), user.LastLogin, time.Minute)
				_, err = door.Authenticate(t.Context(), email, "old-Teapot-"+password)
				require.NoError(t, err, "the second time, with the new hash")
			}
			for local, password := range map[string]string{
				"unusable": "unusable", "disabled": "disabled", "foreign": "foreign", "root": "root",
			} {
				_, err := door.Authenticate(t.Context(), local+"@example.com", "old-Teapot-"+password)
				require.ErrorIs(t, err, provider.ErrInvalidCredentials, local)
			}
			unusable, err := store.UserByID(t.Context(), 10)
			require.NoError(t, err)
			require.Regexp(t, `^!.{40}$`, unusable.PasswordHash)

			// Whoever signs up now comes after everybody else.
			next, err := door.Register(t.Context(), accounts.Registration{Email: "new@example.com", Password: "new-Teapot-42"})
			require.NoError(t, err)
			require.Greater(t, next.ID, int64(1_000_000))

			// Importing again changes nobody, those who signed in included.
			before, err := store.Users(t.Context(), provider.UserQuery{})
			require.NoError(t, err)
			report, _ = importUsers(t, databaseURL, exitOK, append(c.source, "--skip-faulty")...)
			require.Equal(t, importReport{Read: 17, Present: 15, Hashes: report.Hashes, Faults: report.Faults, Notes: report.Notes}, report)
			after, err := store.Users(t.Context(), provider.UserQuery{})
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

func TestImportTellsWhatItWouldDo(t *testing.T) {
	t.Parallel()
	databaseURL := sqlstoretest.SQLiteURL(t)
	report, stderr := importUsers(t, databaseURL, exitFailed, "--from", "django-db", fixtureDB, "--dry-run")
	want := importReport{
		DryRun: true, Read: 17, Created: 15,
		Hashes: map[string]int{
			"pbkdf2_sha256": 1, "pbkdf2_sha1": 10, "argon2": 1, "bcrypt": 1, "bcrypt_sha256": 1, "scrypt": 1, "unusable": 1, "unknown": 1,
		},
		Faults: []transfer.Remark{
			{Row: "accounts_user 20", Text: "the address root@example.com is also that of accounts_user 21 (Root@example.com)"},
			{Row: "accounts_user 21", Text: "the address Root@example.com is also that of accounts_user 20 (root@example.com)"},
		},
		Notes: []transfer.Remark{
			{Row: "accounts_user 23", Text: "has other verified addresses, which Signet does not keep: second@example.com"},
			{Row: "accounts_user 22", Text: "no password matches a hash of this kind (unknown): the user has to reset it"},
		},
	}
	require.Equal(t, want, report)
	require.Contains(t, stderr, "2 rows cannot be imported")

	stdout, _, code := cli(databaseURL, "users", "import", "--from", "django-db", fixtureDB, "--dry-run", "--skip-faulty")
	require.Equal(t, exitOK, code)
	for _, line := range []string{"DRY RUN", "created             15", "hash pbkdf2_sha1    10", "fault               accounts_user 20: the address"} {
		require.Contains(t, stdout, line)
	}
	require.Empty(t, storedUsers(t, databaseURL))
}

func TestFaultyRowsStopTheWholeImport(t *testing.T) {
	t.Parallel()
	databaseURL := sqlstoretest.SQLiteURL(t)
	report, stderr := importUsers(t, databaseURL, exitFailed, "--from", "django-db", fixtureDB)
	require.Zero(t, report.Created)
	require.Len(t, report.Faults, 2)
	require.Contains(t, stderr, "Nothing was imported")
	require.Empty(t, storedUsers(t, databaseURL))
}

func storedUsers(t *testing.T, databaseURL string) []provider.User {
	t.Helper()
	users, err := sqlstoretest.Open(t, databaseURL).Users(t.Context(), provider.UserQuery{Limit: 1000})
	require.NoError(t, err)
	return users
}

func TestImportFaultsOfUsage(t *testing.T) {
	t.Parallel()
	databaseURL := sqlstoretest.SQLiteURL(t)
	for _, c := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"import"}, exitUsage, "accepts 1 arg"},
		{[]string{"import", "--from", "csv", "x"}, exitUsage, `--from is signet, django-db or django-json, not "csv"`},
		{[]string{"import", "--from", "django-db", "missing.sqlite3"}, exitFailed, "no such file"},
		{[]string{"import", "--from", "django-json", "missing.json"}, exitFailed, "no such file"},
		{[]string{"import", "--from", "django-db", "--model", "auth.User", fixtureDB}, exitFailed, "no table auth_user"},
		{[]string{"import", "--from", "django-db", fixtureDump}, exitFailed, "list tables"},
		{[]string{"import", "--from", "django-db", "mysql://u:hunter2@127.0.0.1:1/db"}, exitFailed, "open database"},
		{[]string{"import", fixtureDump}, exitFailed, "not a file of signet users export"},
		{[]string{"export"}, exitUsage, "accepts 1 arg"},
		{[]string{"export", fixtureDump}, exitFailed, "file exists"},
	} {
		_, stderr, code := cli(databaseURL, append([]string{"users"}, c.args...)...)
		require.Equal(t, c.code, code, "%q: %s", c.args, stderr)
		require.Contains(t, stderr, c.stderr)
		require.NotContains(t, stderr, "hunter2")
	}
}

func TestUsersMoveBetweenDatabasesAndBack(t *testing.T) {
	t.Parallel()
	sqliteURL, mariaURL, backURL := sqlstoretest.SQLiteURL(t), sqlstoretest.MariaDBURL(t), sqlstoretest.SQLiteURL(t)
	importUsers(t, sqliteURL, exitOK, "--from", "django-db", fixtureDB, "--skip-faulty")
	_, stderr, code := cli(sqliteURL, "users", "set", "staff@example.com", "--active=false") // signs out everywhere
	require.Zero(t, code, stderr)
	want := storedUsers(t, sqliteURL)
	require.Len(t, want, 15)

	moveUsers(t, sqliteURL, mariaURL)
	moveUsers(t, mariaURL, backURL)
	require.Equal(t, want, storedUsers(t, mariaURL))
	require.Equal(t, want, storedUsers(t, backURL))
}

// moveUsers exports from one database and imports into another, twice.
func moveUsers(t *testing.T, from, to string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.jsonl")
	stdout, stderr, code := cli(from, "users", "export", file)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "15")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	report, _ := importUsers(t, to, exitOK, file)
	require.Equal(t, 15, report.Created)
	report, _ = importUsers(t, to, exitOK, file)
	require.Equal(t, 15, report.Present)
	require.Zero(t, report.Created)
}

// hundredThousand makes a Django database of that many users.
func hundredThousand(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(fixtureDB)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "large.sqlite3")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	for _, statement := range []string{
		"DELETE FROM account_emailaddress", "DELETE FROM accounts_user WHERE id != 1",
		`WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
		 INSERT INTO accounts_user SELECT i, password, last_login, 0, 'First', 'Last', 0, 1, date_joined, 'user' || i || '@example.com' FROM n, accounts_user`,
		`INSERT INTO account_emailaddress (verified, "primary", user_id, email) SELECT 1, 1, id, email FROM accounts_user`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
	return path
}

func TestImportOfAHundredThousandUsersShowsItsProgress(t *testing.T) {
	t.Parallel()
	path := hundredThousand(t)
	for name, open := range map[string]func(testing.TB) string{"sqlite": sqlstoretest.SQLiteURL, "mariadb": sqlstoretest.MariaDBURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := open(t)
			begun := time.Now()
			report, stderr := importUsers(t, databaseURL, exitOK, "--from", "django-db", path)
			t.Logf("100,000 users in %s", time.Since(begun).Round(100*time.Millisecond))
			require.Equal(t, 100_000, report.Created)
			for done := 10_000; done <= 100_000; done += 10_000 {
				require.Contains(t, stderr, fmt.Sprintf("created %d of 100000 users\n", done))
			}
		})
	}
}
