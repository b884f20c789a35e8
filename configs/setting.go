package configs

import (
	"encoding"
	"reflect"
	"strings"
)

// envPrefix starts the name of every variable that is ours.
const envPrefix = "SIGNET_"

// setting is a value of a Config, or a section of them: its key, such as "server.tls.cert_file", and
// its place.
type setting struct {
	key   string
	value reflect.Value
}

// env returns the name of the setting's environment variable.
func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// fileAllowed tells whether the YAML file may name a file that has the value, by the key with
// "_file" behind it. The environment may for every setting.
func (s setting) fileAllowed() bool {
	switch s.value.Interface().(type) {
	case Secret, StoreURL:
		return true
	}
	return false
}

// settings returns every setting of c, in order.
func settings(c *Config) []setting {
	var leaves func(entries []setting) []setting
	leaves = func(entries []setting) []setting {
		var all []setting
		for _, s := range entries {
			if s.isSection() {
				all = append(all, leaves(s.entries())...)
			} else {
				all = append(all, s)
			}
		}
		return all
	}
	return leaves(root(c).entries())
}

// root is the section of everything.
func root(c *Config) setting { return setting{value: reflect.ValueOf(c).Elem()} }

// name returns the last part of the key.
func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

// isSection tells whether s groups settings; a struct that reads itself from text is one value.
func (s setting) isSection() bool {
	_, isValue := s.value.Addr().Interface().(encoding.TextUnmarshaler)
	return s.value.Kind() == reflect.Struct && !isValue
}

// entries returns the settings and sections that are directly in a section, in order.
func (s setting) entries() []setting {
	prefix := ""
	if s.key != "" {
		prefix = s.key + "."
	}
	entries := make([]setting, s.value.NumField())
	for i := range entries {
		entries[i] = setting{key: prefix + s.value.Type().Field(i).Tag.Get("yaml"), value: s.value.Field(i)}
	}
	return entries
}
