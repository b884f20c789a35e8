package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

var (
	errNotReadable = errors.New("not the output of a whole scan")
	errVulnerable  = errors.New("vulnerable modules are called")
	errCanary      = errors.New("the canary was not reported, so a clean scan means nothing")
)

// standardLibrary is what govulncheck calls the module of Go's own packages.
const standardLibrary = "stdlib"

// A message is one JSON value of `govulncheck -format json`: see golang.org/x/vuln/internal/govulncheck.
type message struct {
	Config  *struct{}
	OSV     *struct{ ID, Summary string }
	Finding *finding
}

// A finding is one trace to a vulnerability. The first frame is the vulnerable one; it has a function if that is called,
// and otherwise says only that the module is required or its package imported. The last frame is our own code.
type finding struct {
	OSV          string
	FixedVersion string `json:"fixed_version"`
	Trace        []struct {
		Module, Version, Package, Function string
		Position                           *struct {
			Filename string
			Line     int
		}
	}
}

func (f finding) called() bool { return len(f.Trace) > 0 && f.Trace[0].Function != "" }

// report writes one line for each vulnerability that is called.
func report(scan io.Reader, out io.Writer, canary string) error {
	findings, summaries, err := read(scan)
	if err != nil {
		return err
	}
	var reported []string
	vulnerable := false
	for _, f := range findings {
		if !f.called() || slices.Contains(reported, f.OSV) {
			continue
		}
		reported = append(reported, f.OSV)
		module := f.Trace[0].Module
		vulnerable = vulnerable || module != standardLibrary
		if _, err := fmt.Fprintf(out, "%s %s@%s: %s; fixed in %s; called from %s\n",
			f.OSV, module, f.Trace[0].Version, summaries[f.OSV], orNone(f.FixedVersion), f.caller()); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	switch {
	case canary != "" && !slices.Contains(reported, canary):
		return fmt.Errorf("%s: %w", canary, errCanary)
	case canary == "" && vulnerable:
		return errVulnerable
	}
	return nil
}

// read returns the findings and the summary of each vulnerability. Every scan starts with its configuration: without it
// govulncheck did not run.
func read(scan io.Reader) (findings []finding, summaries map[string]string, err error) {
	summaries = map[string]string{}
	ran := false
	for decoder := json.NewDecoder(scan); ; {
		var m message
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF) && ran:
			return findings, summaries, nil
		case err != nil:
			return nil, nil, fmt.Errorf("%w: %w", errNotReadable, err)
		}
		switch {
		case m.Config != nil:
			ran = true
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
		case m.Finding != nil:
			findings = append(findings, *m.Finding)
		}
	}
}

// caller names our function that leads to the vulnerable one.
func (f finding) caller() string {
	frame := f.Trace[len(f.Trace)-1]
	name := strings.TrimPrefix(frame.Package+"."+frame.Function, frame.Module+"/")
	if frame.Position == nil {
		return name
	}
	return fmt.Sprintf("%s (%s:%d)", name, frame.Position.Filename, frame.Position.Line)
}

func orNone(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}
