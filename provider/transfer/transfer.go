package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/provider/passwords"
)

const (
	// maxHashLength is the longest password hash that every store keeps, in bytes.
	maxHashLength = 512
	// page is how many users are read or written at once.
	page = 1000
)

// Entry is one user of a source.
type Entry struct {
	// Row says where in the source the user is, for reports.
	Row string
	// User is the user as the source knows them. One without a subject gets a new one.
	User provider.User
}

// Remark says something of one row of a source.
type Remark struct {
	Row  string `json:"row"`
	Text string `json:"text"`
}

// Source is everything that was read elsewhere.
type Source struct {
	Users []Entry
	// Faults are the rows that could not be read, and why.
	Faults []Remark
	// Notes are what the source holds and Signet has no place for.
	Notes []Remark
}

// Plan is what an import would do.
type Plan struct {
	// New are the users who will be created.
	New []Entry
	// Renewed are users who are here already and have never been given a password hash by Signet, but a
	// newer one by the source: they changed their password there after an earlier import.
	Renewed []Entry
	// Present is how many users are here already and are left alone.
	Present int
	// Faults are the rows that cannot be imported, and why.
	Faults []Remark
	// Notes are the rows that can be, but not without loss.
	Notes []Remark
	// Schemes counts the password hashes of the source by format.
	Schemes map[string]int
}

// NewPlan compares a source with the users who are here. It writes nothing.
func NewPlan(ctx context.Context, users provider.UserStore, source Source) (Plan, error) {
	plan := Plan{Faults: slices.Clone(source.Faults), Notes: slices.Clone(source.Notes), Schemes: map[string]int{}}
	candidates := newCandidates(source.Users)
	here, err := readHere(ctx, users, candidates)
	if err != nil {
		return Plan{}, err
	}
	for _, c := range candidates.all {
		faults := slices.Concat(checkEntry(c), candidates.collisions(c))
		have, known := here.byID[c.User.ID]
		same := known && canonical(have) == c.canonical
		if !same {
			faults = append(faults, here.collisions(c)...)
		} else if c.User.Subject != "" && c.User.Subject != have.Subject {
			faults = append(faults, "is in Signet with another sub")
		}
		scheme, verifiable := passwords.Scheme(c.User.PasswordHash)
		plan.Schemes[scheme]++
		switch {
		case len(faults) > 0:
			plan.Faults = append(plan.Faults, Remark{c.Row, strings.Join(faults, "; ")})
			continue
		case same && isOlder(have, c.User):
			plan.Renewed = append(plan.Renewed, c.Entry)
		case same:
			plan.Present++
			continue
		default:
			plan.New = append(plan.New, c.Entry)
		}
		if !verifiable && scheme != "unusable" {
			plan.Notes = append(plan.Notes, Remark{c.Row, fmt.Sprintf("no password matches a hash of this kind (%s): the user has to reset it", scheme)})
		}
	}
	return plan, nil
}

// Outcome is what an import did.
type Outcome struct {
	Created, Renewed int
	// Faults are the rows that were taken by others since the plan was made.
	Faults []Remark
}

// Apply does what the plan says, in batches of which each is stored whole or not at all, and tells
// progress how many users are done. After an error the outcome says how far it came; the rest is done
// by planning and applying again.
func (p Plan) Apply(ctx context.Context, users provider.UserStore, progress func(done int)) (Outcome, error) {
	var outcome Outcome
	for batch := range slices.Chunk(p.New, page) {
		err := createBatch(ctx, users, batch, &outcome)
		if err != nil {
			return outcome, err
		}
		progress(outcome.Created)
	}
	for _, entry := range p.Renewed {
		// Somebody may have signed in since the plan was made: what Signet wrote stays.
		have, err := users.UserByID(ctx, entry.User.ID)
		if err == nil && isOlder(have, entry.User) {
			err = users.UpdateUser(ctx, have.ID, provider.UserChange{PasswordHash: &entry.User.PasswordHash, LastLogin: latest(have, entry.User)})
			outcome.Renewed++
		}
		if err != nil {
			return outcome, fmt.Errorf("renew %s: %w", entry.Row, err)
		}
	}
	return outcome, nil
}

func createBatch(ctx context.Context, users provider.UserStore, batch []Entry, outcome *Outcome) error {
	created := make([]provider.User, len(batch))
	for i, entry := range batch {
		created[i] = entry.User
		created[i].Subject = cmp.Or(entry.User.Subject, provider.NewSubject())
	}
	err := users.CreateUsers(ctx, created)
	if err == nil {
		outcome.Created += len(created)
		return nil
	}
	if !errors.Is(err, provider.ErrAlreadyExists) {
		return err
	}
	// Somebody was faster. One by one tells who.
	for i, u := range created {
		switch _, err := users.CreateUser(ctx, u); {
		case err == nil:
			outcome.Created++
		case errors.Is(err, provider.ErrAlreadyExists):
			outcome.Faults = append(outcome.Faults, Remark{batch[i].Row, "its pk or its address was taken in the meantime"})
		default:
			return fmt.Errorf("create %s: %w", batch[i].Row, err)
		}
	}
	return nil
}

// isOlder tells whether the stored user's password hash is from an earlier import and the source has
// another one by now. Signet itself writes argon2id alone, at the first login at the latest.
func isOlder(stored, source provider.User) bool {
	scheme, verifiable := passwords.Scheme(stored.PasswordHash)
	return verifiable && scheme != "argon2id" && stored.PasswordHash != source.PasswordHash
}

func latest(a, b provider.User) *time.Time {
	if a.LastLogin.After(b.LastLogin) {
		return &a.LastLogin
	}
	return &b.LastLogin
}

// candidate is an entry with what it is compared by.
type candidate struct {
	Entry
	index     int
	canonical string // empty: no address
}

func canonical(u provider.User) string {
	address, err := provider.CanonicalEmail(u.Email)
	if err != nil {
		return ""
	}
	return address
}

// candidates are all entries, found by what has to be unique.
type candidates struct {
	all       []candidate
	byID      map[int64][]int
	byEmail   map[string][]int
	bySubject map[string][]int
}

func newCandidates(entries []Entry) candidates {
	c := candidates{make([]candidate, len(entries)), map[int64][]int{}, map[string][]int{}, map[string][]int{}}
	for i, entry := range entries {
		address := canonical(entry.User)
		c.all[i] = candidate{entry, i, address}
		c.byID[entry.User.ID] = append(c.byID[entry.User.ID], i)
		if address != "" {
			c.byEmail[address] = append(c.byEmail[address], i)
		}
		if entry.User.Subject != "" {
			c.bySubject[entry.User.Subject] = append(c.bySubject[entry.User.Subject], i)
		}
	}
	return c
}

// collisions says which other entries want what this one wants. None of them is imported: who owns an
// address that two accounts have is not for a program to guess.
func (c candidates) collisions(of candidate) []string {
	var faults []string
	if others := c.others(c.byEmail[of.canonical], of); len(others) > 0 {
		faults = append(faults, fmt.Sprintf("the address %s is also that of %s", of.User.Email, strings.Join(others, ", ")))
	}
	if others := c.others(c.byID[of.User.ID], of); len(others) > 0 {
		faults = append(faults, fmt.Sprintf("the pk %d is also that of %s", of.User.ID, strings.Join(others, ", ")))
	}
	if others := c.others(c.bySubject[of.User.Subject], of); len(others) > 0 {
		faults = append(faults, fmt.Sprintf("the sub is also that of %s", strings.Join(others, ", ")))
	}
	return faults
}

// others names those of some entries that are not this one.
func (c candidates) others(indexes []int, this candidate) []string {
	var names []string
	for _, i := range indexes {
		if i != this.index {
			names = append(names, fmt.Sprintf("%s (%s)", c.all[i].Row, c.all[i].User.Email))
		}
	}
	return names
}

// here are the stored users who have something that a candidate wants.
type here struct {
	byID      map[int64]provider.User
	byEmail   map[string]provider.User
	bySubject map[string]provider.User
}

func readHere(ctx context.Context, users provider.UserStore, wanted candidates) (here, error) {
	h := here{map[int64]provider.User{}, map[string]provider.User{}, map[string]provider.User{}}
	for u, err := range All(ctx, users) {
		if err != nil {
			return here{}, err
		}
		if _, ok := wanted.byID[u.ID]; ok {
			h.byID[u.ID] = u
		}
		if address := canonical(u); wanted.byEmail[address] != nil {
			h.byEmail[address] = u
		}
		if _, ok := wanted.bySubject[u.Subject]; ok {
			h.bySubject[u.Subject] = u
		}
	}
	return h, nil
}

// collisions says which stored users have what a candidate wants.
func (h here) collisions(c candidate) []string {
	var faults []string
	if u, ok := h.byID[c.User.ID]; ok {
		faults = append(faults, fmt.Sprintf("the pk %d belongs to %s in Signet", u.ID, u.Email))
	}
	if u, ok := h.byEmail[c.canonical]; ok {
		faults = append(faults, fmt.Sprintf("the address %s belongs to pk %d in Signet", c.User.Email, u.ID))
	}
	if u, ok := h.bySubject[c.User.Subject]; ok {
		faults = append(faults, fmt.Sprintf("the sub belongs to pk %d in Signet", u.ID))
	}
	return faults
}

// checkEntry says what of an entry cannot be stored.
func checkEntry(c candidate) []string {
	var faults []string
	switch {
	case c.User.Email == "":
		faults = append(faults, "has no e-mail address")
	case c.canonical == "":
		faults = append(faults, fmt.Sprintf("%q is not an e-mail address that Signet accepts", c.User.Email))
	}
	if c.User.ID <= 0 {
		faults = append(faults, fmt.Sprintf("the pk %d is not positive", c.User.ID))
	}
	texts := map[string]string{"first_name": c.User.FirstName, "last_name": c.User.LastName}
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		if n := utf8.RuneCountInString(texts[field]); n > accounts.MaxNameLength {
			faults = append(faults, fmt.Sprintf("%s has %d characters, %d are possible", field, n, accounts.MaxNameLength))
		}
		if !utf8.ValidString(texts[field]) {
			faults = append(faults, field+" is not UTF-8")
		}
	}
	if invalid := new(provider.InvalidError); errors.As(c.User.Profile.Validate(), &invalid) {
		for _, f := range invalid.Fields {
			faults = append(faults, fmt.Sprintf("%s cannot be stored: %s", f.Field, strings.TrimSuffix(f.Message, ".")))
		}
	}
	if len(c.User.PasswordHash) > maxHashLength {
		faults = append(faults, fmt.Sprintf("the password hash has %d bytes, %d are possible", len(c.User.PasswordHash), maxHashLength))
	}
	return faults
}
