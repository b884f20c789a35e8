package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/bench/load"
)

// measured is a row whose server took these microseconds in the rounds.
func measured(work string, target float64, cpu ...float64) Row {
	row := Row{Work: work, Store: "SQLite", Target: target}
	for i, c := range cpu {
		row.Results = append(row.Results, load.Result{
			RequestsPerSecond: float64(100 * (i + 1)), P50: 1, P99: float64(i + 2), CPU: map[string]float64{serverProcess: c},
		})
	}
	return row
}

func TestSpreadIsTheLeastAndTheMiddle(t *testing.T) {
	for _, c := range []struct{ cpu, want []float64 }{
		{nil, []float64{0, 0}},
		{[]float64{7}, []float64{7, 7}},
		{[]float64{30, 10}, []float64{10, 20}},
		{[]float64{30, 10, 11}, []float64{10, 11}},
	} {
		least, middle := measured("x", 0, c.cpu...).cpu(serverProcess)
		require.Equal(t, c.want, []float64{least, middle}, "%v", c.cpu)
	}
}

func TestReportComparesTheLeastOfBoth(t *testing.T) {
	report := Report{
		Machine: Machine{Go: "go1.26", Platform: "linux/amd64", CPUs: 2, Model: "a CPU", Load: "0.10"},
		Rounds:  3, Concurrency: 32, Duration: 2 * time.Second,
		Bare:   measured("bare", 0, 22, 20, 40),
		Rows:   []Row{measured("met", 4, 80, 200, 90), measured("missed", 4, 81, 82, 83), measured("free", 0, 20)},
		Floors: []Floor{{"signature", 26.54, 1234.4}},
		LoginLoads: []LoginLoad{
			{Store: "a", User: load.Result{P99: 49.9}, Refresh: load.Result{P99: 49.9}},
			{Store: "b", User: load.Result{P99: 50}, Refresh: load.Result{P99: 1}},
			{Store: "c", User: load.Result{P99: 1}, Refresh: load.Result{P99: 50}},
		},
		Sizes:       []Size{{"a", 1500 * time.Microsecond, 45_000_000, 80_100_000}},
		BinaryBytes: 40_900_000,
	}
	report.Rows[0].Results[0].CPU[redisProcess] = 17
	report.Rows[0].Results[1].CPU[redisProcess] = 16
	report.Rows[0].Results[2].CPU[redisProcess] = 18
	report.Rows[0].Results[1].Errors = map[string]int{"503": 2}
	report.Rows[0].Results[2].Errors = map[string]int{"503": 1, "429": 1}

	var out strings.Builder
	require.NoError(t, report.write(&out))
	for _, line := range []string{
		"0001-01-01, go1.26, linux/amd64, 2 CPUs (a CPU), load 0.10 before the start; 32 connections, 3 rounds of 2s.",
		"| bare | SQLite | 20.0 / 22.0 | 1.00 | – | – | 200 | 1.00 | 3.00 |  | 0 |",
		"| met | SQLite | 80.0 / 90.0 | 4.00 | ≤ 4 | yes | 200 | 1.00 | 3.00 | Redis 16.0 | 1 × 429, 3 × 503 |",
		"| missed | SQLite | 81.0 / 82.0 | 4.05 | ≤ 4 | no | 200 | 1.00 | 3.00 |  | 0 |",
		"| free | SQLite | 20.0 / 20.0 | 1.00 | – | – | 100 | 1.00 | 2.00 |  | 0 |",
		"| signature | 26.5 | 1234 |",
		"| a | 0.00 | 49.9 | 49.9 | < 50 | yes | 0.00 | 0.00 | 0 |",
		"| b | 0.00 | 50.0 | 1.00 | < 50 | no | 0.00 | 0.00 | 0 |",
		"| c | 0.00 | 1.00 | 50.0 | < 50 | no | 0.00 | 0.00 | 0 |",
		"| a | 1 | 45.0 | 80.1 |",
		"Stripped binary: 40.9 MB (target 45).",
	} {
		require.Contains(t, out.String(), line+"\n")
	}
}

func TestFloorIsTheCostOfOneStep(t *testing.T) {
	f, err := floor("sleep", func() error { time.Sleep(2 * time.Millisecond); return nil })
	require.NoError(t, err)
	require.Equal(t, "sleep", f.Name)
	require.GreaterOrEqual(t, f.Time, 2000.0)
	require.Less(t, f.CPU, f.Time)

	fault := errors.New("fault")
	_, err = floor("fault", func() error { return fault })
	require.ErrorIs(t, err, fault)
}

func TestMemoryOfAProcess(t *testing.T) {
	held, err := residentBytes(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, held, int64(1<<20))
	_, err = residentBytes(0)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAProgramThatEndsWhileStartingIsAnError(t *testing.T) {
	_, err := start(t.Context(), exec.CommandContext(t.Context(), "true"), "http://127.0.0.1:1")
	require.ErrorContains(t, err, "ended while starting")
}

func TestSettingsOfTheCallerDoNotReachTheServer(t *testing.T) {
	t.Setenv("SIGNET_TOKENS_ACCESS_TOKEN_ALGORITHM", "RS256")
	s, err := newSignet(t.Context(), "signet", t.TempDir(), nil, "SIGNET_LOG_LEVEL=WARN")
	require.NoError(t, err)
	require.NotContains(t, s.environ, "SIGNET_TOKENS_ACCESS_TOKEN_ALGORITHM=RS256")
	require.Contains(t, s.environ, "SIGNET_LOG_LEVEL=WARN")
	require.Contains(t, s.environ, "SIGNET_ISSUER="+s.url)
}

func TestOnlyChoosesByScenario(t *testing.T) {
	chosen, err := options{}.chosen()
	require.NoError(t, err)
	require.Equal(t, works, chosen)
	for _, w := range works {
		require.Contains(t, load.Scenarios(), w.scenario)
	}
	chosen, err = options{only: "jwks,refresh"}.chosen()
	require.NoError(t, err)
	require.Equal(t, []float64{1.1, 9}, []float64{chosen[0].target, chosen[1].target})
	require.Len(t, chosen, 2)
	_, err = options{only: "jwks,hello"}.chosen()
	require.ErrorContains(t, err, "hello")
}
