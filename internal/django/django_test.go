package django_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/django"
	"github.com/signet-id/signet/provider/transfer"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const fixtures = "../../testdata/django/"

func readDatabase(t *testing.T, location string) transfer.Source {
	t.Helper()
	db, err := sqlstore.OpenForeign(t.Context(), location)
	require.NoError(t, err)
	source, err := django.ReadDatabase(t.Context(), db, django.DefaultModel)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return source
}

func readDump(t *testing.T, text string) transfer.Source {
	t.Helper()
	source, err := django.ReadDump(strings.NewReader(text), django.DefaultModel)
	require.NoError(t, err)
	return source
}

// byID finds the user with a pk.
func byID(t *testing.T, source transfer.Source, id int64) transfer.Entry {
	t.Helper()
	for _, e := range source.Users {
		if e.User.ID == id {
			return e
		}
	}
	require.Fail(t, "no such user", "pk %d", id)
	return transfer.Entry{}
}

func TestUsersOfADatabase(t *testing.T) {
	t.Parallel()
	source := readDatabase(t, fixtures+"fixture.sqlite3")
	require.Empty(t, source.Faults)
	require.Len(t, source.Users, 17)
	checkFixture(t, source, "accounts_user", time.Microsecond)
}

func TestUsersOfADump(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(fixtures + "fixture.json")
	require.NoError(t, err)
	source := readDump(t, string(text))
	require.Empty(t, source.Faults)
	require.Len(t, source.Users, 17)
	checkFixture(t, source, "accounts.user", time.Millisecond) // all that a dump keeps
}

// checkFixture compares with what make_fixture.py says.
func checkFixture(t *testing.T, source transfer.Source, model string, precision time.Duration) {
	t.Helper()
	joined := time.Date(2025, 3, 1, 18, 20, 29, 211218000, time.UTC).Truncate(precision)
	first := byID(t, source, 1)
	require.Equal(t, model+" 1", first.Row)
	require.True(t, strings.HasPrefix(first.User.PasswordHash, "pbkdf2_sha256$260000$"))
	first.User.PasswordHash = ""
	want := transfer.Entry{Row: model + " 1"}.User
	want.ID, want.Email, want.EmailVerified, want.FirstName, want.LastName, want.Active = 1, "pbkdf2-sha256@example.com", true, "Ada", "pbkdf2_sha256", true
	want.JoinedAt, want.LastLogin = joined, time.Date(2025, 3, 2, 18, 20, 29, 1000, time.UTC).Truncate(precision)
	require.Equal(t, want, first.User)

	require.True(t, strings.HasPrefix(byID(t, source, 10).User.PasswordHash, "!"))
	require.False(t, byID(t, source, 11).User.Active)
	staff, super := byID(t, source, 12).User, byID(t, source, 13).User
	require.True(t, staff.Staff && !staff.Superuser && super.Staff && super.Superuser)
	require.True(t, staff.LastLogin.IsZero())
	require.False(t, super.EmailVerified, "createsuperuser makes no row in account_emailaddress")
	require.False(t, byID(t, source, 14).User.EmailVerified)
	names := byID(t, source, 15).User
	require.Equal(t, "Names@Example.com", names.Email)
	require.True(t, names.EmailVerified)
	require.Equal(t, "길동", names.FirstName)
	require.Equal(t, `O'Hara "Ω"`, names.LastName)
	require.Equal(t, time.Date(2025, 3, 3, 18, 20, 29, 0, time.UTC), names.LastLogin)
	require.True(t, byID(t, source, 23).User.EmailVerified)
	require.Equal(t, []transfer.Remark{{Row: model + " 23", Text: "has other verified addresses, which Signet does not keep: second@example.com"}}, source.Notes)
}

// mysqlSchema is what Django 3.2's migrations make on MySQL, without constraints.
var mysqlSchema = []string{
	"CREATE TABLE `accounts_user` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `password` varchar(128) NOT NULL, `last_login` datetime(6) NULL, " +
		"`is_superuser` bool NOT NULL, `first_name` varchar(150) NOT NULL, `last_name` varchar(150) NOT NULL, `is_staff` bool NOT NULL, " +
		"`is_active` bool NOT NULL, `date_joined` datetime(6) NOT NULL, `email` varchar(254) NOT NULL UNIQUE)",
	"CREATE TABLE `account_emailaddress` (`id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY, `email` varchar(254) NOT NULL UNIQUE, " +
		"`verified` bool NOT NULL, `primary` bool NOT NULL, `user_id` bigint NOT NULL)",
}

// mariaDB copies the fixture into a new database and returns its URL and a connection.
func mariaDB(t *testing.T) (string, *sql.DB) {
	t.Helper()
	rawURL := sqlstoretest.MariaDBURL(t)
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.DBName = "tcp", u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/")
	cfg.Passwd, _ = u.User.Password()
	to, err := sql.Open("mysql", cfg.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, to.Close()) })
	for _, statement := range mysqlSchema {
		_, err := to.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	from, err := sqlstore.OpenForeign(t.Context(), fixtures+"fixture.sqlite3")
	require.NoError(t, err)
	for _, table := range []string{"accounts_user", "account_emailaddress"} {
		require.NoError(t, from.Rows(t.Context(), table, func(row map[string]any) error {
			var columns []string
			var values []any
			for column, value := range row {
				columns, values = append(columns, "`"+column+"`"), append(values, value)
			}
			_, err := to.ExecContext(t.Context(), "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
			return err
		}))
	}
	require.NoError(t, from.Close())
	return rawURL, to
}

func TestUsersOfAMariaDBDatabase(t *testing.T) {
	t.Parallel()
	rawURL, _ := mariaDB(t)
	require.Equal(t, readDatabase(t, fixtures+"fixture.sqlite3"), readDatabase(t, rawURL))
}

func TestForeignDatabaseIsReadAtOneMomentAndNotWritten(t *testing.T) {
	t.Parallel()
	rawURL, db := mariaDB(t)
	foreign, err := sqlstore.OpenForeign(t.Context(), rawURL)
	require.NoError(t, err)
	count := func() (n int) {
		require.NoError(t, foreign.Rows(t.Context(), "accounts_user", func(map[string]any) error { n++; return nil }))
		return n
	}
	before := count()
	_, err = db.ExecContext(t.Context(), "DELETE FROM accounts_user")
	require.NoError(t, err)
	require.Equal(t, before, count())
	require.NoError(t, foreign.Close())
}

func TestSQLiteFileIsNotTouched(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "with 100% #odd? name")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	text, err := os.ReadFile(fixtures + "fixture.sqlite3")
	require.NoError(t, err)
	path := filepath.Join(folder, "db.sqlite3")
	require.NoError(t, os.WriteFile(path, text, 0o400))
	require.Len(t, readDatabase(t, path).Users, 17)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, after)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)

	missing := filepath.Join(folder, "missing.sqlite3")
	_, err = sqlstore.OpenForeign(t.Context(), missing)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, missing)
}

// tables are a database in memory.
type tables map[string][]map[string]any

func (d tables) Tables(context.Context) ([]string, error) {
	var names []string
	for name := range d {
		names = append(names, name)
	}
	return names, nil
}

func (d tables) Rows(_ context.Context, table string, each func(map[string]any) error) error {
	for _, row := range d[table] {
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// user is a row as a driver returns it, with some columns changed; errNoColumn removes one.
func user(changes map[string]any) map[string]any {
	row := map[string]any{
		"id": int64(1), "password": "!", "last_login": nil, "is_superuser": int64(0), "first_name": "", "last_name": "",
		"is_staff": false, "is_active": int64(1), "date_joined": "2025-03-01 18:20:29", "email": "a@example.com",
	}
	for column, value := range changes {
		if err, ok := value.(error); ok && errors.Is(err, errNoColumn) {
			delete(row, column)
			continue
		}
		row[column] = value
	}
	return row
}

var errNoColumn = errors.New("no such column")

func TestRowThatIsNoUserIsNamedWithTheReason(t *testing.T) {
	t.Parallel()
	for want, changes := range map[string]map[string]any{
		"accounts_user 1: date_joined is no time":                                   {"date_joined": "yesterday"},
		"accounts_user 1: is_active is neither true nor false":                      {"is_active": int64(2)},
		"accounts_user 1: is_active is neither true nor false; is_staff is missing": {"is_active": nil, "is_staff": errNoColumn},
		"accounts_user 1: password is no text but int64":                            {"password": int64(5)},
		"accounts_user c0ffee: id is no whole number":                               {"id": "c0ffee"},
	} {
		source, err := django.ReadDatabase(t.Context(), tables{"accounts_user": {user(changes), user(map[string]any{"id": int64(2)})}, "account_emailaddress": nil}, django.DefaultModel)
		require.NoError(t, err)
		require.Len(t, source.Faults, 1, want)
		require.Equal(t, want, source.Faults[0].Row+": "+source.Faults[0].Text)
		require.Len(t, source.Users, 1, "the others are read")
	}
}

func TestVerifiedAddressIsTheUsersOwnInAnyCase(t *testing.T) {
	t.Parallel()
	db := tables{
		"accounts_user": {
			user(map[string]any{"id": int64(1), "email": "Ada@example.com"}),
			user(map[string]any{"id": int64(2), "email": "b@example.com"}),
			user(map[string]any{"id": int64(3), "email": "c@example.com"}),
		},
		"account_emailaddress": {
			{"id": int64(1), "user_id": int64(1), "email": "ada@Example.com", "verified": int64(1)},
			{"id": int64(2), "user_id": int64(2), "email": "other@example.com", "verified": int64(1)},
			{"id": int64(3), "user_id": int64(3), "email": "b@example.com", "verified": int64(0)},
			{"id": int64(4), "user_id": int64(3), "email": "c@example.com"},
		},
	}
	source, err := django.ReadDatabase(t.Context(), db, django.DefaultModel)
	require.NoError(t, err)
	require.True(t, byID(t, source, 1).User.EmailVerified)
	require.False(t, byID(t, source, 2).User.EmailVerified, "another address was verified")
	require.False(t, byID(t, source, 3).User.EmailVerified)
	require.Equal(t, []transfer.Remark{{Row: "account_emailaddress 4", Text: "verified is missing"}}, source.Faults)
	require.Equal(t, []transfer.Remark{{Row: "accounts_user 2", Text: "has other verified addresses, which Signet does not keep: other@example.com"}}, source.Notes)
}

func TestProjectWithoutAllauthHasNoVerifiedAddress(t *testing.T) {
	t.Parallel()
	source, err := django.ReadDatabase(t.Context(), tables{"auth_user": {user(nil)}}, "auth.User")
	require.NoError(t, err)
	require.Len(t, source.Users, 1)
	require.False(t, source.Users[0].User.EmailVerified)
	require.Equal(t, "there is no such table: no address counts as verified", source.Notes[0].Text)
}

func TestUserModelThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := django.ReadDatabase(t.Context(), tables{"auth_user": nil}, django.DefaultModel)
	require.EqualError(t, err, "the database has no table accounts_user: which is the user model?")
	_, err = django.ReadDump(strings.NewReader(`[{"model":"auth.user","pk":1,"fields":{}}]`), django.DefaultModel)
	require.EqualError(t, err, "the dump has no object of the model accounts.user: which is the user model?")
	for _, model := range []django.Model{"", "User", ".User", "accounts.", "a.b.c"} {
		_, err = django.ReadDump(strings.NewReader(`[]`), model)
		require.ErrorContains(t, err, "a user model has a name like accounts.User")
		_, err = django.ReadDatabase(t.Context(), tables{}, model)
		require.ErrorContains(t, err, "a user model has a name like accounts.User")
	}
}

const (
	dumpedUser = `{"model":"accounts.user","pk":7,"fields":{"password":"!","last_login":null,"is_superuser":false,"first_name":"","last_name":"",` +
		`"is_staff":false,"is_active":true,"date_joined":"2025-03-02T03:20:29.211+09:00","email":"a@example.com","groups":[]}}`
	dumpedAddress = `{"model":"account.emailaddress","pk":1,"fields":{"user":7,"email":"a@example.com","verified":true,"primary":true}}`
)

func TestDumpIsAListOrLines(t *testing.T) {
	t.Parallel()
	foreign := `{"model":"shop.order","pk":"x","fields":{"is_active":7}}`
	for _, text := range []string{
		"[" + dumpedUser + "," + foreign + "," + dumpedAddress + "]",
		" \n[\n" + dumpedAddress + ",\n" + dumpedUser + "\n]\n",
		dumpedUser + "\n" + dumpedAddress + "\n" + foreign + "\n",
	} {
		source := readDump(t, text)
		require.Empty(t, source.Faults)
		require.Len(t, source.Users, 1)
		require.True(t, source.Users[0].User.EmailVerified)
		require.EqualValues(t, 7, source.Users[0].User.ID)
		require.Equal(t, time.Date(2025, 3, 1, 18, 20, 29, 211000000, time.UTC), source.Users[0].User.JoinedAt)
	}
}

func TestDumpThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "read dump: it ends too early",
		"[":                                "read dump: it ends too early",
		"[" + dumpedUser:                   "read dump: it ends too early",
		"[" + dumpedUser + ",":             "read dump: object 2: it ends too early",
		"[" + dumpedUser[:40]:              "read dump: object 1: it ends too early",
		dumpedUser + "\n" + dumpedUser[:9]: "read dump: object 2: it ends too early",
		"[" + dumpedUser + "] x":           "read dump: something follows the end",
		`[{"pk":1}]`:                       "read dump: object 1: want model, pk and fields",
		`[7]`:                              "read dump: object 1: json: cannot unmarshal number",
	} {
		_, err := django.ReadDump(strings.NewReader(text), django.DefaultModel)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestPrimaryKeyThatIsNoNumberIsAFault(t *testing.T) {
	t.Parallel()
	source := readDump(t, strings.Replace(dumpedUser, `"pk":7`, `"pk":"3f2504e0"`, 1))
	require.Empty(t, source.Users)
	require.Equal(t, []transfer.Remark{{Row: "accounts.user 3f2504e0", Text: "id is no whole number"}}, source.Faults)
}
