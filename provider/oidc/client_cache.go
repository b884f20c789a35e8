package oidc

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/signet-id/signet/provider"
)

// clientCacheAge bounds how long a change of a client stays unseen. A refresh does not use the
// cache: it reads the client together with the user.
const clientCacheAge = time.Second

// clientCache saves a query per request for the clients that are in use.
type clientCache struct {
	store  provider.ClientStore
	now    func() time.Time
	recent *lru.Cache[string, cachedClient]
	flight singleflight.Group
}

type cachedClient struct {
	client provider.Client
	readAt time.Time
}

func newClientCache(store provider.ClientStore, now func() time.Time) *clientCache {
	recent, err := lru.New[string, cachedClient](4096)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &clientCache{store: store, now: now, recent: recent}
}

// client returns a client as it was at most clientCacheAge ago. ErrNotFound: unknown.
func (c *clientCache) client(ctx context.Context, id string) (provider.Client, error) {
	if cached, ok := c.recent.Get(id); ok && c.now().Sub(cached.readAt) < clientCacheAge {
		return cached.client, nil
	}
	found, err, _ := c.flight.Do(id, func() (any, error) {
		readAt := c.now()
		client, err := c.store.Client(context.WithoutCancel(ctx), id)
		if err != nil {
			return provider.Client{}, err
		}
		c.recent.Add(id, cachedClient{client, readAt})
		return client, nil
	})
	return found.(provider.Client), err
}

// forget makes the next reader see what was just changed; other replicas see it within clientCacheAge.
func (c *clientCache) forget(id string) { c.recent.Remove(id) }
