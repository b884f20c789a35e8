// Command run starts the servers that tests need, runs a command that finds them in its environment, and ends with the
// command's exit code:
//
//	go run ./internal/testservers/run -- go test ./...
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/signet-id/signet/internal/testservers"
)

const (
	exitFailed = 1
	exitUsage  = 2
	// exitSignal is added to a signal's number, as shells do.
	exitSignal = 128

	stopTimeout = 10 * time.Second
)

func main() {
	// A terminal's Ctrl-C reaches the servers not at all and the command only through here: each has its own group.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	code := run(ctx, log, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, log *slog.Logger, args []string, stdout, stderr io.Writer) (code int) {
	if len(args) < 2 || args[0] != "--" {
		log.ErrorContext(ctx, "usage: run -- command [argument...]")
		return exitUsage
	}
	if err := testservers.Install(ctx, stderr); err != nil {
		log.ErrorContext(ctx, "test servers are not installed", "error", err)
		return exitFailed
	}
	servers, err := testservers.StartAll(ctx)
	if err != nil {
		log.ErrorContext(ctx, "test servers did not start", "error", err)
		return exitFailed
	}
	defer func() {
		if err := servers.Close(); err != nil {
			log.ErrorContext(ctx, "test servers did not stop", "error", err)
			code = max(code, exitFailed)
		}
	}()

	log.InfoContext(ctx, "test servers run",
		"mariadb", servers.MariaDB.URL, "redis", servers.Redis.URL, "cluster", servers.Cluster.URL, "sentinel", servers.Sentinel.URL)
	cmd := exec.CommandContext(ctx, args[1], args[2:]...) //nolint:gosec // To run what it is told is its purpose.
	cmd.Env = append(os.Environ(), servers.Environment()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		// What the command started and left behind; mostly there is no such group any more.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return exitCode(ctx, log, err)
}

// exitCode translates how the command ended, or failed to start.
func exitCode(ctx context.Context, log *slog.Logger, err error) int {
	var exit *exec.ExitError
	if err == nil {
		return 0
	}
	if !errors.As(err, &exit) {
		log.ErrorContext(ctx, "command did not run", "error", err)
		return exitFailed
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return exit.ExitCode()
}
