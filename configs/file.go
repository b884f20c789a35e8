package configs

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

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
	if node == nil || node.Type() == ast.NullType {
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

// setting reads one value. The line of a fault is its key's.
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

// list reads a list. The line of a fault is the item's.
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
