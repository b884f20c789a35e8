package testservers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	clusterNodes   = 6
	clusterMasters = 3
	clusterSlots   = 16384
)

// A Cluster is a Redis Cluster of three masters with a replica each.
type Cluster struct {
	// URL names all nodes.
	URL string
	// Nodes are the masters, then their replicas in the same order, as they were when the cluster started.
	Nodes []*Server
}

// StartRedisCluster starts a Redis Cluster and waits until all slots are served and all replicas follow. A master that
// is gone for two seconds is replaced by its replica.
func StartRedisCluster(ctx context.Context, options Options) (*Cluster, error) {
	cluster := &Cluster{Nodes: make([]*Server, clusterNodes)}
	err := inParallel(clusterNodes, func(i int) error {
		bus, err := freePort(ctx)
		if err != nil {
			return err
		}
		cluster.Nodes[i], err = StartRedis(ctx, Options{Settings: append([]string{
			"cluster-enabled yes",
			"cluster-config-file nodes.conf",
			"cluster-node-timeout 2000",
			"cluster-port " + strconv.Itoa(bus),
		}, options.Settings...)})
		return err
	})
	if err == nil {
		err = cluster.form(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	cluster.URL = "redis+cluster://" + strings.Join(addresses(cluster.Nodes), ",")
	return cluster, nil
}

// Close kills all nodes and removes their folders.
func (c *Cluster) Close() error { return closeAll(c.Nodes) }

// form makes one cluster of empty nodes. redis-cli --cluster create does the same with longer pauses.
func (c *Cluster) form(ctx context.Context) error {
	masters, replicas := c.Nodes[:clusterMasters], c.Nodes[clusterMasters:]
	for i, node := range c.Nodes {
		// Different epochs from the start spare the nodes the settling of conflicts.
		if _, err := redisDo(ctx, node.Addr, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for i, node := range masters {
		first, next := i*clusterSlots/clusterMasters, (i+1)*clusterSlots/clusterMasters
		if _, err := redisDo(ctx, node.Addr, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(next-1)); err != nil {
			return err
		}
	}
	for _, node := range c.Nodes {
		for _, other := range c.Nodes {
			if err := meet(ctx, node, other); err != nil {
				return err
			}
		}
	}
	for i, node := range replicas {
		master, err := redisDo(ctx, masters[i].Addr, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		// A node can follow a master only when it has heard of it.
		err = waitFor(ctx, node.process.exited, func(ctx context.Context) error {
			_, err := redisDo(ctx, node.Addr, "CLUSTER", "REPLICATE", master)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i, node := range c.Nodes {
		err := waitFor(ctx, node.process.exited, func(ctx context.Context) error {
			known := "cluster_known_nodes:" + strconv.Itoa(clusterNodes)
			if err := expectInfo(ctx, node.Addr, []string{"CLUSTER", "INFO"}, []string{"cluster_state:ok", known}); err != nil {
				return err
			}
			if i < clusterMasters {
				return expectInfo(ctx, node.Addr, []string{"INFO", "replication"}, []string{"role:master", "connected_slaves:1"})
			}
			return expectInfo(ctx, node.Addr, []string{"INFO", "replication"}, []string{"role:slave", "master_link_status:up"})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func meet(ctx context.Context, node, other *Server) error {
	if node == other {
		return nil
	}
	info, err := redisDo(ctx, other.Addr, "CONFIG", "GET", "cluster-port")
	if err != nil {
		return err
	}
	_, bus, _ := strings.Cut(info, "\n")
	host, port, _ := strings.Cut(other.Addr, ":")
	if _, err := redisDo(ctx, node.Addr, "CLUSTER", "MEET", host, port, bus); err != nil {
		return fmt.Errorf("introduce cluster nodes: %w", err)
	}
	return nil
}
