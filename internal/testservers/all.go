package testservers

import (
	"context"
	"errors"
	"sync"
)

// All is one of every kind of server, which the suites of all packages share.
type All struct {
	MariaDB, Redis *Server
	Cluster        *Cluster
	Sentinel       *Sentinel
}

// StartAll starts everything at the same time.
func StartAll(ctx context.Context) (*All, error) {
	all := &All{}
	starts := []func() error{
		func() (err error) { all.MariaDB, err = StartMariaDB(ctx, Options{}); return err },
		func() (err error) { all.Redis, err = StartRedis(ctx, Options{}); return err },
		func() (err error) { all.Cluster, err = StartRedisCluster(ctx, Options{}); return err },
		func() (err error) { all.Sentinel, err = StartRedisSentinel(ctx, Options{}); return err },
	}
	if err := inParallel(len(starts), func(i int) error { return starts[i]() }); err != nil {
		return nil, errors.Join(err, all.Close())
	}
	return all, nil
}

// Environment returns the variables by which tests find the servers, as name=value.
func (a *All) Environment() []string {
	return []string{
		"SIGNET_TEST_MYSQL=" + a.MariaDB.URL,
		"SIGNET_TEST_REDIS=" + a.Redis.URL,
		"SIGNET_TEST_REDIS_CLUSTER=" + a.Cluster.URL,
		"SIGNET_TEST_REDIS_SENTINEL=" + a.Sentinel.URL,
	}
}

// Close kills all servers and removes their folders.
func (a *All) Close() error {
	servers := []*Server{a.MariaDB, a.Redis}
	if a.Cluster != nil {
		servers = append(servers, a.Cluster.Nodes...)
	}
	if a.Sentinel != nil {
		servers = append(servers, a.Sentinel.Master, a.Sentinel.Replica)
		servers = append(servers, a.Sentinel.Sentinels...)
	}
	return closeAll(servers)
}

// closeAll closes the servers that were started.
func closeAll(servers []*Server) error {
	return inParallel(len(servers), func(i int) error {
		if servers[i] == nil {
			return nil
		}
		return servers[i].Close()
	})
}

func addresses(servers []*Server) []string {
	addrs := make([]string, len(servers))
	for i, server := range servers {
		addrs[i] = server.Addr
	}
	return addrs
}

// inParallel calls f with 0 to n-1 at the same time and waits for all, so that what started can be closed.
func inParallel(n int, f func(int) error) error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
