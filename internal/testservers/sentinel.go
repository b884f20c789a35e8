package testservers

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

const sentinels = 3

// A Sentinel is a Redis master with one replica, watched by three Redis Sentinels that know them as mymaster.
type Sentinel struct {
	// URL names the sentinels and the master's name.
	URL string
	// Master and Replica have these roles when the set starts; a failover exchanges them.
	Master, Replica *Server
	// Sentinels decide about a failover, two of them together.
	Sentinels []*Server
}

// StartRedisSentinel starts a Sentinel set and waits until the replica follows and the sentinels know each other. A
// master that is gone for two seconds is replaced by the replica.
func StartRedisSentinel(ctx context.Context, options Options) (*Sentinel, error) {
	set := &Sentinel{Sentinels: make([]*Server, sentinels)}
	if err := set.start(ctx, options); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	set.URL = "redis+sentinel://" + strings.Join(addresses(set.Sentinels), ",") + "/mymaster"
	return set, nil
}

// Close kills all processes of the set and removes their folders.
func (s *Sentinel) Close() error {
	return closeAll(append([]*Server{s.Master, s.Replica}, s.Sentinels...))
}

func (s *Sentinel) start(ctx context.Context, options Options) (err error) {
	if s.Master, err = StartRedis(ctx, options); err != nil {
		return err
	}
	host, port, _ := strings.Cut(s.Master.Addr, ":")
	settings := append([]string{"replicaof " + host + " " + port}, options.Settings...)
	if s.Replica, err = StartRedis(ctx, Options{Settings: settings}); err != nil {
		return err
	}
	// A sentinel asks the master about replicas at once and then each ten seconds, so the replica has to be there first.
	err = waitFor(ctx, s.Replica.process.exited, func(ctx context.Context) error {
		return expectInfo(ctx, s.Replica.Addr, []string{"INFO", "replication"}, []string{"master_link_status:up"})
	})
	if err != nil {
		return err
	}
	return inParallel(sentinels, func(i int) error {
		sentinelPort, err := freePort(ctx)
		if err != nil {
			return err
		}
		s.Sentinels[i], err = startRedis(ctx, "redis-sentinel", sentinelPort, []string{
			"sentinel monitor mymaster " + host + " " + port + " 2",
			"sentinel down-after-milliseconds mymaster 2000",
			"sentinel failover-timeout mymaster 6000",
		})
		if err != nil {
			return err
		}
		return waitFor(ctx, s.Sentinels[i].process.exited, func(ctx context.Context) error {
			info := "status=ok,address=" + s.Master.Addr + ",slaves=1,sentinels=" + strconv.Itoa(sentinels)
			return expectInfo(ctx, s.Sentinels[i].Addr, []string{"INFO", "sentinel"}, []string{"master0:name=mymaster," + info})
		})
	})
}
