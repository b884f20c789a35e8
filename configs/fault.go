package configs

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the settings.
type Fault struct {
	// Where is what has to be changed: "signet.yaml:12" or the name of a variable; empty when the
	// setting was left at its default.
	Where string
	// Key is the setting, such as "server.listen"; empty for a file that cannot be read as a whole.
	Key string
	// Value is what it is set to, secrets masked. It is quoted, or empty where there is none to show.
	Value string
	// Want says what would be right.
	Want string
}

// Error returns the fault in one line.
func (f *Fault) Error() string {
	var b strings.Builder
	if f.Where != "" {
		b.WriteString(f.Where + ": ")
	}
	b.WriteString(f.Key)
	if f.Value != "" {
		b.WriteString(" is " + f.Value)
	}
	if f.Key != "" {
		b.WriteString(": ")
	}
	b.WriteString(f.Want)
	return b.String()
}

// unknown says that a name means nothing, and which of the known ones may have been meant.
func unknown(what, name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, candidate := range known {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return fmt.Sprintf("unknown %s, docs/configuration.md lists all", what)
	}
	return fmt.Sprintf("unknown %s, did you mean %s?", what, best)
}

// editDistance counts the letters to change, add or remove between a and b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
