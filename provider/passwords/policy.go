package passwords

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// DefaultMinLength is the shortest password that a Policy accepts by default, in characters.
const DefaultMinLength = 8

// Policy says which passwords are too weak: the four validators that Django projects use, with their
// words and in their order.
type Policy struct {
	// MinLength is in characters; 0 means DefaultMinLength.
	MinLength int
}

// Attributes are what is known of a user and must not be the password. Empty ones are not compared.
type Attributes struct {
	FirstName string
	LastName  string
	Email     string
}

// Check returns what is wrong with a password, in words for the person who chose it; nothing when it
// will do.
func (p Policy) Check(password string, user Attributes) []string {
	if len(password) > MaxLength {
		return []string{fmt.Sprintf("This password is too long. It must contain at most %d bytes.", MaxLength)}
	}
	var faults []string
	lower := toLower(password)
	if name := user.similar(lower); name != "" {
		faults = append(faults, fmt.Sprintf("The password is too similar to the %s.", name))
	}
	if least := p.minLength(); utf8.RuneCountInString(norm.NFC.String(password)) < least {
		faults = append(faults, fmt.Sprintf("This password is too short. It must contain at least %d characters.", least))
	}
	if isCommon(strings.TrimSpace(lower)) {
		faults = append(faults, "This password is too common.")
	}
	if password != "" && !strings.ContainsFunc(password, func(r rune) bool { return !unicode.IsDigit(r) }) {
		faults = append(faults, "This password is entirely numeric.")
	}
	return faults
}

func (p Policy) minLength() int {
	if p.MinLength == 0 {
		return DefaultMinLength
	}
	return p.MinLength
}

// maxSimilarity is the ratio at which a password is too similar to an attribute.
const maxSimilarity = 0.7

// betweenWords is what Python's \W+ matches.
var betweenWords = regexp.MustCompile(`[^\pL\pN_]+`)

// similar names the first attribute that a lower-case password is too similar to, as a whole or to one
// of its words; "" when there is none.
func (a Attributes) similar(password string) string {
	for _, attribute := range []struct{ name, value string }{
		{"first name", a.FirstName}, {"last name", a.LastName}, {"email address", a.Email},
	} {
		if attribute.value == "" {
			continue
		}
		value := toLower(attribute.value)
		for _, part := range append(betweenWords.Split(value, -1), value) {
			if quickRatio([]rune(password), []rune(part)) >= maxSimilarity {
				return attribute.name
			}
		}
	}
	return ""
}

// quickRatio is that of Python's difflib.SequenceMatcher: twice the characters that a and b share, in
// any order, to all that they have.
func quickRatio(a, b []rune) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	available := make(map[rune]int, len(b))
	for _, r := range b {
		available[r]++
	}
	shared := 0
	for _, r := range a {
		if available[r] > 0 {
			available[r]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(len(a)+len(b))
}

// toLower is Unicode's full mapping, as Python's str.lower.
func toLower(s string) string { return cases.Lower(language.Und).String(s) }
