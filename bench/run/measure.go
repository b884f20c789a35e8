package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "github.com/go-sql-driver/mysql" // for openMariaDB

	"github.com/signet-id/signet/bench/load"
)

const (
	clientID     = "bench"
	usersPrefix  = "bench-"
	userPassword = "Teapot-under-load-42" //nolint:gosec // of users that live as long as the run
	warmUp       = 300 * time.Millisecond
	// loginConnections do nothing but log in, besideConnections each ask for user/ and refresh meanwhile.
	loginConnections, besideConnections = 16, 4
	loginLoadDuration                   = 10 * time.Second
)

// cheapHash takes the hash out of what is measured; realHash is the default.
var (
	cheapHash = []string{"SIGNET_ACCOUNTS_ARGON2_MEMORY=8KiB", "SIGNET_ACCOUNTS_ARGON2_TIME=1"}
	realHash  []string
)

// A work is one kind of request.
type work struct {
	name, scenario string
	target         float64
}

// works have the targets for real stores and ES256.
var works = []work{
	{"client_credentials", "client_credentials", 4},
	{"refresh with rotation", "refresh", 9},
	{"password, cheapest hash", "password", 8},
	{"whole sign-in, cheapest hash", "sign_in", 45},
	{"introspection", "introspection", 4},
	{"userinfo", "userinfo", 4},
	{"JWKS", "jwks", 1.1},
	{"discovery", "discovery", 1.1},
	{"registration, cheapest hash", "registration", 0},
	{"account user/", "user", 0},
	{"account token/refresh/", "account_refresh", 0},
}

// openMariaDB connects without any of the server's code.
func (b *bench) openMariaDB() (*sql.DB, error) {
	db, err := sql.Open("mysql", "signet:signet@tcp("+b.mariaDB.Addr+")/")
	if err != nil {
		return nil, fmt.Errorf("open MariaDB: %w", err)
	}
	return db, nil
}

// createDatabase makes the database on MariaDB and returns its URL.
func (b *bench) createDatabase(ctx context.Context) (string, error) {
	const name = "signet_bench"
	db, err := b.openMariaDB()
	if err != nil {
		return "", err
	}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		return "", errors.Join(fmt.Errorf("create database: %w", err), db.Close())
	}
	return b.mariaDB.URL + name, db.Close()
}

// measure runs everything, the loads first and what needs another hash after them.
func (b *bench) measure(ctx context.Context) error {
	if err := b.start(ctx, cheapHash); err != nil {
		return err
	}
	for _, t := range b.targets {
		if err := t.createUsers(ctx, usersPrefix, userPassword, b.options.concurrency); err != nil {
			return err
		}
	}
	if err := b.rounds(ctx); err != nil {
		return err
	}
	if err := b.loaded(); err != nil {
		return err
	}
	if b.options.only != "" {
		return nil
	}
	if err := b.floors(ctx); err != nil {
		return err
	}
	if err := b.start(ctx, realHash); err != nil {
		return err
	}
	return b.loginLoads(ctx)
}

// chosen are the works that were asked for.
func (o options) chosen() ([]work, error) {
	if o.only == "" {
		return works, nil
	}
	var chosen []work
	for scenario := range strings.SplitSeq(o.only, ",") {
		i := slices.IndexFunc(works, func(w work) bool { return w.scenario == scenario })
		if i < 0 {
			return nil, fmt.Errorf("only: no scenario %q is measured", scenario)
		}
		chosen = append(chosen, works[i])
	}
	return chosen, nil
}

// start starts the servers, again if they ran.
func (b *bench) start(ctx context.Context, settings []string) error {
	for _, t := range b.targets {
		if err := t.stop(); err != nil {
			return err
		}
		began := time.Now()
		if err := t.start(ctx, settings...); err != nil {
			return err
		}
		elapsed := time.Since(began)
		idle, err := residentBytes(t.process.pid)
		if err != nil {
			return err
		}
		t.size = Size{Store: t.store, Start: elapsed, IdleBytes: idle}
	}
	return nil
}

// loaded reads how much memory the servers hold now.
func (b *bench) loaded() error {
	for _, t := range b.targets {
		bytes, err := residentBytes(t.process.pid)
		if err != nil {
			return err
		}
		t.size.LoadedBytes = bytes
		b.report.Sizes = append(b.report.Sizes, t.size)
	}
	return nil
}

// options are those of a load on a target.
func (t *target) options(scenario string, concurrency int, duration time.Duration) load.Options {
	processes := map[string]int{serverProcess: t.process.pid}
	maps.Copy(processes, t.processes)
	return load.Options{
		URL: t.url, Scenario: scenario, Concurrency: concurrency, Duration: duration,
		ClientID: clientID, ClientSecret: t.secret, UsersPrefix: usersPrefix, Password: userPassword, Processes: processes,
	}
}

// rounds measures every work on every target, and the bare handler, in turns: what disturbs the machine for a while
// disturbs all of them.
func (b *bench) rounds(ctx context.Context) error {
	bare := load.Options{
		URL: b.bareURL, Scenario: "hello", Concurrency: b.options.concurrency, Duration: b.options.duration,
		Processes: map[string]int{serverProcess: b.bare.pid},
	}
	b.report.Bare = Row{Work: "bare gin handler"}
	for _, w := range b.works {
		for _, t := range b.targets {
			b.report.Rows = append(b.report.Rows, Row{Work: w.name, Store: t.store, Target: w.target})
		}
	}
	for round := range b.options.rounds + 1 {
		duration := b.options.duration
		if round == 0 {
			b.say("warming up")
			duration = warmUp
		} else {
			b.say("round %d of %d", round, b.options.rounds)
		}
		keep := func(row *Row, o load.Options) error {
			o.Duration = duration
			result, err := once(ctx, o)
			if round > 0 {
				row.Results = append(row.Results, result)
			}
			return err
		}
		if err := keep(&b.report.Bare, bare); err != nil {
			return err
		}
		for i, w := range b.works {
			for j, t := range b.targets {
				if err := keep(&b.report.Rows[i*len(b.targets)+j], t.options(w.scenario, b.options.concurrency, duration)); err != nil {
					return fmt.Errorf("%s: %w", t.store, err)
				}
			}
		}
	}
	return nil
}

func once(ctx context.Context, o load.Options) (load.Result, error) {
	prepared, err := load.Prepare(ctx, o)
	if err != nil {
		return load.Result{}, err
	}
	return prepared.Start(ctx)
}

func (b *bench) floors(ctx context.Context) error {
	b.say("floors")
	floors, err := cryptoFloors()
	if err != nil {
		return err
	}
	redis, err := redisFloor(ctx, b.redis.Addr)
	if err != nil {
		return err
	}
	mariaDB, err := b.mariaDBFloor(ctx)
	if err != nil {
		return err
	}
	floors = append(floors, redis, mariaDB)
	for _, t := range b.targets {
		database, _, _ := strings.Cut(t.store, " ")
		read, err := sqlFloor(ctx, "user by address from "+database, t.databaseURL, usersPrefix+"0@example.com")
		if err != nil {
			return err
		}
		floors = append(floors, read)
	}
	b.report.Floors = floors
	return nil
}

// loginLoads measures logins with the real hash, alone and beside others.
func (b *bench) loginLoads(ctx context.Context) error {
	for _, t := range b.targets {
		b.say("logins on %s", t.store)
		// The first login of each user makes its hash anew.
		if _, err := once(ctx, t.options("login", loginConnections, time.Second)); err != nil {
			return err
		}
		row := Row{Work: "password, real hash, " + strconv.Itoa(loginConnections) + " connections", Store: t.store}
		for range b.options.rounds {
			result, err := once(ctx, t.options("password", loginConnections, b.options.duration))
			if err != nil {
				return err
			}
			row.Results = append(row.Results, result)
		}
		b.report.Rows = append(b.report.Rows, row)
		beside, err := loginLoad(ctx, t)
		if err != nil {
			return err
		}
		b.report.LoginLoads = append(b.report.LoginLoads, beside)
	}
	return nil
}

// loginLoad asks for user/ and refreshes while others log in.
func loginLoad(ctx context.Context, t *target) (LoginLoad, error) {
	beside := LoginLoad{Store: t.store}
	loads := []struct {
		scenario    string
		concurrency int
		result      *load.Result
		run         *load.Run
		err         error
	}{
		{scenario: "user", concurrency: besideConnections, result: &beside.User},
		{scenario: "account_refresh", concurrency: besideConnections, result: &beside.Refresh},
		{scenario: "login", concurrency: loginConnections, result: &beside.Login},
	}
	for i := range loads {
		l := &loads[i]
		if l.run, l.err = load.Prepare(ctx, t.options(l.scenario, l.concurrency, loginLoadDuration)); l.err != nil {
			return LoginLoad{}, l.err
		}
	}
	var wait sync.WaitGroup
	for i := range loads {
		l := &loads[i]
		wait.Go(func() { *l.result, l.err = l.run.Start(ctx) })
	}
	wait.Wait()
	return beside, errors.Join(loads[0].err, loads[1].err, loads[2].err)
}

var errStatus = errors.New("no VmRSS in the status of the process")

// residentBytes returns the memory that a process holds.
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0, errStatus
			}
			return kib << 10, nil
		}
	}
	return 0, errStatus
}
