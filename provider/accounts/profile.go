package accounts

import (
	"context"
	"errors"

	"github.com/signet-id/signet/provider"
)

// UpdateProfile changes a user's names and standard claims, all of them or none. provider.ErrNotFound: no such
// user.
func (a *Accounts) UpdateProfile(ctx context.Context, userID int64, firstName, lastName string, profile provider.Profile) error {
	invalid, claims := &provider.InvalidError{}, &provider.InvalidError{}
	checkName(invalid, fieldFirstName, firstName)
	checkName(invalid, fieldLastName, lastName)
	if errors.As(profile.Validate(), &claims) {
		invalid.Fields = append(invalid.Fields, claims.Fields...)
	}
	if len(invalid.Fields) > 0 {
		return invalid
	}
	now := a.Now().UTC()
	return a.Users.UpdateUser(ctx, userID, provider.UserChange{FirstName: &firstName, LastName: &lastName, Profile: &profile, UpdatedAt: &now})
}
