// Package limits owns which doors are limited, by what and how much. It does not know HTTP, nor
// where the counters are: the shared limiter counts for all replicas, the local one for this
// process.
package limits

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/signet-id/signet/provider"
)

// Rates are the limits of every door.
type Rates struct {
	LoginPerAddress        provider.Rate
	LoginPerAccount        provider.Rate // failed ones: a success forgets what was counted
	RegistrationPerAddress provider.Rate
	// AccountAPIPerAddress bounds, over all of them, what an address asks of the doors of the account API
	// that ask for a password or send mails. The zero rate does not.
	AccountAPIPerAddress provider.Rate
	// MailPerRecipient and MailPerAddress bound the mails of one kind to a recipient, and those that one
	// address causes.
	MailPerRecipient provider.Rate
	MailPerAddress   provider.Rate
	// TokenPerAddress bounds what an address does at the token endpoint without having proved to be a
	// confidential client.
	TokenPerAddress        provider.Rate
	TokenPerClient         provider.Rate
	IntrospectionPerClient provider.Rate
	// ClientRegistrationPerAddress bounds the clients that register themselves without a token.
	ClientRegistrationPerAddress provider.Rate
}

// Limits counts at the doors. Every method returns nil or a *provider.RateLimitError; a counter that
// cannot be reached is an error too: the door stays shut.
type Limits struct {
	// Shared counts what must hold over all replicas: guesses at passwords.
	Shared provider.Limiter
	// Local counts the doors that are too busy for a trip to a store.
	Local   provider.Limiter
	Rates   Rates
	Now     func() time.Time
	Enabled bool
}

// LoginTry is one try at an account's password that was counted.
type LoginTry struct {
	limits  *Limits
	account string
	// first says that nothing else is counted for the account.
	first bool
}

// Login counts one try at an account's password, before it is hashed, in one trip. account is the
// canonical address, or what was sent instead of one.
func (l *Limits) Login(ctx context.Context, account string) (LoginTry, error) {
	try := LoginTry{limits: l, account: account}
	if !l.Enabled {
		return try, nil
	}
	taken, err := l.Shared.TakeEach(ctx, []provider.Bucket{
		{Key: "login-address:" + addressKey(ctx), Rate: l.Rates.LoginPerAddress},
		{Key: "login-account:" + account, Rate: l.Rates.LoginPerAccount},
	}, l.Now())
	if err != nil {
		return try, err
	}
	if wait := max(taken[0].Wait, taken[1].Wait); wait > 0 {
		return try, &provider.RateLimitError{RetryAfter: wait}
	}
	try.first = taken[1].First
	return try, nil
}

// Succeeded forgets the account's failed tries, with a trip only when there were others than this. The
// address's count stays: an attacker's own logins must not reset it.
func (t LoginTry) Succeeded(ctx context.Context) error {
	if !t.limits.Enabled || t.first {
		return nil
	}
	return t.limits.Shared.Forget(ctx, "login-account:"+t.account)
}

// Registration counts one registration.
func (l *Limits) Registration(ctx context.Context) error {
	return l.take(ctx, l.Shared, "registration-address:"+addressKey(ctx), l.Rates.RegistrationPerAddress)
}

// ClientRegistration counts one client that registers itself.
func (l *Limits) ClientRegistration(ctx context.Context) error {
	return l.take(ctx, l.Shared, "client-registration-address:"+addressKey(ctx), l.Rates.ClientRegistrationPerAddress)
}

// AccountAPI counts one request at a door of the account API.
func (l *Limits) AccountAPI(ctx context.Context) error {
	if l.Rates.AccountAPIPerAddress == (provider.Rate{}) {
		return nil
	}
	return l.take(ctx, l.Shared, "account-api-address:"+addressKey(ctx), l.Rates.AccountAPIPerAddress)
}

// Mail counts one mail that a caller causes. recipient is a canonical address; what is behind its "+"
// does not make it another.
func (l *Limits) Mail(ctx context.Context, kind provider.MailKind, recipient string) error {
	if err := l.take(ctx, l.Shared, "mail-address:"+addressKey(ctx), l.Rates.MailPerAddress); err != nil {
		return err
	}
	return l.take(ctx, l.Shared, "mail-"+string(kind)+":"+withoutTag(recipient), l.Rates.MailPerRecipient)
}

// withoutTag takes the "+tag" out of a canonical address.
func withoutTag(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return email
	}
	local, _, _ := strings.Cut(email[:at], "+")
	return local + email[at:]
}

// TokenByAddress counts one token request of a caller that did not authenticate as a confidential
// client.
func (l *Limits) TokenByAddress(ctx context.Context) error {
	return l.take(ctx, l.Local, "token-address:"+addressKey(ctx), l.Rates.TokenPerAddress)
}

// TokenByClient counts one token request of a confidential client.
func (l *Limits) TokenByClient(ctx context.Context, clientID string) error {
	return l.take(ctx, l.Local, "token-client:"+clientID, l.Rates.TokenPerClient)
}

// Introspection counts one introspection by a client.
func (l *Limits) Introspection(ctx context.Context, clientID string) error {
	return l.take(ctx, l.Local, "introspection-client:"+clientID, l.Rates.IntrospectionPerClient)
}

func (l *Limits) take(ctx context.Context, limiter provider.Limiter, key string, rate provider.Rate) error {
	if !l.Enabled {
		return nil
	}
	wait, err := limiter.Take(ctx, key, rate, l.Now())
	if err != nil {
		return err
	}
	if wait > 0 {
		return &provider.RateLimitError{RetryAfter: wait}
	}
	return nil
}

// addressKey is the caller's address; of IPv6 the /64, which is what one subscriber has.
func addressKey(ctx context.Context) string {
	addr := provider.RequestFrom(ctx).Addr.Unmap()
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}
