package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Operations answers the operations listener, which the public cannot reach.
type Operations struct {
	// Checks name what the service depends on.
	Checks map[string]Check
	// Gatherer has the metrics; nil serves none.
	Gatherer prometheus.Gatherer
	draining atomic.Bool
}

// checkTimeout bounds one readiness check.
const checkTimeout = time.Second

// Drain makes the service unready, so that a balancer stops sending requests.
func (o *Operations) Drain() { o.draining.Store(true) }

// Handler returns the routes of the operations listener.
func (o *Operations) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, http.StatusOK, nil) })
	mux.HandleFunc("GET /readyz", o.ready)
	if o.Gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	}
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready answers 200 while everything that the service depends on answers and it is not draining.
func (o *Operations) ready(w http.ResponseWriter, r *http.Request) {
	faults := make(map[string]string)
	if o.draining.Load() {
		faults["server"] = "draining"
	}
	for name, check := range o.Checks {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		if err := check(ctx); err != nil {
			faults[name] = err.Error()
		}
		cancel()
	}
	if len(faults) > 0 {
		writeHealth(w, http.StatusServiceUnavailable, faults)
		return
	}
	writeHealth(w, http.StatusOK, nil)
}

func writeHealth(w http.ResponseWriter, status int, faults map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		OK     bool              `json:"ok"`
		Faults map[string]string `json:"faults,omitempty"`
	}{len(faults) == 0, faults})
}
