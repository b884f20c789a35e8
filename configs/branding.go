package configs

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Branding is what readers know the service by, and how its pages look.
type Branding struct {
	Name string `yaml:"name"`
	// LogoURL is a picture elsewhere, LogoFile one that the server has; they are shown instead of the name.
	LogoURL  string `yaml:"logo_url"`
	LogoFile string `yaml:"logo_file"`
	// Accent is the colour of buttons and links.
	Accent string `yaml:"accent"`
	// TemplatesDir holds files that take the place of the pages' own; templates.NewPages checks them.
	TemplatesDir string `yaml:"templates_dir"`
}

var (
	accentPattern = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	logoEndings   = []string{".svg", ".png", ".jpg", ".jpeg", ".webp", ".ico"}
)

func (v *validator) branding() {
	b := v.Branding
	v.check(strings.TrimSpace(b.Name) != "" && len(b.Name) <= 64 && !strings.ContainsFunc(b.Name, func(r rune) bool { return !unicode.IsPrint(r) }),
		"branding.name", "want a name in one line, at most 64 bytes")
	v.check(b.LogoURL == "" || isPicture(b.LogoURL), "branding.logo_url", "want nothing, or https://host/picture")
	v.check(b.LogoURL == "" || b.LogoFile == "", "branding.logo_file", "want nothing while branding.logo_url is set: there is one logo")
	v.check(b.LogoFile == "" || slices.Contains(logoEndings, strings.ToLower(filepath.Ext(b.LogoFile))) && isRegular(b.LogoFile),
		"branding.logo_file", "want a file that exists, .svg, .png, .jpg, .webp or .ico")
	v.check(b.Accent == "" || accentPattern.MatchString(b.Accent), "branding.accent", `want a colour as "#3b3f9f", in quotes: # begins a comment`)
	v.check(b.TemplatesDir == "" || isFolder(b.TemplatesDir), "branding.templates_dir", "want a folder that exists")
}

// isPicture tells whether pages may show what is at an address: its origin becomes part of their policy.
func isPicture(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Opaque == "" && !strings.ContainsAny(u.Host, " ;,'*")
}

func isRegular(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
