package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// dictionary is what pages say, by language.
type dictionary struct {
	languages []string // the default first
	matcher   language.Matcher
	localizer map[string]*i18n.Localizer
	// fixed are the messages without values, by language and id: most are, and need no work.
	fixed map[string]map[string]string
	// known are the ids of messages with values.
	known map[string]bool
	// faults finds the id of what a rule says.
	faults    map[string]string
	countings []counting
	// told finds the id of what an error says to people, not to those who run the application.
	told map[string]string
}

// counting is a fault that has a number in it.
type counting struct {
	id      string
	pattern *regexp.Regexp
}

const (
	faultPrefix   = "fault."
	explainPrefix = "error.explain."
	toldPrefix    = "error.told."
)

// readDictionary reads locales/active.<language>.json: our words, and the operator's in their place.
func readDictionary(files pageFiles) (*dictionary, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	d := &dictionary{
		localizer: map[string]*i18n.Localizer{}, fixed: map[string]map[string]string{}, known: map[string]bool{}, faults: map[string]string{},
		told: map[string]string{},
	}
	var tags []language.Tag
	for _, name := range files.locales { // English comes first, also by its name
		tag := strings.TrimSuffix(strings.TrimPrefix(path.Base(name), "active."), ".json")
		words, err := readWords(files, name)
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(words)
		if err != nil {
			return nil, err
		}
		if _, err := bundle.ParseMessageFileBytes(raw, name); err != nil {
			return nil, fmt.Errorf("page words %s: %w", name, err)
		}
		d.languages = append(d.languages, tag)
		tags = append(tags, language.Make(tag))
		d.localizer[tag] = i18n.NewLocalizer(bundle, tag)
		d.fixed[tag] = map[string]string{}
		for id, text := range words {
			if strings.Contains(text, "{{") {
				d.known[id] = true
			} else {
				d.fixed[tag][id] = text
			}
		}
	}
	d.matcher = language.NewMatcher(tags)
	return d, d.indexFaults()
}

// readWords reads our words in a language, and the operator's in their place.
func readWords(files pageFiles, name string) (map[string]string, error) {
	raw, err := ownPages.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var words, changed map[string]string
	if err := json.Unmarshal(raw, &words); err != nil {
		return nil, fmt.Errorf("page words %s: %w", name, err)
	}
	raw, ok, err := files.readOverride(name)
	if err != nil || !ok {
		return words, err
	}
	if err := json.Unmarshal(raw, &changed); err != nil {
		return nil, fmt.Errorf("page words %s: %w", name, lineOf(raw, err))
	}
	for id, text := range changed {
		switch own, ok := words[id]; {
		case !ok:
			return nil, fmt.Errorf("page words %s: no page says %q", name, id)
		case (strings.HasPrefix(id, faultPrefix) || strings.HasPrefix(id, toldPrefix)) && strings.Contains(name, ".en."):
			return nil, fmt.Errorf("page words %s: %q is what the rules say, and cannot be changed in English", name, id)
		case !slices.Equal(placeholders(own), placeholders(text)):
			return nil, fmt.Errorf("page words %s: %q must have the values of %q", name, id, own)
		}
		words[id] = text
	}
	return words, nil
}

// lineOf adds to an error of JSON where it is.
func lineOf(raw []byte, err error) error {
	syntax := new(json.SyntaxError)
	if !errors.As(err, &syntax) {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+strings.Count(string(raw[:syntax.Offset]), "\n"), err)
}

var placeholder = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

// placeholders are the names of a message's values, in order of the alphabet.
func placeholders(text string) []string {
	var names []string
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return names
}

// indexFaults makes what the rules say, in English, lead to its message.
func (d *dictionary) indexFaults() error {
	for id, text := range d.fixed[defaultLanguage] {
		if strings.HasPrefix(id, faultPrefix) {
			d.faults[text] = id
		}
		if strings.HasPrefix(id, toldPrefix) {
			d.told[text] = id
		}
	}
	for id := range d.known {
		if !strings.HasPrefix(id, faultPrefix) {
			continue
		}
		text, err := d.text(defaultLanguage, id, "Count", "\x00")
		if err != nil {
			return err
		}
		pattern := strings.ReplaceAll(regexp.QuoteMeta(text), "\x00", `(\d+)`)
		d.countings = append(d.countings, counting{id, regexp.MustCompile("^" + pattern + "$")})
	}
	return nil
}

// text is a message in a language; values are pairs of a name and what stands for it.
func (d *dictionary) text(tag, id string, values ...any) (string, error) {
	if text, ok := d.fixed[tag][id]; ok {
		return text, nil
	}
	if !d.known[id] {
		return "", fmt.Errorf("no page says %q", id)
	}
	data := make(map[string]any, len(values)/2)
	for i := 0; i+1 < len(values); i += 2 {
		name, ok := values[i].(string)
		if !ok {
			return "", fmt.Errorf("%q: a value's name is a string", id)
		}
		data[name] = values[i+1]
	}
	return d.localizer[tag].Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// fault is what a rule says, in a language. What nobody has translated stays as it is.
func (d *dictionary) fault(tag, message string) (string, error) {
	if tag == defaultLanguage {
		return message, nil
	}
	if id, ok := d.faults[message]; ok {
		return d.text(tag, id)
	}
	for _, c := range d.countings {
		if match := c.pattern.FindStringSubmatch(message); match != nil {
			return d.text(tag, c.id, "Count", match[1])
		}
	}
	return message, nil
}

// has tells whether there is a message.
func (d *dictionary) has(id string) bool {
	_, fixed := d.fixed[defaultLanguage][id]
	return fixed || d.known[id]
}

// Languages returns the languages that pages speak; the first is for those who have none of them.
func (p *Pages) Languages() []string { return slices.Clone(p.words.languages) }

// maxPreference bounds what is read of a preference, in bytes.
const maxPreference = 256

// Match returns the language of ours that suits best. Preferences are lists as in Accept-Language, or
// separated by spaces as in ui_locales; the first that names a language of ours decides.
func (p *Pages) Match(preferences ...string) string {
	for _, preference := range preferences {
		if preference == "" || len(preference) > maxPreference {
			continue
		}
		if !strings.Contains(preference, ",") {
			preference = strings.Join(strings.Fields(preference), ",")
		}
		wanted, _, err := language.ParseAcceptLanguage(preference)
		if err != nil || len(wanted) == 0 {
			continue
		}
		if _, i, confidence := p.words.matcher.Match(wanted...); confidence > language.No {
			return p.words.languages[i]
		}
	}
	return p.words.languages[0]
}
