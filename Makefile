# What there is to do here. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
REPORT := .tools/tests.xml
WORKERS ?= 2
PORT ?= 8500
DOCS_PORT ?= 8000
NAME ?= default
SPEC ?= movielens_100k
BASE ?= HEAD

# TFX's libraries want tf.keras to be Keras 2; `import keras` stays Keras 3.
export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Where bytecode is not kept (containers often say so), each process would compile TFX anew: 28 s to start, not 10.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test test-lowest test-newest quick costs style lint docs docs-serve serve bench peers lock builds tables goldens clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup:  ## make the environment in .venv (a look-up if it is there)
	@tools/setup.sh

demo: setup  ## train, evaluate and serve a model on real ratings (MovieLens-100K), with a printed walk
	@$(PYTHON) -m examples.demo

style: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports
	@$(PYTHON) tools/audit_pins.py

lint: style  ## style, types, the floors of the house and known weaknesses of the pins
	@.venv/bin/mypy

test: setup  ## lint and run all tests; types are checked beside the first of them
	@start=$$SECONDS; rm -f $(REPORT); $(MAKE) --no-print-directory style && \
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder --junitxml=$(REPORT) $(PYTEST_ARGS); status=$$?; \
	$(PYTHON) tools/closing_line.py $(REPORT) $$((SECONDS - start)); exit $$status

quick: setup  ## lint and the tests of what changed since BASE (HEAD), by who imports it
	@$(PYTHON) tools/quick.py --base $(BASE)

costs: setup  ## run all tests and tell what they cost by file and by fixture
	@rm -rf .tools/costs && TEST_COSTS=$(CURDIR)/.tools/costs $(MAKE) --no-print-directory test PYTEST_ARGS="-p test_costs"
	@$(PYTHON) tools/test_costs.py .tools/costs

# The package without TFX, at both ends of setup.py's ranges. What an old release warns of today is no fault of ours.
CORE_TESTS ?= tests/spec tests/layers tests/models tests/data tests/training tests/conformance
NEEDS_TRANSFORM := clustered_tables_test.py growth retrieval_test.py metrics/tfma_metrics_test.py
RANGE_ARGS := -m "not slow" $(NEEDS_TRANSFORM:%=--ignore=tests/training/%) $(CORE_TESTS) $(PYTEST_ARGS)

test-lowest: setup  ## the tests that need no TFX with the lowest versions that setup.py allows, on Python 3.11
	@$(PYTHON) tools/range_environments.py lowest
	@PYTHONPATH=$(CURDIR) .tools/lowest/bin/python -m pytest -W default::DeprecationWarning $(RANGE_ARGS)

test-newest: setup  ## the same with the newest versions, on Python 3.13 or the newest below it that is here
	@$(PYTHON) tools/range_environments.py newest
	@PYTHONPATH=$(CURDIR) .tools/newest/bin/python -m pytest $(RANGE_ARGS)

docs: setup  ## build the docs site into site/, every link checked
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet && echo "site/index.html"

docs-serve: setup  ## show the docs site on DOCS_PORT (8000) while you write
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs serve --dev-addr localhost:$(DOCS_PORT)

serve: setup  ## serve the versions below MODELS=folder as NAME (default) on PORT (8500)
	@test -n "$(MODELS)" || { echo "say which folder of versions: make serve MODELS=runs/ads/serving NAME=ads"; exit 2; }
	@.venv/bin/tfctr serve --port $(PORT) --model_name $(NAME) --model_base_path "$(abspath $(MODELS))"

bench: setup  ## accuracy of models over seeds on SPEC (movielens_100k), into benchmarks/RESULTS.md
	@$(PYTHON) -m benchmarks.accuracy $(SPEC) $(BENCH_ARGS)

peers: setup  ## make the environments of FuxiCTR and DeepCTR, which benchmarks compare with, in .tools/peers
	@$(PYTHON) tools/peer_environments.py

lock: setup  ## resolve requirements.in anew into requirements.txt
	@$(PYTHON) tools/lock.py $(if $(UPGRADE),--upgrade)

tables: setup  ## write the README's table of models anew from registrations and results
	@PYTHONPATH=. $(PYTHON) tools/model_table.py

goldens: setup  ## write down what layers and models answer: NAMES="FM DIN", all without
	@$(PYTHON) -m tests.conformance.regenerate_goldens $(NAMES)

builds: setup  ## write the BUILD files anew from the imports
	@$(PYTHON) tools/build_files.py

clean:  ## remove everything that was made here, the environment too
	rm -rf .venv .venv.partial .venv.old .runtime .runtime.partial .tools build dist site *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis runs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
