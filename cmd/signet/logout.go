package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/oidc"
	"github.com/signet-id/signet/provider/outbox"
	"github.com/signet-id/signet/provider/secrets"
)

// newNotices is the outbox of what clients are told of logouts.
func newNotices(store provider.OutboxStore, master *secrets.Master) *outbox.Outbox {
	return outbox.New(provider.TopicLogoutNotice, store, master, time.Now)
}

// newNoticeWorker tells them.
func newNoticeWorker(engine *oidc.Engine, client *outbound.Client, registry prometheus.Registerer, log *slog.Logger) *oidc.NoticeWorker {
	return &oidc.NoticeWorker{
		Engine: engine, Poster: client, Timeout: client.Timeout + time.Second, // the client gives up first, and says why
		Log: log, Count: countNotices(registry),
	}
}

// countNotices registers the measurement of what comes of notices.
func countNotices(registry prometheus.Registerer) func(outbox.Outcome) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_logout_notices_total", Help: "Attempts to tell a client's server of a logout, by result: sent, deferred (to be tried again) or dead (given up).",
	}, []string{"result"})
	registry.MustRegister(attempts)
	for _, outcome := range []outbox.Outcome{outbox.Delivered, outbox.Deferred, outbox.Dead} {
		attempts.WithLabelValues(string(outcome)) // 0 is known from the start
	}
	return func(outcome outbox.Outcome) { attempts.WithLabelValues(string(outcome)).Inc() }
}
