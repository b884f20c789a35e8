package templates

import "time"

// View is what one page shows. Its type says which template shows it; samples fills it for the check of
// templates that an operator has replaced.
type View interface {
	template() string
}

// ClientView is a client as people see it.
type ClientView struct {
	Name      string
	URI       string
	LogoURI   string
	PolicyURI string
	TermsURI  string
	// SelfRegistered warns that nobody vouches for the client.
	SelfRegistered bool
}

// Fault is what is wrong with one field of a form; Field is empty for the form as a whole. Message is the
// English text that the rules give; pages show it in their language.
type Fault struct {
	Field   string
	Message string
}

// LoginView is /login. Interaction is empty without an authorization request.
type LoginView struct {
	Client      *ClientView
	Interaction string
	// Next is a path of ours to go to without an authorization request.
	Next     string
	Username string
	Remember bool
	// Account is who is signed in already and asked to prove it again; empty for nobody.
	Account    string
	SignUpOpen bool
	Faults     []Fault
}

// SignupView is /signup.
type SignupView struct {
	Client      *ClientView
	Interaction string
	Next        string
	Email       string
	FirstName   string
	LastName    string
	Faults      []Fault
}

// ConsentView is /consent.
type ConsentView struct {
	Client      *ClientView
	Interaction string
	Account     string
	// Scopes are those asked for, Claims what is asked for by name beyond them.
	Scopes []string
	Claims []string
}

// ErrorView is shown when nobody else can be told. Code is the protocol's, or a word of ours.
type ErrorView struct {
	Code        string
	Description string
	RequestID   string
}

// FormPostView sends an authorization response by a form (OAuth 2.0 Form Post Response Mode).
type FormPostView struct {
	Action string
	Fields []HiddenField
}

// HiddenField is one field that a form carries unseen.
type HiddenField struct {
	Name  string
	Value string
}

// LogoutView asks whether to sign out. Request is carried back unchanged.
type LogoutView struct {
	Client  *ClientView
	Account string
	Request string
}

// LoggedOutView says that the browser is signed out. Frames are the clients' pages that have to learn of it;
// Continue is where to go then, empty for nowhere. The page has a link there; to go by itself, the answer has
// a header Refresh.
type LoggedOutView struct {
	Frames   []string
	Continue string
}

// NoticeView is a page that says one thing. Message is the start of the ids of its words: Message.title,
// Message.text.
type NoticeView struct {
	Message string
	// Link leads on; LinkMessage is the id of its words. Empty: none.
	Link        string
	LinkMessage string
	// Button posts to the page itself; it is the id of the button's words. Empty: none.
	Button string
}

// ForgotPasswordView is /password-reset.
type ForgotPasswordView struct {
	Email  string
	Faults []Fault
}

// NewPasswordView is where a link to choose a new password leads.
type NewPasswordView struct {
	Faults []Fault
}

// ProfileView is /account/profile. Values are the claims by name, as OpenID Connect Core §5.1 calls them.
type ProfileView struct {
	Account string
	Values  map[string]string
	Saved   bool
	Faults  []Fault
}

// SessionsView is /account/sessions.
type SessionsView struct {
	Account  string
	Sessions []SessionRow
	// Ended says that a session was ended just now.
	Ended bool
}

// SessionRow is one browser that is signed in.
type SessionRow struct {
	ID         string
	UserAgent  string
	RemoteAddr string
	SignedInAt time.Time
	SeenAt     time.Time
	// Current is the browser that asks.
	Current bool
}

// AppsView is /account/apps.
type AppsView struct {
	Account string
	Apps    []AppRow
	// Ended says that an application was removed just now.
	Ended bool
}

// AppRow is one client that the user let have something, or that is signed in.
type AppRow struct {
	ClientID string
	Client   ClientView
	Scopes   []string
	Claims   []string
	// GivenAt is when the user last consented; zero for a client that needs no consent.
	GivenAt time.Time
	// LastUsedAt is when tokens were last asked for; zero when nothing of it lives.
	LastUsedAt time.Time
}

// PasswordView is /account/password.
type PasswordView struct {
	Account string
	// OldRequired asks for the password that is good now.
	OldRequired bool
	Saved       bool
	Faults      []Fault
}

// The messages of NoticeView.
const (
	NoticeHome            = "notice.home"
	NoticeSignUpClosed    = "notice.signup_closed"
	NoticeLookIntoMail    = "notice.look_into_mail"
	NoticeVerifyEmail     = "notice.verify_email"
	NoticeEmailVerified   = "notice.email_verified"
	NoticeDeadLink        = "notice.dead_link"
	NoticeDeadReset       = "notice.dead_reset"
	NoticeResetSent       = "notice.reset_sent"
	NoticePasswordChanged = "notice.password_changed"
)

func (LoginView) template() string          { return "auth/login.html" }
func (SignupView) template() string         { return "auth/signup.html" }
func (ConsentView) template() string        { return "auth/consent.html" }
func (ErrorView) template() string          { return "errors/error.html" }
func (FormPostView) template() string       { return "auth/form_post.html" }
func (LogoutView) template() string         { return "auth/logout.html" }
func (LoggedOutView) template() string      { return "auth/logged_out.html" }
func (NoticeView) template() string         { return "auth/notice.html" }
func (ForgotPasswordView) template() string { return "auth/forgot_password.html" }
func (NewPasswordView) template() string    { return "auth/new_password.html" }
func (ProfileView) template() string        { return "account/profile.html" }
func (PasswordView) template() string       { return "account/password.html" }
func (SessionsView) template() string       { return "account/sessions.html" }
func (AppsView) template() string           { return "account/apps.html" }

// images are the pictures of a client, if it is shown.
func (c *ClientView) images() []string {
	if c == nil || c.LogoURI == "" {
		return nil
	}
	return []string{c.LogoURI}
}

func (v LoginView) images() []string   { return v.Client.images() }
func (v SignupView) images() []string  { return v.Client.images() }
func (v ConsentView) images() []string { return v.Client.images() }
func (v LogoutView) images() []string  { return v.Client.images() }

// ProfileFields are the names of the fields of /account/profile: those of the claims (OpenID Connect Core
// §5.1), and those in the address (§5.1.1).
var ProfileFields = []string{
	"given_name", "middle_name", "family_name", "nickname", "preferred_username", "birthdate", "gender", "locale", "zoneinfo", "profile", "picture",
	"website", "phone_number", "street_address", "postal_code", "locality", "region", "country",
}
