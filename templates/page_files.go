package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// ownPages are the pages as we make them.
//
//go:embed layouts elements auth account errors static locales
var ownPages embed.FS

// pageFiles are the files of all pages: ours, and those that the operator put before them.
type pageFiles struct {
	overrides fs.FS // nil: none
	templates []string
	static    []string
	locales   []string
}

// maxOverride bounds a file of the operator's.
const maxOverride = 1 << 20

// inline is what the policy of pages blocks without a word to anybody but the browser's console.
var inline = regexp.MustCompile(`(?i)<style[\s>]|<[a-z][^>]*\s(style|on[a-z]+)\s*=|<script(>|\s[^>]*[^"'/]>\s*[^<\s])`)

func openPageFiles(overrides string) (pageFiles, error) {
	var files pageFiles
	err := walk(ownPages, func(name string) error {
		switch {
		case strings.HasPrefix(name, "static/"):
			files.static = append(files.static, name)
		case strings.HasPrefix(name, "locales/"):
			files.locales = append(files.locales, name)
		default:
			files.templates = append(files.templates, name)
		}
		return nil
	})
	if err != nil || overrides == "" {
		return files, err
	}
	if info, err := os.Stat(overrides); err != nil || !info.IsDir() {
		return files, fmt.Errorf("page templates: %s is not a folder", overrides)
	}
	files.overrides = os.DirFS(overrides)
	return files, walk(files.overrides, func(name string) error {
		switch {
		case slices.Contains(files.templates, name), slices.Contains(files.locales, name), slices.Contains(files.static, name):
			return nil
		case path.Dir(name) == "static" && assetTypes[path.Ext(name)] != "":
			files.static = append(files.static, name)
			return nil
		}
		return fmt.Errorf("page template %s takes the place of nothing: its name is none of ours", name)
	})
}

// walk visits every file that is not hidden.
func walk(files fs.FS, visit func(name string) error) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("page templates: %w", err)
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		return visit(name)
	})
}

// read returns the operator's file, or ours.
func (f pageFiles) read(name string) (string, error) {
	if raw, ok, err := f.readOverride(name); ok || err != nil {
		return string(raw), err
	}
	raw, err := ownPages.ReadFile(name)
	return string(raw), err
}

// readOverride returns the operator's file, if there is one.
func (f pageFiles) readOverride(name string) (raw []byte, ok bool, err error) {
	if f.overrides == nil {
		return nil, false, nil
	}
	raw, err = fs.ReadFile(f.overrides, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("page templates: %w", err)
	case len(raw) > maxOverride:
		return nil, false, fmt.Errorf("page templates: %s is larger than 1 MiB", name)
	}
	return raw, true, nil
}
