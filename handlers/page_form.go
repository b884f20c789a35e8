package handlers

import (
	"net/url"
	"strings"
)

// inputOf are the fields of a form, which follow the rules of the account API: a password that was chosen at
// one door is the same at the other.
func inputOf(form url.Values) input {
	in := make(input, len(form))
	for name, values := range form {
		in[name] = values[len(values)-1]
	}
	return in
}

// typed is a field's value, right or wrong, to be shown again.
func (in input) typed(name string) string {
	text, _ := in[name].(string)
	return strings.TrimSpace(text)
}
