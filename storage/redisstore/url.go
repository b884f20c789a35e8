package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// target is what a URL says.
type target struct {
	addrs              []string
	isCluster          bool
	master             string // Sentinel's name of the master
	db                 int
	username, password string
	tls                *tls.Config
}

// parseURL never quotes the URL in an error: it has a password.
func parseURL(rawURL string) (target, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return target{}, errors.New("redis url: must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	base, kind, _ := strings.Cut(scheme, "+")
	if base != "redis" && base != "rediss" || kind != "" && kind != "sentinel" && kind != "cluster" || strings.HasSuffix(scheme, "+") {
		return target{}, fmt.Errorf("redis url: unknown scheme %q", scheme)
	}
	// net/url knows one host, so the hosts are taken out and it reads the rest.
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	hosts := strings.Split(rest[at:end], ",")
	u, err := url.Parse(scheme + "://" + rest[:at] + "host" + rest[end:])
	if err != nil || u.Fragment != "" {
		return target{}, errors.New("redis url: malformed; user and password must be percent-encoded")
	}

	t := target{isCluster: kind == "cluster", username: u.User.Username()}
	t.password, _ = u.User.Password()
	if base == "rediss" {
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	port := redisPort
	if kind == "sentinel" {
		port = sentinelPort
	}
	for _, host := range hosts {
		addr, err := address(host, port)
		if err != nil {
			return target{}, err
		}
		t.addrs = append(t.addrs, addr)
	}
	return t, t.readPath(kind, strings.Trim(u.Path, "/"), u.Query())
}

// readPath reads what follows the hosts: a database, or Sentinel's master.
func (t *target) readPath(kind, path string, query url.Values) error {
	db := query.Get("db")
	for name := range query {
		if name != "db" {
			return fmt.Errorf("redis url: unknown parameter %q", name)
		}
	}
	switch kind {
	case "sentinel":
		if path == "" {
			return errors.New("redis url: the name of the master must follow the sentinels, as in redis+sentinel://host1,host2/master")
		}
		t.master = path
	case "cluster":
		if path != "" || db != "" && db != "0" {
			return errors.New("redis url: a cluster has database 0 only")
		}
	default:
		if len(t.addrs) > 1 {
			return errors.New("redis url: several hosts need redis+sentinel:// or redis+cluster://")
		}
		if path != "" && db != "" {
			return errors.New("redis url: the database is given twice")
		}
		db += path
	}
	if db == "" {
		return nil
	}
	n, err := strconv.Atoi(db)
	if err != nil || n < 0 {
		return fmt.Errorf("redis url: %q is not the number of a database", db)
	}
	t.db = n
	return nil
}

// address completes host[:port] with a port.
func address(host, port string) (string, error) {
	name := host
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
	} else {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || name == "" || strings.ContainsAny(name, "[]@ ") {
		return "", fmt.Errorf("redis url: %q is not a host", host)
	}
	return net.JoinHostPort(name, port), nil
}
