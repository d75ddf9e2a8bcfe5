# All tasks of this repository. `make` alone lists them.
#
#   make run                      the whole system on this machine, without Docker or an AWS account
#   make test                     everything that CI checks
#   make deploy ENV=dev           to AWS (ENV: dev or prod, see samconfig.toml)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ENV ?= dev
ARCHITECTURE ?= arm64

venv := .venv/bin
python := $(venv)/python
sam = PATH="$(CURDIR)/.local/tools/builder/bin:$$PATH" SAM_CLI_TELEMETRY=0 ARCHITECTURE=$(ARCHITECTURE) .local/tools/sam/bin/sam

# Hundreds of processes load the same modules here. Python images often set this variable, with which each process
# compiles them again, half of its time.
unexport PYTHONDONTWRITEBYTECODE

# AWS clients in tests must never reach the developer's account.
no_account := AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

unit := tests/unit tests/load
integration := tests/integration tests/fuzz

.venv/.made: pyproject.toml layers/constraints.txt local/requirements/locked/uv.txt local/bootstrap.sh
	@sh local/bootstrap.sh

.PHONY: help setup run stop status logs reset
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.made ## Create .venv, the development environment.

run: .venv/.made ## Start the whole system on this machine and run a task.
	@$(python) -m local up

stop: .venv/.made ## Stop it. Its data is kept.
	@$(python) -m local stop

status: .venv/.made ## Show what runs, and where.
	@$(python) -m local status

logs: .venv/.made ## Print a function's recent logs: make logs FUNCTION=worker (FUNCTION=? lists all)
	@$(python) -m local logs $(FUNCTION)

reset: .venv/.made ## Stop it and delete its data.
	@$(python) -m local reset

.PHONY: test check fast hooks format lint types template unit integration e2e
# Make these targets, and print how long it took. The plus marks them as sub-makes.
timed = @+begun=$$(date +%s); $(MAKE) $(1) || exit; echo "make $(1): $$(($$(date +%s) - begun)) s"

# The end-to-end tests mostly wait, and take longest. The static checks run at a lower priority, and the other tests at
# the lowest: at the same priority, functions of the end-to-end tests would time out.
test: tools ## Check everything that CI checks.
	$(call timed,-j 6 e2e static beside)

.PHONY: static beside
static: tools
	@+nice -n 10 $(MAKE) lint types template docs

beside: tools
	@$(no_account) nice -n 19 $(python) -m pytest -n auto --dist worksteal $(unit) $(integration)

check: .venv/.made ## Check style, types and the fast unit tests, in under a minute.
	@$(MAKE) -j 3 lint types fast

fast: .venv/.made
	$(no_account) $(python) -m pytest -n auto --dist worksteal -m "not slow and not hypothesis" tests/unit

hooks: .venv/.made ## Install a git hook that checks style and types before each commit (pre-commit).
	@$(python) -m local hooks

format: .venv/.made ## Format the code, and apply ruff's fixes.
	$(venv)/ruff check --fix .
	$(venv)/ruff format .

lint: .venv/.made ## Check style and format.
	$(venv)/ruff check .
	$(venv)/ruff format --check .
	@$(python) -m local imports

types: .venv/.made ## Check types.
	$(venv)/mypy

template: tools ## Check the template.
	AWS_DEFAULT_REGION=us-east-1 $(no_account) $(sam) validate --lint
	@$(no_account) $(python) -m local check-template

unit: .venv/.made ## Run the unit tests.
	$(no_account) $(python) -m pytest -n auto --dist worksteal $(unit)

integration: tools ## Run the integration tests (moto, and the stand-in for Claude), and a short fuzz.
	$(no_account) $(python) -m pytest -n auto --dist worksteal $(integration)

e2e: tools ## Run the end-to-end tests on their own emulator.
	$(no_account) $(python) -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests/e2e

.PHONY: docs
docs: .venv/.made ## Build the documentation site, strictly, in .local/docs/site.
	@$(python) -m local docs

.PHONY: screenshots
screenshots: tools ## Take the screenshots of the console in docs/console (needs Chromium).
	@$(python) -m local screenshots

.PHONY: fuzz
fuzz: .venv/.made ## Search for inputs that break a parser: make fuzz EXAMPLES=20000
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(no_account) $(python) -m pytest -n auto --timeout 0 \
		tests/fuzz tests/integration/test_fuzz.py

.PHONY: simulate
simulate: .venv/.made ## Simulate deployments under load (minutes): make simulate SCENARIO=H4
	PYTHONHASHSEED=0 $(python) -m tests.load $(if $(SCENARIO),"$(SCENARIO)")

.PHONY: upgrade-test
upgrade-test: tools ## Deploy the previous release, upgrade it under load, and roll back (ten minutes).
	$(no_account) $(python) -m pytest -s tests/upgrade

.PHONY: bench bill faults soak conformance openapi security dashboard lock audit sbom tools
bench: tools ## Measure calls, cold starts, latency, turns and memory (ten minutes).
	$(python) -m bench

bill: tools ## Measure everything that is billed, and update the documentation (ten minutes).
	PYTHONHASHSEED=0 $(python) -m bench bill
	PYTHONPATH=. $(python) -m docs.generate.cost

faults: tools ## Run 300 tasks while AWS calls fail on the wire (five minutes).
	FAULT_TASKS=100 $(python) -m pytest tests/e2e/crashes/test_aws_faults.py

soak: tools ## Run 400 tasks while workers are killed (five minutes); with more faults: make soak TASKS=10000
	SOAK_TASKS=$(TASKS) $(python) -m bench soak

conformance: .venv/.made ## Run the A2A conformance kit from its checkout: make conformance KIT=DIR
	@test -n "$(KIT)" || { echo "KIT=DIR must be a checkout of a2aproject/a2a-tck, branch 1.0-dev."; exit 2; }
	@$(python) -m local conformance "$(KIT)"

openapi: .venv/.made ## Generate docs/openapi.json from the API's code.
	PYTHONPATH=. $(python) -m docs.generate.openapi

security: tools ## Generate the tables in docs/security.md from the template.
	PYTHONPATH=. $(python) -m docs.generate.security

dashboard: tools ## Draw docs/pictures/dashboard.svg, the dashboard on a simulated morning (minutes).
	PYTHONPATH=. PYTHONHASHSEED=0 $(python) -m docs.generate.dashboard

lock: .venv/.made ## Pin the newest versions of all packages.
	$(python) -m local lock

audit: .venv/.made ## Check pinned packages for known vulnerabilities (needs the internet).
	@$(python) -m local audit

sbom: .venv/.made ## Write .aws-sam/sbom.json, the bill of materials of the deployment (CycloneDX).
	@$(python) -m local sbom

tools: .venv/.made
	@$(python) -m local tools

.PHONY: build preflight deploy
build: tools ## Build for AWS: make build ENV=dev ARCHITECTURE=arm64
	$(sam) build --config-env $(ENV) --parameter-overrides Architecture=$(ARCHITECTURE)
	@$(python) -m local sbom

preflight: tools ## Check a deployment's prerequisites: make preflight ENV=prod (OFFLINE=1: without an account)
	@$(python) -m local preflight $(ENV) $(if $(OFFLINE),--offline)

# SAM reads parameters from samconfig.toml or from the command line, not from both, and looks for samconfig.toml beside
# the template.
deploy: $(if $(filter off,$(PREFLIGHT)),,preflight) build ## Deploy to AWS with your credentials: make deploy ENV=dev (PREFLIGHT=off skips the preflight check)
	parameters=$$($(python) -m local parameters $(ENV)) && \
	template=$$($(python) -m local stamp $(ENV) $(ARCHITECTURE)) && \
	$(sam) deploy --template-file "$$template" --config-file "$(CURDIR)/samconfig.toml" --config-env $(ENV) \
		--parameter-overrides $$parameters Architecture=$(ARCHITECTURE)

.PHONY: adopt
adopt: tools ## Prepare restored tables for a stack: make adopt TASKS=NAME REGISTRY=NAME (docs/restore.md)
	@$(python) -m local adopt $(if $(TASKS),--tasks "$(TASKS)") $(if $(REGISTRY),--registry "$(REGISTRY)")

# STACK defaults to the local one; docs/first-deployment.md describes REGION=…, FULL=1, YES=1 and CLEAN=1.
.PHONY: smoke
smoke: .venv/.made ## Check a deployment: make smoke STACK=a2a-tasks-dev
	@$(python) -m tests.smoke $(if $(STACK),--stack $(STACK)) $(if $(REGION),--region $(REGION)) \
		$(if $(FULL),--full) $(if $(YES),--yes) $(if $(CLEAN),--clean)

.PHONY: clean
clean: ## Stop the local stack and delete everything that was created here.
	@if [ -x $(python) ]; then $(python) -m local stop; fi
	rm -rf .local .aws-sam .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
