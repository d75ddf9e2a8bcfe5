# Everything that is done with this repository. `make` alone lists it.
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

# Hundreds of processes load the same modules here. Images of Python often set this, and each then compiles
# them anew, which is half of such a process's time.
unexport PYTHONDONTWRITEBYTECODE

# AWS clients in tests must never meet the developer's account.
no_account := AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

unit := tests/unit tests/load
integration := tests/integration tests/fuzz

.venv/.made: pyproject.toml layers/constraints.txt local/requirements/locked/uv.txt local/bootstrap.sh
	@sh local/bootstrap.sh

.PHONY: help setup run stop status logs reset
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.made ## Make .venv, the development environment.

run: .venv/.made ## Start the whole system on this machine and run one task.
	@$(python) -m local up

stop: .venv/.made ## End it. What it has stored stays.
	@$(python) -m local stop

status: .venv/.made ## Tell what runs and where.
	@$(python) -m local status

logs: .venv/.made ## Print what a function has logged lately: make logs FUNCTION=worker (FUNCTION=? lists all)
	@$(python) -m local logs $(FUNCTION)

reset: .venv/.made ## End it and delete what it has stored.
	@$(python) -m local reset

.PHONY: test check fast hooks format lint types template unit integration e2e
# Make these targets, and tell how long it took. The plus tells make that they are its own.
timed = @+begun=$$(date +%s); $(MAKE) $(1) || exit; echo "make $(1): $$(($$(date +%s) - begun)) s"

# End to end is mostly waiting, and takes longest. The static checks run in what it leaves of the processors, and the
# other tests in what those leave: with the same priority its functions would time out.
test: tools ## Check everything.
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

hooks: .venv/.made ## Check style and types before each commit from now on (pre-commit).
	@$(python) -m local hooks

format: .venv/.made ## Format the code, and mend what ruff can.
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

e2e: tools ## Run the end-to-end tests on an emulator of their own.
	$(no_account) $(python) -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests/e2e

.PHONY: docs
docs: .venv/.made ## Build the documentation's site, strictly, in .local/docs/site.
	@$(python) -m local docs

.PHONY: screenshots
screenshots: tools ## Take the pictures of the console in docs/console (needs Chromium).
	@$(python) -m local screenshots

.PHONY: fuzz
fuzz: .venv/.made ## Look for inputs that break a parser: make fuzz EXAMPLES=20000
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(no_account) $(python) -m pytest -n auto --timeout 0 \
		tests/fuzz tests/integration/test_fuzz.py

.PHONY: simulate
simulate: .venv/.made ## Simulate deployments under load (minutes): make simulate SCENARIO=H4
	PYTHONHASHSEED=0 $(python) -m tests.load $(if $(SCENARIO),"$(SCENARIO)")

.PHONY: upgrade-test
upgrade-test: tools ## Deploy the release before, upgrade it under load, and go back (ten minutes).
	$(no_account) $(python) -m pytest -s tests/upgrade

.PHONY: bench bill faults soak conformance openapi security dashboard lock audit sbom tools
bench: tools ## Measure calls, cold starts, latency, turns and memory (ten minutes).
	$(python) -m bench

bill: tools ## Measure everything that is billed, and write it into the documentation (ten minutes).
	PYTHONHASHSEED=0 $(python) -m bench bill
	PYTHONPATH=. $(python) -m docs.generate.cost

faults: tools ## Do 300 tasks while calls of AWS fail on the wire (five minutes).
	FAULT_TASKS=100 $(python) -m pytest tests/e2e/crashes/test_aws_faults.py

soak: tools ## Do 400 tasks while workers are killed (five minutes); with all that breaks: make soak TASKS=10000
	SOAK_TASKS=$(TASKS) $(python) -m bench soak

conformance: .venv/.made ## Run the A2A conformance kit, a checkout elsewhere: make conformance KIT=DIR
	@test -n "$(KIT)" || { echo "KIT=DIR names a checkout of a2aproject/a2a-tck, branch 1.0-dev."; exit 2; }
	@$(python) -m local conformance "$(KIT)"

openapi: .venv/.made ## Write docs/openapi.json from the API's code.
	PYTHONPATH=. $(python) -m docs.generate.openapi

security: tools ## Write the roles' tables in docs/security.md from the template.
	PYTHONPATH=. $(python) -m docs.generate.security

dashboard: tools ## Draw docs/pictures/dashboard.svg, the dashboard on a simulated morning (minutes).
	PYTHONPATH=. PYTHONHASHSEED=0 $(python) -m docs.generate.dashboard

lock: .venv/.made ## Choose the newest versions and pin them.
	$(python) -m local lock

audit: .venv/.made ## Look for known vulnerabilities of what is pinned (needs the internet).
	@$(python) -m local audit

sbom: .venv/.made ## Write .aws-sam/sbom.json, the bill of materials of what is deployed (CycloneDX).
	@$(python) -m local sbom

tools: .venv/.made
	@$(python) -m local tools

.PHONY: build preflight deploy
build: tools ## Build for AWS: make build ENV=dev ARCHITECTURE=arm64
	$(sam) build --config-env $(ENV) --parameter-overrides Architecture=$(ARCHITECTURE)
	@$(python) -m local sbom

preflight: tools ## Check what a deployment needs: make preflight ENV=prod (OFFLINE=1: without an account)
	@$(python) -m local preflight $(ENV) $(if $(OFFLINE),--offline)

# SAM takes parameters from samconfig.toml or from the command line, not from both, and looks for samconfig.toml beside
# the template.
deploy: $(if $(filter off,$(PREFLIGHT)),,preflight) build ## Deploy to AWS with your own credentials: make deploy ENV=dev (PREFLIGHT=off: unchecked)
	parameters=$$($(python) -m local parameters $(ENV)) && \
	template=$$($(python) -m local stamp $(ENV) $(ARCHITECTURE)) && \
	$(sam) deploy --template-file "$$template" --config-file "$(CURDIR)/samconfig.toml" --config-env $(ENV) \
		--parameter-overrides $$parameters Architecture=$(ARCHITECTURE)

.PHONY: adopt
adopt: tools ## Make restored tables ready for a stack: make adopt TASKS=NAME REGISTRY=NAME (docs/restore.md)
	@$(python) -m local adopt $(if $(TASKS),--tasks "$(TASKS)") $(if $(REGISTRY),--registry "$(REGISTRY)")

# STACK is the local one if left out; REGION=…, FULL=1, YES=1 and CLEAN=1 are told of in docs/first-deployment.md.
.PHONY: smoke
smoke: .venv/.made ## Check a deployment: make smoke STACK=a2a-tasks-dev
	@$(python) -m tests.smoke $(if $(STACK),--stack $(STACK)) $(if $(REGION),--region $(REGION)) \
		$(if $(FULL),--full) $(if $(YES),--yes) $(if $(CLEAN),--clean)

.PHONY: clean
clean: ## End the local stack and delete everything that was made here.
	@if [ -x $(python) ]; then $(python) -m local stop; fi
	rm -rf .local .aws-sam .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
