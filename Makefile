# memwatch: build, test, install. `make help` lists the targets, from the comments behind `##`.

# Where `make install` puts things, the way every Makefile does it: PREFIX is where the
# files will live, DESTDIR a directory in front of it (for packagers). Spaces are allowed.
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

# Words behind every `swift build` and `swift test`: make test SWIFTFLAGS='--filter ProcFS'
SWIFTFLAGS ?=

RELEASE := swift build -c release --static-swift-stdlib
LINTED := Sources Tests Benchmarks Package.swift

# Remembers when the release build last succeeded, so that `sudo make install` after
# `make` copies files and builds nothing as root.
BUILT := .build/memwatch-release-built
SOURCES := Package.swift $(shell find Sources -type f 2>/dev/null)

# The same for the Debian package, which has more in it than programs.
PACKAGED := .build/deb/packaged
PACKAGE_SOURCES := $(shell find config debian docs scripts systemd -type f 2>/dev/null) README.md CHANGELOG.md

.DEFAULT_GOAL := build
.PHONY: build deb test test-system lint format strict demo bench bench-quick bench-micro soak fuzz sanitize \
	install uninstall dependencies test-dependencies readme clean help

##@ Use it

# One product at a time, because building "everything" also links what dependencies offer and nobody here
# uses (GRDB as a shared library, which fails against the static Swift runtime).
build: dependencies ## Build the programs (release, Swift runtime linked in); the default
	$(RELEASE) --product memwatch $(SWIFTFLAGS)
	$(RELEASE) --product memwatchd $(SWIFTFLAGS)
	$(RELEASE) --product memgrow $(SWIFTFLAGS)
	scripts/generated-files.sh
	@touch $(BUILT)

demo: build ## See it work: grow a program's heap, mappings and stack under a private daemon
	@scripts/demo.sh

install: $(BUILT) ## Install below PREFIX (/usr/local); DESTDIR goes in front of everything
	@scripts/install.sh install

deb: $(PACKAGED) ## Make the Debian package, .build/deb/memwatch_VERSION_ARCHITECTURE.deb

uninstall: ## Remove what install put there; the configuration and the history stay
	@scripts/install.sh uninstall

##@ Work on it

# One test at a time: many start real processes, count descriptors or watch the whole machine,
# and a failure should be the same failure when it is run again.
test: dependencies ## Run every test that needs no booted systemd
	@if [ -e .build/test-python/complete ]; then export MEMWATCH_TEST_PYTHON="$$PWD/.build/test-python/bin/python3"; fi; \
		set -x; exec swift test --disable-xctest --no-parallel --skip '^SystemTests\.' $(SWIFTFLAGS)

# A machine that cannot be built is no failure here: the tests skip, and say what to do.
test-system: $(PACKAGED) ## Install the package under a real systemd, in containers, and test it (root; Debian's mirror, once)
	-scripts/test-machine.sh prepare bookworm
	-scripts/test-machine.sh prepare trixie
	swift test --disable-xctest --no-parallel --filter '^SystemTests\.' $(SWIFTFLAGS)

lint: ## Check the format of every Swift file
	swift format lint --strict --configuration .swift-format --recursive $(LINTED)

format: ## Bring every Swift file into that format
	swift format format --in-place --configuration .swift-format --recursive $(LINTED)

strict: dependencies ## Build everything, tests too, with warnings as errors
	MEMWATCH_STRICT=1 swift build --build-tests $(SWIFTFLAGS)

bench: dependencies ## Measure every figure, and render docs/performance.md (half an hour)
	@Benchmarks/run.py --page

bench-quick: dependencies ## Measure every figure with fewer rounds (3 minutes); prints a table
	@Benchmarks/run.py --quick

bench-micro: dependencies ## Count instructions and allocations of the innermost work, against thresholds
	@Benchmarks/micro.py

# Half an hour says something; MINUTES=3 says that it works.
MINUTES ?= 30
soak: dependencies ## Watch 500 churning processes for 30 minutes (MINUTES=): nothing may grow
	@Benchmarks/run.py --only soak --soak-minutes $(MINUTES) --page

# RUNS=10000000 is a campaign; TARGETS="maps elf" some of them. docs/fuzzing.md.
SECONDS ?= 60
fuzz: dependencies ## Run the fuzzers over the parsers, a minute each (SECONDS=, RUNS=, TARGETS=)
	@Fuzzing/campaign.py $(if $(RUNS),--runs $(RUNS),--seconds $(SECONDS)) $(TARGETS)

# Builds of their own, because every file is compiled otherwise.
SANITIZER ?= thread
sanitize: dependencies ## Run every test of "make test" under a sanitizer (SANITIZER=thread or address)
	@scripts/sanitize.sh $(SANITIZER) $(SWIFTFLAGS)

readme: ## Put the output of a fresh demo, and pictures of a real run, into README.md
	@scripts/readme-demo.sh
	@scripts/readme-pictures.sh

##@ Prepare and tidy

dependencies: ## Install what building needs, where it is missing
	@scripts/dependencies.sh

test-dependencies: ## Install what some tests need beyond that (they skip without it)
	@scripts/test-dependencies.sh

clean: ## Remove everything that was built
	rm -rf .build

help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

$(BUILT): $(SOURCES)
	$(MAKE) build

$(PACKAGED): $(BUILT) $(PACKAGE_SOURCES)
	scripts/deb.sh
	@touch $@
