package handlers

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonFault says what is wrong with a body that is not JSON, in the words of Python's json module: front
// ends of the recorded API show them, and some tests compare them. It is "" for a body in which it finds
// nothing.
func jsonFault(body []byte) string {
	if i := invalidUTF8(body); i >= 0 {
		return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: invalid start byte", body[i], i)
	}
	s := &jsonScanner{text: []rune(string(body))}
	if len(s.text) > 0 && s.text[0] == '\ufeff' {
		return "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"
	}
	s.space()
	s.value(0)
	if s.space(); s.fault == "" && s.at < len(s.text) {
		s.fail("Extra data", s.at)
	}
	return s.fault
}

func invalidUTF8(body []byte) int {
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// jsonScanner reads until the first fault. Positions are characters.
type jsonScanner struct {
	text  []rune
	at    int
	fault string
}

func (s *jsonScanner) fail(what string, at int) {
	if s.fault != "" {
		return
	}
	before := s.text[:min(at, len(s.text))]
	line, column := 1, at+1
	for i, r := range before {
		if r == '\n' {
			line, column = line+1, at-i
		}
	}
	s.fault = fmt.Sprintf("%s: line %d column %d (char %d)", what, line, column, at)
}

func (s *jsonScanner) peek() rune {
	if s.at >= len(s.text) {
		return -1
	}
	return s.text[s.at]
}

func (s *jsonScanner) space() {
	for strings.ContainsRune(" \t\n\r", s.peek()) {
		s.at++
	}
}

// value reads one value, at most maxJSONDepth deep.
func (s *jsonScanner) value(depth int) {
	if depth > maxJSONDepth {
		s.fault = "nested too deeply"
		return
	}
	switch s.peek() {
	case '{':
		s.members('}', func() {
			if s.peek() != '"' {
				s.fail("Expecting property name enclosed in double quotes", s.at)
				return
			}
			if s.string(); s.fault != "" {
				return
			}
			if s.space(); s.peek() != ':' {
				s.fail("Expecting ':' delimiter", s.at)
				return
			}
			s.at++
			s.space()
			s.value(depth + 1)
		})
	case '[':
		s.members(']', func() { s.value(depth + 1) })
	case '"':
		s.string()
	default:
		s.literal()
	}
}

// members reads what stands between brackets, separated by commas.
func (s *jsonScanner) members(end rune, member func()) {
	s.at++
	s.space()
	if s.peek() == end {
		s.at++
		return
	}
	for s.fault == "" {
		member()
		s.space()
		switch s.peek() {
		case end:
			s.at++
			return
		case ',':
			s.at++
			s.space()
		default:
			s.fail("Expecting ',' delimiter", s.at)
		}
	}
}

func (s *jsonScanner) string() {
	begin := s.at
	for s.at++; ; s.at++ {
		switch r := s.peek(); {
		case r == -1:
			s.fail("Unterminated string starting at", begin)
			return
		case r == '"':
			s.at++
			return
		case r < ' ':
			s.fail("Invalid control character at", s.at)
			return
		case r == '\\':
			s.at++
			if !strings.ContainsRune(`"\/bfnrtu`, s.peek()) {
				s.fail(`Invalid \escape`, s.at-1)
				return
			}
		}
	}
}

// literal reads a number or a word.
func (s *jsonScanner) literal() {
	rest := string(s.text[s.at:min(s.at+len("-Infinity"), len(s.text))])
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(rest, word) {
			s.fault = fmt.Sprintf("Out of range float values are not JSON compliant: '%s'", word)
			return
		}
	}
	for _, word := range []string{"null", "true", "false"} {
		if strings.HasPrefix(rest, word) {
			s.at += len(word)
			return
		}
	}
	begin := s.at
	for strings.ContainsRune("-+.eE0123456789", s.peek()) {
		s.at++
	}
	if s.at == begin {
		s.fail("Expecting value", begin)
	}
}
