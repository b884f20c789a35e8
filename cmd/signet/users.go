package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/accounts"
	"github.com/signet-id/signet/storage/sqlstore"
)

// userView is a user as the commands show it.
type userView struct {
	ID        int64      `json:"pk"`
	Subject   string     `json:"sub"`
	Email     string     `json:"email"`
	Verified  bool       `json:"email_verified"`
	FirstName string     `json:"first_name"`
	LastName  string     `json:"last_name"`
	Active    bool       `json:"active"`
	Staff     bool       `json:"staff"`
	Superuser bool       `json:"superuser"`
	JoinedAt  time.Time  `json:"joined_at"`
	LastLogin *time.Time `json:"last_login"`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
	claimsView
}

func newUserView(u provider.User) userView {
	v := userView{
		ID: u.ID, Subject: u.Subject, Email: u.Email, Verified: u.EmailVerified, FirstName: u.FirstName, LastName: u.LastName,
		Active: u.Active, Staff: u.Staff, Superuser: u.Superuser, JoinedAt: u.JoinedAt,
		claimsView: newClaimsView(u),
	}
	if !u.LastLogin.IsZero() {
		v.LastLogin = &u.LastLogin
	}
	if !u.UpdatedAt.IsZero() {
		v.UpdatedAt = &u.UpdatedAt
	}
	return v
}

const userHeading = "PK\tEMAIL\tVERIFIED\tACTIVE\tSTAFF\tSUPERUSER\tNAME\tJOINED\tSUB"

func (v userView) row() string {
	return fmt.Sprintf("%d\t%s\t%t\t%t\t%t\t%t\t%s\t%s\t%s", v.ID, v.Email, v.Verified, v.Active, v.Staff, v.Superuser,
		strings.TrimSpace(v.FirstName+" "+v.LastName), v.JoinedAt.Format(time.DateOnly), v.Subject)
}

func (a *app) printUsers(users ...provider.User) error {
	views := make([]userView, 0, len(users))
	rows := make([]string, 0, len(users))
	for _, u := range users {
		views = append(views, newUserView(u))
		rows = append(rows, newUserView(u).row())
	}
	return a.print(views, userHeading, rows...)
}

// printUser shows all that is known of one user.
func (a *app) printUser(u provider.User) error {
	if err := a.printUsers(u); err != nil || a.output == outputJSON {
		return err
	}
	rows := claimRows(u)
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	return a.print(nil, claimHeading, rows...)
}

// operator is what the commands work with: the stores and rules, without a server.
type operator struct {
	config   configs.Config
	database *sqlstore.Store
	accounts *accounts.Accounts
}

// operate opens what commands need and closes it after them.
func (a *app) operate(ctx context.Context, do func(*operator) error) error {
	config, err := a.config()
	if err != nil {
		return err
	}
	database, err := openDatabase(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	return do(&operator{config: config, database: database, accounts: newAccounts(config, database)})
}

// userByEmail finds a user for a command.
func (o *operator) userByEmail(ctx context.Context, email string) (provider.User, error) {
	user, err := o.database.UserByEmail(ctx, email)
	if errors.Is(err, provider.ErrNotFound) {
		return provider.User{}, fmt.Errorf("no user has the address %s", email)
	}
	return user, err
}

func newUsers(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "users", Short: "Manage users", Args: noArgs}
	cmd.AddCommand(newUsersCreate(a), newUsersList(a), newUsersShow(a), newUsersSet(a), newUsersDelete(a), newUsersImport(a), newUsersExport(a))
	return cmd
}

// userFlags are the properties that create and set take.
type userFlags struct {
	firstName, lastName                string
	active, verified, staff, superuser bool
	claims                             claimFlags
}

func (f *userFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.firstName, "first-name", "", "first name")
	flags.StringVar(&f.lastName, "last-name", "", "last name")
	flags.BoolVar(&f.active, "active", true, "may sign in")
	flags.BoolVar(&f.verified, "verified", false, "the address is known to be the user's")
	flags.BoolVar(&f.staff, "staff", false, "is staff")
	flags.BoolVar(&f.superuser, "superuser", false, "is a superuser")
	f.claims.register(flags)
}

// change names what was given on the command line.
func (f *userFlags) change(flags *pflag.FlagSet) provider.UserChange {
	var change provider.UserChange
	for _, flag := range []struct {
		name   string
		target **bool
		value  *bool
	}{
		{"active", &change.Active, &f.active},
		{"verified", &change.EmailVerified, &f.verified},
		{"staff", &change.Staff, &f.staff},
		{"superuser", &change.Superuser, &f.superuser},
	} {
		if flags.Changed(flag.name) {
			*flag.target = flag.value
		}
	}
	if flags.Changed("first-name") {
		change.FirstName = &f.firstName
	}
	if flags.Changed("last-name") {
		change.LastName = &f.lastName
	}
	if flags.Changed("role") {
		roles := nonEmpty(f.claims.roles)
		change.Roles = &roles
	}
	if flags.Changed("group") {
		groups := nonEmpty(f.claims.groups)
		change.Groups = &groups
	}
	return change
}

// changeOf completes the change for one user: claims that no flag names stay, and updated_at moves with what userinfo
// tells.
func (f *userFlags) changeOf(u provider.User, change provider.UserChange, now time.Time) (provider.UserChange, error) {
	if len(f.claims.claims) > 0 {
		profile := u.Profile
		if err := f.claims.apply(&profile); err != nil {
			return provider.UserChange{}, err
		}
		change.Profile = &profile
	}
	if change.EmailVerified != nil || change.FirstName != nil || change.LastName != nil || change.Profile != nil || change.Roles != nil || change.Groups != nil {
		now = now.UTC()
		change.UpdatedAt = &now
	}
	return change, nil
}

func newUsersCreate(a *app) *cobra.Command {
	var flags userFlags
	passwordStdin := false
	cmd := &cobra.Command{
		Use: "create EMAIL", Short: "Create a user", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			var profile provider.Profile
			if err := flags.claims.apply(&profile); err != nil {
				return err
			}
			return a.operate(c.Context(), func(o *operator) error {
				password, err := a.askPassword(passwordStdin)
				if err != nil {
					return err
				}
				user, err := o.accounts.NewUser(c.Context(), provider.User{
					Email: args[0], EmailVerified: flags.verified, FirstName: flags.firstName, LastName: flags.lastName,
					Active: flags.active, Staff: flags.staff, Superuser: flags.superuser,
					Profile: profile, Roles: nonEmpty(flags.claims.roles), Groups: nonEmpty(flags.claims.groups),
				}, password)
				if err != nil {
					return explain(err)
				}
				return a.printUser(user)
			})
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&passwordStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func newUsersList(a *app) *cobra.Command {
	var query provider.UserQuery
	cmd := &cobra.Command{
		Use: "list", Short: "List users", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				users, err := o.database.Users(c.Context(), query)
				if err != nil {
					return err
				}
				return a.printUsers(users...)
			})
		},
	}
	cmd.Flags().IntVar(&query.Limit, "limit", 100, "how many")
	cmd.Flags().Int64Var(&query.AfterID, "after", 0, "start after this pk")
	cmd.Flags().StringVar(&query.EmailContains, "email", "", "only addresses that contain this")
	return cmd
}

func newUsersShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show EMAIL", Short: "Show a user", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				user, err := o.userByEmail(c.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printUser(user)
			})
		},
	}
}

func newUsersSet(a *app) *cobra.Command {
	var flags userFlags
	cmd := &cobra.Command{
		Use: "set EMAIL", Short: "Change a user; --active=false signs out everywhere", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			change := flags.change(c.Flags())
			if change == (provider.UserChange{}) && len(flags.claims.claims) == 0 {
				return usageError{errors.New("nothing to set: give at least one flag")}
			}
			return a.operate(c.Context(), func(o *operator) error {
				user, err := o.userByEmail(c.Context(), args[0])
				if err != nil {
					return err
				}
				change, err := flags.changeOf(user, change, time.Now())
				if err != nil {
					return err
				}
				if active := change.Active; active != nil {
					if err := o.accounts.SetActive(c.Context(), user.ID, *active); err != nil {
						return err
					}
					change.Active = nil
				}
				if err := o.database.UpdateUser(c.Context(), user.ID, change); err != nil {
					return err
				}
				if user, err = o.database.UserByID(c.Context(), user.ID); err != nil {
					return err
				}
				return a.printUser(user)
			})
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func newUsersDelete(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use: "delete EMAIL", Short: "Delete a user and everything that signs them in", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				user, err := o.userByEmail(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := a.confirm(yes, "Delete "+user.Email+"?"); err != nil {
					return err
				}
				return o.database.DeleteUser(c.Context(), user.ID)
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newCreateSuperuser(a *app) *cobra.Command {
	email, noInput := "", false
	cmd := &cobra.Command{
		Use: "createsuperuser", Short: "Create a superuser (SIGNET_SUPERUSER_EMAIL, SIGNET_SUPERUSER_PASSWORD with --noinput)", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				password := ""
				var err error
				switch {
				case noInput:
					email = cmp.Or(email, a.env("SIGNET_SUPERUSER_EMAIL"))
					password = a.env("SIGNET_SUPERUSER_PASSWORD")
					if email == "" || password == "" {
						return usageError{errors.New("--noinput needs SIGNET_SUPERUSER_PASSWORD, and --email or SIGNET_SUPERUSER_EMAIL")}
					}
				default:
					if email == "" {
						if email, err = a.ask("Email: "); err != nil {
							return err
						}
					}
					if password, err = a.askPassword(false); err != nil {
						return err
					}
				}
				if _, err := o.accounts.NewUser(c.Context(), provider.User{
					Email: email, EmailVerified: true, Active: true, Staff: true, Superuser: true,
				}, password); err != nil {
					return explain(err)
				}
				fmt.Fprintln(a.out, "Superuser created successfully.")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "the superuser's address")
	cmd.Flags().BoolVar(&noInput, "noinput", false, "do not prompt")
	return cmd
}

func newChangePassword(a *app) *cobra.Command {
	passwordStdin := false
	cmd := &cobra.Command{
		Use: "changepassword EMAIL", Short: "Set a user's password; it signs out everywhere", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				user, err := o.userByEmail(c.Context(), args[0])
				if err != nil {
					return err
				}
				password, err := a.askPassword(passwordStdin)
				if err != nil {
					return err
				}
				if err := o.accounts.SetPassword(c.Context(), user.ID, password); err != nil {
					return explain(err)
				}
				fmt.Fprintln(a.out, "Password changed successfully.")
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&passwordStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

// explain writes the faults of an input out for people.
func explain(err error) error {
	invalid := new(provider.InvalidError)
	if !errors.As(err, &invalid) {
		return err
	}
	lines := make([]string, 0, len(invalid.Fields))
	for _, f := range invalid.Fields {
		lines = append(lines, f.Message)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// env reads a variable of the command's environment.
func (a *app) env(name string) string {
	for _, pair := range slices.Backward(a.environ) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// ask reads one line.
func (a *app) ask(prompt string) (string, error) {
	fmt.Fprint(a.err, prompt)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return "", fmt.Errorf("read answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// confirm asks before something is deleted.
func (a *app) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	answer, err := a.ask(question + " [y/N] ")
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return errors.New("nothing was deleted")
	}
	return nil
}

// askPassword reads a password: twice at a terminal without echo, else one line.
func (a *app) askPassword(stdin bool) (string, error) {
	file, ok := a.in.(*os.File)
	if stdin || !ok || !term.IsTerminal(int(file.Fd())) {
		password, err := a.ask("")
		if errors.Is(err, io.EOF) {
			return "", errors.New("no password: there is no terminal to ask at, and standard input is empty")
		}
		return password, err
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Password (again): "} {
		fmt.Fprint(a.err, prompt)
		raw, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.err)
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		typed[i] = string(raw)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the passwords do not match")
	}
	return typed[0], nil
}

// decodeFile reads a JSON file, refusing what it does not know.
func decodeFile(path string, into any) error {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
