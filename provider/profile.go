package provider

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Profile holds the standard claims of a user that are only told, never decided by (OpenID Connect Core
// §5.1). Empty means unknown: it is told to nobody.
type Profile struct {
	MiddleName          string
	Nickname            string
	PreferredUsername   string
	PageURL             string // "profile"
	PictureURL          string // "picture"
	Website             string
	Gender              string
	Birthdate           string // YYYY-MM-DD, 0000-MM-DD without the year, or YYYY
	Zoneinfo            string // IANA time zone
	Locale              string // BCP 47
	PhoneNumber         string // E.164
	PhoneNumberVerified bool
	Address             Address
}

// Address is a postal address (OpenID Connect Core §5.1.1).
type Address struct {
	StreetAddress string // may have several lines
	Locality      string
	Region        string
	PostalCode    string
	Country       string
}

// MaxProfileField is the longest value of a claim, in characters.
const MaxProfileField = 255

var (
	birthdatePattern = regexp.MustCompile(`^(\d{4}|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$`)
	zonePattern      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
	localePattern    = regexp.MustCompile(`^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$`)
	phonePattern     = regexp.MustCompile(`^\+[1-9][0-9 ().-]{3,30}[0-9]$`)
)

// Validate returns nil or an *InvalidError that names every claim which does not have the form that OpenID
// Connect Core §5.1 gives it.
func (p Profile) Validate() error {
	invalid := &InvalidError{}
	fault := func(field, message string) {
		invalid.Fields = append(invalid.Fields, FieldError{Field: field, Message: message})
	}
	for _, f := range []struct{ name, value string }{
		{"middle_name", p.MiddleName},
		{"nickname", p.Nickname},
		{"preferred_username", p.PreferredUsername},
		{"profile", p.PageURL},
		{"picture", p.PictureURL},
		{"website", p.Website},
		{"gender", p.Gender},
		{"birthdate", p.Birthdate},
		{"zoneinfo", p.Zoneinfo},
		{"locale", p.Locale},
		{"phone_number", p.PhoneNumber},
		{"street_address", p.Address.StreetAddress},
		{"locality", p.Address.Locality},
		{"region", p.Address.Region},
		{"postal_code", p.Address.PostalCode},
		{"country", p.Address.Country},
	} {
		if utf8.RuneCountInString(f.value) > MaxProfileField {
			fault(f.name, "Ensure this field has no more than 255 characters.")
		}
	}
	for _, f := range []struct{ name, value string }{{"profile", p.PageURL}, {"picture", p.PictureURL}, {"website", p.Website}} {
		if f.value != "" && !isWebURL(f.value) {
			fault(f.name, "Enter a valid URL.")
		}
	}
	for _, f := range []struct {
		name, value string
		pattern     *regexp.Regexp
		message     string
	}{
		{"birthdate", p.Birthdate, birthdatePattern, "Enter a date as YYYY-MM-DD."},
		{"zoneinfo", p.Zoneinfo, zonePattern, "Enter a time zone such as Europe/Berlin."},
		{"locale", p.Locale, localePattern, "Enter a language tag such as en or ko-KR."},
		{"phone_number", p.PhoneNumber, phonePattern, "Enter a phone number such as +82 2 312 3456."},
	} {
		if f.value != "" && !f.pattern.MatchString(f.value) {
			fault(f.name, f.message)
		}
	}
	if len(invalid.Fields) > 0 {
		return invalid
	}
	return nil
}

// isWebURL tells whether a link is safe to show: http or https, with a host.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(s, " \t\r\n<>\"")
}
