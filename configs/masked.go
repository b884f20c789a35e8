package configs

import "github.com/goccy/go-yaml"

// MarshalYAML returns the settings in order, secrets masked. What it encodes is a valid file, but
// for the secrets.
func (c Config) MarshalYAML() (any, error) { return masked(root(&c)), nil }

// MarshalJSON returns the settings in order, secrets masked.
func (c Config) MarshalJSON() ([]byte, error) {
	return yaml.MarshalWithOptions(masked(root(&c)), yaml.JSON())
}

func masked(section setting) yaml.MapSlice {
	var out yaml.MapSlice
	for _, s := range section.entries() {
		item := yaml.MapItem{Key: s.name()}
		if s.isSection() {
			item.Value = masked(s)
		} else {
			item.Value = plain(s.value)
		}
		out = append(out, item)
	}
	return out
}
