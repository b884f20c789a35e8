package templates

import "time"

// samples returns views of every kind, with everything and with as little as there can be: a template that
// can show them can show whatever comes.
func samples() []View {
	client := &ClientView{
		Name: "Example <Shop>", URI: "https://shop.example/", LogoURI: "https://shop.example/logo.png",
		PolicyURI: "https://shop.example/privacy", TermsURI: "https://shop.example/terms", SelfRegistered: true,
	}
	plain := &ClientView{Name: "shop"}
	const account, interaction = "ada@example.com", "interaction-1"
	moment := time.Date(2026, time.November, 24, 12, 30, 0, 0, time.UTC)
	faults := func(fields ...string) []Fault {
		found := []Fault{{Message: "Unable to log in with provided credentials."}}
		for _, field := range fields {
			found = append(found, Fault{field, "This field is required."}, Fault{field, "Ensure this field has no more than 255 characters."})
		}
		return found
	}
	scopes := []string{"openid", "profile", "email", "address", "phone", "roles", "groups", "offline_access", "account", "orders:read"}
	claims := []string{
		"sub", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate",
		"zoneinfo", "locale", "updated_at", "email", "email_verified", "phone_number", "phone_number_verified", "address", "roles", "groups", "shoe_size",
	}
	profile := map[string]string{}
	for _, name := range ProfileFields {
		profile[name] = "text of " + name
	}
	all := []View{
		LoginView{Client: client, Interaction: interaction, Username: account, Remember: true, Account: account, SignUpOpen: true, Faults: faults("username", "password")},
		LoginView{Client: plain, Interaction: interaction},
		LoginView{Next: "/account/profile", SignUpOpen: true},
		SignupView{Client: client, Interaction: interaction, Email: account, FirstName: "Ada", LastName: "Lovelace", Faults: faults("email", "first_name", "last_name", "password1", "password2")},
		SignupView{Next: "/account/profile"},
		ConsentView{Client: client, Interaction: interaction, Account: account, Scopes: scopes, Claims: claims},
		ConsentView{Client: plain, Interaction: interaction, Account: account},
		FormPostView{Action: "https://shop.example/callback", Fields: []HiddenField{{"code", "c"}, {"state", `"><s>`}}},
		FormPostView{Action: "com.example.app:/callback"},
		LogoutView{Client: client, Account: account, Request: "request-1"},
		LogoutView{},
		LoggedOutView{Frames: []string{"https://shop.example/signed-out?sid=1"}, Continue: "https://shop.example/"},
		LoggedOutView{},
		ForgotPasswordView{Email: account, Faults: faults("email")},
		ForgotPasswordView{},
		NewPasswordView{Faults: faults("new_password1", "new_password2")},
		NewPasswordView{},
		ProfileView{Account: account, Values: profile, Saved: true, Faults: faults(ProfileFields...)},
		ProfileView{},
		PasswordView{Account: account, OldRequired: true, Saved: true, Faults: faults("old_password", "new_password1", "new_password2")},
		PasswordView{},
		SessionsView{Account: account, Ended: true, Sessions: []SessionRow{
			{ID: "1", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/140.0", RemoteAddr: "192.0.2.1", SignedInAt: moment, SeenAt: moment, Current: true},
			{ID: "2", UserAgent: "curl/8.5", SignedInAt: moment, SeenAt: moment},
		}},
		SessionsView{},
		AppsView{Account: account, Ended: true, Apps: []AppRow{
			{ClientID: "shop", Client: *client, Scopes: scopes, Claims: claims, GivenAt: moment, LastUsedAt: moment}, {ClientID: "plain", Client: *plain},
		}},
		AppsView{},
		NoticeView{Message: NoticeHome, Link: "/account", LinkMessage: "notice.home.link"},
		NoticeView{Message: NoticeVerifyEmail, Button: "notice.verify_email.button"},
	}
	for _, message := range []string{
		NoticeSignUpClosed, NoticeLookIntoMail, NoticeEmailVerified, NoticeDeadLink, NoticeDeadReset, NoticeResetSent, NoticePasswordChanged,
	} {
		all = append(all, NoticeView{Message: message, Link: "/login", LinkMessage: message + ".link"})
	}
	for _, code := range []string{
		"invalid_request", "invalid_client", "unauthorized_client", "access_denied", "temporarily_unavailable", "server_error", "unheard_of",
	} {
		all = append(all, ErrorView{Code: code, Description: "The 'redirect_uri' is <wrong>.", RequestID: "REQUEST"})
	}
	return append(
		all, ErrorView{Code: "server_error"},
		ErrorView{Code: "invalid_request", Description: "This sign-in was completed before. Go back to the application.", RequestID: "REQUEST"},
	)
}
