package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/provider/keys"
	"github.com/signet-id/signet/storage/redisstore"
	"github.com/signet-id/signet/storage/sqlstore"
)

// The outcomes of one check.
const (
	statusOK      = "ok"
	statusWarning = "warning"
	statusFault   = "fault"
)

// finding is one thing that doctor looked at.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Found  string `json:"found"`
	// Advice says what to do; empty when all is well.
	Advice string `json:"advice,omitempty"`
}

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the running truth: settings, stores, keys, issuer, clock", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			findings := a.examine(c.Context())
			rows, faults := make([]string, 0, len(findings)), 0
			for _, f := range findings {
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", f.Check, f.Status, f.Found, f.Advice))
				if f.Status == statusFault {
					faults++
				}
			}
			if err := a.print(findings, "CHECK\tSTATUS\tFOUND\tDO", rows...); err != nil {
				return err
			}
			if faults > 0 {
				return fmt.Errorf("%d of %d checks failed", faults, len(findings))
			}
			return nil
		},
	}
}

// examine runs every check that the ones before allow.
func (a *app) examine(ctx context.Context) []finding {
	config, err := a.config()
	if err != nil {
		return []finding{{"settings", statusFault, err.Error(), "correct the settings that are named"}}
	}
	findings := []finding{{"settings", statusOK, "issuer " + config.Issuer, ""}}
	findings = append(findings, examineCookies(config))
	config.Database.MigrateOnStart = false
	database, err := openDatabase(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		findings = append(findings, finding{"database", statusFault, err.Error(), "start the database, or correct database.url"})
	} else {
		defer func() { _ = database.Close() }()
		migrations := examineMigrations(ctx, database)
		findings = append(findings, finding{"database", statusOK, "answers", ""}, migrations)
		if migrations.Status == statusOK {
			findings = append(findings, examineKeys(ctx, config, database), examineOutbox(ctx, database), examineOutbound(ctx, config, database))
		}
	}
	findings = append(findings, examineSessions(ctx, config)...)
	findings = append(findings, examineMail(ctx, config))
	return append(findings, examineIssuer(ctx, config)...)
}

func examineCookies(config configs.Config) finding {
	if config.Loopback() {
		return finding{"cookies", statusOK, "not Secure: the issuer is loopback", ""}
	}
	return finding{"cookies", statusOK, "Secure, HttpOnly, SameSite=Lax", ""}
}

func examineMigrations(ctx context.Context, database *sqlstore.Store) finding {
	migrations, err := database.MigrationStatus(ctx)
	if err != nil {
		return finding{"migrations", statusFault, err.Error(), "run signet migrate up"}
	}
	pending := 0
	for _, m := range migrations {
		if m.AppliedAt.IsZero() {
			pending++
		}
	}
	if pending > 0 {
		return finding{"migrations", statusFault, fmt.Sprintf("%d are missing", pending), "run signet migrate up"}
	}
	return finding{"migrations", statusOK, fmt.Sprintf("%d applied", len(migrations)), ""}
}

func examineKeys(ctx context.Context, config configs.Config, database *sqlstore.Store) finding {
	ring, _, err := openKeys(ctx, config, database)
	if err != nil {
		return finding{"signing keys", statusFault, err.Error(), "give the master key that the keys were made with (secrets.master_key)"}
	}
	oldest := time.Duration(0)
	for _, k := range ring.Keys() {
		if k.State == keys.StateActive {
			oldest = max(oldest, time.Since(k.ActivatesAt))
		}
	}
	found := fmt.Sprintf("%d keys, the oldest active one for %s", len(ring.Keys()), oldest.Round(time.Minute))
	if oldest > config.Tokens.KeyRotation+24*time.Hour {
		return finding{"signing keys", statusWarning, found, "no server has rotated them: is one running?"}
	}
	return finding{"signing keys", statusOK, found, ""}
}

func examineSessions(ctx context.Context, config configs.Config) []finding {
	if config.Sessions.URL == "" {
		return []finding{{"sessions", statusOK, "in the database", ""}}
	}
	redis, err := redisstore.Open(ctx, string(config.Sessions.URL), redisstore.Options{})
	if err == nil {
		defer func() { _ = redis.Close() }()
		err = redis.Ping(ctx)
	}
	if err != nil {
		return []finding{{"sessions", statusFault, err.Error(), "start Redis, or correct sessions.url"}}
	}
	findings := []finding{{"sessions", statusOK, "Redis answers", ""}}
	for _, warning := range redis.Warnings(ctx) {
		findings = append(findings, finding{"sessions", statusWarning, warning, "see docs/configuration.md, sessions"})
	}
	return findings
}

// maxClockDifference is what tokens' times tolerate.
const maxClockDifference = 5 * time.Second

// examineIssuer asks the issuer's own URL, as a relying party would, and compares clocks.
func examineIssuer(ctx context.Context, config configs.Config) []finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	const advice = "is the server running, and does the issuer's name lead to it?"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return []finding{{"issuer", statusFault, err.Error(), "correct issuer"}}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return []finding{{"issuer", statusFault, err.Error(), advice}}
	}
	defer func() { _ = response.Body.Close() }()
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&metadata)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("status %d", response.StatusCode))
	}
	if err != nil {
		return []finding{{"issuer", statusFault, err.Error(), advice}}
	}
	if metadata.Issuer != config.Issuer {
		return []finding{{"issuer", statusFault, "discovery says " + metadata.Issuer, "give the server and this command the same issuer"}}
	}
	findings := []finding{{"issuer", statusOK, "discovery agrees", ""}}
	if served, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		difference := time.Since(served).Abs()
		if difference > maxClockDifference {
			return append(findings, finding{"clock", statusFault, "differs from the server's by " + difference.Round(time.Second).String(), "synchronise the clocks (NTP)"})
		}
		findings = append(findings, finding{"clock", statusOK, "agrees with the server's", ""})
	}
	return findings
}
