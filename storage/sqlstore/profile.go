package sqlstore

import (
	"encoding/json"
	"fmt"

	"github.com/signet-id/signet/provider"
)

// profileDocument is what is only told of a user, in the words of OpenID Connect Core §5.1.
type profileDocument struct {
	Version             int              `json:"v"`
	MiddleName          string           `json:"middle_name,omitempty"`
	Nickname            string           `json:"nickname,omitempty"`
	PreferredUsername   string           `json:"preferred_username,omitempty"`
	PageURL             string           `json:"profile,omitempty"`
	PictureURL          string           `json:"picture,omitempty"`
	Website             string           `json:"website,omitempty"`
	Gender              string           `json:"gender,omitempty"`
	Birthdate           string           `json:"birthdate,omitempty"`
	Zoneinfo            string           `json:"zoneinfo,omitempty"`
	Locale              string           `json:"locale,omitempty"`
	PhoneNumber         string           `json:"phone_number,omitempty"`
	PhoneNumberVerified bool             `json:"phone_number_verified,omitempty"`
	Address             *addressDocument `json:"address,omitempty"`
}

type addressDocument struct {
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// profileDocumentVersion is written now; older ones are read too.
const profileDocumentVersion = 1

// encodeProfile returns the stored form of a profile, nil for an empty one.
func encodeProfile(p provider.Profile) ([]byte, error) {
	if p == (provider.Profile{}) {
		return nil, nil
	}
	d := profileDocument{
		Version: profileDocumentVersion, MiddleName: p.MiddleName, Nickname: p.Nickname, PreferredUsername: p.PreferredUsername,
		PageURL: p.PageURL, PictureURL: p.PictureURL, Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate,
		Zoneinfo: p.Zoneinfo, Locale: p.Locale, PhoneNumber: p.PhoneNumber, PhoneNumberVerified: p.PhoneNumberVerified,
	}
	if p.Address != (provider.Address{}) {
		address := addressDocument(p.Address)
		d.Address = &address
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode profile: %w", err)
	}
	return raw, nil
}

// decodeProfile reads the stored form. Most users have none.
func decodeProfile(raw []byte) (provider.Profile, error) {
	if len(raw) == 0 {
		return provider.Profile{}, nil
	}
	var d profileDocument
	if err := json.Unmarshal(raw, &d); err != nil {
		return provider.Profile{}, fmt.Errorf("decode profile: %w", err)
	}
	if d.Version > profileDocumentVersion {
		return provider.Profile{}, fmt.Errorf("decode profile: %w", errNewerDocument)
	}
	p := provider.Profile{
		MiddleName: d.MiddleName, Nickname: d.Nickname, PreferredUsername: d.PreferredUsername, PageURL: d.PageURL,
		PictureURL: d.PictureURL, Website: d.Website, Gender: d.Gender, Birthdate: d.Birthdate, Zoneinfo: d.Zoneinfo,
		Locale: d.Locale, PhoneNumber: d.PhoneNumber, PhoneNumberVerified: d.PhoneNumberVerified,
	}
	if d.Address != nil {
		p.Address = provider.Address(*d.Address)
	}
	return p, nil
}

// names is a list of roles or groups in one column, JSON.
func encodeNames(names []string) ([]byte, error) {
	if len(names) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("encode names: %w", err)
	}
	return raw, nil
}

func decodeNames(raw []byte) ([]string, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return nil, fmt.Errorf("decode names: %w", err)
	}
	return names, nil
}
