package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/signet-id/signet/provider"
)

// userClaim is a claim of a user that is a text.
type userClaim struct {
	name  string
	field func(*provider.Profile) *string
}

// userClaims are the claims that operators set, by their names in OpenID Connect Core §5.1; members of address have it
// before a dot.
var userClaims = []userClaim{
	{"middle_name", func(p *provider.Profile) *string { return &p.MiddleName }},
	{"nickname", func(p *provider.Profile) *string { return &p.Nickname }},
	{"preferred_username", func(p *provider.Profile) *string { return &p.PreferredUsername }},
	{"profile", func(p *provider.Profile) *string { return &p.PageURL }},
	{"picture", func(p *provider.Profile) *string { return &p.PictureURL }},
	{"website", func(p *provider.Profile) *string { return &p.Website }},
	{"gender", func(p *provider.Profile) *string { return &p.Gender }},
	{"birthdate", func(p *provider.Profile) *string { return &p.Birthdate }},
	{"zoneinfo", func(p *provider.Profile) *string { return &p.Zoneinfo }},
	{"locale", func(p *provider.Profile) *string { return &p.Locale }},
	{"phone_number", func(p *provider.Profile) *string { return &p.PhoneNumber }},
	{"address.street_address", func(p *provider.Profile) *string { return &p.Address.StreetAddress }},
	{"address.locality", func(p *provider.Profile) *string { return &p.Address.Locality }},
	{"address.region", func(p *provider.Profile) *string { return &p.Address.Region }},
	{"address.postal_code", func(p *provider.Profile) *string { return &p.Address.PostalCode }},
	{"address.country", func(p *provider.Profile) *string { return &p.Address.Country }},
}

// claimPhoneVerified is the one claim that is not a text.
const claimPhoneVerified = "phone_number_verified"

func userClaimNames() string {
	names := []string{claimPhoneVerified}
	for _, c := range userClaims {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// claimFlags are the claims, roles and groups that create and set take.
type claimFlags struct {
	claims        []string // name=value; no commas are split, an address has them
	roles, groups []string
}

func (f *claimFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.claims, "claim", nil, "claim as name=value, an empty value clears it; repeat: "+userClaimNames())
	flags.StringSliceVar(&f.roles, "role", nil, "all roles of the user (repeat or separate by commas); empty clears them")
	flags.StringSliceVar(&f.groups, "group", nil, "all groups of the user (repeat or separate by commas); empty clears them")
}

// nonEmpty returns roles or groups without empty ones.
func nonEmpty(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
}

// apply sets the named claims. A number that changes has yet to be verified, unless the operator says it is.
func (f *claimFlags) apply(p *provider.Profile) error {
	number, verified := p.PhoneNumber, p.PhoneNumberVerified
	said := false
	for _, claim := range f.claims {
		name, value, ok := strings.Cut(claim, "=")
		if !ok {
			return usageError{fmt.Errorf("--claim is name=value, not %q", claim)}
		}
		if name == claimPhoneVerified {
			var err error
			if verified, err = strconv.ParseBool(value); err != nil && value != "" {
				return usageError{fmt.Errorf("%s is true or false, not %q", claimPhoneVerified, value)}
			}
			said = true
			continue
		}
		i := slices.IndexFunc(userClaims, func(c userClaim) bool { return c.name == name })
		if i < 0 {
			return usageError{fmt.Errorf("unknown claim %q; there are %s", name, userClaimNames())}
		}
		*userClaims[i].field(p) = value
	}
	if p.PhoneNumber != number && !said {
		verified = false
	}
	if p.PhoneNumber == "" && verified {
		if said {
			return usageError{errors.New(claimPhoneVerified + " needs a phone_number")}
		}
		verified = false
	}
	p.PhoneNumberVerified = verified
	return explainFields(p.Validate())
}

// claimsView is what is told of a user to clients that ask, by the names of OpenID Connect.
type claimsView struct {
	MiddleName          string       `json:"middle_name,omitempty"`
	Nickname            string       `json:"nickname,omitempty"`
	PreferredUsername   string       `json:"preferred_username,omitempty"`
	PageURL             string       `json:"profile,omitempty"`
	PictureURL          string       `json:"picture,omitempty"`
	Website             string       `json:"website,omitempty"`
	Gender              string       `json:"gender,omitempty"`
	Birthdate           string       `json:"birthdate,omitempty"`
	Zoneinfo            string       `json:"zoneinfo,omitempty"`
	Locale              string       `json:"locale,omitempty"`
	PhoneNumber         string       `json:"phone_number,omitempty"`
	PhoneNumberVerified *bool        `json:"phone_number_verified,omitempty"`
	Address             *addressView `json:"address,omitempty"`
	Roles               []string     `json:"roles,omitempty"`
	Groups              []string     `json:"groups,omitempty"`
}

type addressView struct {
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

func newClaimsView(u provider.User) claimsView {
	p := u.Profile
	v := claimsView{
		MiddleName: p.MiddleName, Nickname: p.Nickname, PreferredUsername: p.PreferredUsername, PageURL: p.PageURL, PictureURL: p.PictureURL,
		Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, PhoneNumber: p.PhoneNumber,
		Roles: u.Roles, Groups: u.Groups,
	}
	if p.PhoneNumber != "" {
		v.PhoneNumberVerified = &p.PhoneNumberVerified
	}
	if p.Address != (provider.Address{}) {
		address := addressView(p.Address)
		v.Address = &address
	}
	return v
}

const claimHeading = "CLAIM\tVALUE"

// claimRows are the claims that a user has.
func claimRows(u provider.User) []string {
	var rows []string
	for _, c := range userClaims {
		if value := *c.field(&u.Profile); value != "" {
			rows = append(rows, c.name+"\t"+strings.ReplaceAll(value, "\n", ", "))
		}
		if c.name == "phone_number" && u.Profile.PhoneNumber != "" {
			rows = append(rows, fmt.Sprintf("%s\t%t", claimPhoneVerified, u.Profile.PhoneNumberVerified))
		}
	}
	if len(u.Roles) > 0 {
		rows = append(rows, "roles\t"+strings.Join(u.Roles, ", "))
	}
	if len(u.Groups) > 0 {
		rows = append(rows, "groups\t"+strings.Join(u.Groups, ", "))
	}
	return rows
}
