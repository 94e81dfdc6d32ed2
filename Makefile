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

# TFX's libraries want tf.keras to be Keras 2; `import keras` stays Keras 3.
export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Where bytecode is not kept (containers often say so), each process would compile TFX anew: 28 s to start, not 10.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint docs docs-serve serve bench peers lock builds clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:  ## make the environment in .venv (a look-up if it is there)
	@tools/setup.sh

demo: setup  ## train, evaluate and serve a model on real ratings (MovieLens-100K), with a printed walk
	@$(PYTHON) -m examples.demo

lint: setup  ## style, types and the floors of the house
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test: setup  ## lint and run all tests
	@start=$$SECONDS; rm -f $(REPORT); $(MAKE) --no-print-directory lint && \
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --junitxml=$(REPORT) $(PYTEST_ARGS); status=$$?; \
	$(PYTHON) tools/closing_line.py $(REPORT) $$((SECONDS - start)); exit $$status

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

builds: setup  ## write the BUILD files anew from the imports
	@$(PYTHON) tools/build_files.py

clean:  ## remove everything that was made here, the environment too
	rm -rf .venv .venv.partial .venv.old .runtime .runtime.partial .tools build dist site *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis runs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
