# perch. The two targets that matter: `sudo make demo` and `sudo make test`.

GO ?= $(shell command -v go || echo /usr/local/go/bin/go)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -funcalign 16 -X main.version=$(VERSION)
BIN     ?= bin/perch

# Code that waits for others rather than for the processor: it is not inlined, which makes the
# binary 2 MB smaller. Of cryptography it is what calls the arithmetic, not the arithmetic;
# leases, adverts and the fence are not in the list.
COLD := github.com/vishvananda/... github.com/cilium/... github.com/google/... github.com/spf13/... github.com/pelletier/... github.com/prometheus/... \
	github.com/hashicorp/... github.com/armon/... github.com/cloudflare/... github.com/golang/... github.com/mdlayher/genetlink \
	github.com/mdlayher/netlink/... github.com/beevik/... go.etcd.io/... golang.org/x/... google.golang.org/... \
	$(addprefix crypto/,ecdh ecdsa elliptic hpke rsa tls x509/... $(addprefix internal/fips140/,drbg ecdsa rsa)) \
	bufio compress/... debug/... encoding/... flag fmt hash/... html/... internal/zstd log log/slog/... math/big mime/... \
	net net/http/... net/textproto net/url os/... regexp/... strconv testing text/... \
	$(addprefix github.com/perch-vip/perch/,ipvs vip/bgp $(addprefix cmd/,perch internal/api internal/clock internal/config internal/daemon internal/demo \
	internal/document internal/doctor internal/keepalived/... internal/lab internal/notify internal/seesaw internal/sysctl internal/web))

# What is inlined all the same: only then does a message of the kernel's network, of which a
# daemon reads dozens a second, not take 64 KiB of new memory.
INLINED := os github.com/vishvananda/netlink/nl

# How the binary is compiled, and all else but what the race detector watches: whoever
# needs a package finds it compiled. GIVEN is without what a make has added that called this one.
OWN   := -buildvcs=false -trimpath $(foreach p,$(COLD),-gcflags=$(p)=-l) $(foreach p,$(INLINED),-gcflags=$(p)=)
GIVEN := $(filter-out $(OWN),$(GOFLAGS))
override export CGO_ENABLED := 0
override export GOFLAGS := $(GIVEN) $(OWN)

# Compilers yield the processor to tests that run meanwhile. What they make is the same.
YIELD := -toolexec=nice

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
NFPM        := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4

# Debian packages that the tests use, and a command of each to see whether it is there.
PACKAGES := nftables:nft iproute2:ip e2fsprogs:mkfs.ext4 mount:mount gcc:gcc libc6-dev: \
	keepalived:keepalived frr:vtysh tcpdump:tcpdump tshark:tshark haproxy:haproxy nginx-light:nginx dbus:dbus-daemon \
	iputils-ping:ping python3:python3 user-mode-linux:linux.uml kmod:modprobe ipvsadm:ipvsadm \
	debootstrap:debootstrap rpm:rpm systemd:systemd-analyze dpkg:dpkg man-db:man groff-base:groff chrony:chronyd \
	zsh:zsh fish:fish bash-completion: mandoc:mandoc \
	prometheus:promtool ca-certificates: curl:curl chromium:chromium

# Keeps a package's services from starting while it is installed; they are disabled then.
POLICY := /usr/sbin/policy-rc.d

DIST ?= dist

# The time of all that is in a package, so that the same sources make the same one.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

E2E_TARGETS := e2e-kernels e2e-networks e2e-vrrp e2e-equivalence e2e-bgp

.PHONY: build package man completions licenses demo test computed tested deps unit sim sim-test mutants fuzz e2e $(E2E_TARGETS) chaos soak lint vet staticcheck gofumpt govulncheck clean
.PHONY: bench-failover bench-planned bench-detection bench-fence bench-vrrp bench-checks bench-ipvs bench-bgp bench-import bench-operator bench-scrape bench-start bench-growth bench-prefix bench-vips bench

build: ## the static binary, bin/perch
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/perch

package: man completions licenses ## packages for Debian and for RPM, in dist/ (see docs/install.md)
	@mkdir -p $(DIST)
	@for kind in deb rpm; do \
		export SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) PACKAGE_ROOT=$(DIST)/root PACKAGE_ARCH=$$($(GO) env GOARCH) && \
		PACKAGE_VERSION=$$(deploy/package/version '$(VERSION)') && export PACKAGE_VERSION && \
		deploy/package/stage $(BIN) $(DIST)/root $$kind && \
		$(GO) run $(NFPM) package --config deploy/package/nfpm.yaml --packager $$kind --target $(DIST) || exit 1; \
	done; rm -rf $(DIST)/root

man: ## the manual pages, bin/man
	@rm -rf $(dir $(BIN))man # there may be pages of commands that are no more
	$(GO) run -tags man ./cmd/perch $(dir $(BIN))man docs/config.md '$(VERSION)'

completions: build ## what completes commands in bash, zsh and fish, bin/completions
	@mkdir -p $(dir $(BIN))completions
	$(BIN) completion bash >$(dir $(BIN))completions/perch.bash
	$(BIN) completion zsh >$(dir $(BIN))completions/_perch
	$(BIN) completion fish >$(dir $(BIN))completions/perch.fish

licenses: ## those of all that is in the binary, bin/licenses
	@mkdir -p $(dir $(BIN))
	deploy/package/licenses $(GO) >$(dir $(BIN))licenses

demo: build ## three nodes on this machine, killed and healed before your eyes (needs root)
	./bin/perch demo

test: deps ## everything that CI runs (the end-to-end tests need root)
	+$(MAKE) --jobs=2 --keep-going --output-sync=target computed tested

# What only computes: one after the other, with the time that the rest leaves.
computed:
	+@for target in vet staticcheck gofumpt govulncheck sim-test mutants; do nice -n 19 $(MAKE) $$target || exit 1; done

# What waits for clocks is more sensitive to what runs beside it: one after the other. It has its
# own count of jobs, so that no second one begins when all is computed.
SERVED := MAKEFLAGS='$(filter-out -j% --jobserver%,$(MAKEFLAGS))' $(MAKE) --keep-going --output-sync=target
tested:
	+@$(SERVED) --jobs=1 unit $(E2E_TARGETS)

deps: ## install the Debian packages that the tests need, when root and when missing
	@missing=""; \
	for p in $(PACKAGES); do \
		name=$${p%%:*}; command=$${p##*:}; \
		if [ -n "$$command" ]; then command -v $$command >/dev/null || missing="$$missing $$name"; \
		else dpkg -s $$name >/dev/null 2>&1 || missing="$$missing $$name"; fi; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "not installed, some tests will skip:$$missing"; exit 0; fi; \
	if [ ! -e $(POLICY) ]; then trap 'rm -f $(POLICY)' EXIT; printf '#!/bin/sh\nexit 101\n' >$(POLICY); chmod 755 $(POLICY); fi; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null && \
	for p in $$missing; do \
		case $$p in keepalived|frr|haproxy|nginx-light|ipvsadm|chrony|prometheus) ! command -v systemctl >/dev/null || systemctl -q disable $${p%-light};; esac; \
	done

# A test of one goroutine, which takes the race detector a minute and shows it nothing.
LONG := ^TestBounded$$

# Those that take longest, to begin with.
FIRST := ./cluster ./vip/fence ./cmd/internal/lab ./vrrp/vrrpnet ./checker

unit: ## unit tests, with the race detector (which needs cgo) and in random order
	CGO_ENABLED=1 GOFLAGS='$(GIVEN) -buildvcs=false' $(GO) test $(YIELD) -race -shuffle=on -skip '$(LONG)' $(FIRST) $$($(GO) list ./... | grep -v /cmd/internal/e2e)
	$(GO) test -run '$(LONG)' ./cmd/internal/config

SCHEDULES ?= 100000
SEED ?= 0

sim: ## SCHEDULES random schedules of faults from SEED on, with raft as it is and with a hostile one
	$(GO) test -count=1 -timeout 0 -v -run '^TestManySchedules$$' ./cluster -many $(SCHEDULES) -seed $(SEED)

sim-test:
	$(MAKE) sim SCHEDULES=2000

mutants: ## take the rules of ownership away, one at a time: some test must notice each
	$(GO) test -count=1 -timeout 20m -run '^TestMutantsAreNoticed$$' ./cluster -mutants

FUZZTIME ?= 1m

fuzz: ## each fuzz target in turn for FUZZTIME, which "go test" runs on its seeds
	@for dir in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n 1 dirname | sort -u); do \
		for target in $$($(GO) test -list '^Fuzz' $$dir | grep '^Fuzz'); do \
			echo "$$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$dir || exit 1; \
		done; \
	done

E2E := $(GO) test -count=1 -timeout 20m
$(E2E_TARGETS): override GOFLAGS += $(YIELD) # also of what they build

e2e: ## end-to-end tests: the real binary in network namespaces
	+$(MAKE) --jobs=2 --output-sync=target $(E2E_TARGETS)

e2e-kernels: # each keeps a processor busy
	$(E2E) -parallel 1 -run '^TestKernel' ./cmd/internal/e2e

e2e-networks:
	$(E2E) -parallel 4 -skip '^Test(Kernel|VRRP|BGP|TheSame)' ./cmd/internal/e2e

e2e-vrrp: # they mostly wait
	$(E2E) -parallel 8 -run '^TestVRRP' ./cmd/internal/e2e

e2e-equivalence: # likewise
	$(E2E) -parallel 30 -run '^TestTheSame' ./cmd/internal/e2e

e2e-bgp: # FRR is to pass a route on while the way to the old owner is kept, for 0.3 s
	$(E2E) -parallel 4 -run '^TestBGP' ./cmd/internal/e2e

lint: vet staticcheck gofumpt govulncheck

# The tags are of tests that run in a kernel of their own, of a perch with faults, and of what
# writes the manual.
vet:
	$(GO) vet -tags vrf,ipvs,systemd ./...
	$(GO) vet -tags faults ./cmd/internal/daemon
	$(GO) vet -tags man ./cmd/perch

staticcheck:
	$(GO) run $(STATICCHECK) -tags vrf,ipvs,systemd ./...

gofumpt:
	@out="$$($(GO) run $(GOFUMPT) -l cmd cluster vip vrrp checker ipvs)"; \
	if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi

# The only error that is let pass: all that govulncheck says when it cannot have its
# database, behind what go says when it fetches govulncheck. What it finds, and any other
# failure, has further lines.
UNREACHABLE := ^govulncheck: fetching vulnerabilities: |^exit status 1$$|^go: downloading 

govulncheck: ## known vulnerabilities; "not run" where its database cannot be reached
	@out="$$($(GO) run $(GOVULNCHECK) ./... 2>&1)"; rc=$$?; \
	if [ $$rc != 0 ] && ! printf '%s\n' "$$out" | grep -Evq '$(UNREACHABLE)'; \
	then echo "govulncheck: not run, its database cannot be reached"; \
	else printf '%s\n' "$$out"; exit $$rc; fi

bench-failover: build ## outage of each kind of move, into docs/performance.md (about 8 minutes)
	$(GO) test -timeout 60m -run '^$$' -bench Failover -benchtime 1x ./cmd/internal/e2e -args -rounds 200 -record $(CURDIR)/docs/performance.md

bench-planned: build ## planned moves beside the bare library's, with data_dir on disk and in memory, into docs/performance.md (about 3 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkPlanned$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 100 -record $(CURDIR)/docs/performance.md

bench-detection: build ## failures found out by silence, three and five nodes, into docs/performance.md (about 12 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkDetection$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 100 -record $(CURDIR)/docs/performance.md

bench-fence: ## what traffic pays for a fence and when it ends, into docs/performance.md (some minutes)
	$(GO) test -timeout 30m -run '^$$' -bench 'Fence$$' -benchtime 1x ./vip/fence -args -record $(CURDIR)/docs/performance.md

bench-vrrp: ## VRRP mode beside keepalived, into docs/performance.md (about 23 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkVRRP$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 20 -record $(CURDIR)/docs/performance.md

bench-checks: ## checks beside those of HAProxy, and the moves that they cause, into docs/performance.md (about 9 minutes; needs root)
	$(GO) test -count=1 -timeout 30m -v -run '^TestHTTPLooksLeaveNothing$$' ./checker -looks 1000000
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkChecks$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 100 -record $(CURDIR)/docs/performance.md

bench-ipvs: ## services beside ipvsadm and keepalived, into docs/performance.md (about 10 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkIPVS$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 3 -record $(CURDIR)/docs/performance.md

bench-prefix: build ## how a range of 4,096 addresses moves, into docs/performance.md (about half a minute, on a machine that does nothing else; needs root)
	$(GO) test -timeout 30m -run '^$$' -bench '^BenchmarkPrefix$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 30 -record $(CURDIR)/docs/performance.md

bench-bgp: build ## moves by what a router does that is told by BGP, into docs/performance.md (about 3 minutes; needs root)
	$(GO) test -timeout 10m -run '^$$' -bench '^BenchmarkBGP$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 30 -record $(CURDIR)/docs/performance.md

bench-import: ## the import of large keepalived.conf files beside keepalived's own reading, into docs/performance.md (about 3 minutes)
	$(GO) test -timeout 20m -run '^$$' -bench '^BenchmarkImport$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 10 -record $(CURDIR)/docs/performance.md

bench-operator: build ## moves beside ten webhooks that hang and five open dashboards, and without, into docs/performance.md (about 10 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkOperator$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 30 -record $(CURDIR)/docs/performance.md

bench-scrape: ## a status and a scrape of 1,000 VIPs and 5,000 servers, into docs/performance.md (about a minute; needs root)
	$(GO) test -timeout 10m -run '^$$' -bench '^BenchmarkScrape$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 30 -record $(CURDIR)/docs/performance.md

bench-vips: build ## take-overs of 5,000 VIPs beside keepalived, into docs/performance.md (about 5 minutes, on a machine that does nothing else; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkVIPs$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 10 -record $(CURDIR)/docs/performance.md

bench-start: ## starts of a process, and of a cluster until it has an owner, into docs/performance.md (about 2 minutes; needs root)
	$(GO) test -timeout 30m -run '^$$' -bench '^BenchmarkStart$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 50 -record $(CURDIR)/docs/performance.md

bench-growth: ## what nodes use, and failovers, against the number of nodes, VIPs, routers and checks, into docs/performance.md (about 20 minutes; needs root)
	$(GO) test -timeout 60m -run '^$$' -bench '^BenchmarkGrowth$$' -benchtime 1x ./cmd/internal/e2e -args -rounds 5 -during 10s -record $(CURDIR)/docs/performance.md

BENCHES := $(shell sed -n 's/^\(bench-[a-z0-9]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

bench: ## all benchmarks, one after the other, into docs/performance.md (about 2 hours, on a machine that does nothing else; needs root)
	@failed=""; for b in $(BENCHES); do $(MAKE) $$b || failed="$$failed $$b"; done; \
	if [ -n "$$failed" ]; then echo "not measured:$$failed" >&2; exit 1; fi

FAULTS ?= 200
SEED   ?= 0

chaos: ## FAULTS faults from a SEED (0: any) against a cluster in namespaces, into docs/chaos.md (needs root)
	$(GO) test -count=1 -timeout 3h -v -run '^TestChaos$$' ./cmd/internal/e2e -args -faults $(FAULTS) -seed $(SEED) -record $(CURDIR)/docs/chaos.md

DURATION ?= 2h

# The test binary is run by itself, so that a Ctrl-C reaches it alone: it then writes down what
# it has.
soak: ## DURATION on a loaded machine, whose load it makes, into docs/soak.md (needs root, and a machine for itself)
	$(GO) test -c -o bin/soak.test ./cmd/internal/e2e
	cd cmd/internal/e2e && $(CURDIR)/bin/soak.test -test.timeout 0 -test.v -test.run '^TestSoak$$' -soak $(DURATION) -record $(CURDIR)/docs/soak.md

clean:
	rm -rf bin dist
