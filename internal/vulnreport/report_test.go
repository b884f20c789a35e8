package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	configuration = `{"config": {"protocol_version": "v1.0.0"}}`
	summary       = `{"osv": {"id": "GO-2022-0956", "summary": "Unbounded time"}}`
	required      = `{"finding": {"osv": "GO-2022-0956", "fixed_version": "v2.2.4", "trace": [
		{"module": "gopkg.in/yaml.v2", "version": "v2.2.3"}]}}`
	imported = `{"finding": {"osv": "GO-2022-0956", "fixed_version": "v2.2.4", "trace": [
		{"module": "gopkg.in/yaml.v2", "version": "v2.2.3", "package": "gopkg.in/yaml.v2"}]}}`
	called = `{"finding": {"osv": "GO-2022-0956", "fixed_version": "v2.2.4", "trace": [
		{"module": "gopkg.in/yaml.v2", "version": "v2.2.3", "package": "gopkg.in/yaml.v2", "function": "Unmarshal"},
		{"module": "example.test/m", "package": "example.test/m/cmd", "function": "main",
			"position": {"filename": "cmd/main.go", "line": 10}}]}}`
	standard = `{"finding": {"osv": "GO-2026-6218", "trace": [
		{"module": "stdlib", "version": "v1.26.0", "package": "net/url", "function": "URL.Parse"},
		{"module": "example.test/m", "package": "example.test/m/cmd", "function": "main"}]}}`
)

func TestReport(t *testing.T) {
	t.Parallel()
	calledLine := "GO-2022-0956 gopkg.in/yaml.v2@v2.2.3: Unbounded time; fixed in v2.2.4; called from cmd.main (cmd/main.go:10)\n"
	cases := []struct {
		name   string
		scan   []string
		canary string
		err    error
		out    string
	}{
		{name: "nothing found", scan: []string{configuration, summary}},
		{name: "required and imported only", scan: []string{configuration, summary, required, imported}},
		{name: "called, reported once", scan: []string{configuration, summary, required, called, called}, err: errVulnerable, out: calledLine},
		{
			name: "called in the standard library", scan: []string{configuration, standard},
			out: "GO-2026-6218 stdlib@v1.26.0: ; fixed in no version; called from cmd.main\n",
		},
		{name: "canary called", scan: []string{configuration, summary, called}, canary: "GO-2022-0956", out: calledLine},
		{name: "canary missing", scan: []string{configuration}, canary: "GO-2022-0956", err: errCanary},
		{name: "canary not called", scan: []string{configuration, imported}, canary: "GO-2022-0956", err: errCanary},
		{name: "no scan", err: errNotReadable},
		{name: "scan cut off", scan: []string{configuration, called[:100]}, err: errNotReadable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := report(strings.NewReader(strings.Join(c.scan, "\n")), &out, c.canary)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.out, out.String())
		})
	}
}
