package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/transfer"
	"github.com/signet-id/signet/storage/sqlstore"
	"github.com/signet-id/signet/storage/sqlstore/sqlstoretest"
)

const (
	oldHash   = "pbkdf2_sha1$1$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	newerHash = "pbkdf2_sha1$1$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAE="
	ownHash   = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

var day = time.Date(2025, 3, 1, 9, 30, 0, 211218000, time.UTC)

func entry(id int64, email string) transfer.Entry {
	return transfer.Entry{Row: fmt.Sprintf("row %d", id), User: provider.User{
		ID: id, Email: email, EmailVerified: true, FirstName: "길동", LastName: "Hong", PasswordHash: oldHash,
		Active: true, JoinedAt: day, LastLogin: day.Add(time.Hour),
	}}
}

func move(t *testing.T, store provider.UserStore, entries ...transfer.Entry) (transfer.Plan, transfer.Outcome) {
	t.Helper()
	plan, err := transfer.NewPlan(t.Context(), store, transfer.Source{Users: entries})
	require.NoError(t, err)
	outcome, err := plan.Apply(t.Context(), store, func(int) {})
	require.NoError(t, err)
	return plan, outcome
}

func TestEverythingOfAUserIsKept(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	want := entry(1000, "Ada@Example.com")
	want.User.Staff, want.User.Superuser = true, true
	plan, outcome := move(t, store, want, entry(7, "b@example.com"))
	require.Empty(t, plan.Faults)
	require.Equal(t, 2, outcome.Created)

	got, err := store.UserByEmail(t.Context(), "ada@example.com")
	require.NoError(t, err)
	require.NotEmpty(t, got.Subject)
	want.User.Subject = got.Subject
	require.Equal(t, want.User, got)
	other, err := store.UserByID(t.Context(), 7)
	require.NoError(t, err)
	require.NotEqual(t, got.Subject, other.Subject)
}

func TestPlanWritesNothing(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	plan, err := transfer.NewPlan(t.Context(), store, transfer.Source{Users: []transfer.Entry{entry(1, "a@example.com")}})
	require.NoError(t, err)
	require.Len(t, plan.New, 1)
	users, err := store.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	require.Empty(t, users)
}

func TestImportAgainLeavesUsersAlone(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	source := []transfer.Entry{entry(1, "a@example.com"), entry(2, "b@example.com")}
	move(t, store, source...)

	name, inactive, hash := "Changed", false, ownHash
	require.NoError(t, store.UpdateUser(t.Context(), 1, provider.UserChange{FirstName: &name, Active: &inactive, PasswordHash: &hash}))
	before, err := store.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)

	source[0].User.PasswordHash = newerHash
	source[0].User.Email = "A@example.com"
	plan, outcome := move(t, store, append(source, entry(3, "c@example.com"))...)
	require.Empty(t, plan.Faults)
	require.Equal(t, 2, plan.Present)
	require.Equal(t, transfer.Outcome{Created: 1}, outcome)
	after, err := store.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	require.Equal(t, before, after[:2], "what Signet changed was undone")
}

func TestPasswordChangedAtTheSourceSinceTheLastImportIsTaken(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	move(t, store, entry(1, "a@example.com"), entry(2, "b@example.com"))
	changed := entry(1, "a@example.com")
	changed.User.PasswordHash, changed.User.LastLogin, changed.User.FirstName = newerHash, day.Add(48*time.Hour), "ignored"

	plan, err := transfer.NewPlan(t.Context(), store, transfer.Source{Users: []transfer.Entry{changed, entry(2, "b@example.com")}})
	require.NoError(t, err)
	require.Len(t, plan.Renewed, 1)
	require.Equal(t, 1, plan.Present)
	outcome, err := plan.Apply(t.Context(), store, func(int) {})
	require.NoError(t, err)
	require.Equal(t, 1, outcome.Renewed)
	got, err := store.UserByID(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, newerHash, got.PasswordHash)
	require.Equal(t, day.Add(48*time.Hour), got.LastLogin)
	require.Equal(t, "길동", got.FirstName)

	// Who signs in between plan and import keeps what Signet made of the password.
	changed.User.PasswordHash = oldHash
	plan, err = transfer.NewPlan(t.Context(), store, transfer.Source{Users: []transfer.Entry{changed}})
	require.NoError(t, err)
	require.Len(t, plan.Renewed, 1)
	hash := ownHash
	require.NoError(t, store.UpdateUser(t.Context(), 1, provider.UserChange{PasswordHash: &hash}))
	outcome, err = plan.Apply(t.Context(), store, func(int) {})
	require.NoError(t, err)
	require.Zero(t, outcome.Renewed)
	got, err = store.UserByID(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, ownHash, got.PasswordHash)
}

func TestWhatCannotBeImportedIsNamed(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	_, err := store.CreateUser(t.Context(), provider.User{ID: 50, Subject: "taken-sub", Email: "Taken@example.com"})
	require.NoError(t, err)
	change := func(e transfer.Entry, f func(*provider.User)) transfer.Entry {
		f(&e.User)
		return e
	}
	for name, c := range map[string]struct {
		entries []transfer.Entry
		faults  []string
	}{
		"no address":            {[]transfer.Entry{entry(1, "")}, []string{"row 1: has no e-mail address"}},
		"no address at all":     {[]transfer.Entry{entry(1, "a\x1bb")}, []string{`row 1: "a\x1bb" is not an e-mail address that Signet accepts`}},
		"no pk":                 {[]transfer.Entry{entry(0, "a@example.com")}, []string{"row 0: the pk 0 is not positive"}},
		"a long name":           {[]transfer.Entry{change(entry(1, "a@example.com"), func(u *provider.User) { u.LastName = strings.Repeat("길", 151) })}, []string{"row 1: last_name has 151 characters, 150 are possible"}},
		"a name not UTF-8":      {[]transfer.Entry{change(entry(1, "a@example.com"), func(u *provider.User) { u.FirstName = "\xff" })}, []string{"row 1: first_name is not UTF-8"}},
		"a long hash":           {[]transfer.Entry{change(entry(1, "a@example.com"), func(u *provider.User) { u.PasswordHash = strings.Repeat("a", 513) })}, []string{"row 1: the password hash has 513 bytes, 512 are possible"}},
		"addresses by case":     {[]transfer.Entry{entry(1, "root@example.com"), entry(2, "Root@Example.com")}, []string{"row 1: the address root@example.com is also that of row 2 (Root@Example.com)", "row 2: the address Root@Example.com is also that of row 1 (root@example.com)"}},
		"a pk twice":            {[]transfer.Entry{entry(1, "a@example.com"), entry(1, "b@example.com")}, []string{"row 1: the pk 1 is also that of row 1 (b@example.com)", "row 1: the pk 1 is also that of row 1 (a@example.com)"}},
		"a pk that is taken":    {[]transfer.Entry{entry(50, "a@example.com")}, []string{"row 50: the pk 50 belongs to Taken@example.com in Signet"}},
		"an address taken":      {[]transfer.Entry{entry(1, "TAKEN@example.com")}, []string{"row 1: the address TAKEN@example.com belongs to pk 50 in Signet"}},
		"another sub":           {[]transfer.Entry{change(entry(50, "taken@example.com"), func(u *provider.User) { u.Subject = "other" })}, []string{"row 50: is in Signet with another sub"}},
		"a sub that is taken":   {[]transfer.Entry{change(entry(1, "a@example.com"), func(u *provider.User) { u.Subject = "taken-sub" })}, []string{"row 1: the sub belongs to pk 50 in Signet"}},
		"several faults of one": {[]transfer.Entry{entry(-1, "nobody")}, []string{`row -1: "nobody" is not an e-mail address that Signet accepts; the pk -1 is not positive`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := transfer.NewPlan(t.Context(), store, transfer.Source{Users: append(c.entries, entry(99, "fine@example.com"))})
			require.NoError(t, err)
			var faults []string
			for _, f := range plan.Faults {
				faults = append(faults, f.Row+": "+f.Text)
			}
			require.Equal(t, c.faults, faults)
			require.Len(t, plan.New, 1)
			require.EqualValues(t, 99, plan.New[0].User.ID)
		})
	}
}

func TestHashesAreCountedAndWorthlessOnesNoted(t *testing.T) {
	t.Parallel()
	var entries []transfer.Entry
	for i, hash := range []string{oldHash, newerHash, ownHash, "!", "", "md5$x$y", "secret"} {
		e := entry(int64(i+1), fmt.Sprintf("u%d@example.com", i))
		e.User.PasswordHash = hash
		entries = append(entries, e)
	}
	plan, err := transfer.NewPlan(t.Context(), sqlstoretest.SQLite(t), transfer.Source{Users: entries})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"pbkdf2_sha1": 2, "argon2id": 1, "unusable": 2, "unknown": 2}, plan.Schemes)
	require.Len(t, plan.New, len(entries))
	require.Len(t, plan.Notes, 2)
	require.Equal(t, "row 6", plan.Notes[0].Row)
	require.NotContains(t, plan.Notes[1].Text, "secret", "it may be a password")
}

func TestUserWhoIsFasterThanTheImportIsNamed(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	source := transfer.Source{Users: []transfer.Entry{entry(1, "a@example.com"), entry(2, "b@example.com"), entry(3, "c@example.com")}}
	plan, err := transfer.NewPlan(t.Context(), store, source)
	require.NoError(t, err)
	_, err = store.CreateUser(t.Context(), provider.User{Subject: "s", Email: "B@example.com"})
	require.NoError(t, err)
	outcome, err := plan.Apply(t.Context(), store, func(int) {})
	require.NoError(t, err)
	// The fast one got the pk of the first.
	require.Equal(t, 1, outcome.Created)
	require.Equal(t, []transfer.Remark{
		{Row: "row 1", Text: "its pk or its address was taken in the meantime"},
		{Row: "row 2", Text: "its pk or its address was taken in the meantime"},
	}, outcome.Faults)
}

// failing is a store that goes away after some batches.
type failing struct {
	*sqlstore.Store
	batches int
}

func (f *failing) CreateUsers(ctx context.Context, users []provider.User) error {
	if f.batches--; f.batches < 0 {
		return provider.ErrUnavailable
	}
	return f.Store.CreateUsers(ctx, users)
}

func TestImportThatStopsGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	var entries []transfer.Entry
	for i := range 2500 {
		entries = append(entries, entry(int64(i+1), fmt.Sprintf("u%d@example.com", i)))
	}
	plan, err := transfer.NewPlan(t.Context(), store, transfer.Source{Users: entries})
	require.NoError(t, err)
	var told []int
	outcome, err := plan.Apply(t.Context(), &failing{store, 1}, func(done int) { told = append(told, done) })
	require.ErrorIs(t, err, provider.ErrUnavailable)
	require.Equal(t, transfer.Outcome{Created: 1000}, outcome)
	require.Equal(t, []int{1000}, told)

	plan, outcome = move(t, store, entries...)
	require.Equal(t, 1000, plan.Present)
	require.Equal(t, transfer.Outcome{Created: 1500}, outcome)
	n := 0
	for _, err := range transfer.All(t.Context(), store) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 2500, n)
}

func TestFileKeepsEverything(t *testing.T) {
	t.Parallel()
	store := sqlstoretest.SQLite(t)
	full := entry(5, "Ada@Example.com").User
	full.Subject, full.Staff, full.Superuser, full.SessionsValidAfter = "sub-5", true, true, day.Add(3*time.Hour)
	full.Profile, full.Roles, full.Groups, full.UpdatedAt = fullProfile, []string{"admin", "editor"}, []string{"staff"}, day.Add(4*time.Hour)
	requireNoZeroField(t, reflect.ValueOf(full))
	require.NoError(t, store.CreateUsers(t.Context(), []provider.User{full, {ID: 9, Subject: "sub-9", Email: "c@example.com"}, {ID: 10, Subject: "sub-10", Email: "b&c@example.com"}}))
	var file bytes.Buffer
	n, err := transfer.WriteFile(&file, transfer.All(t.Context(), store))
	require.NoError(t, err)
	require.Equal(t, 3, n)

	source, err := transfer.ReadFile(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.Equal(t, transfer.Entry{Row: "line 2", User: full}, source.Users[0])
	other := sqlstoretest.SQLite(t)
	_, outcome := move(t, other, source.Users...)
	require.Equal(t, 3, outcome.Created)
	want, err := store.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	got, err := other.Users(t.Context(), provider.UserQuery{})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

var fullProfile = provider.Profile{
	MiddleName: "Q", Nickname: "Dan", PreferredUsername: "dana", PageURL: "https://example.com/dana", PictureURL: "https://example.com/dana.png",
	Website: "https://dana.example.com", Gender: "female", Birthdate: "0000-02-28", Zoneinfo: "Asia/Seoul", Locale: "ko-KR",
	PhoneNumber: "+82 2 312 3456", PhoneNumberVerified: true,
	Address: provider.Address{StreetAddress: "1 Main Road\nFloor 2", Locality: "Seoul", Region: "Seoul", PostalCode: "04524", Country: "KR"},
}

// requireNoZeroField requires that a struct has a value in each field, so that a new field is not forgotten.
func requireNoZeroField(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		require.False(t, v.Field(i).IsZero(), "%s has no value", field.Name)
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[time.Time]() {
			requireNoZeroField(t, v.Field(i))
		}
	}
}

func TestClaimsThatCannotBeStoredAreFaults(t *testing.T) {
	t.Parallel()
	bad := entry(1, "a@example.com")
	bad.User.Profile = fullProfile
	bad.User.Profile.PictureURL, bad.User.Profile.Birthdate = "javascript:alert(1)", "28.2.1990"
	plan, err := transfer.NewPlan(t.Context(), sqlstoretest.SQLite(t), transfer.Source{Users: []transfer.Entry{bad}})
	require.NoError(t, err)
	require.Equal(t, []transfer.Remark{
		{Row: "row 1", Text: "picture cannot be stored: Enter a valid URL; birthdate cannot be stored: Enter a date as YYYY-MM-DD"},
	}, plan.Faults)
}

func TestFileThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	const header, user, end = `{"format":"signet-users","version":1}` + "\n", `{"pk":1,"sub":"s","email":"a@example.com"}` + "\n", `{"users":1}` + "\n"
	source, err := transfer.ReadFile(strings.NewReader(header + user + end))
	require.NoError(t, err)
	require.Len(t, source.Users, 1)
	for text, want := range map[string]string{
		"":                                      "this is not a file of signet users export",
		"pk,email\n":                            "this is not a file of signet users export",
		`{"format":"x"}`:                        "this is not a file of signet users export",
		`{"format":"signet-users","version":2}`: "the file has version 2: this release reads version 1",
		header:                                  "line 2: the file was cut off",
		header + user:                           "line 3: the file was cut off",
		header + user[:20]:                      "line 2: the file was cut off",
		header + user + user + end:              "line 4: the file has 2 users and should have 1",
		header + user + end + user:              "line 4: something follows the end",
		header + `{"pk":"1"}`:                   "line 2: json: cannot unmarshal string",
		header + `{"pk":1,"is_staff":true}`:     `line 2: json: unknown field "is_staff"`,
	} {
		_, err := transfer.ReadFile(strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
	}
}
