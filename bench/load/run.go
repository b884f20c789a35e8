package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// Options say what to send where.
type Options struct {
	// URL is the server's base URL: http, on a loopback address.
	URL string
	// Scenario is one of Scenarios.
	Scenario    string
	Concurrency int
	Duration    time.Duration
	// MaxRequests bounds the run beside Duration; 0 is ten million.
	MaxRequests int
	// Client is a confidential client that uses client_secret_basic and may do what the scenario asks.
	ClientID, ClientSecret string
	// Users have the addresses UsersPrefix + number + "@example.com", one for each connection from 0 on, and one password.
	UsersPrefix, Password string
	// Processes are those whose CPU time is read, by a name for the result.
	Processes map[string]int
}

const defaultMaxRequests = 10_000_000

func (o Options) validate() (host string, err error) {
	target, err := url.Parse(o.URL)
	if err != nil {
		return "", fmt.Errorf("url: %w", err)
	}
	ip := net.ParseIP(target.Hostname())
	switch {
	case target.Scheme != "http" || target.Port() == "" || (target.Hostname() != "localhost" && !ip.IsLoopback()):
		return "", fmt.Errorf("url %q: want http://127.0.0.1:PORT: load is for this machine only", o.URL)
	case scenarios[o.Scenario] == nil:
		return "", fmt.Errorf("no scenario %q: want one of %v", o.Scenario, Scenarios())
	case o.Concurrency < 1:
		return "", errors.New("concurrency: want 1 or more")
	case o.Duration <= 0:
		return "", errors.New("duration: want more than 0")
	}
	return target.Host, nil
}

// A Run is ready to start: its connections are open and have the tokens that their scenario needs.
type Run struct {
	options Options
	workers []*worker
}

// A worker is one connection and what it asks for.
type worker struct {
	conn *conn
	flow flow
}

// Prepare connects and signs in, one connection after the other, so that nothing of that is measured.
func Prepare(ctx context.Context, o Options) (*Run, error) {
	host, err := o.validate()
	if err != nil {
		return nil, err
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = defaultMaxRequests
	}
	r := &Run{options: o}
	for i := range o.Concurrency {
		w := &worker{conn: &conn{addr: host}}
		r.workers = append(r.workers, w)
		if w.flow, err = scenarios[o.Scenario](ctx, &session{Options: o, host: host, conn: w.conn, number: i}); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %s: %w", o.Scenario, err), r.close())
		}
	}
	return r, nil
}

// Start sends requests until the time or the number is reached or ctx ends, and reports. A Run starts once.
func (r *Run) Start(ctx context.Context) (Result, error) {
	before, err := cpuTimes(r.options.Processes)
	if err != nil {
		return Result{}, errors.Join(err, r.close())
	}
	began := time.Now()
	running, cancel := context.WithDeadline(ctx, began.Add(r.options.Duration))
	defer cancel()
	tallies := make([]*tally, len(r.workers))
	each := max(1, r.options.MaxRequests/len(r.workers))
	var wait sync.WaitGroup
	for i, w := range r.workers {
		wait.Go(func() { tallies[i] = w.run(running, each) })
	}
	wait.Wait()
	elapsed := time.Since(began)
	after, err := cpuTimes(r.options.Processes)
	if err != nil {
		return Result{}, errors.Join(err, r.close())
	}
	for name := range after {
		after[name] -= before[name]
	}
	return result(r.options, elapsed, tallies, after), errors.Join(ctx.Err(), r.close())
}

func (r *Run) close() error {
	var errs []error
	for _, w := range r.workers {
		errs = append(errs, w.conn.close())
	}
	return errors.Join(errs...)
}

// pause keeps a connection that cannot be made from being tried in a tight loop.
const pause = 10 * time.Millisecond

// run sends at most n requests until ctx ends.
func (w *worker) run(ctx context.Context, n int) *tally {
	seen := &tally{errors: map[string]int{}}
	for range n {
		if ctx.Err() != nil {
			break
		}
		began := time.Now()
		if w.flow.whole != nil {
			if err := w.flow.whole(ctx); err == nil {
				seen.latencies = append(seen.latencies, time.Since(began))
			} else if ctx.Err() == nil {
				seen.errors[err.Error()]++
			}
			continue
		}
		status, body, err := w.conn.do(ctx, w.flow.request)
		switch {
		case err != nil && ctx.Err() != nil:
			return seen // It was not sent any more.
		case err != nil:
			seen.errors[noAnswer]++
			time.Sleep(pause)
			continue
		case status < 200 || status > 299:
			seen.refused(status)
			continue
		}
		seen.latencies = append(seen.latencies, time.Since(began))
		if w.flow.next == nil {
			continue
		}
		if w.flow.request, err = w.flow.next(body); err != nil {
			seen.refused(status)
			break // A chain without its next link ends.
		}
	}
	return seen
}
