package passwords

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPolicySaysWhatDjangoSays(t *testing.T) {
	t.Parallel()
	type vector struct {
		FirstName string `json:"first_name"`
		LastName  string `json:"last_name"`
		Email     string
		Password  string
		Messages  []string
	}
	seen := map[string]int{}
	for _, v := range readJSON[vector](t, "policy.json") {
		got := Policy{}.Check(v.Password, Attributes{FirstName: v.FirstName, LastName: v.LastName, Email: v.Email})
		require.Equal(t, v.Messages, append([]string{}, got...), "%q for %q, %q, %q", v.Password, v.FirstName, v.LastName, v.Email)
		for _, m := range got {
			seen[m]++
		}
	}
	require.Len(t, seen, 6, "a message is not covered: %v", seen)
}

func TestQuickRatioIsThatOfPython(t *testing.T) {
	t.Parallel()
	type vector struct {
		A, B  string
		Ratio float64
	}
	for _, v := range readJSON[vector](t, "ratios.json") {
		require.InDelta(t, v.Ratio, quickRatio([]rune(v.A), []rune(v.B)), 0, "%q, %q", v.A, v.B)
	}
}

func TestMinLengthIsOfCharactersAndCanBeSet(t *testing.T) {
	t.Parallel()
	short := []string{"This password is too short. It must contain at least 12 characters."}
	require.Equal(t, short, Policy{MinLength: 12}.Check("비밀번호비밀번호비밀번", Attributes{}))
	require.Empty(t, Policy{MinLength: 12}.Check("비밀번호비밀번호비밀번호", Attributes{}))
	// Decomposed letters do not make a password longer.
	require.Equal(t, short, Policy{MinLength: 12}.Check(strings.Repeat("a\u0308", 11), Attributes{}))
}

func TestPasswordThatIsTooLongHasOneFault(t *testing.T) {
	t.Parallel()
	require.Empty(t, Policy{}.Check(strings.Repeat("a", MaxLength), Attributes{}))
	require.Equal(t, []string{"This password is too long. It must contain at most 4096 bytes."},
		Policy{}.Check(strings.Repeat("1", MaxLength+1), Attributes{}))
}
