package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A program is the built command with a temporary folder of its own.
type program struct {
	cmd       *exec.Cmd
	temporary string
	stdout    bytes.Buffer
}

// build compiles the command as users run it: how it dies can be seen only from outside.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	// t.TempDir is closed to the user that runs MariaDB.
	temporary, err := os.MkdirTemp("", "signet-test-run-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(temporary, 0o755))
	p := &program{cmd: exec.CommandContext(t.Context(), path, args...), temporary: temporary}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, os.Stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		require.NoError(t, os.RemoveAll(temporary))
	})
	return p
}

// signalOnceReady waits until the command says that it runs, by a file, and signals the program.
func (p *program) signalOnceReady(t *testing.T, sig syscall.Signal) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(p.temporary, "ready"))
		return err == nil
	}, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, p.cmd.Process.Signal(sig))
}

// requireNothingRuns checks that no server listens any more.
func (p *program) requireNothingRuns(t *testing.T) {
	t.Helper()
	addrs := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(p.stdout.String(), -1)
	require.Len(t, addrs, 1+1+6+3, "addresses in %s", p.stdout.String())
	for _, addr := range addrs {
		require.Eventually(t, func() bool {
			conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", addr)
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		}, 10*time.Second, 20*time.Millisecond, "%s still answers", addr)
	}
}

func (p *program) requireNoFolders(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(p.temporary, "signet-test-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

const (
	showEnvironment = `env | grep ^SIGNET_TEST_; `
	// The sleeping child would outlive a signal to the shell alone, and would hold the output open.
	sleepBehindShell = showEnvironment + `sleep 60 & touch "$TMPDIR/ready"; wait`
)

func TestRun(t *testing.T) {
	t.Parallel()
	path := build(t)

	t.Run("gives the servers and the exit code of the command", func(t *testing.T) {
		t.Parallel()
		p := start(t, path, "--", "sh", "-c", showEnvironment+"exit 7")
		require.Error(t, p.cmd.Wait())
		require.Equal(t, 7, p.cmd.ProcessState.ExitCode())
		for _, start := range []string{
			"SIGNET_TEST_MYSQL=mysql://signet:signet@127.0.0.1:", "SIGNET_TEST_REDIS=redis://127.0.0.1:",
			"SIGNET_TEST_REDIS_CLUSTER=redis+cluster://127.0.0.1:", "SIGNET_TEST_REDIS_SENTINEL=redis+sentinel://127.0.0.1:",
		} {
			require.Contains(t, p.stdout.String(), start)
		}
		p.requireNothingRuns(t)
		p.requireNoFolders(t)
	})
	t.Run("stops the command and the servers on SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := start(t, path, "--", "sh", "-c", sleepBehindShell)
		p.signalOnceReady(t, syscall.SIGTERM)
		signalled := time.Now()
		require.Error(t, p.cmd.Wait()) // for the program and for all that hold its output
		require.Less(t, time.Since(signalled), 30*time.Second)
		require.Equal(t, exitSignal+int(syscall.SIGTERM), p.cmd.ProcessState.ExitCode())
		p.requireNothingRuns(t)
		p.requireNoFolders(t)
	})
	t.Run("leaves no server when it is killed", func(t *testing.T) {
		t.Parallel()
		p := start(t, path, "--", "sh", "-c", showEnvironment+`touch "$TMPDIR/ready"; exec sleep 5`)
		p.signalOnceReady(t, syscall.SIGKILL)
		_, err := p.cmd.Process.Wait()
		require.NoError(t, err)
		p.requireNothingRuns(t)
	})
	t.Run("needs a command", func(t *testing.T) {
		t.Parallel()
		p := start(t, path, "true")
		require.Error(t, p.cmd.Wait())
		require.Equal(t, exitUsage, p.cmd.ProcessState.ExitCode())
	})
}
