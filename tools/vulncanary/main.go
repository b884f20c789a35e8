// Command vulncanary calls a function with a published vulnerability. .ci/run fails unless govulncheck reports it: a scan
// that finds nothing has to prove that it can find something. It is built into no program.
package main

import "gopkg.in/yaml.v2"

func main() {
	var document any
	// GO-2022-0956: a document may take unbounded time.
	if err := yaml.Unmarshal([]byte("canary: alive"), &document); err != nil {
		panic(err)
	}
}
