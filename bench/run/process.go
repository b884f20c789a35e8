package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/signet-id/signet/bench/load"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// build makes a program of this module, as it is released.
func build(ctx context.Context, dir, pkg string) (program string, err error) {
	program = filepath.Join(dir, filepath.Base(pkg))
	//nolint:gosec // The packages are named below.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=nomsgpack", "-ldflags=-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// A process is a program under measurement.
type process struct {
	pid     int
	command *exec.Cmd
	exited  chan struct{}
}

// start runs a program until it is stopped or ctx ends, and waits until url answers 200.
func start(ctx context.Context, cmd *exec.Cmd, url string) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{pid: cmd.Process.Pid, command: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // That it has ended is all that matters.
		close(p.exited)
	}()
	for end := time.Now().Add(startTimeout); ; {
		err := get(ctx, url)
		if err == nil {
			return p, nil
		}
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended while starting; --server-log shows why", cmd.Path)
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(end) {
			return nil, errors.Join(fmt.Errorf("%s is not ready: %w", cmd.Path, err), p.stop())
		}
	}
}

// stop ends the process in order, or at once when that takes too long.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.command.Path, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop", p.command.Path), p.command.Process.Kill())
	}
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s", url, answer.Status)
	}
	return nil
}

// freeAddr returns a loopback address on which nothing listens.
func freeAddr(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// A signet is the server under measurement with its settings.
type signet struct {
	program, dir, url, ops string
	environ                []string
	log                    *os.File
	process                *process
}

// newSignet gives a server addresses, a folder and its stores. Limits are off: they would be all that is measured.
func newSignet(ctx context.Context, program, dir string, log *os.File, settings ...string) (*signet, error) {
	public, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	ops, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	s := &signet{program: program, dir: dir, url: "http://" + public, ops: "http://" + ops, log: log}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SIGNET_") {
			s.environ = append(s.environ, variable)
		}
	}
	s.environ = append(s.environ,
		"SIGNET_ISSUER="+s.url, "SIGNET_SERVER_LISTEN="+public, "SIGNET_SERVER_OPS_LISTEN="+ops,
		"SIGNET_DATA_DIR="+dir, "SIGNET_LIMITS_ENABLED=false")
	s.environ = append(s.environ, settings...)
	return s, nil
}

// start runs the server; more settings are for this start only.
func (s *signet) start(ctx context.Context, settings ...string) error {
	cmd := exec.CommandContext(ctx, s.program, "serve") //nolint:gosec // It was just built.
	cmd.Dir, cmd.Stderr = s.dir, s.log
	cmd.Env = append(s.environ[:len(s.environ):len(s.environ)], settings...)
	process, err := start(ctx, cmd, s.ops+"/readyz")
	if err != nil {
		return err
	}
	s.process = process
	return nil
}

// stop ends the server if it runs.
func (s *signet) stop() error {
	if s.process == nil {
		return nil
	}
	err := s.process.stop()
	s.process = nil
	return err
}

// command runs one of the operator's commands.
func (s *signet) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.program, append(args, "--output=json")...) //nolint:gosec // It was just built.
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, s.environ, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("signet %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// makeKeys makes the signing keys, so that the server does not when it starts.
func (s *signet) makeKeys(ctx context.Context) error {
	_, err := s.command(ctx, "keys", "list")
	return err
}

// createClient registers the client of the load and returns its secret.
func (s *signet) createClient(ctx context.Context, id string) (secret string, err error) {
	out, err := s.command(ctx, "clients", "create", "--id="+id, "--name=Load",
		"--grant-type=client_credentials,password,refresh_token,authorization_code", "--response-type=code", "--redirect-uri="+load.RedirectURI,
		"--id-token-signed-response-alg=ES256", "--scope=openid,profile,email,offline_access")
	if err != nil {
		return "", err
	}
	var clients []struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(out, &clients); err != nil || len(clients) != 1 || clients[0].Secret == "" {
		return "", fmt.Errorf("create client: no secret in the answer: %w", err)
	}
	return clients[0].Secret, nil
}

// createUsers registers the users of the load, as anybody would.
func (s *signet) createUsers(ctx context.Context, prefix, password string, n int) error {
	for i := range n {
		body, err := json.Marshal(map[string]string{
			"email": fmt.Sprintf("%s%d@example.com", prefix, i), "password1": password, "password2": password,
		})
		if err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/accounts/v1/registration/", bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		if err := answer.Body.Close(); err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		if answer.StatusCode != http.StatusCreated {
			return fmt.Errorf("create user: %s", answer.Status)
		}
	}
	return nil
}
