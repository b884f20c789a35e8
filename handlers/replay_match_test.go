package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is JSON with the order of its members: members, array or a scalar.
type (
	members []member
	member  struct {
		name  string
		value any
	}
	array []any
)

func (o members) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// String writes an object as the account API does.
func (o members) String() string { return writeNode(o) }

func writeNode(n any) string {
	switch v := n.(type) {
	case members:
		var parts []string
		for _, m := range v {
			parts = append(parts, writeNode(m.name)+":"+writeNode(m.value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case array:
		var parts []string
		for _, value := range v {
			parts = append(parts, writeNode(value))
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			return err.Error()
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
}

// node is any parsed JSON.
type node interface{ String() string }

// String writes an array as the account API does.
func (a array) String() string { return writeNode(a) }

type scalar struct{ value any }

// String writes a scalar as the account API does.
func (s scalar) String() string { return writeNode(s.value) }

func parseNode(t *testing.T, text string) node {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value, err := readNode(decoder)
	require.NoError(t, err, text)
	switch v := value.(type) {
	case members:
		return v
	case array:
		return v
	default:
		return scalar{v}
	}
}

func readNode(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := members{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := readNode(decoder)
			if err != nil {
				return nil, err
			}
			object = append(object, member{name.(string), value})
		}
		_, err := decoder.Token()
		return object, err
	case json.Delim('['):
		values := array{}
		for decoder.More() {
			value, err := readNode(decoder)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		_, err := decoder.Token()
		return values, err
	default:
		return token, nil
	}
}

// match compares an expectation with what came, members in order; "" means that they agree.
func match(want, got any, place string, at time.Time) string {
	if s, ok := want.(scalar); ok {
		want = s.value
	}
	if s, ok := got.(scalar); ok {
		got = s.value
	}
	differs := fmt.Sprintf("%s: got %s, want %s", place, writeNode(got), writeNode(want))
	switch w := want.(type) {
	case members:
		g, ok := got.(members)
		if !ok || len(g) != len(w) {
			return differs
		}
		for i := range w {
			if w[i].name != g[i].name {
				return differs
			}
			if fault := match(w[i].value, g[i].value, place+"."+w[i].name, at); fault != "" {
				return fault
			}
		}
		return ""
	case array:
		g, ok := got.(array)
		if !ok || len(g) != len(w) {
			return differs
		}
		for i := range w {
			if fault := match(w[i], g[i], place, at); fault != "" {
				return fault
			}
		}
		return ""
	case string:
		if matchText(w, got, place, at) {
			return ""
		}
		return differs
	default:
		if writeNode(want) == writeNode(got) {
			return ""
		}
		return differs
	}
}

func matchText(want string, got any, place string, at time.Time) bool {
	text, isText := got.(string)
	switch {
	case want == "<any>":
		return true
	case want == "<int>":
		_, err := strconv.ParseInt(writeNode(got), 10, 64)
		return err == nil
	case want == "<jwt>":
		return isText && (isJWT(text) || (strings.Contains(place, "refresh") && strings.HasPrefix(text, "sgr_")))
	case strings.HasPrefix(want, "<now"):
		offset, _ := strconv.ParseInt(strings.Trim(want, "<now>"), 10, 64)
		moment, err := strconv.ParseInt(writeNode(got), 10, 64)
		return err == nil && abs(moment-at.Unix()-offset) <= 3
	}
	return isText && placeholderPattern(want).MatchString(text)
}

func abs(n int64) int64 { return max(n, -n) }

func isJWT(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	var fields map[string]any
	return err == nil && json.Unmarshal(header, &fields) == nil && fields["alg"] != nil
}

var placeholders = strings.NewReplacer(
	"<int>", `\d+`, "<str>", `.+`, "<any>", `.*`, "<hex32>", `[0-9a-f]{32}`, "<base36>", `[0-9a-z]+`,
	"<datetime>", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`, "<httpdate>", `[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`,
	"<key>", `[-\w]+:[0-9A-Za-z]+:[-\w]{43}`,
)

// placeholderPattern matches a text in which placeholders stand for what they name.
func placeholderPattern(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + placeholders.Replace(regexp.QuoteMeta(text)) + "$")
}
