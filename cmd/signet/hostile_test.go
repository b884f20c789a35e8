package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw sends bytes to the public listener and returns the status line of the answer, "" without one.
func (p *process) raw(request string) string {
	conn, err := net.DialTimeout("tcp", p.listen(), time.Second) //nolint:noctx // bounded
	require.NoError(p.t, err)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, request)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

// INP-01, INP-03: requests that are too large or ambiguous.
func TestRequestsOfStrangeShape(t *testing.T) {
	p := startServer(t, sqliteEnv(t)...)
	for name, tc := range map[string]struct{ request, want string }{
		"URL of 9 KiB":         {"GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "414"},
		"header of 40 KiB":     {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", "431"},
		"two content lengths":  {"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
		"length and chunked":   {"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", "4"},
		"unknown transfer":     {"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
		"no host":              {"GET / HTTP/1.1\r\n\r\n", "400"},
		"absolute-form target": {"GET http://evil.example/oauth2/userinfo HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "4"},
	} {
		line := p.raw(tc.request)
		require.True(t, strings.HasPrefix(line, "HTTP/1.1 "+tc.want), "%s: %q", name, line)
	}
	require.True(t, p.ready())
}

// OPS-03: what operators see is not on the public listener.
func TestOperationsAreNotPublic(t *testing.T) {
	p := startServer(t, sqliteEnv(t)...)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/readyz", "/livez"} {
		response, err := client.Get("http://" + p.listen() + path) //nolint:noctx // loopback
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
		response, err = client.Get(p.ops + path) //nolint:noctx // loopback
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode, path)
	}
}

// INP-02: clients that send a byte at a time are let go, and disturb nobody.
func TestSlowClients(t *testing.T) {
	const clients = 300
	p := startServer(t, append(sqliteEnv(t), "SIGNET_SERVER_READ_HEADER_TIMEOUT=1s", "SIGNET_SERVER_READ_TIMEOUT=2s")...)
	for name, tc := range map[string]struct {
		head  string
		limit time.Duration
	}{
		"in the header": {"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nX: ", 2 * time.Second},
		"in the body":   {"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n", 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			errs := make(chan error, clients)
			for range clients {
				group.Go(func() { errs <- drip(p.listen(), tc.head, tc.limit+3*time.Second) })
			}
			time.Sleep(200 * time.Millisecond)
			begun := time.Now()
			require.Equal(t, http.StatusOK, p.signIn().status)
			require.Less(t, time.Since(begun), 2*time.Second, "others wait")
			group.Wait()
			close(errs)
			for err := range errs {
				require.NoError(t, err)
			}
		})
	}
}

// drip sends a byte now and then until the server hangs up; an error says that it did not in time.
func drip(addr, head string, limit time.Duration) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second) //nolint:noctx // bounded
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, head); err != nil {
		return err
	}
	begun, buffer := time.Now(), make([]byte, 512)
	for time.Since(begun) < limit {
		if _, err := conn.Write([]byte("x")); err != nil {
			return nil
		}
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := conn.Read(buffer); err != nil && !errors.Is(err, io.EOF) {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // net.Error is an interface
				continue
			}
			return nil
		} else if errors.Is(err, io.EOF) {
			return nil
		}
	}
	return fmt.Errorf("still connected after %s", limit)
}
