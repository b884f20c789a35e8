package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-id/signet/bench/load"
)

// A Report is everything that one run measured.
type Report struct {
	Machine     Machine       `json:"machine"`
	Rounds      int           `json:"rounds"`
	Concurrency int           `json:"concurrency"`
	Duration    time.Duration `json:"duration_ns"`
	Bare        Row           `json:"bare"`
	Rows        []Row         `json:"rows"`
	Floors      []Floor       `json:"floors"`
	LoginLoads  []LoginLoad   `json:"login_loads"`
	Sizes       []Size        `json:"sizes"`
	BinaryBytes int64         `json:"binary_bytes"`
}

// Machine is where a report comes from.
type Machine struct {
	Time     time.Time `json:"time"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	CPUs     int       `json:"cpus"`
	Model    string    `json:"model"`
	// Load is the average number of runnable processes in the minute before.
	Load string `json:"load"`
}

// A Row is one kind of work on one pair of stores, once for each round.
type Row struct {
	Work  string `json:"work"`
	Store string `json:"store,omitempty"`
	// Target is the most that the CPU per request may be, as a multiple of the bare handler's; 0 is none.
	Target  float64       `json:"target,omitempty"`
	Results []load.Result `json:"results"`
}

// LoginLoad is what others feel while 16 connections do nothing but log in.
type LoginLoad struct {
	Store   string      `json:"store"`
	Login   load.Result `json:"login"`
	User    load.Result `json:"user"`
	Refresh load.Result `json:"refresh"`
}

// Size is how long a server takes to start and how much memory it holds.
type Size struct {
	Store string `json:"store"`
	// Start is from the start of the process to its first answer.
	Start       time.Duration `json:"start_ns"`
	IdleBytes   int64         `json:"idle_bytes"`
	LoadedBytes int64         `json:"loaded_bytes"`
}

// The names of processes in a load.Result.
const (
	serverProcess  = "server"
	mariaDBProcess = "MariaDB"
	redisProcess   = "Redis"
)

// cpu returns the least and the middle CPU time of a process per request, in microseconds.
func (r Row) cpu(process string) (least, middle float64) {
	return spread(r.Results, func(result load.Result) float64 { return result.CPU[process] })
}

func spread(results []load.Result, value func(load.Result) float64) (least, middle float64) {
	values := make([]float64, len(results))
	for i, result := range results {
		values[i] = value(result)
	}
	if len(values) == 0 {
		return 0, 0
	}
	slices.Sort(values)
	return values[0], (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// ratio is the CPU of a row as a multiple of the bare handler's, of the least of both: noise only adds.
func (r Report) ratio(row Row) float64 {
	bare, _ := r.Bare.cpu(serverProcess)
	least, _ := row.cpu(serverProcess)
	return least / bare
}

// The longest that user/ and a refresh may take beside logins, 99 times of 100.
const loginLoadTarget = 50 // ms

// write prints the report in Markdown.
func (r Report) write(out io.Writer) error {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "%s, %s, %s, %d CPUs (%s), load %s before the start; %d connections, %d rounds of %s.\n\n",
		m.Time.Format(time.DateOnly), m.Go, m.Platform, m.CPUs, m.Model, m.Load, r.Concurrency, r.Rounds, r.Duration)

	b.WriteString("| work | store | CPU µs min / median | × bare | target | met | requests/s | p50 ms | p99 ms | store CPU µs | errors |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, row := range append([]Row{r.Bare}, r.Rows...) {
		r.writeRow(&b, row)
	}

	if len(r.Floors) > 0 {
		r.writeFloors(&b)
	}
	if len(r.LoginLoads) > 0 {
		r.writeLoginLoads(&b)
	}
	b.WriteString("\n| size | start ms (target 150 on SQLite) | idle MB (45) | after load MB (80) |\n|---|---|---|---|\n")
	for _, s := range r.Sizes {
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", s.Store, s.Start.Milliseconds(), megabytes(s.IdleBytes), megabytes(s.LoadedBytes))
	}
	fmt.Fprintf(&b, "\nStripped binary: %s MB (target 45).\n", megabytes(r.BinaryBytes))
	_, err := io.WriteString(out, b.String())
	return err
}

func (r Report) writeFloors(b *strings.Builder) {
	b.WriteString("\n| floor | CPU µs | time µs |\n|---|---|---|\n")
	for _, f := range r.Floors {
		fmt.Fprintf(b, "| %s | %s | %s |\n", f.Name, number(f.CPU), number(f.Time))
	}
}

func (r Report) writeLoginLoads(b *strings.Builder) {
	b.WriteString("\n| while 16 connections log in | logins/s | user/ p99 ms | refresh p99 ms | target | met | user/ requests/s | refreshes/s | errors |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, l := range r.LoginLoads {
		met := l.User.P99 < loginLoadTarget && l.Refresh.P99 < loginLoadTarget
		fmt.Fprintf(b, "| %s | %s | %s | %s | < %d | %s | %s | %s | %s |\n", l.Store, number(l.Login.RequestsPerSecond), number(l.User.P99),
			number(l.Refresh.P99), loginLoadTarget, yes(met), number(l.User.RequestsPerSecond), number(l.Refresh.RequestsPerSecond),
			refusals(l.Login, l.User, l.Refresh))
	}
}

func (r Report) writeRow(b *strings.Builder, row Row) {
	least, middle := row.cpu(serverProcess)
	ratio := r.ratio(row)
	target, met := "–", "–"
	if row.Target > 0 {
		target, met = "≤ "+strconv.FormatFloat(row.Target, 'f', -1, 64), yes(ratio <= row.Target)
	}
	_, rate := spread(row.Results, func(result load.Result) float64 { return result.RequestsPerSecond })
	_, p50 := spread(row.Results, func(result load.Result) float64 { return result.P50 })
	_, p99 := spread(row.Results, func(result load.Result) float64 { return result.P99 })
	var stores []string
	for _, process := range []string{mariaDBProcess, redisProcess} {
		if least, _ := row.cpu(process); least > 0 {
			stores = append(stores, process+" "+number(least))
		}
	}
	fmt.Fprintf(b, "| %s | %s | %s / %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.Work, row.Store, number(least), number(middle),
		number(ratio), target, met, number(rate), number(p50), number(p99), strings.Join(stores, ", "), refusals(row.Results...))
}

// number writes three digits, or all before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

func megabytes(bytes int64) string { return strconv.FormatFloat(float64(bytes)/1e6, 'f', 1, 64) }

func yes(met bool) string {
	if met {
		return "yes"
	}
	return "no"
}

// refusals sums up what was not answered well.
func refusals(results ...load.Result) string {
	sum := map[string]int{}
	for _, result := range results {
		for kind, n := range result.Errors {
			sum[kind] += n
		}
	}
	parts := make([]string, 0, len(sum))
	for _, kind := range slices.Sorted(maps.Keys(sum)) {
		parts = append(parts, fmt.Sprintf("%d × %s", sum[kind], kind))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}
