package redisstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/storage/redisstore"
)

func TestURL(t *testing.T) {
	type parts struct {
		addrs          []string
		cluster        bool
		master         string
		db             int
		user, password string
		tls            bool
	}
	for url, want := range map[string]parts{
		"redis://localhost":             {addrs: []string{"localhost:6379"}},
		"redis://127.0.0.1:7000/3":      {addrs: []string{"127.0.0.1:7000"}, db: 3},
		"redis://h?db=2":                {addrs: []string{"h:6379"}, db: 2},
		"redis://:secret@h":             {addrs: []string{"h:6379"}, password: "secret"},
		"rediss://u:p%40%2Fss@h:1":      {addrs: []string{"h:1"}, user: "u", password: "p@/ss", tls: true},
		"redis://[::1]:7000":            {addrs: []string{"[::1]:7000"}},
		"redis://[::1]":                 {addrs: []string{"[::1]:6379"}},
		"redis+sentinel://a,b:1/master": {addrs: []string{"a:26379", "b:1"}, master: "master"},
		"redis+sentinel://u:p@a,b/m?db=4": {
			addrs: []string{"a:26379", "b:26379"}, master: "m", db: 4, user: "u", password: "p",
		},
		"redis+cluster://a:1,b:2,[::1]:3": {addrs: []string{"a:1", "b:2", "[::1]:3"}, cluster: true},
		"rediss+cluster://u:p@a/?db=0":    {addrs: []string{"a:6379"}, cluster: true, user: "u", password: "p", tls: true},
	} {
		target, err := redisstore.ParseURL(url)
		require.NoError(t, err, url)
		var got parts
		got.addrs, got.cluster, got.master, got.db, got.user, got.password, got.tls = target.Fields()
		require.Equal(t, want, got, url)
	}
}

func TestURL_refused_without_quoting_it(t *testing.T) {
	for _, url := range []string{
		"", "redis", "localhost:6379", "http://secret@h", "redis+http://secret@h", "redis+://secret@h",
		"redis://", "redis://:secret@", "redis://h:secret", "redis://u:secret%zz@h", "redis://u:secret@h:0", "redis://u:secret@h:70000",
		"redis://u:secret@a,b", "redis://u:secret@h/x", "redis://u:secret@h/-1", "redis://u:secret@h/1?db=1",
		"redis://u:secret@h?max_retries=9", "redis://u:secret@h#1",
		"redis+sentinel://u:secret@a,b", "redis+cluster://u:secret@a,b/1", "redis+cluster://u:secret@a,b?db=1", "redis+cluster://u:secret@a,,b",
	} {
		_, err := redisstore.Open(t.Context(), url, redisstore.Options{})
		require.ErrorContains(t, err, "redis url: ", url)
		if url != "redis://h:secret" { // there it stands for a port
			require.NotContains(t, err.Error(), "secret")
		}
	}
}
