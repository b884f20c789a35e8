package templates

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"path"
	"strings"
	texttemplate "text/template"
	"unicode"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/provider/mails"
)

// mailFiles has a folder per language, with two files per kind of mail: .txt, whose first line is the
// subject, and .html, which defines the content of layout.html.
//
//go:embed mails
var mailFiles embed.FS

// defaultLanguage is for those whose language is not known.
const defaultLanguage = "en"

// Mails words mails. Its methods may be called by many at once.
type Mails struct {
	product string
	words   map[string]map[provider.MailKind]mailWords // by language
}

type mailWords struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// mailData is what the templates see.
type mailData struct {
	Product  string
	Language string
	Subject  string // not of the subject itself
	Values   map[string]string
}

// NewMails returns Mails that speak for a product. It panics if an embedded template has a fault.
func NewMails(product string) *Mails {
	m := &Mails{product: oneLine(product), words: map[string]map[provider.MailKind]mailWords{}}
	layout := htmltemplate.Must(htmltemplate.New("layout.html").Option("missingkey=error").ParseFS(mailFiles, "mails/layout.html"))
	for _, language := range []string{defaultLanguage, "ko"} {
		m.words[language] = map[provider.MailKind]mailWords{}
		for _, kind := range []provider.MailKind{
			provider.MailVerifyEmail, provider.MailPasswordReset, provider.MailAccountExists, provider.MailPasswordSet, provider.MailReuseDetected,
		} {
			file := path.Join("mails", language, string(kind))
			m.words[language][kind] = mailWords{
				text: texttemplate.Must(texttemplate.New(string(kind)+".txt").Option("missingkey=error").ParseFS(mailFiles, file+".txt")),
				html: htmltemplate.Must(htmltemplate.Must(layout.Clone()).ParseFS(mailFiles, file+".html")),
			}
		}
	}
	return m
}

// Render words a mail in its reader's language, or in English. No value can add a line to it.
func (m *Mails) Render(mail provider.Mail) (mails.Content, error) {
	language, _, _ := strings.Cut(strings.ToLower(mail.Locale), "-") // RFC 5646 §2.1
	if m.words[language] == nil {
		language = defaultLanguage
	}
	words, ok := m.words[language][mail.Kind]
	if !ok {
		return mails.Content{}, fmt.Errorf("no template for mails of kind %q", mail.Kind)
	}
	data := mailData{Product: m.product, Language: language, Values: make(map[string]string, len(mail.Values))}
	for name, value := range mail.Values {
		data.Values[name] = oneLine(value)
	}
	var text, html strings.Builder
	if err := words.text.Execute(&text, data); err != nil {
		return mails.Content{}, fmt.Errorf("word mail: %w", err)
	}
	subject, body, _ := strings.Cut(text.String(), "\n\n")
	data.Subject = subject
	if err := words.html.Execute(&html, data); err != nil {
		return mails.Content{}, fmt.Errorf("word mail: %w", err)
	}
	return mails.Content{Subject: subject, Text: body, HTML: html.String()}, nil
}

// oneLine replaces everything that could begin another line, or hide what is there.
func oneLine(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, value)
}
