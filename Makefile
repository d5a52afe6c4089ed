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

# Of these, what `make test` takes: the oldest, the first on httpx2, the first with spans of its own, the newest; and
# the older versions of OpenTelemetry, with the tests of what is different there.
TESTED := $(NEWEST) sdk-0.49 sdk-1.0 sdk-1.14 $(OTELS)
DIFFERENT := tests/unit/test_log_events.py \
	$(patsubst %,tests/integration/test_%.py,log_events spans metrics instrumentor injected_opentelemetry)

RELIABLE := $(NEWEST) sdk-0.49

ENVS := $(SDKS) $(OTELS) lint neighbours fuzz
DEV := .venv/$(NEWEST)
LINT := .venv/lint
INJECTED := .venv/$(NEWEST)-otel-1.30
STORE := .venv/victoria-metrics
NEIGHBOURS := .venv/neighbours
FUZZ := .venv/fuzz
TESTS := $(SDKS:%=test-%) $(OTELS:%=test-%)
TARGETS := $(patsubst fuzz/%.py,%,$(wildcard fuzz/*.py))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-all $(TESTS) test-release test-neighbours test-otlp matrix lint format release bench bench-others comparison instructions fuzz docs dashboards pictures pins clean FORCE
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

test: lint test-release $(TESTED:%=test-%) ## lint, what would be released, then the tests with four SDKs, and with older OpenTelemetry

test-all: lint test-release $(TESTS) ## the same with every SDK that has pins

# The newest has every scenario; the others have a few, which show every kind of fault. The oldest has the tests of
# reliability, too.
$(filter-out test-$(NEWEST),$(TESTS)): EXAMPLES := --examples=few
$(filter-out $(RELIABLE:%=test-%),$(TESTS)): EXAMPLES += --ignore=tests/reliability
$(OTELS:%=test-%): EXAMPLES += $(DIFFERENT)
# The oldest OpenTelemetry is also what a test injects ahead of the others.
$(TESTS): $(INJECTED)/.packages
$(TESTS): test-%: .venv/%/.project
	@echo "== tests with $*"
	@.venv/$*/bin/python -m pytest --numprocesses=auto $(EXAMPLES) $(ARGS)

test-release: $(LINT)/.project ## wheel and sdist: contents, metadata, types, where they are installed
	@echo "== tests of the wheel and the sdist"
	@$(LINT)/bin/python -m pytest tests/release $(ARGS)

test-neighbours: $(NEIGHBOURS)/.project ## the tests beside other instrumentations of the SDK
	@echo "== tests with neighbours"
	@$(NEIGHBOURS)/bin/python -m pytest --numprocesses=auto tests/neighbours $(ARGS)

test-otlp: $(DEV)/.project $(STORE)/.packages ## boards and rules on metrics pushed over OTLP; needs apt
	@echo "== tests with $(STORE)"
	@VICTORIA_METRICS=$(STORE) $(DEV)/bin/python -m pytest tests/dashboards/test_live_otlp.py $(ARGS)

$(STORE)/.packages: tests/dashboards/fetch-victoria-metrics.sh
	@echo "== fetching $(@D)"
	@rm -rf $(@D)
	@$< $(@D)
	@touch $@

matrix: ## the tests with many versions of everything, for hours; writes docs/compatibility.md
	@$(PYTHON) docs/matrix.py $(ARGS)

lint: $(LINT)/.project ## ruff, mypy, pyright
	@echo "== lint"
	@$(LINT)/bin/ruff check
	@$(LINT)/bin/ruff format --check
	@$(LINT)/bin/mypy
	@$(LINT)/bin/pyright --pythonpath $(LINT)/bin/python

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

comparison: $(NEIGHBOURS)/.project ## what other instrumentations tell of failed streams; writes docs/comparison.md
	@$(NEIGHBOURS)/bin/python docs/comparison.py $(ARGS)

instructions: $(DEV)/.project ## machine instructions per event, with ARGS=--calls per call; needs valgrind
	@$(DEV)/bin/python benchmarks/instructions.py $(ARGS)

fuzz: $(FUZZ)/.project ## random exceptions, bodies and requests, guided by coverage; for a minute each
	@for target in $(TARGETS); do \
		echo "== fuzzing $$target"; \
		mkdir -p .fuzz/$$target; \
		PYTHONPATH=tests $(FUZZ)/bin/python fuzz/$$target.py -max_total_time=60 -max_len=4096 -len_control=0 -artifact_prefix=.fuzz/ $(ARGS) .fuzz/$$target || exit 1; \
	done

docs: $(DEV)/.project ## write docs/telemetry.md, docs/outcomes.md and the tables of docs/retrying.md again
	@$(DEV)/bin/python docs/generate.py
	@$(DEV)/bin/python docs/outcomes.py
	@$(DEV)/bin/python examples/retry/measure.py

dashboards: $(DEV)/.project ## write the boards and rules again
	@$(DEV)/bin/python dashboards/generate.py

pictures: $(DEV)/.project ## draw the boards from live data: docs/images; needs prometheus, chromium, npm
	@$(DEV)/bin/python dashboards/pictures/draw.py $(ARGS)

pins: ## write requirements/*.txt again; needs Python 3.10 too, as OLDEST
	@PYTHON="$(PYTHON)" requirements/pin.sh

clean: ## remove the environments, caches and builds
	rm -rf .venv .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An environment is built anew when its pins, the interpreter or the place of the checkout change. --no-deps and
# --only-binary: nothing comes that is not pinned; pip check: nothing is missing.
$(ENVS:%=.venv/%/.packages): .venv/%/.packages: requirements/%.txt .venv/python
	@echo "== building .venv/$*"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --no-deps --only-binary :all: $(patsubst %,-r %,$(filter requirements/%,$^))
	@touch $@

$(LINT)/.packages $(NEIGHBOURS)/.packages $(FUZZ)/.packages: requirements/$(NEWEST).txt

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
