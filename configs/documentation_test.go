package configs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExampleIsEverySettingWithItsDefault(t *testing.T) {
	text, err := os.ReadFile("signet.example.yaml")
	require.NoError(t, err)
	c, err := Load("signet.example.yaml", nil)
	require.NoError(t, err)
	requireSame(t, Default(), c)

	// A setting whose default depends on others is commented out, without a space.
	whole := regexp.MustCompile(`(?m)^(\s*)#([a-z])`).ReplaceAllString(string(text), "$1$2")
	l := &loader{config: Default(), origins: map[string]origin{}}
	require.True(t, l.file(write(t, "whole.yaml", whole)))
	require.Empty(t, l.faults)
	requireSame(t, Default(), l.config)
	for _, s := range settings(&l.config) {
		require.Contains(t, l.origins, s.key, "the example does not list it")
	}
}

// requireSame compares what settings show: an empty list is as good as none.
func requireSame(t *testing.T, want, got Config) {
	t.Helper()
	shown := settings(&got)
	for i, s := range settings(&want) {
		require.Equal(t, display(s.value), display(shown[i].value), s.key)
	}
}

func TestDocumentationListsEverySetting(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	c := Default()
	var want []string
	for _, s := range settings(&c) {
		value := "empty"
		if text := display(s.value); text != "" {
			value = "`" + text + "`"
		}
		want = append(want, "| `"+s.key+"` | `"+s.env()+"` | "+value+" |")
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^(\\| `[a-z0-9_.]+` \\| `SIGNET_[A-Z0-9_]+` \\| [^|]+ \\|) (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		require.NotEmpty(t, strings.TrimSpace(row[2]), "no meaning: %s", row[1])
		got = append(got, row[1])
	}
	require.Equal(t, want, got)
}
