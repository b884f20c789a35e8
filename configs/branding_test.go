package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBrandingIsChecked(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	logo := filepath.Join(folder, "logo.svg")
	require.NoError(t, os.WriteFile(logo, []byte("<svg/>"), 0o600))
	page := filepath.Join(folder, "logo.html")
	require.NoError(t, os.WriteFile(page, nil, 0o600))

	for _, right := range []Branding{
		{Name: "Signet"},
		{Name: "우리 회사", LogoURL: "https://cdn.example/logo.png", Accent: "#FFcc00", TemplatesDir: folder},
		{Name: "Signet", LogoFile: logo},
	} {
		c := Default()
		c.Branding = right
		require.NoError(t, c.Validate())
	}
	for name, wrong := range map[string]struct {
		change func(*Branding)
		key    string
	}{
		"a logo by http":        {func(b *Branding) { b.LogoURL = "http://cdn.example/logo.png" }, "branding.logo_url"},
		"a script for a logo":   {func(b *Branding) { b.LogoURL = "javascript:alert(1)" }, "branding.logo_url"},
		"a policy in a logo":    {func(b *Branding) { b.LogoURL = "https://cdn.example;script-src/logo.png" }, "branding.logo_url"},
		"two logos":             {func(b *Branding) { b.LogoURL, b.LogoFile = "https://cdn.example/logo.png", logo }, "branding.logo_file"},
		"a logo that is a page": {func(b *Branding) { b.LogoFile = page }, "branding.logo_file"},
		"no such logo":          {func(b *Branding) { b.LogoFile = logo + ".png" }, "branding.logo_file"},
		"a colour's name":       {func(b *Branding) { b.Accent = "red" }, "branding.accent"},
		"a colour and more":     {func(b *Branding) { b.Accent = "#112233;}" }, "branding.accent"},
		"no such folder":        {func(b *Branding) { b.TemplatesDir = filepath.Join(folder, "x") }, "branding.templates_dir"},
		"a file for a folder":   {func(b *Branding) { b.TemplatesDir = logo }, "branding.templates_dir"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Default()
			wrong.change(&c.Branding)
			got := messages(c.Validate(), "")
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], wrong.key+" is "), got[0])
		})
	}
}
