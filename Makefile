# `make help` lists the targets. Everything lands in .venv and target/; nothing outside is touched.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build demo test check bench soak clean fmt proto lock
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Arguments passed on: make demo ARGS="--trades 1000"
ARGS ?=

# One or two decoders of each kind of message; `python -m tests.fuzz.soak SECONDS` fuzzes all.
FUZZED := rust-columns rust-request rust-ceb rust-journal rust-entry \
	python-bank_notification python-bank_order python-safe_batch python-pboc_batch

# Two makes at once would install into one environment; where flock exists, the second waits.
LOCK := $(if $(shell command -v flock),flock .build.lock)

LOCKED := $(VENV)/.locked
GENERATED := $(VENV)/.generated
BUILT := $(VENV)/.built

BACKEND := $(wildcard build_support/*.py)
PROTOS := $(shell find proto/whampoa) # folders too, so that a removed file counts
RUST := Cargo.toml Cargo.lock $(shell find engine_core -name '*.rs' -o -name 'Cargo.toml')

comma := ,
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3$(comma) 11))
require = $(1) >/dev/null 2>&1 || { echo "make: install $(2)"; exit 1; }
require_rust = $(call require,command -v cargo,Rust 1.90 or newer: cargo is missing (rustup brings it)) && \
	$(call require,command -v cc,a C compiler: cc is missing$(comma) and Rust links with it)
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(if $(shell $(p) -c '$(OLD_ENOUGH)' 2>&1 || echo old),,$(p))))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BUILT) ## .venv with locked dependencies, the release core and .venv/bin/whampoa

demo: build ## the whole corridor on one machine (ARGS="--trades N" ...)
	$(BIN)/whampoa demo $(ARGS)

test: check build ## all checks and tests
	cargo test --locked --workspace --exclude whampoa-bindings
	$(BIN)/pytest

check: $(GENERATED) ## format, lint, types, import contracts, proto lint, clippy
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	cargo fmt --all --check
	$(BIN)/buf lint
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	cargo clippy --locked --workspace --all-targets -- -D warnings

bench: build ## load runs of this machine
	$(BIN)/whampoa bench documents $(ARGS)
	$(BIN)/whampoa bench allocate $(ARGS)

soak: build ## the long runs of what make test does for seconds: days with the defaults, most of them fuzzing
	WHAMPOA_SEEDS=$${WHAMPOA_SEEDS:-10000} \
		cargo test --release --locked -p whampoa-core --test simulation nothing_acknowledged -- --nocapture
	WHAMPOA_FLIPS=all cargo test --release --locked -p whampoa-core --test flips -- --nocapture
	$(BIN)/python tests/simulation/mutants.py --seeds 100
	$(BIN)/pytest -s -m soak tests/simulation
	WHAMPOA_KILLS=$${WHAMPOA_KILLS:-150} $(BIN)/pytest -s -m soak tests/faults/test_kills.py
	WHAMPOA_KILLS=$${WHAMPOA_KILLS:-50} $(BIN)/pytest -s -m soak tests/faults/test_corridor.py
	$(BIN)/whampoa bench recover
	$(BIN)/python -m tests.fuzz.soak $${WHAMPOA_FUZZ_SECONDS:-7200} $(FUZZED)

fmt: $(LOCKED) ## rewrite Python and Rust in the project's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	cargo fmt --all

proto: $(GENERATED) ## generate the Python code of proto/

lock: $(LOCKED) ## bring requirements.lock in line with pyproject.toml (ARGS=--upgrade for the newest)
	$(BIN)/uv pip compile pyproject.toml --extra all --extra dev --output-file requirements.lock $(ARGS) \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate --quiet

clean: ## remove everything that was built
	rm -rf $(VENV) target dist engine/_core*.so .build.lock .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find whampoa engine gateways bench tests build_support -name __pycache__ -prune -exec rm -rf {} +
	rm -rf $(patsubst proto/%,%,$(wildcard proto/whampoa/*))

$(LOCKED): requirements.lock
	@$(call require,"$(PYTHON)" -c '$(OLD_ENOUGH)',Python 3.11 or newer (or name it: make PYTHON=...))
	@$(call require,"$(PYTHON)" -c 'import ensurepip$(comma) venv',the venv module of $(PYTHON) (package python3-venv))
	@$(require_rust)
	@$(LOCK) sh -c 'test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)'
	$(LOCK) $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(GENERATED): $(LOCKED) $(PROTOS) $(BACKEND)
	$(LOCK) $(BIN)/python build_support/protobuf_code.py
	@touch $@

# Editable: the Python sources stay live, the compiled core is put beside them as engine/_core.abi3.so.
$(BUILT): $(GENERATED) $(RUST) pyproject.toml
	@$(require_rust)
	$(LOCK) $(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@
