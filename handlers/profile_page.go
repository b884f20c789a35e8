package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/templates"
)

// profilePage answers GET /account/profile.
func (s *Server) profilePage(c *gin.Context, v visitor) error {
	s.page(c, http.StatusOK, templates.ProfileView{Account: v.user.Email, Values: profileValues(v.user), Saved: isDone(c)}, policy{})
	return nil
}

// saveProfile answers the form's POST.
func (s *Server) saveProfile(c *gin.Context, v visitor) error {
	form, err := s.readForm(c)
	if err != nil {
		return err
	}
	in := inputOf(form)
	var fields []field
	for _, name := range templates.ProfileFields {
		fields = append(fields, field{name: name, optional: true, blank: true})
	}
	values, err := in.read(fields...)
	if err == nil {
		profile := profileOf(values)
		// A number that was verified is the same number.
		profile.PhoneNumberVerified = v.user.Profile.PhoneNumberVerified && profile.PhoneNumber == v.user.Profile.PhoneNumber
		err = s.Accounts.UpdateProfile(c.Request.Context(), v.user.ID, values["given_name"], values["family_name"], profile)
	}
	faults := faultsOf(err)
	if err != nil && len(faults) == 0 {
		return err
	}
	if err == nil {
		seeOther(c, "/account/profile"+done)
		return nil
	}
	for i, f := range faults { // the form has the names of the claims
		switch f.Field {
		case "first_name":
			faults[i].Field = "given_name"
		case "last_name":
			faults[i].Field = "family_name"
		}
	}
	view := templates.ProfileView{Account: v.user.Email, Values: map[string]string{}, Faults: faults}
	for _, name := range templates.ProfileFields {
		view.Values[name] = in.typed(name)
	}
	s.page(c, http.StatusUnprocessableEntity, view, policy{})
	return nil
}

// profileValues are a user's claims by the names of the form's fields; profileOf is the way back.
func profileValues(u provider.User) map[string]string {
	p := u.Profile
	return map[string]string{
		"given_name": u.FirstName, "family_name": u.LastName, "middle_name": p.MiddleName, "nickname": p.Nickname, "preferred_username": p.PreferredUsername,
		"birthdate": p.Birthdate, "gender": p.Gender, "locale": p.Locale, "zoneinfo": p.Zoneinfo, "profile": p.PageURL, "picture": p.PictureURL,
		"website": p.Website, "phone_number": p.PhoneNumber, "street_address": p.Address.StreetAddress, "postal_code": p.Address.PostalCode,
		"locality": p.Address.Locality, "region": p.Address.Region, "country": p.Address.Country,
	}
}

func profileOf(values map[string]string) provider.Profile {
	return provider.Profile{
		MiddleName: values["middle_name"], Nickname: values["nickname"], PreferredUsername: values["preferred_username"],
		Birthdate: values["birthdate"], Gender: values["gender"], Locale: values["locale"], Zoneinfo: values["zoneinfo"],
		PageURL: values["profile"], PictureURL: values["picture"], Website: values["website"], PhoneNumber: values["phone_number"],
		Address: provider.Address{
			StreetAddress: values["street_address"], PostalCode: values["postal_code"], Locality: values["locality"], Region: values["region"],
			Country: values["country"],
		},
	}
}
