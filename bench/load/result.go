package load

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// A Result is what one run measured.
type Result struct {
	Scenario    string  `json:"scenario"`
	Concurrency int     `json:"concurrency"`
	Seconds     float64 `json:"seconds"`
	// Requests counts the answers with a status of success.
	Requests          int     `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	// The percentiles are of those answers, in milliseconds, seen by a client that waits for each answer before it asks
	// again.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	// Errors counts the other answers by status, and "connection" where there was no answer.
	Errors map[string]int `json:"errors"`
	// CPU is what each process spent per answer, whatever its status, in microseconds.
	CPU map[string]float64 `json:"cpu_us_per_request"`
}

// noAnswer is the key in Result.Errors of requests that were not answered.
const noAnswer = "connection"

// tally counts what one connection saw.
type tally struct {
	latencies []time.Duration
	errors    map[string]int
}

func (t *tally) refused(status int) { t.errors[strconv.Itoa(status)]++ }

// result sums the tallies of all connections up.
func result(o Options, elapsed time.Duration, tallies []*tally, spent map[string]time.Duration) Result {
	r := Result{
		Scenario: o.Scenario, Concurrency: o.Concurrency, Seconds: elapsed.Seconds(),
		Errors: map[string]int{}, CPU: map[string]float64{},
	}
	var latencies []time.Duration
	answers := 0
	for _, t := range tallies {
		latencies = append(latencies, t.latencies...)
		for kind, n := range t.errors {
			r.Errors[kind] += n
			if kind != noAnswer {
				answers += n
			}
		}
	}
	slices.Sort(latencies)
	answers += len(latencies)
	r.Requests = len(latencies)
	r.RequestsPerSecond = float64(r.Requests) / elapsed.Seconds()
	r.P50, r.P95, r.P99 = percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99)
	for name, cpu := range spent {
		if answers > 0 {
			r.CPU[name] = float64(cpu.Nanoseconds()) / 1e3 / float64(answers)
		}
	}
	return r
}

// percentile returns the smallest of sorted latencies that p percent do not exceed, in milliseconds; 0 of none.
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return float64(sorted[max(rank, 1)-1].Nanoseconds()) / 1e6
}
