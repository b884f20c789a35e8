// Command loadgen sends the requests of one scenario to a server of this machine and reports what it measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/signet-id/signet/bench/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o := load.Options{Processes: map[string]int{}}
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.StringVar(&o.URL, "url", "http://127.0.0.1:8080", "base `URL` of the server, on a loopback address")
	flags.StringVar(&o.Scenario, "scenario", "discovery", "what to ask for: "+strings.Join(load.Scenarios(), ", "))
	flags.IntVar(&o.Concurrency, "concurrency", 32, "connections")
	flags.DurationVar(&o.Duration, "duration", 5*time.Second, "how long")
	flags.IntVar(&o.MaxRequests, "max-requests", 0, "end after this many requests; 0 is ten million")
	flags.StringVar(&o.ClientID, "client-id", "", "confidential client for the OAuth scenarios")
	flags.StringVar(&o.ClientSecret, "client-secret", "", "its secret")
	flags.StringVar(&o.UsersPrefix, "users-prefix", "bench-", "users are PREFIX0@example.com, PREFIX1@example.com, …, one for each connection")
	flags.StringVar(&o.Password, "users-password", "", "password of the users")
	process := func(flagName, name, usage string) {
		pid := func(text string) error {
			n := 0
			if _, err := fmt.Sscan(text, &n); err != nil {
				return fmt.Errorf("want a process id: %w", err)
			}
			o.Processes[name] = n
			return nil
		}
		flags.Func(flagName, usage, pid)
	}
	process("pid", "server", "`process` of the server, whose CPU time is read")
	process("database-pid", "database", "`process` of MariaDB")
	process("sessions-pid", "sessions", "`process` of Redis")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}

	prepared, err := load.Prepare(ctx, o)
	if err != nil {
		return err
	}
	result, err := prepared.Start(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(out).Encode(result)
	}
	return write(out, result)
}

// write prints a result for people.
func write(out io.Writer, r load.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d connections, %.1f s\n", r.Scenario, r.Concurrency, r.Seconds)
	fmt.Fprintf(&b, "%.0f requests/s, p50 %.2f ms, p95 %.2f ms, p99 %.2f ms\n", r.RequestsPerSecond, r.P50, r.P95, r.P99)
	for _, name := range slices.Sorted(maps.Keys(r.CPU)) {
		fmt.Fprintf(&b, "%s: %.1f µs of CPU per request\n", name, r.CPU[name])
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(&b, "%s: %d refused\n", kind, r.Errors[kind])
	}
	_, err := io.WriteString(out, b.String())
	return err
}
