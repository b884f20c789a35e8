package testservers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// account makes the user of the tests at each start; MariaDB runs it, a statement a line, before it answers connections.
const account = `CREATE USER IF NOT EXISTS signet@'%' IDENTIFIED BY 'signet';
GRANT ALL ON *.* TO signet@'%' WITH GRANT OPTION;`

// StartMariaDB starts a MariaDB without databases; user signet with password signet may do everything.
// What it acknowledged survives Kill, but not a crash of the machine.
func StartMariaDB(ctx context.Context, options Options) (*Server, error) {
	mariadbd, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	credential, err := credentialOf("mysql") // MariaDB refuses to be root
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := makeDir("mariadb")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "my.cnf")
	addr := loopback(port)
	server := &Server{URL: "mysql://signet:signet@" + addr + "/", Addr: addr, dir: dir}
	server.command = func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, mariadbd, "--defaults-file="+config)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	server.ready = func(ctx context.Context) error { return pingMariaDB(ctx, addr) }

	err = installMariaDB(ctx, dir, credential, append([]string{
		"bind-address = 127.0.0.1",
		"port = " + strconv.Itoa(port),
		"skip-log-bin",
		"skip-name-resolve",
		"character-set-server = utf8mb4",
		"max_connections = 500",
		"innodb_buffer_pool_size = 64M",
		"innodb_log_file_size = 32M",
		"innodb_flush_log_at_trx_commit = 2",
	}, options.Settings...))
	if err == nil {
		err = server.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, nil
}

// installMariaDB fills dir with the configuration and the system tables of a new server.
func installMariaDB(ctx context.Context, dir string, credential *syscall.Credential, settings []string) error {
	program, err := find("mariadb-install-db")
	if err != nil {
		return err
	}
	config, accountFile := filepath.Join(dir, "my.cnf"), filepath.Join(dir, "account.sql")
	data := filepath.Join(dir, "data")
	settings = append([]string{
		"[mariadbd]",
		"datadir = " + data,
		"tmpdir = " + dir,
		"socket = " + filepath.Join(dir, "mariadb.sock"),
		"pid-file = " + filepath.Join(dir, "mariadb.pid"),
		"init-file = " + accountFile,
	}, settings...)
	if err := errors.Join(writeLines(config, settings...), writeLines(accountFile, account)); err != nil {
		return err
	}
	if credential != nil {
		if err := chown(credential, dir, config, accountFile); err != nil {
			return err
		}
	}
	// --force keeps the script from resolving the machine's name.
	cmd := exec.CommandContext(ctx, program, "--defaults-file="+config, "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--force")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

func pingMariaDB(ctx context.Context, addr string) error {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", addr
	config.User, config.Passwd = "signet", "signet"
	config.Logger = &mysql.NopLogger{} // Refused connections are what a starting server gives.
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return fmt.Errorf("configure the MySQL driver: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close() //nolint:errcheck // The ping is what counts.
	return db.PingContext(ctx)
}
