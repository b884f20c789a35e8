package templates

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// inputField is what the element "field" shows.
type inputField struct {
	Name         string
	Label        string // id of a message
	Hint         string // id of a message
	Type         string
	Value        string
	Autocomplete string
	InputMode    string
	Required     bool
	Focus        bool
	Faults       []string
}

// DescribedBy are the ids of what belongs to the input beside its label.
func (f inputField) DescribedBy() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	for i := range f.Faults {
		ids = append(ids, f.Name+"-fault-"+strconv.Itoa(i))
	}
	return strings.Join(ids, " ")
}

// navigationTab is one entry of the account pages' navigation.
type navigationTab struct {
	Path    string
	Label   string
	Current bool
}

// functions are what templates can call, for one language. docs/pages.md lists them.
func (p *Pages) functions(language string) template.FuncMap {
	text := func(id string, values ...any) (string, error) { return p.words.text(language, id, values...) }
	named := func(kind, value string) func(name string) (string, error) {
		return func(name string) (string, error) {
			if id := kind + "." + name; p.words.has(id) {
				return text(id)
			}
			return text(kind+".other", value, name)
		}
	}
	return template.FuncMap{
		"t":     text,
		"fault": func(message string) (string, error) { return p.words.fault(language, message) },
		"scope": named("scope", "Scope"),
		"claim": named("claim", "Claim"),
		"explain": func(code string) (string, error) {
			if p.words.has(explainPrefix + code) {
				return text(explainPrefix + code)
			}
			return text(explainPrefix + "other")
		},
		"told": func(description string) (string, error) {
			if id, ok := p.words.told[description]; ok {
				return text(id)
			}
			return "", nil
		},
		"field": func(faults []Fault, name, label string, options ...any) (inputField, error) {
			f := inputField{Name: name, Label: label, Type: "text"}
			for _, fault := range faults {
				if fault.Field != name {
					continue
				}
				words, err := p.words.fault(language, fault.Message)
				if err != nil {
					return f, err
				}
				f.Faults = append(f.Faults, words)
			}
			err := f.set(options)
			f.Focus = f.Focus && len(faults) == 0 // else the list of faults has it
			return f, err
		},
		"asset": func(name string) (string, error) {
			if _, ok := p.assets[name]; !ok {
				return "", fmt.Errorf("no file %q in static/", name)
			}
			return p.assetURL(name), nil
		},
		"when":     func(t time.Time) (string, error) { layout, err := text("format.time"); return t.Format(layout), err },
		"machine":  func(t time.Time) string { return t.Format(time.RFC3339) },
		"device":   func(userAgent string) (string, error) { return p.device(language, userAgent) },
		"redirect": redirect,
		"onward":   Onward,
		"join":     func(parts ...string) string { return strings.Join(parts, "") },
		"yes": func(is bool) string {
			if is {
				return "yes"
			}
			return ""
		},
		"tab": func(current, path, label string) navigationTab { return navigationTab{path, label, current == path} },
	}
}

// set takes pairs of an option's name and its value.
func (f *inputField) set(options []any) error {
	texts := map[string]*string{"type": &f.Type, "value": &f.Value, "hint": &f.Hint, "autocomplete": &f.Autocomplete, "inputmode": &f.InputMode}
	flags := map[string]*bool{"required": &f.Required, "focus": &f.Focus}
	for i := 0; i+1 < len(options); i += 2 {
		name, _ := options[i].(string)
		switch value := options[i+1].(type) {
		case string:
			if flag := flags[name]; flag != nil {
				*flag = value != ""
				continue
			}
			if texts[name] == nil {
				return fmt.Errorf("a field has no option %q", name)
			}
			*texts[name] = value
		case bool:
			if flags[name] == nil {
				return fmt.Errorf("a field has no option %q", name)
			}
			*flags[name] = value
		default:
			return fmt.Errorf("a field's option %q is text or true or false", name)
		}
	}
	return nil
}

// redirect lets a form or link lead to a redirect URI of a client. Those may have schemes of apps, which
// templates refuse; the ones that run something in the page are refused here.
func redirect(to string) (template.URL, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", err
	}
	switch strings.ToLower(u.Scheme) {
	case "", "javascript", "vbscript", "data", "blob", "file", "about", "filesystem":
		return "", fmt.Errorf("a page leads to a URI of scheme %q", u.Scheme)
	}
	return template.URL(to), nil //nolint:gosec // its scheme runs nothing here
}

// Onward is the address of another page that goes on with the same authorization request, or leads to the same
// path of ours after it.
func Onward(page, interaction, next string) string {
	query := url.Values{}
	if interaction != "" {
		query.Set("interaction", interaction)
	}
	if next != "" {
		query.Set("next", next)
	}
	if len(query) == 0 {
		return page
	}
	return page + "?" + query.Encode()
}

// The browsers and systems that people know, in the order in which their marks must be looked for: each
// claims to be those after it.
var (
	browsers = [][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Whale/", "Whale"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"KAKAOTALK", "KakaoTalk"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// device is what somebody calls the browser that sent a User-Agent. It is a name, never a proof.
func (p *Pages) device(language, userAgent string) (string, error) {
	find := func(marks [][2]string) string {
		for _, mark := range marks {
			if strings.Contains(userAgent, mark[0]) {
				return mark[1]
			}
		}
		return ""
	}
	browser, system := find(browsers), find(systems)
	switch {
	case browser != "" && system != "":
		return p.words.text(language, "device.browser_on_system", "Browser", browser, "System", system)
	case browser+system != "":
		return browser + system, nil
	}
	return p.words.text(language, "device.unknown")
}
