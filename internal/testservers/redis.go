package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// StartRedis starts one Redis that keeps nothing on disk: after Kill or Stop it restarts empty.
func StartRedis(ctx context.Context, options Options) (*Server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return startRedis(ctx, "redis-server", port, append([]string{
		"appendonly no",
		`save ""`,
		"repl-diskless-sync-delay 0",
	}, options.Settings...))
}

func startRedis(ctx context.Context, program string, port int, settings []string) (*Server, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	dir, err := makeDir(program)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "redis.conf")
	addr := loopback(port)
	server := &Server{URL: "redis://" + addr + "/0", Addr: addr, dir: dir}
	server.command = func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, path, config) }
	server.ready = func(ctx context.Context) error {
		_, err := redisDo(ctx, addr, "PING")
		return err
	}
	err = writeLines(config, append([]string{"bind 127.0.0.1", "port " + strconv.Itoa(port)}, settings...)...)
	if err == nil {
		err = server.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, nil
}

// expectInfo asks for a report such as INFO, and fails unless it has each of the wanted name:value lines.
func expectInfo(ctx context.Context, addr string, command, want []string) error {
	info, err := redisDo(ctx, addr, command...)
	if err != nil {
		return err
	}
	for _, line := range want {
		if !strings.Contains(info, line+"\r\n") {
			return fmt.Errorf("redis %s: %s does not say %s", addr, strings.Join(command, " "), line)
		}
	}
	return nil
}
