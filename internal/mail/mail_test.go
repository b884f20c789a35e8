package mail_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/internal/mail"
	"github.com/signet-id/signet/provider/mails"
)

// written sends a message to a directory and returns what is in it.
func written(t *testing.T, f mail.File, m mails.Message) (names []string, raw string) {
	t.Helper()
	require.NoError(t, f.Send(t.Context(), m))
	entries, err := os.ReadDir(f.Dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	text, err := os.ReadFile(filepath.Join(f.Dir, names[len(names)-1]))
	require.NoError(t, err)
	return names, string(text)
}

func TestMessageIsWrittenAsRFC5322Says(t *testing.T) {
	_, raw := written(t, mail.File{Dir: t.TempDir(), From: netmail.Address{Name: "시그넷 \"ID\"", Address: "no-reply@id.example.com"}}, message("id"))
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	require.NoError(t, err)
	decode := func(header string) string {
		text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(header))
		require.NoError(t, err)
		return text
	}
	from, err := m.Header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, []*netmail.Address{{Name: "시그넷 \"ID\"", Address: "no-reply@id.example.com"}}, from)
	to, err := m.Header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, []*netmail.Address{{Address: "ada@example.com"}}, to)
	require.Equal(t, "Subject 제목", decode("Subject"))
	require.Equal(t, "<id@id.example.com>", m.Header.Get("Message-Id"))
	require.Equal(t, "Tue, 24 Nov 2026 12:00:00 +0000", m.Header.Get("Date"))
	require.Equal(t, "auto-generated", m.Header.Get("Auto-Submitted"))
	require.Empty(t, m.Header.Get("Bcc"))

	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ kind, content string }{
		{"text/plain; charset=UTF-8", "Text 본문\nhttps://id.example.com/?a=b\n"}, {"text/html; charset=UTF-8", "<p>HTML 본문</p>\n"},
	} {
		part, err := parts.NextRawPart()
		require.NoError(t, err)
		require.Equal(t, want.kind, part.Header.Get("Content-Type"))
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		require.Equal(t, want.content, strings.ReplaceAll(string(content), "\r\n", "\n"))
	}
	_, err = parts.NextRawPart()
	require.ErrorIs(t, err, io.EOF)
}

// No value may begin a header, a recipient or another message, whoever let it come this far.
func TestNoValueBreaksOutOfItsHeader(t *testing.T) {
	dir := t.TempDir()
	for _, evil := range []string{"\r\nBcc: e@e.kr", "\nBcc: e@e.kr", "\rBcc: e@e.kr", "\r\n.\r\nMAIL FROM:<e@e.kr>", "\x00", "\u0085"} {
		for where, change := range map[string]func(*mail.File, *mails.Message){
			"subject":             func(_ *mail.File, m *mails.Message) { m.Subject += evil },
			"recipient":           func(_ *mail.File, m *mails.Message) { m.To += evil },
			"recipient, in front": func(_ *mail.File, m *mails.Message) { m.To = evil + m.To },
			"recipient, quoted":   func(_ *mail.File, m *mails.Message) { m.To = `"a` + evil + `"@x.kr` },
			"id":                  func(_ *mail.File, m *mails.Message) { m.ID += evil },
			"sender":              func(f *mail.File, _ *mails.Message) { f.From.Name += evil },
			"sender's address":    func(f *mail.File, _ *mails.Message) { f.From.Address += evil },
		} {
			t.Run(fmt.Sprintf("%s %q", where, evil), func(t *testing.T) {
				f, m := mail.File{Dir: dir, From: sender}, message("id")
				change(&f, &m)
				require.ErrorIs(t, f.Send(t.Context(), m), mails.ErrRefused)
			})
		}
		// The body is where lines belong; they stay in it.
		t.Run(fmt.Sprintf("body %q", evil), func(t *testing.T) {
			m := message("body")
			m.Text, m.HTML = m.Text+evil, m.HTML+evil
			f := mail.File{Dir: t.TempDir(), From: sender}
			_, raw := written(t, f, m)
			parsed, err := netmail.ReadMessage(strings.NewReader(raw))
			require.NoError(t, err)
			require.Len(t, parsed.Header, 8)
			require.Empty(t, parsed.Header.Get("Bcc"))
		})
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestEachMailIsAFileThatOnlyItsOwnerReads(t *testing.T) {
	f := mail.File{Dir: filepath.Join(t.TempDir(), "data", "mail"), From: sender}
	older, newer := message("OLDER"), message("NEWER")
	newer.Date = newer.Date.Add(time.Microsecond)
	newer.Subject = "Newer"
	written(t, f, newer)
	written(t, f, older)
	names, _ := written(t, f, newer) // again, as after a crash
	require.Equal(t, []string{"20261124T120000.000000Z-OLDER.eml", "20261124T120000.000001Z-NEWER.eml"}, names)
	for _, name := range append(names, ".") {
		info, err := os.Stat(filepath.Join(f.Dir, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, name)
	}
}

func TestRecentMailsAreReadBack(t *testing.T) {
	f := mail.File{Dir: filepath.Join(t.TempDir(), "mail"), From: sender}
	none, err := f.Recent(10)
	require.NoError(t, err)
	require.Empty(t, none, "no directory yet")
	for i := range 3 {
		m := message(fmt.Sprint("id", i))
		m.Date = m.Date.Add(time.Duration(i) * time.Minute)
		written(t, f, m)
	}
	for name, text := range map[string]string{"20270101-broken.eml": "no mail", ".mail-1": "half", "20270101.txt": "note"} {
		require.NoError(t, os.WriteFile(filepath.Join(f.Dir, name), []byte(text), 0o600))
	}
	recent, err := f.Recent(2)
	require.NoError(t, err)
	require.Len(t, recent, 2)
	for i, m := range recent {
		want := message("")
		require.True(t, m.Date.Equal(want.Date.Add(time.Duration(2-i)*time.Minute)), "newest first: %s", m.Date)
		require.Equal(t, want.To, m.To)
		require.Equal(t, want.Subject, m.Subject)
		require.Equal(t, want.Text, strings.ReplaceAll(m.Text, "\r\n", "\n"))
		require.Equal(t, want.HTML, strings.ReplaceAll(m.HTML, "\r\n", "\n"))
	}
}

func TestDirectoryThatCannotBeWrittenKeepsTheMailInTheOutbox(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := mail.File{Dir: filepath.Join(file, "mail"), From: sender}.Send(t.Context(), message("id"))
	require.Error(t, err)
	require.NotErrorIs(t, err, mails.ErrRefused)
}

func TestLogHasTheTextOfAMailInOneLine(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, mail.Log{Log: slog.New(slog.NewTextHandler(&b, nil))}.Send(t.Context(), message("id")))
	require.Equal(t, 1, strings.Count(b.String(), "\n"))
	require.Contains(t, b.String(), "https://id.example.com/?a=b")
	require.Contains(t, b.String(), "to=ada@example.com")
}
