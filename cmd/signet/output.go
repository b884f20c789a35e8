package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
)

// The forms of --output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func (a *app) checkOutput() error {
	if a.output != outputTable && a.output != outputJSON {
		return usageError{fmt.Errorf("--output is table or json, not %q", a.output)}
	}
	return nil
}

// print shows rows under a heading to people, or value to programs.
func (a *app) print(value any, heading string, rows ...string) error {
	if a.output == outputJSON {
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
	return w.Flush()
}
