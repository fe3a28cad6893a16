# Thin on purpose: each target's plain commands stand in docs/running.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt

.PHONY: help setup reproduce reproduce-quick study test test-slow test-cuda check bench device-check tensorboard notebook report clean
help:
	@echo "make setup        the environment, .venv; TORCH_INDEX=URL takes torch from another index, such as that of its CPU builds;"
	@echo "                  PYTHON=python3.12 makes it of another Python, VENV=DIR in another place"
	@echo "make reproduce    run what is published; tables, figures, the explorer and the pages go to results/"
	@echo "make reproduce-quick    the same in a minute, with few seeds and without the studies; to runs/quick"
	@echo "make study        the family trees' readings, search and plateau as well: about an hour on 2 cores"
	@echo "make test         the default test suite"
	@echo "make test-slow    the long tests;  make test-cuda: those that need a GPU"
	@echo "make check        lint, format, types, tables;  make report: the README's tables from results/"
	@echo "make bench        microseconds per network and sweep, against other ways of doing the same work, and what"
	@echo "                  TensorBoard costs a run;  make device-check: the tests and the speed of a GPU, in 5 minutes"
	@echo "make tensorboard  learning curves of everything in runs/, on http://localhost:6006"
	@echo "make notebook     install Jupyter into the environment, and open examples/first_look.ipynb in it"
	@echo "make clean        remove the environment; runs/ and results/ stay"

FITS := -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))'
ASKED_FOR := $(if $(findstring command,$(origin PYTHON)),&& test "$$($(BIN)/python -V)" = "$$($(PYTHON) -V)")
# An environment is gone on with where its Python runs and is the one asked for, and its scripts know their folder by
# the path that it has; else it is made anew.
USABLE := $(shell $(BIN)/python $(FITS) 2> /dev/null && grep -qsF "$$(cd $(VENV) && pwd -P)" $(BIN)/activate $(ASKED_FOR) && echo yes)

.PHONY: environment
environment:
	@$(PYTHON) $(FITS) 2> /dev/null || { \
	  echo "$(PYTHON) is no Python 3.10 to 3.13: name one that is, such as make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(if $(wildcard $(VENV)/pyvenv.cfg),--clear) $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt $(if $(USABLE),,environment)
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(BIN)/python -m ensurepip
	@$(if $(TORCH_INDEX),,$(BIN)/python -m pip show -qq torch 2> /dev/null || \
	  echo "On Linux pip's torch brings CUDA's libraries, some gigabytes. Without a GPU, end this by Ctrl-C and take its" \
	    "CPU build: make setup TORCH_INDEX=URL, with the index that pytorch.org shows under CPU")
	$(if $(TORCH_INDEX),$(PIP) torch --index-url $(TORCH_INDEX))
	$(PIP) -e '.[dev]'
	touch $@

setup: $(VENV)/installed

reproduce: $(VENV)/installed
	$(BIN)/python -m experiments.reproduce

reproduce-quick: $(VENV)/installed
	$(BIN)/python -m experiments.reproduce --quick

study: $(VENV)/installed
	$(BIN)/python -m experiments.reproduce family_trees_readings family_trees_search family_trees_plateau

test: $(VENV)/installed
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -n 0 -m slow

test-cuda: $(VENV)/installed
	$(BIN)/python -m pytest -n 0 -m cuda

check: $(VENV)/installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m experiments.report --check

bench: $(VENV)/installed
	$(BIN)/python -m experiments.speed

device-check: $(VENV)/installed
	$(BIN)/python -m experiments.speed.device_check

report: $(VENV)/installed
	$(BIN)/python -m experiments.report

tensorboard: $(VENV)/installed
	$(BIN)/python -m experiments.board

notebook: $(VENV)/installed
	$(PIP) -e '.[notebook]'
	$(BIN)/python -m notebook examples/first_look.ipynb

clean:
	rm -rf $(VENV)
