// Command run compares: it builds the server, starts it on SQLite and on MariaDB + Redis, loads both and a bare gin
// handler in turns, and prints what each request costs beside the targets. See docs/performance.md.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signet-id/signet/internal/testservers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds, concurrency int
	duration            time.Duration
	only                string
	logLevel            string
	serverLog           string
	json                string
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 3, "how often everything is measured, in turns")
	flags.IntVar(&o.concurrency, "concurrency", 32, "connections")
	flags.DurationVar(&o.duration, "duration", 2*time.Second, "length of one measurement")
	flags.StringVar(&o.only, "only", "", "measure these `scenarios` only, separated by commas, and no floors and logins")
	flags.StringVar(&o.logLevel, "log-level", "INFO", "the server's log.level: at INFO it writes a line for each request")
	flags.StringVar(&o.serverLog, "server-log", os.DevNull, "`file` for the servers' log")
	flags.StringVar(&o.json, "json", "bench/results/bench.json", "`file` for all results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 {
		return errors.New("rounds: want 1 or more")
	}
	works, err := o.chosen()
	if err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "signet-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, works: works, progress: progress, report: Report{
		Machine: machine(), Rounds: o.rounds, Concurrency: o.concurrency, Duration: o.duration,
	}}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx, dir); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if err := writeJSON(o.json, b.report); err != nil {
		return err
	}
	return b.report.write(out)
}

// A bench is everything that runs during the measurements.
type bench struct {
	options  options
	works    []work
	progress io.Writer
	report   Report

	mariaDB, redis *testservers.Server
	bare           *process
	bareURL        string
	targets        []*target
	log            *os.File
}

// A target is the server on one pair of stores.
type target struct {
	store string
	*signet
	databaseURL, sessionsURL string
	// processes are those of its stores.
	processes map[string]int
	secret    string
	size      Size
}

// open builds and starts everything.
func (b *bench) open(ctx context.Context, dir string) error {
	b.say("building")
	program, err := build(ctx, dir, "./cmd/signet")
	if err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return fmt.Errorf("measure binary: %w", err)
	}
	b.report.BinaryBytes = info.Size()
	if err := b.startBare(ctx, dir); err != nil {
		return err
	}
	b.say("starting MariaDB and Redis")
	if b.mariaDB, err = testservers.StartMariaDB(ctx, testservers.Options{}); err != nil {
		return err
	}
	if b.redis, err = testservers.StartRedis(ctx, testservers.Options{}); err != nil {
		return err
	}
	mysqlURL, err := b.createDatabase(ctx)
	if err != nil {
		return err
	}
	if b.log, err = os.OpenFile(b.options.serverLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("open server log: %w", err)
	}
	for i, t := range []*target{
		{store: "SQLite", databaseURL: "sqlite:" + filepath.Join(dir, "signet.db")},
		{store: "MariaDB + Redis", databaseURL: mysqlURL, sessionsURL: b.redis.URL, processes: map[string]int{
			mariaDBProcess: b.mariaDB.PID(), redisProcess: b.redis.PID(),
		}},
	} {
		t.signet, err = newSignet(ctx, program, filepath.Join(dir, strconv.Itoa(i)), b.log, "SIGNET_DATABASE_URL="+t.databaseURL,
			"SIGNET_SESSIONS_URL="+t.sessionsURL, "SIGNET_LOG_LEVEL="+b.options.logLevel)
		if err != nil {
			return err
		}
		if err = t.makeKeys(ctx); err != nil {
			return err
		}
		if t.secret, err = t.createClient(ctx, clientID); err != nil {
			return err
		}
		b.targets = append(b.targets, t)
	}
	return nil
}

func (b *bench) startBare(ctx context.Context, dir string) error {
	program, err := build(ctx, dir, "./bench/barehandler")
	if err != nil {
		return err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	b.bareURL = "http://" + addr
	b.bare, err = start(ctx, exec.CommandContext(ctx, program, "--listen", addr), b.bareURL) //nolint:gosec // It was just built.
	return err
}

// close ends everything that open started.
func (b *bench) close() error {
	var errs []error
	for _, t := range b.targets {
		errs = append(errs, t.stop())
	}
	if b.bare != nil {
		errs = append(errs, b.bare.stop())
	}
	for _, server := range []*testservers.Server{b.mariaDB, b.redis} {
		if server != nil {
			errs = append(errs, server.Close())
		}
	}
	if b.log != nil {
		errs = append(errs, b.log.Close())
	}
	return errors.Join(errs...)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func machine() Machine {
	return Machine{
		Time: time.Now().UTC(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		Model: cpuModel(), Load: loadAverage(),
	}
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

func writeJSON(path string, report Report) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
