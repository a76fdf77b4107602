# One command each, on a fresh machine with Python 3.11-3.13 and make. `make` alone lists them.
#
# ARGS passes words on: make run ARGS="--config my.toml", make test ARGS="tests/unit -k cursor"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
PACKAGES := medianest_hub plugins examples tests benchmarks scripts docs
SHIPPED := medianest_hub $(wildcard plugins/*/medianest_* examples/*/medianest_*)
ARGS ?=

# bandit looks at each node of an expression, and complains of a `nosec` at every one it was not needed for.
define BANDIT
import logging, bandit.cli.main
logging.getLogger("bandit.core.tester").setLevel("ERROR")
bandit.cli.main.main()
endef
export BANDIT

.PHONY: help run demo test check format bench docs requirements clean
.NOTPARALLEL:

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: ## bring up the hub with its own PostgreSQL and Valkey on http://127.0.0.1:4000
	@scripts/setup run && exec $(BIN)/medianest serve $(ARGS)

demo: ## try the hub beside a simulated Uptime Kuma, Plex and Seerr, with people to sign in as (ARGS="--kuma 1.23.17")
	@scripts/setup run && exec $(BIN)/python -m tests.demo $(ARGS)

test: ## run every test of the hub and its plugins
	@scripts/setup dev
	@scripts/system-packages test
	@scripts/oidc-provider
	@scripts/node-peers
	@scripts/run-tests $(ARGS)
	@echo "make test: everything passed"

check: ## lint, formatting, types, import direction, unsafe code, known holes in requirements
	@scripts/setup dev
	$(BIN)/ruff check $(wildcard $(PACKAGES))
	$(BIN)/ruff format --check $(wildcard $(PACKAGES))
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -c "$$BANDIT" --quiet --configfile pyproject.toml --recursive $(SHIPPED)
	$(BIN)/python scripts/audit_requirements.py
	@echo "make check: clean"

format: ## put code into the project's format, and repair what ruff can
	@scripts/setup dev
	$(BIN)/ruff check --fix $(wildcard $(PACKAGES))
	$(BIN)/ruff format $(wildcard $(PACKAGES))

bench: ## measure speed and size against the targets
	@scripts/setup dev
	@scripts/system-packages bench
	@scripts/node-peers
	@$(BIN)/python -m benchmarks $(ARGS)

docs: ## build the documentation into site/, warnings being errors
	@scripts/setup dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b dirhtml docs site
	@echo "make docs: open site/index.html"

requirements: ## write the hashed requirement files anew (ARGS=--upgrade for newer versions)
	@scripts/setup run
	@scripts/requirements $(ARGS)

clean: ## remove what these commands made; the hub's data stays
	rm -rf .venv .venv.lock site build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find medianest_hub plugins examples tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
