# `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test env lint types layers docs site web-check pytest format web bench clean

# The first Python that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null </dev/null && echo "$$p" && break; done)

# More words for pip. On Linux without a GPU, PyTorch's own index has a build that is ten times smaller:
#   make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=

# More words for the commands: make demo ARGS="--retrain", make pytest ARGS="-k association".
ARGS ?=

# One thread in each of two processes: on two busy cores, more threads are many times slower.
WORKERS ?= 2

BIN := .venv/bin
BUNDLE := src/unitscope/page/bundle
MADE := .venv/made
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

help: ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: env ## Make the environment and run the main job: a report on every unit of a small LSTM
	$(BIN)/unitscope demo $(ARGS)

# Checks that compute in one process each stand beside one another; the tests then have every core.
test: env ## Make the environment and pass every check and test
	@$(MAKE) --no-print-directory -j $(WORKERS) types web-check site layers lint
	@$(MAKE) --no-print-directory pytest

env: $(MADE) ## Make the environment in .venv, once

$(MADE): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer was not found; name it: make PYTHON=/path/to/python" >&2; exit 2; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 2; }
	[ -x $(BIN)/python ] || "$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@# Compiled here, on every core; pip does it on one. What does not compile are samples of broken code.
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests/' .venv/lib || true
	@touch $@

lint: env ## Lint, and check the format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env ## Check types
	$(BIN)/mypy

layers: env ## Check who imports whom
	$(BIN)/lint-imports --no-logo

docs: env ## Write docs/reference.md anew, and run the code of the docs
	$(BIN)/python docs/reference.py
	$(ONE_THREAD) $(BIN)/python -m pytest tests/test_docs.py $(ARGS)

site: env ## Build the documentation site into build/site; a broken link or name is an error
	$(BIN)/zensical build --strict

web-check: ## Check that the page that ships is built from its source (where there is npm)
	@command -v npm >/dev/null || { echo "web-check: skipped, npm was not found"; exit 0; }; \
		set -e; $(MAKE) --no-print-directory web/node_modules; rm -rf build/bundle; \
		npm --prefix web run check; (cd web && npx vite build --outDir "$(CURDIR)/build/bundle" --emptyOutDir && \
		npx vite build --mode served --outDir "$(CURDIR)/build/bundle"); \
		diff -r build/bundle $(BUNDLE) >/dev/null || { echo "$(BUNDLE) is not what web/ makes: make web" >&2; exit 1; }

pytest: env ## Run the tests
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

format: env ## Repair lint and format where that is safe
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

web: web/node_modules ## Build the page from its source, with npm
	npm --prefix web run build

# rollup is held at a version (overrides in web/package.json) that the registry has for every platform: npm ci wants them all.
web/node_modules: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	@touch $@

bench: env ## Measure speed and memory (benchmarks/)
	for script in benchmarks/*.py; do $(ONE_THREAD) $(BIN)/python "$$script" || exit 1; done

clean: ## Remove the environment and what was built
	rm -rf .venv build dist web/node_modules
