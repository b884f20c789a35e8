package django

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/transfer"
)

// Model is the name of a project's user model, such as accounts.User.
type Model string

// DefaultModel is the user model of the project that the account API was recorded from.
const DefaultModel Model = "accounts.User"

// addressModel is django-allauth's model of e-mail addresses.
const addressModel Model = "account.EmailAddress"

// table is the name of the model's table, as Django makes it.
func (m Model) table() string { return strings.ReplaceAll(m.label(), ".", "_") }

// label is the model's name in a dump.
func (m Model) label() string { return strings.ToLower(string(m)) }

func (m Model) check() error {
	app, name, ok := strings.Cut(string(m), ".")
	if !ok || app == "" || name == "" || strings.Contains(name, ".") {
		return fmt.Errorf("a user model has a name like %s, not %q", DefaultModel, string(m))
	}
	return nil
}

// collector puts users and their addresses together.
type collector struct {
	source   transfer.Source
	verified map[int64][]string
}

func newCollector() *collector { return &collector{verified: map[int64][]string{}} }

func (c *collector) addUser(row string, r record) {
	u, err := r.user()
	if err != nil {
		c.fault(row, err)
		return
	}
	c.source.Users = append(c.source.Users, transfer.Entry{Row: row, User: u})
}

func (c *collector) addAddress(row, owner string, r record) {
	a, err := r.address(owner)
	if err != nil {
		c.fault(row, err)
		return
	}
	if a.verified {
		c.verified[a.userID] = append(c.verified[a.userID], a.email)
	}
}

func (c *collector) fault(row string, err error) {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	c.source.Faults = append(c.source.Faults, transfer.Remark{Row: row, Text: text})
}

// finish tells which users' addresses are verified. A user has one address in Signet; others that the
// project knows are noted.
func (c *collector) finish() transfer.Source {
	for i := range c.source.Users {
		entry := &c.source.Users[i]
		own := slices.DeleteFunc(c.verified[entry.User.ID], func(email string) bool { return sameAddress(email, entry.User.Email) })
		entry.User.EmailVerified = len(own) < len(c.verified[entry.User.ID])
		if len(own) > 0 {
			c.source.Notes = append(c.source.Notes, transfer.Remark{
				Row: entry.Row, Text: "has other verified addresses, which Signet does not keep: " + strings.Join(own, ", "),
			})
		}
	}
	return c.source
}

func sameAddress(a, b string) bool {
	left, err := provider.CanonicalEmail(a)
	if err != nil {
		return false
	}
	right, err := provider.CanonicalEmail(b)
	return err == nil && left == right
}
