// Command summary reads the output of `go test -json` and prints what a person wants of it: the output of what failed,
// a line per package, the counts per store, and last the counts of all. It fails when a test or a build failed, and
// when no test ran:
//
//	go test -json ./... | go run ./internal/testservers/summary
package main

import (
	"log/slog"
	"os"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	passed, err := summarize(os.Stdin, os.Stdout)
	if err != nil {
		log.Error("test output was not understood", "error", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}
