# Every target is one line of real work. Nothing here relies on what was installed by hand.

PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements-bootstrap.lock requirements.lock requirements-dev.lock pyproject.toml
SYNC := $(BIN)/uv pip sync --quiet --require-hashes requirements-bootstrap.lock
INSTALL := $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
# another checkout's environment: used as it is, never installed into
LINKED := $(shell test -L .venv && echo yes)

unexport PYTHONDONTWRITEBYTECODE # caches make every process start in half the time
export VIRTUAL_ENV := $(CURDIR)/.venv

.DEFAULT_GOAL := help
.PHONY: help run check test bench chaos canary proof screens scorecard lock clean

help: ## show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

run: .venv/.runtime ## start everything: database, Dagster, API and screen; Ctrl-C stops it
	@ENV=$${ENV:-dev} $(BIN)/proving up

check: .venv/.dev ## lint, types, layers and unit tests side by side, in under a minute on two idle cores
	@red=$$(mktemp); beside=$$(mktemp); trap 'rm -f "$$red" "$$beside"' EXIT; \
	stage() { echo "$$*"; "$$@" || echo "  $$*" >>$$red; }; \
	{ stage $(BIN)/mypy; stage $(BIN)/lint-imports; } >$$beside 2>&1 & \
	stage $(BIN)/ruff check .; stage $(BIN)/ruff format --check .; \
	stage $(BIN)/python -m pytest tests/unit -m "not thorough" -n 2 -q; \
	wait; cat $$beside; test ! -s $$red || { echo "failed:"; cat $$red; exit 1; }

test: .venv/.dev chromium ## every test but chaos: whole platforms one by one, the rest on two cores
	@told=$${TOLD:-$$(mktemp)}; red=0; \
	half() { echo "$$*"; "$$@" -p tests.halves --told "$$told"; ended $$? "$$*"; }; \
	ended() { test $$1 -eq 0 || red=1; test $$1 -le 1 || echo "ENDED WITH $$1: $$2" >>"$$told"; }; \
	half $(BIN)/python -m pytest tests/e2e; \
	half $(BIN)/python -m pytest -n 2 --cov --cov-report= tests/unit tests/integration tests/golden; \
	exit $$red

bench: .venv/.dev ## benchmarks, peers side by side in one run
	$(BIN)/python -m bench

chaos: .venv/.dev ## kill things at random and count what was lost
	$(BIN)/python -m pytest tests/chaos

canary: .venv/.dev ## what is used of Dagster's internals, tried on the newest Dagster there is
	./.ci/canary

proof: .venv/.runtime ## run the proof pack against the running platform
	$(BIN)/proving proof

screens: .venv/.dev chromium ## pictures of every page at work, into docs/screens
	$(BIN)/python -m bench.screens

scorecard: .venv/.dev ## the reliability scorecard with the last figures
	$(BIN)/python -m pytest -p tests.scorecard --scorecard -m scorecard -q

lock: .venv/.dev ## resolve the dependencies again and write versions and hashes
	./.ci/lock

clean: ## forget caches; keeps .venv and the data in .proving
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage

.PHONY: chromium
chromium:
	@./.ci/chromium

ifdef LINKED
# the code of this checkout, not of the one the environment was made for
export PYTHONPATH := $(CURDIR)
.venv/.bootstrap .venv/.runtime .venv/.dev:
	@test -x $(BIN)/python || { echo ".venv is a link with no Python behind it; remove it, and make installs one"; exit 1; }
else
.venv/.bootstrap: requirements-bootstrap.lock
	@echo "make: the installer into .venv, 40 MB, some seconds"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-bootstrap.lock
	@touch $@

.venv/.runtime: .venv/.bootstrap $(LOCKS)
	@echo "make: what runs the platform into .venv, $$(grep -c == requirements.lock) packages, 1.1 GB, one to three minutes"
	@$(SYNC) requirements.lock
	@$(INSTALL)
	@touch $@

.venv/.dev: .venv/.bootstrap $(LOCKS)
	@echo "make: what checks the platform too into .venv, $$(grep -c == requirements-dev.lock) packages, 1.5 GB, one to three minutes"
	@$(SYNC) requirements-dev.lock
	@$(INSTALL)
	@touch .venv/.runtime $@
endif
