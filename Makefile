# make run    builds the daemon and runs it with Config/tandem.yaml
# make test   unit tests, simulated worlds, broken variants that they have to find, then the built
#             daemon with real phones and gateways
# make lint   the formatter's rules
# make bench  benchmarks, a load of calls beside Kamailio if it is installed, calls beside floods of every
#             kind, and a reload under load
# make clean
#
# Missing Debian packages are installed, as root or through sudo.

SHELL := /bin/bash
.DELETE_ON_ERROR:

# An import that Package.swift does not declare is an error: arrows point down only.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
# With Swift's runtime in it the daemon runs where no Swift is installed, and a call takes 7% less CPU
# than through the linker's tables. Every release build has to say so, or it builds all of it anew.
RELEASE_FLAGS := $(SWIFT_FLAGS) -c release --static-swift-stdlib
CONFIG ?= Config/tandem.yaml
TANDEM := .build/release/tandem
VENV := .venv
REQUIREMENTS := Tests/Acceptance/requirements.txt

BUILD_PACKAGES := libjemalloc-dev libsnmp-dev libsqlite3-dev libssl-dev pkg-config tzdata
TEST_PACKAGES := baresip-core dnsmasq-base kamailio linphone-cli openssl python3 python3-venv sip-tester sipsak snmpd systemd

# $(call install,PACKAGES): installs what of them is missing, and asks nothing.
define install
@missing=; for package in $(1); do \
    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
        || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
    if [ "$$(id -u)" = 0 ]; then sudo=; else sudo='sudo -n'; fi; \
    echo "installing$$missing"; \
    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q update && \
    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
        $$missing; \
fi
endef

.PHONY: run build test unit-test simulation digests mutants acceptance-test lint bench clean toolchain packages test-packages

run: build
	$(TANDEM) run --config $(CONFIG)

build: toolchain packages
	swift build $(RELEASE_FLAGS) --product tandem

test: unit-test simulation mutants acceptance-test

unit-test: toolchain packages
	swift build $(SWIFT_FLAGS) --build-tests
	swift test --skip-build

# The release build, since it is twenty times as fast; SimulationTests runs a few seeds in debug.
SEEDS ?= 300
simulation: build digests
	$(TANDEM) simulate --swarm --seeds $(SEEDS)

# A seed is one world wherever it runs: two processes of the release build and the debug build, whose
# code and hash seeds are others, say the same of it to the last digit.
digests: build
	swift build $(SWIFT_FLAGS) --product tandem
	@for run in release/1 release/2 debug/1; do \
	    .build/$${run%/*}/tandem simulate --swarm --seeds 10 --json > .build/digests || exit 1; \
	    sum=$$(sha256sum < .build/digests); \
	    [ "$${first:=$$sum}" = "$$sum" ] || { echo "other digests in $$run"; exit 1; }; \
	done; \
	echo "$$(wc -l < .build/digests) lines of digests are the same in two processes and in debug"

# Broken variants of the core, each of which the simulator has to find.
mutants: toolchain test-packages
	Tests/Mutants/run

acceptance-test: build test-packages $(VENV)/installed
	TANDEM=$(CURDIR)/$(TANDEM) $(VENV)/bin/python -m pytest Tests/Acceptance

# Unstaged files are looked at too, build folders are not.
lint: toolchain
	git ls-files -z --cached --others --exclude-standard -- '*.swift' \
	    | xargs -0 -r swift format lint --strict --parallel

bench: build test-packages
	@if [ -f Benchmarks/Package.swift ]; then \
	    swift run $(RELEASE_FLAGS) --package-path Benchmarks; fi
	TANDEM=$(CURDIR)/$(TANDEM) Benchmarks/load/run
	TANDEM=$(CURDIR)/$(TANDEM) Benchmarks/load/flood
	TANDEM=$(CURDIR)/$(TANDEM) Benchmarks/load/reload

clean:
	rm -rf .build .build-mutants Benchmarks/.build $(VENV) .pytest_cache
	find Tests Benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

toolchain:
	@command -v swift > /dev/null || { \
	    echo 'swift is not here: install Swift 6.2 or newer from https://www.swift.org/install'; \
	    exit 1; }
	@version=$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p'); \
	if [ "$$(printf '%s\n' 6.2 "$$version" | sort -V | head -1)" != 6.2 ]; then \
	    echo "Swift $$version is too old: install 6.2 or newer from https://www.swift.org/install"; \
	    exit 1; fi

packages:
	$(call install,$(BUILD_PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

$(VENV)/installed: $(REQUIREMENTS) | test-packages
	test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@
