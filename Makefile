# Everything runs in environments that this file makes itself, from the lock files beside it.
# First commands on a fresh machine: `make demo` or `make test`.

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$each && break; done)
# rdk needs Python 3.12, so the tools prefer a newer one, also where only a version manager knows it.
TOOLS_PYTHON ?= $(shell for each in python3.14 python3.13 python3.12 \
	$$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[2-9]*/bin/python3 2>/dev/null | sort -V -r) $(PYTHON); do \
	$$each -c "import venv, ensurepip" 2>/dev/null && echo $$each && break; done)
# The benchmark measures the Python of the function's runtime where this machine has it.
BENCHMARK_PYTHON ?= $(shell for each in python3.13 \
	$$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13*/bin/python3 2>/dev/null | sort -V -r) $(PYTHON); do \
	$$each -c "import venv, ensurepip" 2>/dev/null && echo $$each && break; done)
# checkov does not name a newer Python than 3.12 among those that it supports.
CHECKOV_PYTHON ?= $(shell for each in python3.12 python3.11 \
	$$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[12]*/bin/python3 2>/dev/null | sort -V -r) $(PYTHON); do \
	$$each -c "import venv, ensurepip" 2>/dev/null && echo $$each && break; done)
# The tests of the page run in Debian's Chromium or another one: make test CHROMIUM=/path/to/chromium
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
RUN := .venv/bin/python
PIP := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement

# `make test` installs two environments at the same time, and checks types beside the first tests.
MAKEFLAGS += --jobs=2

# --no-deps: the locks are complete, and pip before 24 cannot check hashes of extras.
.DELETE_ON_ERROR:
.PHONY: demo test lint tests browser nightly benchmark reliability preflight verify status replay fix format rdk lock clean

# Runs the rule on a local organization and writes build/demo-report.html, or on your own item: make demo ITEM=path.json
demo: .venv/ready
	@PYTHONPATH=rule:. $(RUN) -m tests.local_aws.demo $(if $(ITEM),"$(ITEM)")

test: lint tests browser
	$(SKIPPED)

# One process, beside the first tests.
lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

tests: .venv/ready .venv-tools/ready
	rm -f .coverage .coverage.*
	$(RUN) -m coverage run -m pytest $(WORKERS) $(REPEATED:%=--ignore-glob '%') $(MEASURED)
# The other tests reach the same code again, and are two or three times as fast without coverage.
	$(RUN) -m pytest $(WORKERS) $(NOT_MEASURED)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

# The page in a browser, in an environment of its own (53 MB), which is not made where there is no browser.
# tests/conftest.py needs the other environment.
browser: $(if $(CHROMIUM),.venv-browser/ready)
	$(if $(CHROMIUM),CHROMIUM="$(CHROMIUM)" .venv-browser/bin/python -m pytest --confcutdir tests/browser tests/browser)

SKIPPED = $(if $(CHROMIUM),,@echo "SKIPPED: tests/browser, because there is no Chromium; name one: make $@ CHROMIUM=PATH")

MEASURED := tests/commands tests/local_aws tests/rule
# The files in those folders that repeat what others do: with each case, at each call, in each size; and the slowest of
# preflight, whose other files reach nearly the same code.
REPEATED := *_corpus.py *_each_call.py *_interrupts.py *_interrupted.py *_at_scale.py *_architecture.py \
	$(foreach each,accounts hub reading,*_preflight_$(each).py)
# pytest leaves out a file or folder that another argument contains, also if --ignore names it: none contains another.
NOT_MEASURED = $(filter-out $(MEASURED),$(patsubst %/,%,$(wildcard tests/[a-z]*/)) $(wildcard tests/test_*.py)) \
	$(wildcard $(foreach each,$(MEASURED),$(REPEATED:%=$(each)/%)))
WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal

# The long profile: thousands of random policies against the oracle, every mutant of the corpus.
nightly: export HYPOTHESIS_PROFILE := nightly
nightly: .venv/ready .venv-tools/ready browser
	$(RUN) -m pytest
	$(SKIPPED)

# Measures the function and the commands beside their targets, for about fifteen minutes.
benchmark: .venv-benchmark/ready .venv-checkov/ready
	@PYTHONPATH=rule:. .venv-benchmark/bin/python -m tests.benchmarks

# Writes docs/reliability.md: what the function does under every fault of every call of AWS.
reliability: .venv/ready
	@PYTHONPATH=rule:. $(RUN) -m tests.reliability.reliability_page

# Shortcuts to the command ecr-exposure, which uses your AWS credentials; `pip install .` installs it by itself.
COMMAND = @PYTHONPATH=rule $(RUN) -m ecr_exposure.cli.main
# A stack is in one Region; preflight and status take several.
one-region = $(if $(REGIONS),$(error Name one Region: make $(1) $(or $(2),STACK)=name REGION=region))

# Before a deployment to an organization: lists missing prerequisites and the commands that fix them, and writes the
# stack's values to parameters.yaml. Changes nothing in AWS. SET="NAME=VALUE NAME=VALUE" sets values.
# In the management account, HUB=ACCOUNT is the account from which the rule will be deployed.
# ARGS="--json --thorough" are further options of the command, here and below.
preflight: .venv/ready
	$(if $(REGION),$(error Name the Regions: make preflight REGIONS=$(REGION)))
	$(COMMAND) preflight $(if $(REGIONS),--regions "$(REGIONS)") $(if $(ROLE),--role "$(ROLE)") \
		$(if $(HUB),--hub "$(HUB)") $(foreach assignment,$(SET),--set "$(assignment)") $(ARGS)

# After a deployment: is a public repository flagged, and no longer flagged without its policy?
verify: .venv/ready
	$(call one-region,verify)
	$(if $(STACK),,$(error Name the stack: make verify STACK=name))
	$(if $(SEVERITY),$(error Name the severity that is expected: ARGS="--expect-finding $(SEVERITY)"))
	$(COMMAND) verify $(if $(REGION),--region "$(REGION)") $(if $(DRY_RUN),--dry-run) \
		$(if $(MINUTES),--minutes "$(MINUTES)") $(if $(CLEAN),--clean) $(ARGS) -- "$(STACK)"

# At any time: in which accounts and Regions is the rule evaluated, and where not, and why?
status: .venv/ready
	$(if $(REGION),$(error Name the Regions: make status REGIONS=$(REGION)))
	$(if $(STACK),,$(error Name the stack: make status STACK=name))
	$(COMMAND) status $(if $(REGIONS),--regions "$(REGIONS)") $(ARGS) -- "$(STACK)"

# Invokes the function again with the events on which it failed three times.
replay: .venv/ready
	$(call one-region,replay)
	$(if $(STACK),,$(error Name the stack: make replay STACK=name))
	$(COMMAND) replay $(if $(REGION),--region "$(REGION)") $(if $(MOST),--most "$(MOST)") \
		$(if $(DRY_RUN),--dry-run) $(ARGS) -- "$(STACK)"

# Closes the policy of a repository: shows the change, asks, and keeps the previous policy in a file.
fix: .venv/ready
	$(call one-region,fix,REPOSITORY)
	$(if $(REPOSITORY),,$(error Name the repository: make fix REPOSITORY=name))
	$(COMMAND) fix $(if $(REGION),--region "$(REGION)") $(ARGS) --repository "$(REPOSITORY)"

format: .venv/ready
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# Stages the rule as RDK wants it, in build/rdk: the code, parameters.json and a test in one folder.
RDK := build/rdk/ECR_REPOSITORY_NO_PUBLIC_ACCESS
rdk: .venv/ready
	rm -rf $(RDK)
	mkdir -p $(RDK)
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(MAKE) --no-print-directory -C rule build-RuleFunction ARTIFACTS_DIR="$(abspath $(RDK))"
	cp parameters.json tests/deployment/rdk/*_test.py $(RDK)/

# Renews the lock files to the newest versions that pyproject.toml admits.
lock: .venv-lock/ready
	.venv-lock/bin/uv pip compile --upgrade pyproject.toml --group test $(LOCK) --output-file requirements.lock
	.venv-lock/bin/uv pip compile --upgrade --group tools $(LOCK) --output-file requirements-tools.lock
	.venv-lock/bin/uv pip compile --upgrade pyproject.toml --group benchmark --constraint requirements.lock $(LOCK) \
		--output-file requirements-benchmark.lock
	.venv-lock/bin/uv pip compile --upgrade --group checkov $(LOCK) --output-file requirements-checkov.lock
	.venv-lock/bin/uv pip compile --upgrade pyproject.toml --group browser --constraint requirements.lock $(LOCK) \
		--output-file requirements-browser.lock
LOCK := --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

clean:
	rm -rf .venv .venv-* build .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

.venv/ready: requirements.lock
.venv-tools/ready: requirements-tools.lock
.venv-tools/ready: PYTHON := $(TOOLS_PYTHON)
.venv-benchmark/ready: requirements-benchmark.lock
.venv-benchmark/ready: PYTHON := $(BENCHMARK_PYTHON)
.venv-checkov/ready: requirements-checkov.lock
.venv-checkov/ready: PYTHON := $(CHECKOV_PYTHON)
.venv-browser/ready: requirements-browser.lock
.venv/ready .venv-tools/ready .venv-benchmark/ready .venv-checkov/ready .venv-browser/ready:
	$(if $(PYTHON),,$(error Python 3.11 or newer with its venv module is needed; name it: make PYTHON=/path/to/python3))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11"; exit 1; }
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) $<
	touch $@

.venv-lock/ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	touch $@
