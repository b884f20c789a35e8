package oidc

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/signet-id/signet/provider"
)

// claimsRequest is the "claims" parameter (OpenID Connect Core §5.5): claims asked for by name.
type claimsRequest struct {
	Userinfo map[string]*claimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]*claimRequest `json:"id_token,omitempty"`
}

// claimRequest says how a claim is asked for; nil: in no special way.
type claimRequest struct {
	Essential bool              `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
}

const (
	maxClaimsParameter = 4 << 10 // bytes
	maxClaimNames      = 64
)

var errClaims = invalidRequest("The claims parameter is malformed.")

// parseClaims reads the parameter.
func parseClaims(raw string) (claimsRequest, error) {
	var r claimsRequest
	if len(raw) > maxClaimsParameter || json.Unmarshal([]byte(raw), &r) != nil || len(r.Userinfo)+len(r.IDToken) > maxClaimNames {
		return claimsRequest{}, errClaims
	}
	return r, nil
}

// within drops the claims whose scope a client is not registered for: a name opens no door that the scope does
// not.
func (r claimsRequest) within(scopes []string) claimsRequest {
	allowed := func(name string, _ *claimRequest) bool {
		if !slices.Contains(userClaimNames, name) {
			return true // "sub", "acr": of the sign-in, not of the person
		}
		return slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(scopeClaims[scope], name) })
	}
	for _, asked := range []map[string]*claimRequest{r.Userinfo, r.IDToken} {
		maps.DeleteFunc(asked, func(name string, c *claimRequest) bool { return !allowed(name, c) })
	}
	return r
}

// names lists what is asked for and can be told, sorted.
func (r claimsRequest) names() []string {
	var names []string
	for _, asked := range []map[string]*claimRequest{r.Userinfo, r.IDToken} {
		for name := range asked {
			if slices.Contains(userClaimNames, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// acrReachable tells whether a sign-in of ours can have the "acr" that is asked for as essential (§5.5.1.1).
func (r claimsRequest) acrReachable(ours string) bool {
	acr := r.IDToken["acr"]
	if acr == nil || !acr.Essential || (len(acr.Value) == 0 && len(acr.Values) == 0) {
		return true
	}
	return slices.ContainsFunc(append(acr.Values, acr.Value), func(raw json.RawMessage) bool {
		var value string
		return json.Unmarshal(raw, &value) == nil && value == ours
	})
}

// subject is whom an answer must be about, empty for anybody (§5.5.1: "sub" asked for with a value).
func (r claimsRequest) subject() string {
	for _, asked := range []map[string]*claimRequest{r.IDToken, r.Userinfo} {
		if sub := asked["sub"]; sub != nil && len(sub.Value) > 0 {
			var subject string
			if json.Unmarshal(sub.Value, &subject) == nil {
				return subject
			}
		}
	}
	return ""
}

// scopeClaims are the claims that a scope stands for (§5.4), and ours for roles and groups.
var scopeClaims = map[string][]string{
	provider.ScopeProfile: {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	provider.ScopeEmail:   {"email", "email_verified"},
	provider.ScopeAddress: {"address"},
	provider.ScopePhone:   {"phone_number", "phone_number_verified"},
	provider.ScopeRoles:   {"roles"},
	provider.ScopeGroups:  {"groups"},
}

// userClaimNames are all claims that can be told of a user.
var userClaimNames = func() []string {
	var names []string
	for _, scope := range []string{
		provider.ScopeProfile, provider.ScopeEmail, provider.ScopeAddress, provider.ScopePhone, provider.ScopeRoles, provider.ScopeGroups,
	} {
		names = append(names, scopeClaims[scope]...)
	}
	return names
}()

// userClaims are the claims of a user by name; what is unknown is left out, never null or empty.
type userClaims map[string]any

// claimsFor returns what scopes and a request by name let a client know of a user.
func claimsFor(u provider.User, scopes []string, asked map[string]*claimRequest) userClaims {
	claims := userClaims{}
	add := func(name string) {
		if value := claimOf(u, name); value != nil {
			claims[name] = value
		}
	}
	for _, scope := range scopes {
		for _, name := range scopeClaims[scope] {
			add(name)
		}
	}
	for name := range asked {
		add(name)
	}
	return claims
}

// claimOf is one claim in the type that §5.1 gives it; nil: unknown.
func claimOf(u provider.User, name string) any {
	p := u.Profile
	var text string
	switch name {
	case "name":
		text = u.FullName()
	case "given_name":
		text = u.FirstName
	case "family_name":
		text = u.LastName
	case "middle_name":
		text = p.MiddleName
	case "nickname":
		text = p.Nickname
	case "preferred_username":
		text = p.PreferredUsername
	case "profile":
		text = p.PageURL
	case "picture":
		text = p.PictureURL
	case "website":
		text = p.Website
	case "gender":
		text = p.Gender
	case "birthdate":
		text = p.Birthdate
	case "zoneinfo":
		text = p.Zoneinfo
	case "locale":
		text = p.Locale
	case "updated_at":
		if u.UpdatedAt.IsZero() {
			return u.JoinedAt.Unix()
		}
		return u.UpdatedAt.Unix()
	case "email":
		text = u.Email
	case "email_verified":
		return u.EmailVerified
	case "phone_number":
		text = p.PhoneNumber
	case "phone_number_verified":
		if p.PhoneNumber == "" {
			return nil
		}
		return p.PhoneNumberVerified
	case "address":
		return addressClaim(p.Address)
	case "roles":
		return listClaim(u.Roles)
	case "groups":
		return listClaim(u.Groups)
	}
	if text == "" {
		return nil
	}
	return text
}

func listClaim(values []string) any {
	if len(values) == 0 {
		return nil
	}
	return values
}

// addressClaim is the address as an object (§5.1.1), with all of it as one text for a label.
func addressClaim(a provider.Address) any {
	object := map[string]string{}
	for name, value := range map[string]string{
		"street_address": a.StreetAddress, "locality": a.Locality, "region": a.Region, "postal_code": a.PostalCode, "country": a.Country,
	} {
		if value != "" {
			object[name] = value
		}
	}
	if len(object) == 0 {
		return nil
	}
	var lines []string
	for _, line := range []string{a.StreetAddress, strings.TrimSpace(a.PostalCode + " " + a.Locality), a.Region, a.Country} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	object["formatted"] = strings.Join(lines, "\n")
	return object
}
