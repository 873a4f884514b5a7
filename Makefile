# glorieta: everything a newcomer or CI needs, one word each. `make` alone lists them.
#
# What is up to date is not made again: the virtual environment by its lock files, the engine by its sources.

CARGO ?= cargo
VENV := .venv
BIN := $(VENV)/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export CARGO VENV

RUN_STAMP := $(VENV)/.made-run
DEV_STAMP := $(VENV)/.made-dev
ENGINE_STAMP := $(VENV)/.made-engine
ENGINE_SOURCES := $(shell find engine -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml .cargo/config.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SECONDS ?= 60
ROUTES ?= 10000
FILES ?= 100

.DEFAULT_GOAL := help
.PHONY: help demo test bench size mixed fuzz lint format wheel develop lock doctor clean

help: ## what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: $(ENGINE_STAMP) ## build what is missing, then show that an endpoint may die and no idempotent request fails
	@$(BIN)/glorieta demo

test: $(DEV_STAMP) $(ENGINE_STAMP) ## every test, Rust and Python
	@tools/debian-packages
	@tools/pebble
	@tools/h2spec
	@tools/test

bench: $(DEV_STAMP) ## measure glorieta beside other proxies; OPTIONS= is passed on
	@$(BIN)/python -m bench $(OPTIONS)

size: $(DEV_STAMP) $(ENGINE_STAMP) ## measure ROUTES=10000 in FILES=100: check, try, reload under load, memory
	@PYTHONPATH=python:tests $(BIN)/python -m size $(ROUTES) $(FILES)

mixed: SECONDS := 180
mixed: $(DEV_STAMP) $(ENGINE_STAMP) ## everything at once for SECONDS=180: memory and descriptors must stay flat
	@PYTHONPATH=python:tests $(BIN)/python -m mixed $(SECONDS)

fuzz: doctor ## fuzz every target for SECONDS=60 each
	@fuzz/run $(SECONDS)

lint: $(DEV_STAMP) $(ENGINE_STAMP) ## formatting, lints, types and floors, nothing changed
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV_STAMP) ## write Rust and Python in the house's form
	$(CARGO) fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(RUN_STAMP) ## build dist/*.whl, optimised
	$(BIN)/maturin build --release --strip --locked --out dist

develop: $(DEV_STAMP) $(ENGINE_STAMP) ## the virtual environment with everything, and the engine built for it
	@echo "Ready: $(BIN)/glorieta"

lock: $(DEV_STAMP) ## choose the newest versions that pyproject.toml allows and pin them
	$(PIP) install uv
	@for each in "requirements.lock build" "requirements-dev.lock checks" "bench/requirements.lock bench"; do set -- $$each; \
	    echo "# Every version and its hashes, for Python 3.11 and later. Made by \`make lock\`." > $$1.new && \
	    $(BIN)/uv pip compile pyproject.toml --group $$2 --universal --python-version 3.11 --generate-hashes \
	        --no-annotate --no-header --quiet --upgrade >> $$1.new && mv $$1.new $$1 || exit 1; \
	done

doctor: ## what is missing on this machine, with the commands that install it
	@tools/doctor

clean: ## remove all that was built
	rm -rf target fuzz/target dist $(VENV) python/glorieta/*.so .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(BIN)/python: | doctor
	@echo "Making $(VENV) with $$(tools/doctor --python) …"
	@"$$(tools/doctor --python)" -m venv $(VENV)

$(RUN_STAMP): requirements.lock | $(BIN)/python
	@echo "Installing what glorieta needs …"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(DEV_STAMP): requirements-dev.lock | $(BIN)/python
	@echo "Installing what tests and lints need …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Cargo shows its progress. The profile is that of `cargo test`, so that neither compiles what the other has.
$(ENGINE_STAMP): $(ENGINE_SOURCES) | doctor $(RUN_STAMP)
	@echo "Building the engine (a few minutes the first time) …"
	@PIP_QUIET=1 $(BIN)/maturin develop --locked
	@touch $@
