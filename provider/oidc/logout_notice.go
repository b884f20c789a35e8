package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/outbox"
)

// logoutNotice is what a client is told of (OpenID Connect Back-Channel Logout §2.4), as it is kept. Its names
// stay: notices outlive releases.
type logoutNotice struct {
	Version   int    `json:"v"`
	ClientID  string `json:"client_id"`
	Subject   string `json:"sub,omitempty"`
	SessionID string `json:"sid"`
}

const logoutNoticeVersion = 1

func (e *Engine) enqueueNotice(ctx context.Context, n logoutNotice) error {
	n.Version = logoutNoticeVersion
	content, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notice of a logout: %w", err)
	}
	return e.Notices.Add(ctx, content)
}

// logoutClaims are the claims of a logout token. It never has a nonce: nobody can take it for an ID token.
type logoutClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub,omitempty"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	ExpiresAt int64               `json:"exp"`
	ID        string              `json:"jti"`
	SessionID string              `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

const (
	logoutTokenType     = "logout+jwt"    //nolint:gosec // G101: names a kind of token
	logoutTokenLifetime = 2 * time.Minute // as Back-Channel Logout §2.4 recommends
	logoutEvent         = "http://schemas.openid.net/event/backchannel-logout"
)

// logoutToken mints a logout token when it is sent: a notice may wait for longer than tokens live.
func (e *Engine) logoutToken(client provider.Client, n logoutNotice) (string, error) {
	algorithm := client.IDTokenSignedResponseAlg
	if algorithm == "" {
		algorithm = defaultIDTokenAlgorithm
	}
	now := e.Now()
	payload, err := json.Marshal(logoutClaims{
		Issuer: e.Settings.Issuer, Subject: n.Subject, Audience: client.ID, IssuedAt: now.Unix(), ExpiresAt: now.Add(logoutTokenLifetime).Unix(),
		ID: rand.Text(), SessionID: n.SessionID, Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return "", err
	}
	return e.Keys.Sign(algorithm, logoutTokenType, payload)
}

// FormPoster posts forms to addresses that strangers named, and judges every address that it connects to.
type FormPoster interface {
	// PostForm returns nil if the answer was a success. outbox.ErrRefused: the address must not be reached.
	PostForm(ctx context.Context, url string, form url.Values) error
}

// NoticeWorker tells clients of logouts. Any number of processes may run one. Its fields are set once.
type NoticeWorker struct {
	Engine *Engine
	Poster FormPoster
	// Timeout bounds an attempt.
	Timeout time.Duration
	Log     *slog.Logger
	// Count is told of each attempt.
	Count func(outbox.Outcome)
}

// noticesAtOnce bounds the attempts at a time of one worker. Most of them wait, and some of the servers that
// they wait for hang.
const noticesAtOnce = 32

// noticeDelays are the times between attempts. A client that has not heard of a logout for so long has ended
// its own session meanwhile.
var noticeDelays = []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// Run delivers notices until ctx ends and those in hand are finished.
func (w *NoticeWorker) Run(ctx context.Context) {
	parcels := &outbox.Worker{
		Outbox: w.Engine.Notices, Deliver: w.deliver, Delays: noticeDelays, ForgetDead: true, Timeout: w.Timeout, AtOnce: noticesAtOnce,
		Tell: w.tell, Log: w.Log,
	}
	parcels.Run(ctx)
}

// deliver posts a logout token (OpenID Connect Back-Channel Logout §2.5).
func (w *NoticeWorker) deliver(ctx context.Context, p provider.Parcel) error {
	notice, err := w.open(p)
	if err != nil {
		return err
	}
	client, err := w.Engine.Clients.Client(ctx, notice.ClientID)
	if errors.Is(err, provider.ErrNotFound) || (err == nil && (client.Disabled || client.BackchannelLogoutURI == "")) {
		return fmt.Errorf("%w: the client wants no notices any more", outbox.ErrRefused)
	}
	if err != nil {
		return err
	}
	token, err := w.Engine.logoutToken(client, notice)
	if err != nil {
		return err
	}
	return w.Poster.PostForm(ctx, client.BackchannelLogoutURI, url.Values{"logout_token": {token}})
}

func (w *NoticeWorker) open(p provider.Parcel) (logoutNotice, error) {
	content, err := w.Engine.Notices.Open(p)
	if err != nil {
		return logoutNotice{}, err
	}
	var n logoutNotice
	if err := json.Unmarshal(content, &n); err != nil {
		return logoutNotice{}, fmt.Errorf("decode notice of a logout: %w", err)
	}
	if n.Version > logoutNoticeVersion {
		return logoutNotice{}, fmt.Errorf("decode notice of a logout: version %d is of a newer release", n.Version)
	}
	return n, nil
}

// tell counts an attempt and writes its log line.
func (w *NoticeWorker) tell(ctx context.Context, p provider.Parcel, outcome outbox.Outcome, reason string, delay time.Duration) {
	w.Count(outcome)
	n, _ := w.open(p) // else the client is unknown
	log := w.Log.With("notice_id", p.ID, "client_id", n.ClientID, "attempts", p.Attempts)
	switch outcome {
	case outbox.Delivered:
		log.InfoContext(ctx, "client told of a logout")
	case outbox.Deferred:
		log.WarnContext(ctx, "client not told of a logout, will be tried again", "delay", delay, "error", reason)
	case outbox.Dead:
		log.ErrorContext(ctx, "client not told of a logout, given up", "error", reason)
	}
}
