package testservers

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"sync"
)

// Ports are taken from below the range from which systems give outgoing connections theirs (32768 on Linux): a server
// that is down must find its port free when it restarts.
const (
	firstPort = 10000
	portCount = 22000
)

// given remembers the ports of this process, so that servers which start at the same time do not meet.
var given sync.Map

// freePort returns a loopback port on which nothing listens.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	for range 1000 {
		n, err := rand.Int(rand.Reader, big.NewInt(portCount))
		if err != nil {
			return 0, fmt.Errorf("choose a port: %w", err)
		}
		port := firstPort + int(n.Int64())
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		listener, err := config.Listen(ctx, "tcp", loopback(port))
		if err != nil {
			if ctx.Err() != nil {
				return 0, fmt.Errorf("choose a port: %w", ctx.Err())
			}
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("free port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free loopback port from %d to %d", firstPort, firstPort+portCount-1)
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
