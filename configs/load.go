package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/signet-id/signet/provider"
)

// Load returns the defaults, overlaid by the YAML file at path (none when empty) and by the
// environment, which is a list of NAME=value as os.Environ returns it. The error joins a *Fault for
// everything that is wrong.
func Load(path string, environ []string) (Config, error) {
	l := &loader{config: Default(), origins: map[string]origin{}}
	whole := l.file(path)
	l.environment(environ)
	isSet := func(key string) bool { return l.origins[key] != origin{} }
	if l.config.OAuth.DynamicRegistration != "off" && !isSet("oauth.grants") {
		l.config.OAuth.Grants = append(l.config.OAuth.Grants, provider.GrantImplicit)
	}
	if !l.config.Loopback() {
		l.config.setProductionDefaults(isSet)
	}
	if whole { // or else the checks would complain about what the unread part says
		l.check()
	}
	errs := make([]error, len(l.faults))
	for i, f := range l.faults {
		errs[i] = f
	}
	return l.config, errors.Join(errs...)
}

// loader builds a Config and remembers where its values came from.
type loader struct {
	config  Config
	origins map[string]origin // by key
	faults  []*Fault
}

// origin is where a setting was set.
type origin struct {
	where string // as in Fault
	file  string // the file that holds the value, if one does
}

func (l *loader) fault(where, key, value, want string) {
	l.faults = append(l.faults, &Fault{Where: where, Key: key, Value: value, Want: want})
}

// set sets a setting from text and remembers where it was set.
func (l *loader) set(s setting, from origin, text string) {
	l.origins[s.key] = from
	l.parse(s, from.where, text)
}

// parse sets a value from text, or faults it.
func (l *loader) parse(s setting, where, text string) {
	if err := parse(s.value, text); err != nil {
		l.fault(where, s.key, fmt.Sprintf("%q", text), err.Error())
	}
}

// setFromFile sets a setting to what a file holds, without the line end behind it.
func (l *loader) setFromFile(s setting, where, path string) {
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		l.fault(where, s.key, "", fmt.Sprintf("cannot read its file %q: %s", path, reason(err)))
		return
	}
	l.set(s, origin{where: where, file: path}, strings.TrimRight(string(text), "\r\n"))
}

// reason is a file error without the file's name, which the message around it has.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// check adds the faults of the values, except for settings that could not be read at all.
func (l *loader) check() {
	unread := map[string]bool{}
	for _, f := range l.faults {
		unread[f.Key] = true
	}
	for _, f := range append(l.config.faults(), l.exposedKeys()...) {
		if !unread[f.Key] {
			f.Where = l.origins[f.Key].where
			l.faults = append(l.faults, f)
		}
	}
}

// exposedKeys faults the files of master keys that others on the machine can read.
func (l *loader) exposedKeys() []*Fault {
	if l.config.Loopback() {
		return nil
	}
	var faults []*Fault
	for _, s := range settings(&l.config) {
		file := l.origins[s.key].file
		if !strings.HasPrefix(s.key, "secrets.") || file == "" || s.value.Len() == 0 {
			continue
		}
		if info, err := os.Stat(file); err == nil && exposed(info) {
			faults = append(faults, &Fault{
				Key:  s.key,
				Want: fmt.Sprintf("%q is readable by others (mode %04o), want 0600", file, info.Mode().Perm()),
			})
		}
	}
	return faults
}
