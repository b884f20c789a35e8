package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/signet-id/signet/provider"
)

// The file that Signet writes of its own users is JSON lines: a header, a line for each user, and how
// many there were, so that one that was cut off is not taken for whole.
const (
	fileFormat  = "signet-users"
	fileVersion = 1
)

type fileHeader struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

type fileUser struct {
	ID                 int64       `json:"pk"`
	Subject            string      `json:"sub"`
	Email              string      `json:"email"`
	EmailVerified      bool        `json:"email_verified"`
	FirstName          string      `json:"first_name"`
	LastName           string      `json:"last_name"`
	PasswordHash       string      `json:"password_hash"`
	Active             bool        `json:"active"`
	Staff              bool        `json:"staff"`
	Superuser          bool        `json:"superuser"`
	JoinedAt           time.Time   `json:"joined_at,omitzero"`
	LastLogin          time.Time   `json:"last_login,omitzero"`
	SessionsValidAfter time.Time   `json:"sessions_valid_after,omitzero"`
	Profile            fileProfile `json:"profile,omitzero"`
	Roles              []string    `json:"roles,omitempty"`
	Groups             []string    `json:"groups,omitempty"`
	UpdatedAt          time.Time   `json:"updated_at,omitzero"`
}

// fileProfile is provider.Profile in the words of OpenID Connect Core §5.1.
type fileProfile struct {
	MiddleName          string      `json:"middle_name,omitempty"`
	Nickname            string      `json:"nickname,omitempty"`
	PreferredUsername   string      `json:"preferred_username,omitempty"`
	PageURL             string      `json:"profile,omitempty"`
	PictureURL          string      `json:"picture,omitempty"`
	Website             string      `json:"website,omitempty"`
	Gender              string      `json:"gender,omitempty"`
	Birthdate           string      `json:"birthdate,omitempty"`
	Zoneinfo            string      `json:"zoneinfo,omitempty"`
	Locale              string      `json:"locale,omitempty"`
	PhoneNumber         string      `json:"phone_number,omitempty"`
	PhoneNumberVerified bool        `json:"phone_number_verified,omitempty"`
	Address             fileAddress `json:"address,omitzero"`
}

type fileAddress struct {
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// newFileUser and user convert, type by type: a field that one side lacks does not compile.

func newFileUser(u provider.User) fileUser {
	p := u.Profile
	return fileUser{
		ID: u.ID, Subject: u.Subject, Email: u.Email, EmailVerified: u.EmailVerified, FirstName: u.FirstName, LastName: u.LastName,
		PasswordHash: u.PasswordHash, Active: u.Active, Staff: u.Staff, Superuser: u.Superuser, JoinedAt: u.JoinedAt, LastLogin: u.LastLogin,
		SessionsValidAfter: u.SessionsValidAfter, Roles: u.Roles, Groups: u.Groups, UpdatedAt: u.UpdatedAt,
		Profile: fileProfile{
			p.MiddleName, p.Nickname, p.PreferredUsername, p.PageURL, p.PictureURL, p.Website, p.Gender, p.Birthdate, p.Zoneinfo, p.Locale,
			p.PhoneNumber, p.PhoneNumberVerified, fileAddress(p.Address),
		},
	}
}

func (u fileUser) user() provider.User {
	p := u.Profile
	return provider.User{
		ID: u.ID, Subject: u.Subject, Email: u.Email, EmailVerified: u.EmailVerified, FirstName: u.FirstName, LastName: u.LastName,
		PasswordHash: u.PasswordHash, Active: u.Active, Staff: u.Staff, Superuser: u.Superuser, JoinedAt: u.JoinedAt, LastLogin: u.LastLogin,
		SessionsValidAfter: u.SessionsValidAfter, Roles: u.Roles, Groups: u.Groups, UpdatedAt: u.UpdatedAt,
		Profile: provider.Profile{
			MiddleName: p.MiddleName, Nickname: p.Nickname, PreferredUsername: p.PreferredUsername, PageURL: p.PageURL, PictureURL: p.PictureURL,
			Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, PhoneNumber: p.PhoneNumber,
			PhoneNumberVerified: p.PhoneNumberVerified, Address: provider.Address(p.Address),
		},
	}
}

type fileEnd struct {
	Users int `json:"users"`
}

// WriteFile writes users and returns how many. The file holds password hashes.
func WriteFile(w io.Writer, users iter.Seq2[provider.User, error]) (int, error) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fileHeader{fileFormat, fileVersion}); err != nil {
		return 0, fmt.Errorf("write users: %w", err)
	}
	n := 0
	for u, err := range users {
		if err == nil {
			err = encoder.Encode(newFileUser(u))
		}
		if err != nil {
			return n, fmt.Errorf("write users: %w", err)
		}
		n++
	}
	if err := encoder.Encode(fileEnd{n}); err != nil {
		return n, fmt.Errorf("write users: %w", err)
	}
	return n, nil
}

// ReadFile reads what WriteFile wrote.
func ReadFile(r io.Reader) (Source, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var header fileHeader
	if err := decoder.Decode(&header); err != nil || header.Format != fileFormat {
		return Source{}, errors.New("this is not a file of signet users export")
	}
	if header.Version != fileVersion {
		return Source{}, fmt.Errorf("the file has version %d: this release reads version %d", header.Version, fileVersion)
	}
	var source Source
	for line := 2; ; line++ {
		var next struct {
			fileUser
			Count *int `json:"users"`
		}
		err := decoder.Decode(&next)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return Source{}, fmt.Errorf("line %d: the file was cut off", line)
		case err != nil:
			return Source{}, fmt.Errorf("line %d: %w", line, err)
		case next.Count == nil:
			source.Users = append(source.Users, Entry{Row: fmt.Sprintf("line %d", line), User: next.fileUser.user()})
			continue
		case *next.Count != len(source.Users):
			return Source{}, fmt.Errorf("line %d: the file has %d users and should have %d", line, len(source.Users), *next.Count)
		case decoder.More():
			return Source{}, fmt.Errorf("line %d: something follows the end", line+1)
		}
		return source, nil
	}
}
