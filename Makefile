# What people do here. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install build release completions run test test-tsan test-asan lint format check-products docs fuzz \
	api-fuzz bench soak chaos clean

# Tests wait for servers more than they compute, yet hundreds at once starve each other: so many run at a time.
WIDTH ?= $(shell expr 2 '*' $$(nproc))
TEST_ARGUMENTS := --disable-xctest $(if $(FILTER),--filter '$(FILTER)') \
	--experimental-maximum-parallelization-width $(WIDTH)

SWIFT_SOURCES := $(wildcard Package.swift Plugins Sources Tests Fuzz/Package.swift Fuzz/Sources Benchmarks/Package.swift \
	Benchmarks/Sources Examples)

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install the packages that are missing (Debian, Ubuntu)
	@Scripts/install.sh

build: ## Build everything for debugging
	swift build

# Packed relocations save 3 MB of memory; C libraries understand them from 2.36 on.
PACKED := -Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs
LIBC := $(shell getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)
RELEASE_FLAGS := --static-swift-stdlib \
	$(if $(filter 2.36,$(shell printf '%s\n' 2.36 '$(LIBC)' | sort -V | head -n 1)),$(PACKED))

release: ## Build the executables, which need no Swift on the machine they run on
	swift build -c release $(RELEASE_FLAGS)

completions: release ## Write what bash, zsh and fish need to complete commands
	Scripts/completions.sh .build/release .build/completions

run: ## Build and show a dispatcher at work on servers of its own: make run ARGS=…
	@Scripts/install.sh run
	@$(MAKE) --no-print-directory release
	.build/release/medctl demo $(ARGS)

test: install ## Build and run all tests: make test FILTER=… WIDTH=…
	@Scripts/test-venv.sh
	swift build --build-tests
	Scripts/watched-tests.py swift test --skip-build $(TEST_ARGUMENTS)

test-tsan: install ## The tests under the thread sanitizer
	SANITIZED=thread Scripts/watched-tests.py swift test --scratch-path .build-tsan --sanitize=thread $(TEST_ARGUMENTS)

# Not for leaks: the TOML parser leaks some KB with each config file that it reads, and a program that ends leaves its
# variables. What grows is what the soak looks for.
test-asan: install ## The tests under the address sanitizer
	SANITIZED=address ASAN_OPTIONS=detect_leaks=0:suppressions=$(CURDIR)/Tests/asan.supp Scripts/watched-tests.py swift test --scratch-path .build-asan --sanitize=address -Xswiftc -use-ld=lld $(TEST_ARGUMENTS)

lint: ## Check formatting and house rules
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)
	@Scripts/check-repository.sh

format: ## Format all Swift sources
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

check-products: install ## Build each library in a package of its own, with the C libraries it must not need hidden
	@Scripts/check-products.sh

docs: install ## Build the documentation of the libraries, and check that nothing public is without
	@Scripts/docs.sh

fuzz: install ## Fuzz each parser: make fuzz SECONDS_EACH=60
	Fuzz/run.sh $(or $(SECONDS_EACH),60)

api-fuzz: install ## Fuzz the admin API of a dispatcher of its own with schemathesis: make api-fuzz ARGS="--max-examples 200"
	swift build
	Scripts/api-fuzz.sh $(ARGS)

soak: install release ## An hour while everything around the dispatcher changes: make soak ARGS="--minutes 60 --rate 2000"
	.build/release/soak $(ARGS)

chaos: install release ## Kill, stop and fill everything around the dispatcher: make chaos ARGS="--seed 7"
	.build/release/chaos $(ARGS)

bench: install ## Measure the pieces
	swift run -c release --package-path Benchmarks $(ARGS)

clean: ## Remove what was built
	rm -rf .build .build-tsan .build-asan Fuzz/.build Benchmarks/.build Examples/.build
