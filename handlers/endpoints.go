package handlers

import "net/http"

// methods maps the methods of a path to what answers them.
type methods map[string]handler

// endpoint is one path of the account API.
type endpoint struct {
	methods methods
	// allow is the Allow header, with the order and the oddities that it has always had.
	allow string
	// signedIn endpoints look at the caller before they look at the method.
	signedIn bool
	// limited endpoints share one limit per address.
	limited bool

	// What its page says to somebody who opens it in a browser.
	title   string
	about   string
	example string
	form    []formField
}

// formField is an input of an endpoint's page.
type formField struct {
	Name     string
	Label    string
	Type     string
	Complete string // autocomplete
}

const (
	allowPost   = "POST, OPTIONS"
	allowVerify = "POST, OPTIONS, HEAD"
	allowLogout = "GET, POST, HEAD, OPTIONS" // though GET is refused
	allowUser   = "GET, PUT, PATCH, HEAD, OPTIONS"
)

// endpoints are the paths of the account API.
func (s *Server) endpoints() map[string]*endpoint {
	var (
		email    = formField{"email", "E-mail address", "email", "username"}
		password = formField{"password", "Password", "password", "current-password"}
		newTwice = func(name string) []formField {
			return []formField{{name + "1", "New password", "password", "new-password"}, {name + "2", "New password again", "password", "new-password"}}
		}
	)
	const exampleUser = `{"pk":1,"email":"ada@example.com","first_name":"","last_name":""}`
	const exampleTokens = `{"access_token":"…","refresh_token":"…","user":` + exampleUser + `}`
	return map[string]*endpoint{
		"registration": {
			methods: methods{http.MethodPost: s.registration}, allow: allowPost, limited: true,
			title: "Register", about: "Makes an account and signs it in.", example: exampleTokens,
			form: append([]formField{email}, newTwice("password")...),
		},
		"registration/verify-email": {
			methods: methods{http.MethodPost: s.verifyEmail}, allow: allowVerify, limited: true,
			title: "Verify e-mail", about: "Uses the key from a mail: the address is yours.", example: `{"detail":"ok"}`,
			form: []formField{{"key", "Key", "text", "off"}},
		},
		"registration/resend-email": {
			methods: methods{http.MethodPost: s.resendEmail}, allow: allowPost, limited: true,
			title: "Resend e-mail", about: "Sends the verification mail again.", example: `{"detail":"ok"}`,
			form: []formField{email},
		},
		"login": {
			methods: methods{http.MethodPost: s.login}, allow: allowPost, limited: true,
			title: "Log in", about: "Gives tokens for an address and its password, in the answer and as cookies.", example: exampleTokens,
			form: []formField{email, password},
		},
		"logout": {
			methods: methods{http.MethodPost: s.logout}, allow: allowLogout, limited: true,
			title: "Log out", about: "Ends what the caller's tokens came from and clears the cookies.", example: `{"detail":"Successfully logged out."}`,
		},
		"user": {
			methods: methods{http.MethodGet: s.user, http.MethodPut: s.updateUser, http.MethodPatch: s.updateUser}, allow: allowUser, signedIn: true,
			title: "User", about: "Shows the signed-in user. PUT and PATCH change first_name and last_name.", example: exampleUser,
		},
		"password/change": {
			methods: methods{http.MethodPost: s.passwordChange}, allow: allowPost, signedIn: true, limited: true,
			title: "Change password", about: "Gives the signed-in user a new password and ends all other sessions.", example: `{"detail":"New password has been saved."}`,
			form: append([]formField{{"old_password", "Old password", "password", "current-password"}}, newTwice("new_password")...),
		},
		"password/reset": {
			methods: methods{http.MethodPost: s.passwordReset}, allow: allowPost, limited: true,
			title: "Reset password", about: "Mails a link to choose a new password, if the address has an account.", example: `{"detail":"Password reset e-mail has been sent."}`,
			form: []formField{email},
		},
		"password/reset/confirm": {
			methods: methods{http.MethodPost: s.passwordResetConfirm}, allow: allowPost, limited: true,
			title: "Confirm password reset", about: "Sets a new password with what the mailed link brings, and ends all sessions.",
			example: `{"detail":"Password has been reset with the new password."}`,
			form:    append(newTwice("new_password"), formField{"uid", "uid", "text", "off"}, formField{"token", "token", "text", "off"}),
		},
		"token/refresh": {
			methods: methods{http.MethodPost: s.tokenRefresh}, allow: allowPost,
			title: "Refresh token", about: "Gives a new access token for a refresh token: the one in the body, else the cookie's.",
			example: `{"access":"…","access_token_expiration":"2026-01-01T00:00:00.000000Z"}`,
			form:    []formField{{"refresh", "Refresh token", "text", "off"}},
		},
		"token/verify": {
			methods: methods{http.MethodPost: s.tokenVerify}, allow: allowPost,
			title: "Verify token", about: "Tells whether a token, access or refresh, can be used now.", example: `{}`,
			form: []formField{{"token", "Token", "text", "off"}},
		},
	}
}
