package templates_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
	"github.com/signet-id/signet/templates"
)

// kinds reads the kinds of mails from the source of the domain, so that a new one cannot be forgotten.
func kinds(t *testing.T) []provider.MailKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../provider/mail.go", nil, 0)
	require.NoError(t, err)
	var all []provider.MailKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "MailKind" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, provider.MailKind(value))
		}
		return true
	})
	require.GreaterOrEqual(t, len(all), 5)
	return all
}

const link = "https://id.example.com/verify-email?key=abc&x=1"

func TestEveryKindOfMailIsWordedInEveryLanguage(t *testing.T) {
	m := templates.NewMails("Acme <ID>")
	subjects := map[string]bool{}
	for _, kind := range kinds(t) {
		for locale, sign := range map[string]string{"": "you", "en-GB": "you", "fr": "you", "ko": "니다", "KO-kr": "니다"} {
			t.Run(string(kind)+" "+locale, func(t *testing.T) {
				c, err := m.Render(provider.Mail{Kind: kind, Locale: locale, Values: map[string]string{"link": link}})
				require.NoError(t, err)
				require.Contains(t, c.Subject, "Acme <ID>")
				require.Contains(t, c.Text, sign)
				require.Contains(t, c.HTML, sign)
				require.Contains(t, c.HTML, "Acme &lt;ID&gt;")
				require.NotContains(t, c.Text+c.HTML, "{{")
				require.NotContains(t, c.Text, c.Subject, "the subject is not part of the text")
				require.True(t, strings.HasPrefix(c.HTML, "<!doctype html>\n<html lang=\"en\">") || strings.HasPrefix(c.HTML, "<!doctype html>\n<html lang=\"ko\">"))
				if strings.Contains(c.Text, "http") {
					require.Contains(t, c.Text, "\n"+link+"\n", "alone in its line, as it is")
					require.Contains(t, c.HTML, `<a href="https://id.example.com/verify-email?key=abc&amp;x=1">`)
				}
				subjects[c.Subject] = true
			})
		}
	}
	require.Len(t, subjects, 2*len(kinds(t)), "a subject of its own for each kind and language")
}

// REG, RST: what people typed must not become another header, another recipient or a paragraph of ours.
func TestNoValueAddsALine(t *testing.T) {
	plain, err := templates.NewMails("Acme").Render(provider.Mail{Kind: provider.MailVerifyEmail, Values: map[string]string{"link": link}})
	require.NoError(t, err)
	for _, evil := range []string{"\r\nBcc: e@e.kr\r\n\r\nhi", "\nBcc: e@e.kr", "\r", "\x00", "\u2028x", "\u2029x", "\u0085x", "\u202ex", "\u200bx"} {
		m := templates.NewMails("Acme" + evil)
		for _, kind := range kinds(t) {
			c, err := m.Render(provider.Mail{Kind: kind, To: "a@x.kr" + evil, Locale: "en" + evil, Values: map[string]string{"link": link + evil, "x" + evil: evil}})
			require.NoError(t, err)
			require.NotContains(t, c.Subject+c.Text+c.HTML, evil)
			require.NotContains(t, c.Subject, "\n")
			if kind == provider.MailVerifyEmail {
				require.Equal(t, strings.Count(plain.Text, "\n"), strings.Count(c.Text, "\n"))
				require.Equal(t, strings.Count(plain.HTML, "\n"), strings.Count(c.HTML, "\n"))
			}
		}
	}
}

func TestHTMLOfAMailIsEscaped(t *testing.T) {
	c, err := templates.NewMails("<script>").Render(provider.Mail{Kind: provider.MailVerifyEmail, Values: map[string]string{"link": `javascript:alert("x")`}})
	require.NoError(t, err)
	require.NotContains(t, c.HTML, "<script>")
	require.NotContains(t, c.HTML, `href="javascript`)
}

func TestMailThatCannotBeWordedIsAFault(t *testing.T) {
	m := templates.NewMails("Acme")
	_, err := m.Render(provider.Mail{Kind: "birthday"})
	require.ErrorContains(t, err, `"birthday"`)
	_, err = m.Render(provider.Mail{Kind: provider.MailPasswordReset})
	require.ErrorContains(t, err, "link", "a mail without its link is of no use")
}
