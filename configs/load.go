package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Load returns the defaults, overlaid by the YAML file at path (none when empty) and by the
// environment, which is a list of NAME=value as os.Environ returns it. The error joins a *Fault for
// everything that is wrong.
func Load(path string, environ []string) (Config, error) {
	l := &loader{config: Default(), origins: map[string]origin{}}
	whole := l.file(path)
	l.environment(environ)
	if !l.config.Loopback() {
		l.config.setProductionDefaults(func(key string) bool { return l.origins[key] != origin{} })
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

// file overlays the settings with those of a YAML file. It returns false when the file could not be
// read to its end.
func (l *loader) file(path string) bool {
	if path == "" {
		return true
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		l.fault(path, "", "", "cannot be read: "+reason(err))
		return false
	}
	// Keys that come twice are found by section, so that they do not hide other faults.
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		where, message := path, err.Error()
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			message = syntax.GetMessage()
			if token := syntax.GetToken(); token != nil {
				where = fmt.Sprintf("%s:%d", path, token.Position.Line)
			}
		}
		l.fault(where, "", "", "not YAML: "+message)
		return false
	}
	y := yamlFile{loader: l, path: path}
	for i, doc := range file.Docs {
		if i > 0 && doc.Body != nil {
			l.fault(y.where(doc.Body), "", "", "a second document, want one")
			break
		}
		y.section(root(&l.config), doc.Body)
	}
	return true
}

// yamlFile overlays settings with those of one file.
//
// It walks the syntax tree itself: the library's strict decoding ends at the first fault.
type yamlFile struct {
	*loader
	path string
}

func (y *yamlFile) where(node ast.Node) string {
	return fmt.Sprintf("%s:%d", y.path, node.GetToken().Position.Line)
}

// section reads a mapping into a section.
func (y *yamlFile) section(section setting, node ast.Node) {
	if node == nil || node.Type() == ast.NullType || node.Type() == ast.CommentType {
		return // all of it may be commented out
	}
	mapping, ok := node.(ast.MapNode)
	if !ok {
		y.fault(y.where(node), section.key, "", "want a section: one \"key: value\" per line")
		return
	}
	known := map[string]setting{} // by name
	for _, s := range section.entries() {
		known[s.name()] = s
	}
	lines := map[string]int{}
	for entry := mapping.MapRange(); entry.Next(); {
		key, value := entry.Key(), entry.Value()
		name, ok := scalarText(key)
		if !ok {
			y.fault(y.where(key), section.key, "", "want plain keys, without anchors, aliases and merges")
			continue
		}
		s, ok := known[name]
		base, isFile := strings.CutSuffix(name, "_file")
		if !ok && isFile {
			s, ok = known[base]
			ok = ok && s.fileAllowed()
		}
		switch {
		case !ok:
			y.fault(y.where(key), strings.TrimPrefix(section.key+"."+name, "."), "",
				unknown("key", name, slices.Sorted(maps.Keys(known))))
		case !y.first(s.key, key, lines):
		case s.isSection():
			y.section(s, value)
		case s.name() != name:
			y.valueFile(s, key, value)
		default:
			y.setting(s, key, value)
		}
	}
}

// first tells whether a key is set for the first time in its section, and faults it otherwise.
func (y *yamlFile) first(key string, node ast.Node, lines map[string]int) bool {
	if line, twice := lines[key]; twice {
		y.fault(y.where(node), key, "", fmt.Sprintf("set in line %d already, want it once", line))
		return false
	}
	lines[key] = node.GetToken().Position.Line
	return true
}

// valueFile reads a setting from the file that its "_file" key names.
func (y *yamlFile) valueFile(s setting, key, value ast.Node) {
	path, ok := scalarText(value)
	if !ok {
		y.fault(y.where(key), s.key+"_file", "", "want the name of a file")
		return
	}
	y.setFromFile(s, y.where(key), path)
}

// setting reads one value. The line of a fault is the value's, or the key's where there is none.
func (y *yamlFile) setting(s setting, key, node ast.Node) {
	where := y.where(key)
	if list, ok := node.(*ast.SequenceNode); ok && s.value.Kind() == reflect.Slice {
		y.list(s, where, list)
		return
	}
	y.origins[s.key] = origin{where: where, file: y.path}
	text, ok := scalarText(node)
	switch {
	case s.value.Kind() == reflect.Slice:
		y.fault(where, s.key, "", "want a list: [a, b], or one \"- item\" per line")
	case node.Type() == ast.NullType:
		y.fault(where, s.key, "", "has no value; remove the line for the default, or write \"\" for empty")
	case !ok:
		y.fault(where, s.key, "", "want a single value")
	default:
		y.set(s, y.origins[s.key], text)
	}
}

func (y *yamlFile) list(s setting, where string, node *ast.SequenceNode) {
	y.origins[s.key] = origin{where: where, file: y.path}
	list := reflect.Zero(s.value.Type())
	for _, item := range node.Values {
		element := setting{key: s.key, value: reflect.New(s.value.Type().Elem()).Elem()}
		text, ok := scalarText(item)
		if !ok {
			y.fault(y.where(item), s.key, "", "want a single value per item")
			continue
		}
		y.parse(element, y.where(item), text)
		list = reflect.Append(list, element.value)
	}
	s.value.Set(list)
}

// scalarText returns the text of a single value.
func scalarText(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		return node.GetToken().Value, true
	}
	return "", false
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
