package testservers

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	eventually = 20 * time.Second
	often      = 50 * time.Millisecond
)

// requireGone checks that a closed server left neither process nor listener nor folder.
func requireGone(t *testing.T, server *Server) {
	t.Helper()
	require.False(t, server.process.running())
	_, err := redisDo(context.Background(), server.Addr, "PING") // t.Context has ended when servers are closed.
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoDirExists(t, server.dir)
}

func closeAtEnd(t *testing.T, servers ...*Server) {
	t.Cleanup(func() {
		require.NoError(t, closeAll(servers))
		for _, server := range servers {
			requireGone(t, server)
		}
	})
}

func redis(t *testing.T, server *Server, command ...string) string {
	t.Helper()
	reply, err := redisDo(t.Context(), server.Addr, command...)
	require.NoError(t, err)
	return reply
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	server, err := StartMariaDB(t.Context(), Options{Settings: []string{"max_connections = 77"}})
	require.NoError(t, err)
	closeAtEnd(t, server)
	require.Equal(t, "mysql://signet:signet@"+server.Addr+"/", server.URL)

	db, err := sql.Open("mysql", "signet:signet@tcp("+server.Addr+")/?timeout=1s&readTimeout=1s")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	query := func(query string) (value string, err error) {
		err = db.QueryRowContext(t.Context(), query).Scan(&value)
		return value, err
	}
	equal := func(want, q string) {
		t.Helper()
		got, err := query(q)
		require.NoError(t, err, q)
		require.Equal(t, want, got, q)
	}
	exec := func(statement string) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}

	equal("utf8mb4", "SELECT @@character_set_server")
	equal("0", "SELECT @@log_bin")
	equal("77", "SELECT @@max_connections")
	exec("CREATE DATABASE d")
	exec("CREATE TABLE d.t (v VARCHAR(10))")
	exec("INSERT INTO d.t VALUES ('kept')")

	require.NoError(t, server.Kill())
	_, err = query("SELECT 1")
	require.Error(t, err, "a killed server answers")
	require.NoError(t, server.Restart(t.Context()))
	equal("kept", "SELECT v FROM d.t")

	require.NoError(t, server.Pause())
	require.Eventually(t, func() bool { // a thread may finish what it was at
		_, err := query("SELECT 1")
		return err != nil
	}, 10*time.Second, time.Millisecond, "a paused server answers")
	require.NoError(t, server.Resume())
	equal("kept", "SELECT v FROM d.t")

	require.NoError(t, server.Stop())
	require.NoError(t, server.Restart(t.Context()))
	equal("kept", "SELECT v FROM d.t")
}

func TestRedis(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, settings ...string) *Server {
		server, err := StartRedis(t.Context(), Options{Settings: settings})
		require.NoError(t, err)
		closeAtEnd(t, server)
		return server
	}
	t.Run("restarts empty on the same port", func(t *testing.T) {
		t.Parallel()
		server := start(t)
		require.Equal(t, "redis://"+server.Addr+"/0", server.URL)
		for _, end := range []func() error{server.Kill, server.Stop} {
			redis(t, server, "SET", "k", "v")
			require.Equal(t, "v", redis(t, server, "GET", "k"))
			require.NoError(t, end())
			_, err := redisDo(t.Context(), server.Addr, "PING")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.NoError(t, server.Restart(t.Context()))
			require.Empty(t, redis(t, server, "GET", "k"))
		}
	})
	t.Run("keeps what a setting tells it to keep", func(t *testing.T) {
		t.Parallel()
		server := start(t, "appendonly yes", "appendfsync always")
		redis(t, server, "SET", "k", "v")
		require.NoError(t, server.Kill())
		require.NoError(t, server.Restart(t.Context()))
		require.Equal(t, "v", redis(t, server, "GET", "k"))
	})
	t.Run("is silent while paused and can be ended then", func(t *testing.T) {
		t.Parallel()
		server := start(t)
		require.NoError(t, server.Pause())
		_, err := redisDo(t.Context(), server.Addr, "PING")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, server.Resume())
		redis(t, server, "PING")
		require.NoError(t, server.Pause())
		require.NoError(t, server.Stop())
		require.False(t, server.process.running())
	})
	t.Run("does not restart while it runs", func(t *testing.T) {
		t.Parallel()
		server := start(t)
		require.ErrorContains(t, server.Restart(t.Context()), "still runs")
	})
}

func TestApache(t *testing.T) {
	t.Parallel()
	server, err := StartApache(t.Context(), Options{Settings: []string{
		"OIDCProviderMetadataURL http://127.0.0.1:9/.well-known/openid-configuration", // nobody: a page that is protected needs it
		"OIDCClientID apache", "OIDCClientSecret s3cret", "OIDCRedirectURI ${URL}/protected/callback", "OIDCCryptoPassphrase passphrase",
	}})
	require.NoError(t, err)
	closeAtEnd(t, server)
	get := func(path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		request.Header.Set("Accept", "text/html") // whoever is no browser is not sent to sign in
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		page, err := io.ReadAll(response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()))
		return response.StatusCode, string(page)
	}
	status, page := get("/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "everybody")
	status, page = get("/protected/")
	require.Equal(t, http.StatusInternalServerError, status)
	require.NotContains(t, page, "protected page")
	require.NoError(t, server.Stop())
	require.NoError(t, server.Restart(t.Context()))
}

func TestStart_says_why_it_failed_and_leaves_nothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	_, err := StartRedis(t.Context(), Options{Settings: []string{"no-such-setting 1"}})
	require.ErrorContains(t, err, "no-such-setting")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestRedisCluster_replaces_a_killed_master(t *testing.T) {
	t.Parallel()
	cluster, err := StartRedisCluster(t.Context(), Options{})
	require.NoError(t, err)
	closeAtEnd(t, cluster.Nodes...)
	require.Equal(t, "redis+cluster://"+strings.Join(addresses(cluster.Nodes), ","), cluster.URL)

	master, replica := cluster.Nodes[0], cluster.Nodes[clusterMasters]
	require.Contains(t, redis(t, replica, "INFO", "replication"), "master_port:"+port(master)+"\r\n")
	require.NoError(t, master.Kill())
	requireInfo(t, replica, []string{"INFO", "replication"}, "role:master")
	for _, node := range cluster.Nodes[1:] {
		requireInfo(t, node, []string{"CLUSTER", "INFO"}, "cluster_state:ok")
	}
	require.NoError(t, master.Restart(t.Context()))
	requireInfo(t, master, []string{"INFO", "replication"}, "role:slave", "master_link_status:up", "master_port:"+port(replica))
}

func TestRedisSentinel_replaces_a_killed_master(t *testing.T) {
	t.Parallel()
	set, err := StartRedisSentinel(t.Context(), Options{})
	require.NoError(t, err)
	closeAtEnd(t, append([]*Server{set.Master, set.Replica}, set.Sentinels...)...)
	require.Equal(t, "redis+sentinel://"+strings.Join(addresses(set.Sentinels), ",")+"/mymaster", set.URL)

	masterAt := func(sentinel *Server) string {
		return strings.ReplaceAll(redis(t, sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"), "\n", ":")
	}
	require.Equal(t, set.Master.Addr, masterAt(set.Sentinels[0]))
	require.NoError(t, set.Master.Kill())
	for _, sentinel := range set.Sentinels {
		require.Eventually(t, func() bool { return masterAt(sentinel) == set.Replica.Addr }, eventually, often)
	}
	redis(t, set.Replica, "SET", "k", "v")
}

func TestStart_ends_with_its_context(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := StartRedis(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func port(server *Server) string {
	_, port, _ := strings.Cut(server.Addr, ":")
	return port
}

func requireInfo(t *testing.T, server *Server, command []string, want ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, expectInfo(t.Context(), server.Addr, command, want))
	}, eventually, often)
}
