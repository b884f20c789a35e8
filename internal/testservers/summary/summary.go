package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// stores are the elements of test names that say on which store a test ran.
var stores = []string{"sqlite", "mariadb", "miniredis", "redis", "cluster", "sentinel"}

// An event is one line of `go test -json`; see `go doc test2json` and `go help buildjson`.
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// A testRun is what is known of one test of a package; the package's own output has an empty name.
type testRun struct {
	output   strings.Builder
	parent   bool // It has subtests.
	blamed   bool // A subtest of it failed, which is why it fails.
	finished bool
}

// A packageRun is one test binary.
type packageRun struct {
	tests map[string]*testRun
	names []string // in the order of appearance
	counts
}

// counts count tests without subtests, and what failed beside them: a test of which no subtest failed, and a package of
// which no test failed.
type counts struct{ passed, failed, skipped int }

func (c *counts) add(action string) {
	switch action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
	case "skip":
		c.skipped++
	}
}

func (c counts) String() string {
	s := fmt.Sprintf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return s
}

// A summary collects what has been read.
type summary struct {
	out      io.Writer
	packages map[string]*packageRun
	stores   map[string]*counts
	all      counts
}

// summarize reports in on out and returns whether tests ran and nothing failed.
func summarize(in io.Reader, out io.Writer) (passed bool, err error) {
	buffered := bufio.NewWriter(out)
	s := &summary{out: buffered, packages: map[string]*packageRun{}, stores: map[string]*counts{}}
	lines := bufio.NewReader(in)
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			s.line(line)
		}
		// A package's line is of use while the others still run.
		if flushErr := buffered.Flush(); flushErr != nil {
			return false, fmt.Errorf("write summary: %w", flushErr)
		}
	}
	if !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read test output: %w", err)
	}
	s.end()
	if err := buffered.Flush(); err != nil {
		return false, fmt.Errorf("write summary: %w", err)
	}
	return s.all.failed == 0 && s.all.passed > 0, nil
}

func (s *summary) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format, args...) // A bufio.Writer keeps its error for Flush.
}

func (s *summary) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		s.printf("%s", line) // The go command's own words, such as a wrong flag.
		return
	}
	switch e.Action {
	case "build-output":
		s.printf("%s", e.Output)
		return
	case "build-fail":
		return // The package that needed it fails, too.
	}
	pkg := s.packages[e.Package]
	if pkg == nil {
		pkg = &packageRun{tests: map[string]*testRun{}}
		s.packages[e.Package] = pkg
	}
	test := pkg.test(e.Test)
	switch e.Action {
	case "run":
		if parent, ok := parentOf(e.Test); ok {
			pkg.test(parent).parent = true
		}
	case "output":
		test.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		test.finished = true
		if e.Test == "" {
			s.endPackage(pkg, e)
		} else {
			s.endTest(pkg, test, e)
		}
	}
}

func (p *packageRun) test(name string) *testRun {
	test := p.tests[name]
	if test == nil {
		test = &testRun{}
		p.tests[name] = test
		p.names = append(p.names, name)
	}
	return test
}

func (s *summary) endTest(pkg *packageRun, test *testRun, e event) {
	if e.Action == "fail" {
		s.print(e.Package, e.Test, test)
		if parent, ok := parentOf(e.Test); ok {
			pkg.test(parent).blamed = true
		}
	}
	test.output.Reset()
	if test.parent && (e.Action != "fail" || test.blamed) {
		return
	}
	pkg.add(e.Action)
	s.all.add(e.Action)
	for _, store := range storesOf(e.Test) {
		if s.stores[store] == nil {
			s.stores[store] = &counts{}
		}
		s.stores[store].add(e.Action)
	}
}

func (s *summary) endPackage(pkg *packageRun, e event) {
	if e.Action == "fail" {
		// A panic, a timeout or os.Exit leaves tests without a result; their output says where.
		for _, name := range pkg.names {
			if test := pkg.tests[name]; name != "" && !test.finished {
				s.print(e.Package, name, test)
			}
		}
		s.print(e.Package, "", pkg.test(""))
		if pkg.failed == 0 {
			pkg.failed++
			s.all.failed++
		}
	}
	switch {
	case e.FailedBuild != "":
		s.printf("FAIL  %s  build failed\n", e.Package)
	case e.Action == "fail":
		s.printf("FAIL  %s  %.2fs  %s\n", e.Package, e.Elapsed, pkg.counts)
	case e.Action == "pass" && pkg.counts != counts{}:
		s.printf("ok    %s  %.2fs  %s\n", e.Package, e.Elapsed, pkg.counts)
	}
}

// end reports packages that never ended and the counts.
func (s *summary) end() {
	for _, name := range slices.Sorted(maps.Keys(s.packages)) {
		if pkg := s.packages[name]; !pkg.test("").finished {
			s.endPackage(pkg, event{Action: "fail", Package: name})
		}
	}
	s.printf("\n")
	for _, store := range stores {
		if c := s.stores[store]; c != nil {
			s.printf("%-9s  %s\n", store, c)
		}
	}
	s.printf("%s\n", s.all)
}

// print prints the output of what failed, without test2json's marks of progress.
func (s *summary) print(pkg, name string, test *testRun) {
	var kept []string
	for line := range strings.Lines(test.output.String()) {
		if !strings.HasPrefix(line, "=== ") && line != "FAIL\n" && !strings.HasPrefix(line, "FAIL\t") {
			kept = append(kept, line)
		}
	}
	if len(kept) > 0 {
		s.printf("\n%s %s\n%s", pkg, name, strings.Join(kept, ""))
	}
}

// storesOf returns the stores which are an element of a test's name; go test tells equal names apart by "#01".
func storesOf(test string) []string {
	var found []string
	for element := range strings.SplitSeq(test, "/") {
		element, _, _ = strings.Cut(element, "#")
		if slices.Contains(stores, element) {
			found = append(found, element)
		}
	}
	return found
}

func parentOf(test string) (parent string, ok bool) {
	i := strings.LastIndexByte(test, '/')
	if i < 0 {
		return "", false
	}
	return test[:i], true
}
