package templates

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"
)

// Asset is a file that pages refer to.
type Asset struct {
	Body        []byte
	ContentType string
	// Hash changes with Body: an address that has it may be cached for ever.
	Hash string
}

// StaticPath is where assets are: followed by the hash and the name.
const StaticPath = "/static/"

// The assets that are made here.
const (
	themeAsset = "theme.css"
	logoAsset  = "brand-logo"
)

// maxLogo bounds the brand's picture.
const maxLogo = 512 << 10

// assetTypes are the media types of what may be in static/, by ending.
var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".ico": "image/x-icon", ".woff2": "font/woff2",
}

// Asset returns a file that pages refer to by name.
func (p *Pages) Asset(name string) (Asset, bool) {
	a, ok := p.assets[name]
	return a, ok
}

// assetURL is the address of an asset.
func (p *Pages) assetURL(name string) string {
	return StaticPath + p.assets[name].Hash + "/" + url.PathEscape(name)
}

func readAssets(files pageFiles, brand Brand) (map[string]Asset, error) {
	theme, err := themeOf(brand.Accent)
	if err != nil {
		return nil, err
	}
	assets := map[string]Asset{themeAsset: newAsset([]byte(theme), assetTypes[".css"])}
	for _, name := range files.static {
		body, err := files.read(name)
		if err != nil {
			return nil, err
		}
		assets[path.Base(name)] = newAsset([]byte(body), assetTypes[path.Ext(name)])
	}
	if brand.LogoFile == "" {
		return assets, nil
	}
	ending := strings.ToLower(path.Ext(brand.LogoFile))
	if !strings.HasPrefix(assetTypes[ending], "image/") {
		return nil, fmt.Errorf("logo %s: want a .svg, .png, .jpg, .webp or .ico file", brand.LogoFile)
	}
	logo, err := os.ReadFile(brand.LogoFile)
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	if len(logo) > maxLogo {
		return nil, fmt.Errorf("logo %s: want at most 512 KiB", brand.LogoFile)
	}
	assets[logoAsset] = newAsset(logo, assetTypes[ending])
	return assets, nil
}

func newAsset(body []byte, contentType string) Asset {
	sum := sha256.Sum256(body)
	return Asset{Body: body, ContentType: contentType, Hash: base64.RawURLEncoding.EncodeToString(sum[:9])}
}
