package storagetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

// newUser returns a user with every field set and an address of its own.
func newUser(t *testing.T) provider.User {
	t.Helper()
	u := filled[provider.User](t)
	u.ID = userID()
	u.Subject = name("subject")
	u.Email = name("User") + "@Example.com"
	requireFilled(t, u)
	return u
}

// RunUsers tests the promises of provider.UserStore.
func RunUsers(t *testing.T, open func(t *testing.T) provider.UserStore) {
	store := open(t)
	create := func(t *testing.T) provider.User {
		t.Helper()
		u, err := store.CreateUser(t.Context(), newUser(t))
		require.NoError(t, err)
		return u
	}

	t.Run("every field of a user is kept", func(t *testing.T) {
		want := newUser(t)
		created, err := store.CreateUser(t.Context(), want)
		require.NoError(t, err)
		requireKept(t, want, created)

		got, err := store.UserByID(t.Context(), want.ID)
		require.NoError(t, err)
		requireKept(t, want, got)
		got, err = store.UserBySubject(t.Context(), want.Subject)
		require.NoError(t, err)
		requireKept(t, want, got)
		got, err = store.UserByEmail(t.Context(), want.Email)
		require.NoError(t, err)
		requireKept(t, want, got)
	})

	t.Run("a user of zero values is kept", func(t *testing.T) {
		created, err := store.CreateUser(t.Context(), provider.User{Subject: name("subject"), Email: name("u") + "@example.com"})
		require.NoError(t, err)
		require.NotZero(t, created.ID)
		got, err := store.UserByID(t.Context(), created.ID)
		require.NoError(t, err)
		requireKept(t, created, got)
		require.True(t, got.LastLogin.IsZero())
		require.False(t, got.Active)
	})

	t.Run("an ID is assigned unless one is given, and never twice", func(t *testing.T) {
		u := newUser(t)
		u.ID = 0
		first, err := store.CreateUser(t.Context(), u)
		require.NoError(t, err)
		require.Positive(t, first.ID)
		require.NoError(t, store.DeleteUser(t.Context(), first.ID))
		second, err := store.CreateUser(t.Context(), u)
		require.NoError(t, err)
		require.Greater(t, second.ID, first.ID)
	})

	t.Run("many users are kept at once, with IDs of their own or the store's", func(t *testing.T) {
		require.NoError(t, store.CreateUsers(t.Context(), nil))
		want := make([]provider.User, 1201) // more than a statement takes
		for i := range want {
			want[i] = newUser(t)
		}
		require.NoError(t, store.CreateUsers(t.Context(), want))
		for _, u := range []provider.User{want[0], want[700], want[1200]} {
			got, err := store.UserByID(t.Context(), u.ID)
			require.NoError(t, err)
			requireKept(t, u, got)
		}
		for i := range want {
			_, err := store.UserByEmail(t.Context(), want[i].Email)
			require.NoError(t, err, "user %d", i)
		}

		given, assigned := newUser(t), newUser(t)
		assigned.ID = 0
		require.NoError(t, store.CreateUsers(t.Context(), []provider.User{given, assigned}))
		got, err := store.UserBySubject(t.Context(), assigned.Subject)
		require.NoError(t, err)
		require.NotZero(t, got.ID)
		require.NotEqual(t, given.ID, got.ID)
		assigned.ID = got.ID
		requireKept(t, assigned, got)
	})

	t.Run("of many users at once all are kept or none", func(t *testing.T) {
		taken := create(t)
		for what, change := range map[string]func(*provider.User){
			"an ID is taken":                  func(u *provider.User) { u.ID = taken.ID },
			"a subject is taken":              func(u *provider.User) { u.Subject = taken.Subject },
			"an address is taken":             func(u *provider.User) { u.Email = strings.ToUpper(taken.Email) },
			"an address cannot be an address": func(u *provider.User) { u.Email = "nobody" },
		} {
			users := make([]provider.User, 1201)
			for i := range users {
				users[i] = newUser(t)
			}
			change(&users[1200])
			want := provider.ErrAlreadyExists
			if users[1200].Email == "nobody" {
				want = provider.ErrInvalidEmail
			}
			require.ErrorIs(t, store.CreateUsers(t.Context(), users), want, what)
			for _, u := range []provider.User{users[0], users[600], users[1199]} {
				_, err := store.UserBySubject(t.Context(), u.Subject)
				require.ErrorIs(t, err, provider.ErrNotFound, what)
			}
		}
		twice := newUser(t)
		require.ErrorIs(t, store.CreateUsers(t.Context(), []provider.User{twice, twice}), provider.ErrAlreadyExists)
		_, err := store.UserByID(t.Context(), twice.ID)
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("an unknown user is not found", func(t *testing.T) {
		_, err := store.UserByID(t.Context(), userID())
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.UserByID(t.Context(), 0)
		require.ErrorIs(t, err, provider.ErrNotFound)
		for _, key := range []string{"", name("nobody"), "%", "0"} {
			_, err = store.UserBySubject(t.Context(), key)
			require.ErrorIs(t, err, provider.ErrNotFound)
			_, err = store.UserByEmail(t.Context(), key)
			require.ErrorIs(t, err, provider.ErrNotFound)
			_, err = store.UserByEmail(t.Context(), key+"@example.com")
			require.ErrorIs(t, err, provider.ErrNotFound)
		}
	})

	t.Run("an ID, a subject or an address that is taken is refused", func(t *testing.T) {
		taken := create(t)
		for field, same := range map[string]func(*provider.User){
			"ID":      func(u *provider.User) { u.ID = taken.ID },
			"subject": func(u *provider.User) { u.Subject = taken.Subject },
			"address": func(u *provider.User) { u.Email = strings.ToUpper(taken.Email) },
		} {
			u := newUser(t)
			same(&u)
			_, err := store.CreateUser(t.Context(), u)
			require.ErrorIs(t, err, provider.ErrAlreadyExists, field)
		}
		got, err := store.UserByID(t.Context(), taken.ID)
		require.NoError(t, err)
		requireKept(t, taken, got)
	})

	t.Run("of many who take one address one succeeds", func(t *testing.T) {
		email := name("race") + "@example.com"
		outcomes := together(func(int) outcome[provider.User] {
			u := provider.User{Subject: name("subject"), Email: email}
			u, err := store.CreateUser(t.Context(), u)
			return outcome[provider.User]{u, err}
		})
		winner := requireOneWinner(t, outcomes, provider.ErrAlreadyExists)
		got, err := store.UserByEmail(t.Context(), email)
		require.NoError(t, err)
		require.Equal(t, winner.ID, got.ID)
	})

	t.Run("addresses that look alike never meet", func(t *testing.T) {
		local := name("k")
		owner, err := store.CreateUser(t.Context(), provider.User{Subject: name("subject"), Email: local + "ik@example.com"})
		require.NoError(t, err)
		for _, lookalike := range []string{
			local + "\u0131k@example.com", // dotless i
			local + "i\u212a@example.com", // Kelvin sign
			local + "ik @example.com", " " + local + "ik@example.com", local + "ik@example.com ",
			local + "i\u200bk@example.com", local + "ík@example.com", local + "ik\x00@example.com",
			local + "ik@ex\u0430mple.com", local + "_k@example.com", local + "%@example.com",
		} {
			_, err := store.UserByEmail(t.Context(), lookalike)
			require.ErrorIs(t, err, provider.ErrNotFound, "%q", lookalike)
			other, err := store.CreateUser(t.Context(), provider.User{Subject: name("subject"), Email: lookalike})
			if err == nil {
				require.NotEqual(t, owner.ID, other.ID)
				continue
			}
			require.ErrorIs(t, err, provider.ErrInvalidEmail, "%q", lookalike)
		}
	})

	t.Run("subjects that look alike never meet", func(t *testing.T) {
		ids := map[string]int64{}
		for _, subject := range lookalikes("subject") {
			u := newUser(t)
			u.Subject = subject
			created, err := store.CreateUser(t.Context(), u)
			require.NoError(t, err, "%q", subject)
			ids[subject] = created.ID
		}
		for subject, id := range ids {
			got, err := store.UserBySubject(t.Context(), subject)
			require.NoError(t, err)
			require.Equal(t, id, got.ID, "%q", subject)
		}
	})

	t.Run("an update writes what it names, zero values too, and nothing else", func(t *testing.T) {
		want := create(t)
		changes := reflect.TypeFor[provider.UserChange]()
		for i := range changes.NumField() {
			field := changes.Field(i)
			var change provider.UserChange
			value := reflect.New(field.Type.Elem())
			switch field.Name {
			case "Email":
				value.Elem().SetString(name("new") + "@Example.com")
			case "SessionsValidAfter":
				value.Elem().Set(reflect.ValueOf(want.SessionsValidAfter.Add(time.Hour)))
			}
			reflect.ValueOf(&change).Elem().Field(i).Set(value)
			reflect.ValueOf(&want).Elem().FieldByName(field.Name).Set(value.Elem())

			require.NoError(t, store.UpdateUser(t.Context(), want.ID, change), field.Name)
			got, err := store.UserByID(t.Context(), want.ID)
			require.NoError(t, err)
			requireKept(t, want, got)
		}
		got, err := store.UserByEmail(t.Context(), want.Email)
		require.NoError(t, err)
		require.Equal(t, want.ID, got.ID)
	})

	t.Run("an update that changes nothing succeeds", func(t *testing.T) {
		u := create(t)
		require.NoError(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{}))
		require.NoError(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{Active: &u.Active, Email: &u.Email}))
	})

	t.Run("an address changes only to a free one", func(t *testing.T) {
		u, other := create(t), create(t)
		taken := strings.ToLower(other.Email)
		require.ErrorIs(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{Email: &taken}), provider.ErrAlreadyExists)
		free := name("free") + "@example.com"
		require.NoError(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{Email: &free}))
		_, err := store.UserByEmail(t.Context(), u.Email)
		require.ErrorIs(t, err, provider.ErrNotFound)
	})

	t.Run("sessions valid after only moves forward", func(t *testing.T) {
		u := create(t)
		later, latest := u.SessionsValidAfter.Add(time.Second), u.SessionsValidAfter.Add(2*time.Second)
		for _, at := range []time.Time{latest, later, {}} {
			require.NoError(t, store.UpdateUser(t.Context(), u.ID, provider.UserChange{SessionsValidAfter: &at}))
			got, err := store.UserByID(t.Context(), u.ID)
			require.NoError(t, err)
			require.Equal(t, stored(latest), stored(got.SessionsValidAfter))
		}
		outcomes := together(func(i int) error {
			at := latest.Add(time.Duration(i) * time.Second)
			return store.UpdateUser(t.Context(), u.ID, provider.UserChange{SessionsValidAfter: &at})
		})
		for _, err := range outcomes {
			require.NoError(t, err)
		}
		got, err := store.UserByID(t.Context(), u.ID)
		require.NoError(t, err)
		require.Equal(t, stored(latest.Add((callers-1)*time.Second)), stored(got.SessionsValidAfter))
	})

	t.Run("a hash made anew never replaces a password set meanwhile", func(t *testing.T) {
		u := create(t)
		require.NoError(t, store.ReplacePasswordHash(t.Context(), u.ID, u.PasswordHash, "fresh"))
		require.ErrorIs(t, store.ReplacePasswordHash(t.Context(), u.ID, u.PasswordHash, "late"), provider.ErrConsumed)
		require.ErrorIs(t, store.ReplacePasswordHash(t.Context(), u.ID, "FRESH", "late"), provider.ErrConsumed)
		got, err := store.UserByID(t.Context(), u.ID)
		require.NoError(t, err)
		require.Equal(t, "fresh", got.PasswordHash)
	})
	t.Run("an unknown user is neither updated nor deleted", func(t *testing.T) {
		active := false
		require.ErrorIs(t, store.UpdateUser(t.Context(), userID(), provider.UserChange{Active: &active}), provider.ErrNotFound)
		require.ErrorIs(t, store.UpdateUser(t.Context(), userID(), provider.UserChange{}), provider.ErrNotFound)
		require.ErrorIs(t, store.DeleteUser(t.Context(), userID()), provider.ErrNotFound)
	})

	t.Run("a deleted user is gone and others stay", func(t *testing.T) {
		u, other := create(t), create(t)
		require.NoError(t, store.DeleteUser(t.Context(), u.ID))
		_, err := store.UserByID(t.Context(), u.ID)
		require.ErrorIs(t, err, provider.ErrNotFound)
		_, err = store.UserByEmail(t.Context(), u.Email)
		require.ErrorIs(t, err, provider.ErrNotFound)
		require.ErrorIs(t, store.DeleteUser(t.Context(), u.ID), provider.ErrNotFound)
		_, err = store.UserByID(t.Context(), other.ID)
		require.NoError(t, err)
	})

	t.Run("users are listed by ID in pages", func(t *testing.T) {
		part := strings.ToLower(name("page"))
		var want []int64
		for range 5 {
			u := newUser(t)
			u.ID = 0
			u.Email = part + "_" + name("x") + "@Example.com"
			created, err := store.CreateUser(t.Context(), u)
			require.NoError(t, err)
			want = append(want, created.ID)
		}
		var got []int64
		for query := (provider.UserQuery{Limit: 2, EmailContains: part + "_"}); ; {
			page, err := store.Users(t.Context(), query)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), 2)
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				got = append(got, u.ID)
			}
			query.AfterID = got[len(got)-1]
		}
		require.Equal(t, want, got)

		all, err := store.Users(t.Context(), provider.UserQuery{AfterID: want[0] - 1, Limit: 1})
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, want[0], all[0].ID)
		all, err = store.Users(t.Context(), provider.UserQuery{EmailContains: part})
		require.NoError(t, err)
		require.Len(t, all, len(want), "the page of a query without a limit")
		none, err := store.Users(t.Context(), provider.UserQuery{EmailContains: part + "%"})
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
