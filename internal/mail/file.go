package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/signet-id/signet/provider/mails"
)

// extension ends the names of the files; their beginning is the time, so that they sort by it.
const (
	extension  = ".eml"
	timeFormat = "20060102T150405.000000Z"
)

// File is the mails.Sender that writes each mail into a file of its own, which only the owner of the
// process may read.
type File struct {
	Dir  string
	From mail.Address
}

// Send writes a file, whole or not at all. A mail that is sent again replaces itself.
func (f File) Send(_ context.Context, m mails.Message) error {
	message, err := compose(f.From, m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("make mail directory: %w", err)
	}
	name := filepath.Join(f.Dir, m.Date.UTC().Format(timeFormat)+"-"+m.ID+extension)
	if err := writeWhole(name, message); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	return nil
}

// writeWhole makes a file that has its whole content before it has its name.
func writeWhole(name string, message *gomail.Msg) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".mail-*") // 0600
	if err != nil {
		return err
	}
	_, err = message.WriteTo(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// Recent reads the newest mails that were written, newest first. Files that are no mails of ours are
// passed over.
func (f File) Recent(limit int) ([]mails.Message, error) {
	entries, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	var recent []mails.Message
	for _, entry := range slices.Backward(entries) {
		if len(recent) == limit {
			break
		}
		if strings.HasPrefix(entry.Name(), ".") || filepath.Ext(entry.Name()) != extension {
			continue
		}
		if m, err := readMail(filepath.Join(f.Dir, entry.Name())); err == nil {
			recent = append(recent, m)
		}
	}
	return recent, nil
}

func readMail(name string) (mails.Message, error) {
	message, err := gomail.EMLToMsgFromFile(name)
	if err != nil {
		return mails.Message{}, fmt.Errorf("read mail: %w", err)
	}
	m := mails.Message{To: strings.Join(addresses(message), ", ")}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(strings.Join(message.GetGenHeader(gomail.HeaderSubject), " ")); err != nil {
		return mails.Message{}, fmt.Errorf("read subject: %w", err)
	}
	if m.Date, err = mail.ParseDate(strings.Join(message.GetGenHeader(gomail.HeaderDate), " ")); err != nil {
		return mails.Message{}, fmt.Errorf("read date: %w", err)
	}
	for _, part := range message.GetParts() {
		content, err := part.GetContent()
		if err != nil {
			return mails.Message{}, fmt.Errorf("read content: %w", err)
		}
		switch part.GetContentType() {
		case gomail.TypeTextPlain:
			m.Text = string(content)
		case gomail.TypeTextHTML:
			m.HTML = string(content)
		}
	}
	return m, nil
}

func addresses(message *gomail.Msg) []string {
	var list []string
	for _, address := range message.GetTo() {
		list = append(list, address.Address)
	}
	return list
}
