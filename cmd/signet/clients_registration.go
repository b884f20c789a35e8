package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/provider/oidc"
)

// registrationTokenView is an initial access token as its maker sees it, once.
type registrationTokenView struct {
	Token     string    `json:"registration_token"`
	Uses      int       `json:"uses"`
	ExpiresAt time.Time `json:"expires_at"`
}

func newClientsRegistrationToken(a *app) *cobra.Command {
	uses, lifetime := 1, 24*time.Hour
	cmd := &cobra.Command{
		Use: "registration-token", Short: "Make a token with which clients register themselves; shown once", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case uses < 1 || uses > oidc.MaxInitialAccessUses:
				return usageError{fmt.Errorf("--uses is 1 to %d", oidc.MaxInitialAccessUses)}
			case lifetime <= 0 || lifetime > maxRegistrationToken:
				return usageError{errors.New("--lifetime is more than 0s and at most 720h")}
			}
			return a.operate(c.Context(), func(o *operator) error {
				sessions, closeSessions, err := openSessions(c.Context(), o.config, o.database)
				if err != nil {
					return err
				}
				defer closeSessions()
				view := registrationTokenView{Uses: uses, ExpiresAt: time.Now().UTC().Add(lifetime).Truncate(time.Second)}
				if view.Token, err = oidc.NewInitialAccessToken(c.Context(), sessions, uses, view.ExpiresAt); err != nil {
					return err
				}
				if o.config.OAuth.DynamicRegistration != string(oidc.RegistrationByToken) {
					fmt.Fprintf(a.err, "oauth.dynamic_registration is %s: the token is of use when it is token\n", o.config.OAuth.DynamicRegistration)
				}
				return a.print([]registrationTokenView{view}, "REGISTRATION TOKEN\tUSES\tEXPIRES AT", fmt.Sprintf("%s\t%d\t%s", view.Token, view.Uses, view.ExpiresAt.Format(time.RFC3339)))
			})
		},
	}
	cmd.Flags().IntVar(&uses, "uses", uses, "how many clients it registers")
	cmd.Flags().DurationVar(&lifetime, "lifetime", lifetime, "how long it is good")
	return cmd
}

// maxRegistrationToken bounds the life of a token that anybody who finds it can use.
const maxRegistrationToken = 30 * 24 * time.Hour
