package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 20 * time.Millisecond
	logTail      = 2048
)

// Options change how a server is started; the zero value is right for most tests.
type Options struct {
	// Settings are lines added to the end of the server's configuration file, such as "appendonly yes" for Redis or
	// "max_connections = 10" for MariaDB.
	Settings []string
}

// A Server is one server process. Its methods may be called from several goroutines.
type Server struct {
	// URL is what a setting or an environment variable takes.
	URL string
	// Addr is the host:port on which the server listens.
	Addr string

	dir     string
	command func(context.Context) *exec.Cmd
	ready   func(context.Context) error

	mu      sync.Mutex
	process *process
}

// Restart starts a killed or stopped server again, on its port and in its folder, and waits until it answers.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil && s.process.running() {
		return fmt.Errorf("restart %s: it still runs", s.Addr)
	}
	log, err := os.OpenFile(s.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open server log: %w", err)
	}
	defer log.Close() //nolint:errcheck // The child has its own descriptor.

	cmd := s.command(context.WithoutCancel(ctx)) // The server outlives the call that starts it.
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	process, err := start(cmd)
	if err != nil {
		return err
	}
	s.process = process
	if err := waitFor(ctx, process.exited, s.ready); err != nil {
		return errors.Join(fmt.Errorf("%s on %s: %w\n%s", filepath.Base(cmd.Path), s.Addr, err, s.tail()), process.kill())
	}
	return nil
}

// PID returns the id of the server's process, so that what it costs can be read.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.pid
}

// Kill ends the server at once, as a crash would (SIGKILL).
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.kill()
}

// Stop ends the server in order (SIGTERM), and kills it when that takes too long.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		if err := s.process.signal(sig); err != nil {
			return err
		}
	}
	select {
	case <-s.process.exited:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop within %s", s.Addr, stopTimeout), s.process.kill())
	}
}

// Pause freezes the server (SIGSTOP): connections stay open and nothing answers.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.signal(syscall.SIGSTOP)
}

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.signal(syscall.SIGCONT)
}

// Close kills the server if it runs, and removes its folder.
func (s *Server) Close() error {
	err := s.Kill()
	if removeErr := os.RemoveAll(s.dir); removeErr != nil {
		err = errors.Join(err, fmt.Errorf("remove server folder: %w", removeErr))
	}
	return err
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "server.log") }

// tail returns the end of the server's log, which says why a start failed.
func (s *Server) tail() string {
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(log[max(0, len(log)-logTail):]))
}

// makeDir makes the folder of a server.
func makeDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "signet-test-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("make server folder: %w", err)
	}
	return dir, nil
}

// writeLines writes a file that a server reads.
func writeLines(path string, lines ...string) error {
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write server configuration: %w", err)
	}
	return nil
}

// waitFor asks ready until it succeeds, and gives up when stopped is closed or startTimeout has passed.
func waitFor(ctx context.Context, stopped <-chan struct{}, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-stopped:
			return errors.New("ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("is not ready: %w (%w)", err, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}
