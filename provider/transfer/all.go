package transfer

import (
	"context"
	"iter"

	"github.com/signet-id/signet/provider"
)

// All are the stored users, by ID. Its last value is an error, if there is one.
func All(ctx context.Context, users provider.UserStore) iter.Seq2[provider.User, error] {
	return func(yield func(provider.User, error) bool) {
		for query := (provider.UserQuery{Limit: page}); ; {
			found, err := users.Users(ctx, query)
			if err != nil {
				yield(provider.User{}, err)
				return
			}
			for _, u := range found {
				if !yield(u, nil) {
					return
				}
				query.AfterID = u.ID
			}
			if len(found) < page {
				return
			}
		}
	}
}
