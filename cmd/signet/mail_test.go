package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/testservers/smtpserver"
)

// smtpEnv lets a server send to the test's SMTP server. A replica's mails are taken by another after two
// seconds.
func smtpEnv(s *smtpserver.Server) []string {
	return []string{
		"SIGNET_MAIL_DRIVER=smtp", "SIGNET_MAIL_FROM=id@example.com", "SIGNET_MAIL_SMTP_HOST=" + s.Host,
		fmt.Sprint("SIGNET_MAIL_SMTP_PORT=", s.Port), "SIGNET_MAIL_SMTP_TLS=none", "SIGNET_MAIL_SMTP_TIMEOUT=1s",
	}
}

// arrived counts the mails of each recipient, those with one Message-ID once, and all that were sent again.
func arrived(s *smtpserver.Server) (byRecipient map[string]int, again int) {
	byRecipient, seen := map[string]int{}, map[string]bool{}
	for _, m := range s.Accepted() {
		if id := m.Header.Get("Message-Id"); seen[id] {
			again++
		} else {
			seen[id] = true
			byRecipient[m.To]++
		}
	}
	return byRecipient, again
}

// P1, show 6: the mail of an acknowledged registration arrives, whenever the server dies.
func TestKilledServerLosesNoMail(t *testing.T) {
	const rounds, workers = 15, 4
	for name, stores := range map[string]func(t *testing.T) []string{
		"sqlite":        sqliteEnv,
		"mariadb+redis": func(t *testing.T) []string { return sharedEnv(t, testRedis(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			// Slow enough for mails to be in hand whenever the server dies.
			server := smtpserver.Start(t, smtpserver.Options{Delay: 10 * time.Millisecond})
			p := startServer(t, append(stores(t), smtpEnv(server)...)...)
			var acknowledged []string
			for round := range rounds {
				var mu sync.Mutex
				var group sync.WaitGroup
				for worker := range workers {
					group.Go(func() {
						for i := 0; ; i++ {
							email := fmt.Sprintf("m-%d-%d-%d@example.com", round, worker, i)
							a := p.register(email)
							if a.status == 0 {
								return // the server died
							}
							if a.status == http.StatusCreated {
								mu.Lock()
								acknowledged = append(acknowledged, email)
								mu.Unlock()
							}
						}
					})
				}
				time.Sleep(time.Duration(30+round*7) * time.Millisecond)
				p.kill()
				group.Wait()
				p.start()
			}
			require.Greater(t, len(acknowledged), rounds)
			var missing []string
			allArrived := func() bool {
				mails, _ := arrived(server)
				missing = nil
				for _, email := range acknowledged {
					if mails[email] == 0 {
						missing = append(missing, email)
					}
				}
				return len(missing) == 0
			}
			require.Eventually(t, allArrived, 30*time.Second, 100*time.Millisecond, "lost")
			require.Empty(t, missing)
			mails, again := arrived(server)
			for email, count := range mails {
				require.Equal(t, 1, count, "%s got several mails", email)
			}
			t.Logf("%d kills, %d acknowledged registrations, %d mails arrived, %d of them again", rounds, len(acknowledged), len(mails), again)
			require.LessOrEqual(t, again, rounds*atHand, "only what was in hand is sent again")
		})
	}
}

// atHand is how many mails a server sends at a time.
const atHand = 4

func TestTerminatedServerFinishesTheMailInHand(t *testing.T) {
	server := smtpserver.Start(t, smtpserver.Options{Delay: 700 * time.Millisecond})
	p := startServer(t, append(sqliteEnv(t), smtpEnv(server)...)...)
	require.Equal(t, http.StatusCreated, p.register("ada@example.com").status)
	time.Sleep(200 * time.Millisecond) // it is on its way
	require.NoError(t, p.terminate())
	require.Len(t, server.Accepted(), 1)
	p.start()
	time.Sleep(2500 * time.Millisecond) // beyond the claim
	require.Len(t, server.Accepted(), 1)
}

// The whole way of a mail for a developer: on disk, on the page, in the measurements.
func TestMailsOfADeveloperAreOnDiskAndOnAPage(t *testing.T) {
	p := startServer(t, sqliteEnv(t)...)
	require.Equal(t, http.StatusCreated, p.register("ada@example.com").status)
	pattern := filepath.Join(p.dir, "data", "mail", "*.eml")
	var files []string
	require.Eventually(t, func() bool {
		files, _ = filepath.Glob(pattern)
		return len(files) == 1
	}, 5*time.Second, 10*time.Millisecond)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(raw), "To: <ada@example.com>")

	get := func(url string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		return string(raw)
	}
	require.Contains(t, p.log.String(), p.issuer+"/dev/mail\n", "a newcomer is told")
	page := get(p.issuer + "/dev/mail")
	require.Contains(t, page, "ada@example.com")
	require.Contains(t, page, `<a href="`+p.issuer)
	require.Eventually(t, func() bool {
		return strings.Contains(get(p.ops+"/metrics"), "signet_mails_total{outcome=\"sent\"} 1\n")
	}, 5*time.Second, 50*time.Millisecond)
	link := regexp.MustCompile(`href="(` + regexp.QuoteMeta(p.issuer) + `/verify-email\?key=([^"]+))"`).FindStringSubmatch(page)
	require.NotEmpty(t, link, page)
	require.Contains(t, get(link[1]), "Press the button")
	require.NotContains(t, p.log.String(), link[2], "a one-time link in the log")
}

func TestDoctorLooksAtTheMail(t *testing.T) {
	server := smtpserver.Start(t, smtpserver.Options{})
	p := startServer(t, append(sqliteEnv(t), smtpEnv(server)...)...)
	out := p.command("doctor")
	require.Contains(t, out, "lets us in")
	require.Contains(t, out, "no mail was given up")

	server.Behave(smtpserver.Refuse)
	require.Equal(t, http.StatusCreated, p.register("nobody@example.com").status)
	require.Eventually(t, func() bool { return strings.Contains(p.command("doctor"), "given up: 1, the newest") }, 5*time.Second, 50*time.Millisecond)
	require.Contains(t, p.log.String(), "level=ERROR msg=\"mail given up\"")

	server.Stop()
	path, err := binary()
	require.NoError(t, err)
	text, code := runBinary(t, path, p.env, "doctor")
	require.Equal(t, exitFailed, code)
	require.Contains(t, text, "start the mail server")
}
