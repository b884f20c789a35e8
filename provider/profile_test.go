package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProfileThatCanBeStored(t *testing.T) {
	for name, p := range map[string]Profile{
		"empty":                {},
		"a whole one":          {Nickname: "길동", PageURL: "https://example.com/~hong?x=1", Birthdate: "1990-02-28", Zoneinfo: "America/Argentina/Buenos_Aires", Locale: "zh-Hant-TW", PhoneNumber: "+1 (604) 555-1234"},
		"a year alone":         {Birthdate: "1990"},
		"a birthday":           {Birthdate: "0000-12-31"},
		"a short zone":         {Zoneinfo: "UTC"},
		"several lines":        {Address: Address{StreetAddress: "1 Main Road\nFloor 2"}},
		"as long as it may be": {Nickname: strings.Repeat("길", MaxProfileField)},
	} {
		require.NoError(t, p.Validate(), name)
	}
}

func TestProfileThatCannotBeStored(t *testing.T) {
	long := strings.Repeat("x", MaxProfileField+1)
	for name, tc := range map[string]struct {
		profile Profile
		fields  []string
	}{
		"a script to click":      {Profile{PageURL: "javascript:alert(1)", PictureURL: "data:image/png;base64,AA", Website: "//example.com"}, []string{"profile", "picture", "website"}},
		"a link with a password": {Profile{Website: "https://u:p@example.com"}, []string{"website"}},
		"a link with markup":     {Profile{PictureURL: `https://example.com/"><script>`}, []string{"picture"}},
		"another order of dates": {Profile{Birthdate: "28-02-1990"}, []string{"birthdate"}},
		"a month too many":       {Profile{Birthdate: "1990-13-01"}, []string{"birthdate"}},
		"a zone with a path":     {Profile{Zoneinfo: "../../etc/passwd"}, []string{"zoneinfo"}},
		"a name of a language":   {Profile{Locale: "Korean!"}, []string{"locale"}},
		"a local number":         {Profile{PhoneNumber: "02 312 3456"}, []string{"phone_number"}},
		"letters in a number":    {Profile{PhoneNumber: "+82 CALL ME"}, []string{"phone_number"}},
		"too long": {
			Profile{MiddleName: long, Gender: long, Address: Address{StreetAddress: long, Locality: long, Region: long, PostalCode: long, Country: long}},
			[]string{"middle_name", "gender", "street_address", "locality", "region", "postal_code", "country"},
		},
	} {
		invalid := new(InvalidError)
		require.ErrorAs(t, tc.profile.Validate(), &invalid, name)
		var fields []string
		for _, f := range invalid.Fields {
			fields = append(fields, f.Field)
		}
		require.Equal(t, tc.fields, fields, name)
	}
}

func TestConsentCovers(t *testing.T) {
	c := Consent{Scopes: []string{"openid", "email"}, Claims: []string{"name"}}
	require.True(t, c.Covers(nil, nil))
	require.True(t, c.Covers([]string{"email"}, []string{"name"}))
	require.False(t, c.Covers([]string{"email", "phone"}, nil))
	require.False(t, c.Covers([]string{"email"}, []string{"birthdate"}))
	require.False(t, Consent{}.Covers([]string{"openid"}, nil))
}
