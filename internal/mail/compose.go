package mail

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/mails"
)

// compose writes a message with a text and an HTML alternative. What would break out of its header is
// refused, whoever let it come this far.
func compose(from mail.Address, m mails.Message) (*gomail.Msg, error) {
	recipient, err := wireAddress(m.To)
	if err != nil {
		return nil, fmt.Errorf("%w: recipient: %w", mails.ErrRefused, err)
	}
	for name, value := range map[string]string{"subject": m.Subject, "sender": from.Name, "sender's address": from.Address, "id": m.ID} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return nil, fmt.Errorf("%w: the %s has control characters", mails.ErrRefused, name)
		}
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(&from)
	message.ToMailAddress(&mail.Address{Address: recipient})
	message.Subject(m.Subject)
	message.SetDateWithValue(m.Date)
	message.SetMessageIDWithValue(m.ID + from.Address[strings.LastIndexByte(from.Address, '@'):])
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answers from robots
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return message, nil
}

// wireAddress returns an address with its domain as A-labels, which every server understands. The local
// part is its owner's to spell.
func wireAddress(address string) (string, error) {
	canonical, err := provider.CanonicalEmail(address)
	if err != nil {
		return "", err
	}
	return address[:strings.LastIndexByte(address, '@')] + canonical[strings.LastIndexByte(canonical, '@'):], nil
}
