package testservers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redisTimeout bounds one command; a paused server answers none.
const redisTimeout = 2 * time.Second

// redisDo sends one command to the Redis at addr, on a connection of its own, and returns the reply as text; the
// elements of an array are separated by line feeds. Commands are sent inline, so arguments have no spaces.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
func redisDo(ctx context.Context, addr string, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("redis %s: %w", addr, err)
	}
	defer conn.Close() //nolint:errcheck // Nothing is lost with a connection whose reply was read.
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", fmt.Errorf("redis %s: %w", addr, err)
		}
	}
	if _, err := io.WriteString(conn, strings.Join(command, " ")+"\r\n"); err != nil {
		return "", fmt.Errorf("redis %s: %w", addr, err)
	}
	reply, err := readReply(bufio.NewReader(conn))
	if err != nil {
		return "", fmt.Errorf("redis %s: %s: %w", addr, strings.Join(command, " "), err)
	}
	return reply, nil
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, text := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '+', ':':
		return text, nil
	case '-':
		return "", errors.New(text)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return "", fmt.Errorf("unexpected reply %q", line)
	}
	switch {
	case n < 0:
		return "", nil
	case kind == '$':
		bulk := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(r, bulk); err != nil {
			return "", err
		}
		return string(bulk[:n]), nil
	case kind == '*':
		elements := make([]string, n)
		for i := range elements {
			if elements[i], err = readReply(r); err != nil {
				return "", err
			}
		}
		return strings.Join(elements, "\n"), nil
	}
	return "", fmt.Errorf("unexpected reply %q", line)
}
