package templates

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
	"sync"
)

// Brand is what readers know the service by.
type Brand struct {
	Name string
	// LogoURL is shown instead of the name. LogoFile is a picture that is served by ourselves; it goes before
	// LogoURL.
	LogoURL  string
	LogoFile string
	// Accent is the colour of buttons and links, as #rrggbb; empty: ours.
	Accent string
}

// Reader is who reads a page, as far as the page depends on it.
type Reader struct {
	// Language is one of Pages.Languages.
	Language string
	// FormToken proves that a form came from a page of ours.
	FormToken string
	// Theme is "light", "dark" or, for what the browser prefers, empty.
	Theme string
	// Account is who is signed in, as they know themselves; it is shown on the account pages.
	Account string
	// Path is where the page is: the account pages mark it in their navigation.
	Path string
}

// Pages words pages. Its methods may be called by many at once.
type Pages struct {
	brand    pageBrand
	assets   map[string]Asset
	words    *dictionary
	rendered map[string]map[string]*template.Template // by language and name
}

// pageData is what the templates see.
type pageData struct {
	Reader
	Brand pageBrand
	View  View
}

// pageBrand is the brand as templates see it.
type pageBrand struct {
	Name string
	Logo string
}

// NewPages returns Pages in the look of a brand. Files in the folder overrides, unless it is empty, take the
// place of ours with the same name: templates, pictures and styles in static/, words in locales/. Whatever
// is wrong with one of them is reported here and names its line.
func NewPages(brand Brand, overrides string) (*Pages, error) {
	files, err := openPageFiles(overrides)
	if err != nil {
		return nil, err
	}
	p := &Pages{rendered: map[string]map[string]*template.Template{}}
	if p.words, err = readDictionary(files); err != nil {
		return nil, err
	}
	if p.assets, err = readAssets(files, brand); err != nil {
		return nil, err
	}
	p.brand = pageBrand{Name: oneLine(brand.Name), Logo: brand.LogoURL}
	if _, ok := p.assets[logoAsset]; ok {
		p.brand.Logo = p.assetURL(logoAsset)
	}
	if err := p.parse(files); err != nil {
		return nil, err
	}
	if overrides != "" {
		if err := p.try(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parse reads the templates once and gives each language a copy that speaks it.
func (p *Pages) parse(files pageFiles) error {
	base := template.New("").Option("missingkey=error").Funcs(p.functions(p.words.languages[0]))
	pages := map[string]string{}
	for _, name := range files.templates {
		text, err := files.read(name)
		if err != nil {
			return err
		}
		if folder := path.Dir(name); folder != "layouts" && folder != "elements" {
			pages[name] = text
			continue
		}
		if _, err := base.New(name).Parse(text); err != nil {
			return pageFault(err)
		}
	}
	for _, language := range p.words.languages {
		p.rendered[language] = map[string]*template.Template{}
	}
	for name, text := range pages {
		page, err := base.Clone()
		if err != nil {
			return pageFault(err)
		}
		if _, err := page.New(name).Parse(text); err != nil {
			return pageFault(err)
		}
		for _, language := range p.words.languages {
			translated, err := page.Clone()
			if err != nil {
				return pageFault(err)
			}
			p.fold(translated, language)
			p.rendered[language][name] = translated.Funcs(p.functions(language)).Lookup(name)
		}
	}
	return nil
}

// try fills every page, in every language, with every sample.
func (p *Pages) try() error {
	for _, language := range p.words.languages {
		for _, view := range samples() {
			var page bytes.Buffer
			if err := p.Render(&page, Reader{Language: language, FormToken: "token", Account: "ada@example.com", Path: "/account/profile"}, view); err != nil {
				return err
			}
			if fault := inline.FindString(page.String()); fault != "" {
				return fmt.Errorf("page template %s: %q is inline, which browsers refuse here: put it into a file in static/", view.template(), fault)
			}
		}
	}
	return nil
}

// Render writes a page for its reader. Nothing is written when it fails.
func (p *Pages) Render(w io.Writer, reader Reader, view View) error {
	page := p.rendered[reader.Language][view.template()]
	if page == nil {
		if page = p.rendered[defaultLanguage][view.template()]; page == nil {
			return fmt.Errorf("page template %s: no such file", view.template())
		}
		reader.Language = defaultLanguage
	}
	buffer, _ := pageBuffers.Get().(*bytes.Buffer)
	defer pageBuffers.Put(buffer)
	buffer.Reset()
	if err := page.Execute(buffer, pageData{Reader: reader, Brand: p.brand, View: view}); err != nil {
		return pageFault(err)
	}
	_, err := w.Write(bytes.TrimSpace(buffer.Bytes())) // what is between the definitions of a file comes first
	return err
}

var pageBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Images returns the addresses of the pictures in a page that are not ours: a policy has to name them.
func (p *Pages) Images(view View) []string {
	var found []string
	if strings.Contains(p.brand.Logo, ":") {
		found = append(found, p.brand.Logo)
	}
	if v, ok := view.(interface{ images() []string }); ok {
		found = append(found, v.images()...)
	}
	return found
}

// pageFault says where to look: the error has the file's name and the line.
func pageFault(err error) error {
	text := err.Error()
	for _, prefix := range []string{"html/template:", "template: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New("page template " + strings.TrimSpace(text))
}
