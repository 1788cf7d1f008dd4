# `make` builds ./bin/crawl, `make test` runs every test that needs only this
# repository and Go.

GO ?= go
export CGO_ENABLED ?= 0
# Test vectors of other projects; not part of the repository.
export CRAWL_CONFORMANCE ?= $(abspath ../shared/conformance)

.PHONY: all test race lint conformance warcio acceptance powercut system fuzz generate realweb bench clean

all:
	$(GO) build -trimpath -o bin/crawl ./cmd/crawl

test:
	$(GO) test ./...

# The race detector needs a C compiler.
race:
	CGO_ENABLED=1 $(GO) test -race ./...

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	@test -z "$$($(GO) tool -modfile=tools/go.mod gofumpt -l .)" || { echo "gofumpt would change:"; $(GO) tool -modfile=tools/go.mod gofumpt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags conformance,warcio,acceptance,soak,system ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) tool -modfile=tools/go.mod staticcheck -tags conformance,warcio,acceptance,soak,system ./...
	$(GO) mod tidy -diff
	cd bench && $(GO) mod tidy -diff # a change of go.mod needs "cd bench && go mod tidy"
	cd bench && $(GO) vet ./... && $(GO) test ./... && $(GO) tool -modfile=../tools/go.mod staticcheck ./...

# Vectors of other projects, from the folder CRAWL_CONFORMANCE.
conformance:
	@test -d "$(CRAWL_CONFORMANCE)" || { echo "no test vectors in $(CRAWL_CONFORMANCE): set CRAWL_CONFORMANCE to their folder"; exit 1; }
	$(GO) test -tags conformance -run Conformance ./...

# npm's warcio reads and checks our WARC; needs node and npm.
warcio:
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install nodejs npm"; exit 1; }
	$(GO) test -tags warcio -run Warcio ./internal/warc ./store

# The long tests: 40 kills of a crawl of 20,000 URLs, a million queued URLs.
acceptance:
	$(GO) test -tags acceptance,soak -run 'Acceptance|Soak' -timeout 30m ./...

# Power cuts under the real binary, on a file system of our own; needs root and
# /dev/fuse. POWERCUT_TIMES=50 makes 3,000 cuts of it.
powercut:
	cd internal/powercut && $(GO) vet ./... && $(GO) test -count=1 -timeout 60m ./...

# What needs Linux and its root: the image's root as a process has it, a volume
# that runs full; and systemd, to verify our unit.
system:
	@test "$$(id -u)" = 0 || { echo "this takes root: sudo make system"; exit 1; }
	@command -v systemd-analyze >/dev/null || { echo "systemd-analyze is missing: apt-get install systemd"; exit 1; }
	$(GO) test -tags system -run System -count=1 ./cmd/crawl

# A short run of every fuzz target. FuzzFastPath is left to be run by hand: it
# compares with a library that has faults of its own to be found. FUZZTIME is a
# number of runs (10000x) and not a duration: before Go 1.27 a target may fail
# with "context deadline exceeded" just because its time is over
# (https://go.dev/issue/75804).
FUZZTIME ?= 50000x
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' | grep -v '^FuzzFastPath$$' || true); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg; \
		done; \
	done

generate:
	$(GO) generate ./...

# Documentation trees of Debian, served by nginx and crawled beside wget2.
realweb:
	bash bench/realweb.sh

# Speed and memory, beside wget2 and colly. BENCH=--quick takes under 5 minutes.
bench:
	bash bench/run.sh $(BENCH)

clean:
	rm -rf bin
