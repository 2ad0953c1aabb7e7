# Everything runs from .venv, which is made from requirements.lock. Nothing else on the machine changes.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.complete
LOG := $(VENV)/install.log
# A file of tests stays in one process; each process starts servers of its own, so that many need much memory.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo test serve check fmt lint types bench screenshots lock docs clean

help: ## show these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(DONE) ## make .venv from the lock file

$(DONE): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "logkeep needs Python 3.11 or newer, and found none. Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "logkeep needs Python 3.11 or newer; $(PYTHON) is older or missing" >&2; exit 1; }
	@echo "setup: $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@echo "setup: packages of requirements.lock (about a minute, 1.7 GB on disk)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >$(LOG) 2>&1 || { tail -n 20 $(LOG) >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . >>$(LOG) 2>&1 || { tail -n 20 $(LOG) >&2; exit 1; }
	@touch $@
	@echo "setup: done"

demo: setup ## the whole loop on a million lines, in a temporary folder
	@$(BIN)/logkeep demo

test: setup ## all tests
	@$(PYTEST)

serve: setup ## a server with its data in ./data
	@$(BIN)/logkeep serve --data ./data

check: setup ## what CI runs: format, lint, types, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(PYTEST)

fmt: setup ## format, and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup
	@$(BIN)/mypy

bench: setup ## every figure, into bench/RESULTS.md (some minutes)
	@$(BIN)/python -m bench.run

screenshots: setup ## pictures of every page, into build/screenshots (needs Chromium)
	@$(BIN)/python -m tests.web.screenshots

docs: setup ## write docs/cli.md anew from --help
	@$(BIN)/python -m logkeep.cli.reference docs/cli.md

lock: ## write requirements.lock anew (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group dev --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove .venv and caches; ./data stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
