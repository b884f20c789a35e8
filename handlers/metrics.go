package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signet-id/signet/provider"
)

// Metrics are the measurements of the public listener.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	grants   *prometheus.CounterVec
}

// NewMetrics registers the measurements.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_http_requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signet_http_request_duration_seconds", Help: "Time to answer a request, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
		grants: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_grants_total", Help: "Token requests, by grant type and error code (empty: served).",
		}, []string{"grant_type", "error"}),
	}
	registry.MustRegister(m.requests, m.duration, m.grants)
	return m
}

// counter counts the requests of a route that only answers 200 and 304, at less cost than observe.
func (m *Metrics) counter(route string) func(duration time.Duration, status int) {
	ok := m.requests.WithLabelValues(route, http.MethodGet, "200")
	unchanged := m.requests.WithLabelValues(route, http.MethodGet, "304")
	took := m.duration.WithLabelValues(route)
	return func(duration time.Duration, status int) {
		if status == http.StatusNotModified {
			unchanged.Inc()
		} else {
			ok.Inc()
		}
		took.Observe(duration.Seconds())
	}
}

func (m *Metrics) observe(route, method string, status int, duration time.Duration, report *provider.Report) {
	if route == noRoute {
		method = noRoute // strangers choose it
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(duration.Seconds())
	if report.GrantType != "" {
		m.grants.WithLabelValues(report.GrantType, report.Error).Inc()
	}
}
