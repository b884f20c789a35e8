// Package testservers starts the servers that tests need: MariaDB, Redis, a Redis Cluster, a Redis Sentinel set, and an
// Apache that is a relying party.
//
// It owns processes: each server is one child with a free loopback port and a temporary folder of its own, which Close
// ends and removes. Faults are made by the same values: Kill, Stop, Pause, Resume and Restart on the same port.
// It does not know what is stored in the servers or who connects to them, and it touches none that it did not start.
//
// The program in run starts everything for one command and tells it where by environment; the one in summary reports
// what `go test -json` said.
package testservers
