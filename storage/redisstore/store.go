package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/signet-id/signet/provider"
)

// DefaultPrefix begins every key unless Options say otherwise.
const DefaultPrefix = "signet:"

const (
	dialTimeout = 500 * time.Millisecond
	ioTimeout   = 500 * time.Millisecond
	poolTimeout = 300 * time.Millisecond
	poolSize    = 64
	// replicaTimeout bounds the wait for replicas; it ends before the read of the answer does.
	replicaTimeout = 300 * time.Millisecond
	// topologyAge is how old the map of a cluster may be: it bounds how long requests go to a master that
	// silently lost its place.
	topologyAge = time.Second
	// failingSeconds is how long a cluster's node is avoided after it failed; one that is back serves
	// again.
	failingSeconds = 1
)

// Options are what a Store needs beside its URL. The zero value works.
type Options struct {
	// Prefix begins every key; empty means DefaultPrefix. Two installations may share one Redis.
	Prefix string
	// WaitReplicas makes each single-use decision wait until so many replicas have it. Not reached in
	// time, the decision fails with provider.ErrUnavailable, and the credential counts as used.
	WaitReplicas int
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Logger gets what the Redis client reports of its connections, for all stores of the process; nil
	// leaves that to the client.
	Logger *slog.Logger
}

// Store is a Redis. It implements the short-lived store interfaces of package provider and may be
// used by many goroutines.
type Store struct {
	client       redis.UniversalClient
	cluster      *redis.ClusterClient // client, when it is one
	prefix       string
	waitReplicas int
	now          func() time.Time
}

var (
	_ provider.GrantStore        = (*Store)(nil)
	_ provider.RecordStore       = (*Store)(nil)
	_ provider.LoginSessionStore = (*Store)(nil)
	_ provider.Limiter           = (*Store)(nil)
)

// Open connects to the Redis at rawURL:
//
//	redis://[user:password@]host[:port][/db]
//	redis+sentinel://[user:password@]host[:port],…/master[?db=N]
//	redis+cluster://[user:password@]host[:port],…
//
// and with rediss instead of redis over TLS.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if opts.Prefix == "" {
		opts.Prefix = DefaultPrefix
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the one default of the injected clock
	}
	if opts.Logger != nil {
		redis.SetLogger(clientLog{opts.Logger})
	}
	s := &Store{prefix: opts.Prefix, waitReplicas: opts.WaitReplicas, now: opts.Now}
	s.client, s.cluster = connect(t)
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func connect(t target) (redis.UniversalClient, *redis.ClusterClient) {
	universal := redis.UniversalOptions{
		Addrs:                 t.addrs,
		MasterName:            t.master,
		DB:                    t.db,
		Username:              t.username,
		Password:              t.password,
		TLSConfig:             t.tls,
		ContextTimeoutEnabled: true,
		DialTimeout:           dialTimeout,
		DialerRetries:         1,
		ReadTimeout:           ioTimeout,
		WriteTimeout:          ioTimeout,
		PoolTimeout:           poolTimeout,
		PoolSize:              poolSize,
		MaxRetries:            1,
		FailingTimeoutSeconds: failingSeconds,
		DisableIdentity:       true,
		// Of no use but with one vendor's servers, and a trip for every new connection.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case t.isCluster:
		options := universal.Cluster()
		options.MaxRetries = -1 // the cluster's client follows MaxRedirects instead
		options.ClusterStateReloadInterval = topologyAge
		client := redis.NewClusterClient(options)
		return client, client
	case t.master != "":
		return redis.NewFailoverClient(universal.Failover()), nil
	default:
		return redis.NewClient(universal.Simple()), nil
	}
}

// Ping tells whether Redis answers; of a cluster, whether every master does.
func (s *Store) Ping(ctx context.Context) error {
	err := s.forEachMaster(ctx, func(ctx context.Context, master redis.UniversalClient) error {
		return master.Ping(ctx).Err()
	})
	if err != nil {
		return s.failure(ctx, "ping redis", err)
	}
	return nil
}

func (s *Store) forEachMaster(ctx context.Context, f func(ctx context.Context, master redis.UniversalClient) error) error {
	if s.cluster == nil {
		return f(ctx, s.client)
	}
	return s.cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return f(ctx, master) })
}

// Close ends all connections.
func (s *Store) Close() error { return s.client.Close() }

// hashed returns the key for a secret or for something of any length.
func (s *Store) hashed(space, secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return s.prefix + space + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// tagged returns a key whose name alone decides its slot in a cluster, so that whatever else is one
// day kept of it may lie beside it.
func (s *Store) tagged(space, name string) string { return s.prefix + space + ":{" + name + "}" }

// micros is the stored form of a time: Unix microseconds, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// parseMicros reads a time from a field of a reply.
func parseMicros(field any) (time.Time, error) {
	us, err := parseInt(field)
	return fromMicros(us), err
}

func parseInt(field any) (int64, error) {
	text, ok := field.(string)
	if !ok {
		return 0, errGarbage
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errGarbage
	}
	return n, nil
}

// expiryMillis is when Redis removes what ends at t.
func expiryMillis(t time.Time) int64 { return (t.UnixMicro() + 999) / 1000 }

// earlier returns the time that comes first.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// clientLog hands what go-redis reports to a slog.Logger.
type clientLog struct{ log *slog.Logger }

// Printf implements the client's logging interface.
func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis client", "report", fmt.Sprintf(format, v...))
}
