package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// summarizeModule runs the tests of a module of one file through go test -json and summarize.
func summarizeModule(t *testing.T, testFile string) (passed bool, out string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.test/m\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m_test.go"), []byte("package m\n\n"+testFile), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	events, err := cmd.Output()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	var printed strings.Builder
	passed, err = summarize(strings.NewReader(string(events)), &printed)
	require.NoError(t, err)
	return passed, printed.String()
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestSummary(t *testing.T) {
	t.Parallel()
	t.Run("counts tests without subtests, per store and together", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import "testing"

func TestAlone(t *testing.T) {}

func TestStores(t *testing.T) {
	for _, store := range []string{"sqlite", "mariadb", "redis", "redis", "miniredis"} {
		t.Run(store, func(t *testing.T) {
			t.Run("one", func(t *testing.T) {})
			t.Run("two", func(t *testing.T) { if store == "mariadb" { t.Skip("not today") } })
		})
	}
}
`)
		require.True(t, passed)
		require.Contains(t, out, "ok    example.test/m  ")
		require.True(t, strings.HasSuffix(out, `
sqlite     2 passed, 0 failed
mariadb    1 passed, 0 failed, 1 skipped
miniredis  2 passed, 0 failed
redis      4 passed, 0 failed
10 passed, 0 failed, 1 skipped
`), out)
	})
	t.Run("prints only what failed, once", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import "testing"

func TestGood(t *testing.T) { t.Log("a quiet word") }

func TestBad(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { t.Error("a loud word") })
	t.Run("mariadb", func(t *testing.T) { t.Log("another quiet word") })
}
`)
		require.False(t, passed)
		require.NotContains(t, out, "quiet word")
		require.Equal(t, 1, strings.Count(out, "a loud word"), out)
		require.Contains(t, out, "example.test/m TestBad/sqlite")
		require.Contains(t, out, "sqlite     0 passed, 1 failed\nmariadb    1 passed, 0 failed\n")
		require.Equal(t, "2 passed, 1 failed", lastLine(out))
	})
	t.Run("counts a test that fails beside its subtests", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import "testing"

func TestParent(t *testing.T) {
	t.Run("child", func(t *testing.T) {})
	t.Error("its own fault")
}

func TestOther(t *testing.T) { t.Error("another fault") }
`)
		require.False(t, passed)
		require.Contains(t, out, "its own fault")
		require.Equal(t, "1 passed, 2 failed", lastLine(out))
	})
	t.Run("shows the panic of a test", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import "testing"

func TestPanics(t *testing.T) { panic("out of order") }
`)
		require.False(t, passed)
		require.Contains(t, out, "panic: out of order")
		require.Equal(t, "0 passed, 1 failed", lastLine(out))
	})
	t.Run("fails when a test binary ends before its tests", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import ("os"; "testing")

func TestFine(t *testing.T) {}

func TestLeaves(t *testing.T) { println("last words"); os.Exit(3) }
`)
		require.False(t, passed)
		require.Contains(t, out, "last words")
		require.Equal(t, "1 passed, 1 failed", lastLine(out))
	})
	t.Run("shows a failed build", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, `import "testing"

func TestFine(t *testing.T) { undefinedWord() }
`)
		require.False(t, passed)
		require.Contains(t, out, "undefined: undefinedWord")
		require.Contains(t, out, "FAIL  example.test/m  build failed")
		require.Equal(t, "0 passed, 1 failed", lastLine(out))
	})
	t.Run("fails when no test ran", func(t *testing.T) {
		t.Parallel()
		passed, out := summarizeModule(t, "")
		require.False(t, passed)
		require.Equal(t, "0 passed, 0 failed", lastLine(out))
	})
	t.Run("fails when the output ends before a package does", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		passed, err := summarize(strings.NewReader(
			`{"Action":"start","Package":"m"}`+"\n"+
				`{"Action":"run","Package":"m","Test":"TestA"}`+"\n"+
				`{"Action":"pass","Package":"m","Test":"TestA"}`+"\n"), &out)
		require.NoError(t, err)
		require.False(t, passed)
		require.Equal(t, "1 passed, 1 failed", lastLine(out.String()))
	})
	t.Run("passes words that are not events through", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		passed, err := summarize(strings.NewReader("flag provided but not defined: -x\n"), &out)
		require.NoError(t, err)
		require.False(t, passed)
		require.Contains(t, out.String(), "flag provided but not defined: -x\n")
	})
}
