SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# gin's msgpack support is 6 MB that no endpoint uses.
export GOFLAGS := $(strip $(GOFLAGS) -tags=nomsgpack)
export CGO_ENABLED := 0

FUZZ_TIME ?= 20s
LINT := go tool -modfile=tools/go.mod golangci-lint
# Built rather than run by `go run`, which hides exit codes and signals.
WITH_SERVERS := .bin/testservers --
# One shell pipe under the servers: its exit code is that of go test or of the summary, whichever failed.
TEST = $(WITH_SERVERS) bash -o pipefail -c 'go test -json $(1) ./... | .bin/testsummary'

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: ## start signet on http://localhost:8080 with a demo user and clients
	go run ./cmd/signet serve --demo

.PHONY: build
build: ## build the static binary bin/signet
	go build -trimpath -ldflags='-s -w' -o bin/signet ./cmd/signet

.PHONY: testservers
testservers:
	@go build -o .bin/testservers ./internal/testservers/run
	@go build -o .bin/testsummary ./internal/testservers/summary

.PHONY: test
test: testservers ## run all tests, with MariaDB, Redis, a Redis Cluster and Sentinel started for them
	$(call TEST,)

.PHONY: race
race: export CGO_ENABLED = 1
race: testservers ## run all tests under the race detector
	$(call TEST,-race)

.PHONY: test-interop
test-interop: ## let a Django service with the real simplejwt verify tokens of a running server
	go test -count=1 -v -run '^TestInterop' ./cmd/signet

.PHONY: lint
lint: ## check formatting and the rules of .golangci.yml
	$(LINT) run ./...

.PHONY: fmt
fmt: ## format all Go code
	$(LINT) fmt ./...

.PHONY: bench
bench: ## measure signet on SQLite and on MariaDB + Redis, beside a bare handler and the floors
	@go run ./bench/run $(BENCH_FLAGS)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZ_TIME, one after another
	@for package in $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do \
		targets=$$(go test -list '^Fuzz' "$$package" | sed -n '/^Fuzz/p'); \
		for target in $$targets; do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) "$$package"; \
		done; \
	done

.PHONY: web
web: testservers ## let a browser and JavaScript clients use running servers
	$(WITH_SERVERS) go test -count=1 -v -run 'InABrowser|InJavaScript' ./cmd/signet

.PHONY: migrate
migrate: ## apply the database migrations
	go run ./cmd/signet migrate up

.PHONY: up
up: ## start two replicas behind a balancer, with MySQL and Redis, by docker compose
	deploy/make-secrets
	deploy/make-secrets
	docker compose up --build --detach --wait

.PHONY: down
down: ## stop what `make up` started
	docker compose down
