// Command vulnreport reads the JSON of a govulncheck scan and says what the program calls of the known vulnerabilities. It
// fails when a module of ours or of others has one:
//
//	govulncheck -format json ./... | go run ./internal/vulnreport
//
// A vulnerability of Go's own library is reported and fails nothing: no commit here repairs the toolchain that happens to
// be installed, and whoever builds with a newer one is not affected. With -canary ID the scan has to report ID, which
// shows that the database is read; no other finding counts then.
package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	canary := flag.String("canary", "", "the vulnerability that must be reported")
	flag.Parse()
	err := report(os.Stdin, os.Stdout, *canary)
	if err == nil {
		return
	}
	log.Error("vulnerability check failed", "error", err)
	if errors.Is(err, errNotReadable) {
		os.Exit(2)
	}
	os.Exit(1)
}
