# Thin on purpose: each target's plain commands stand in docs/running.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help setup reproduce reproduce-quick study test test-slow test-cuda check bench device-check tensorboard report clean
help:
	@echo "make setup        the environment, .venv; TORCH_INDEX=URL takes torch from another index, such as that of its CPU builds"
	@echo "make reproduce    run what is published; tables, figures, the explorer and the pages go to results/"
	@echo "make reproduce-quick    the same in a minute, with few seeds and without the studies; to runs/quick"
	@echo "make study        the family trees' readings, search and plateau as well: about an hour on 2 cores"
	@echo "make test         the default test suite"
	@echo "make test-slow    the long tests;  make test-cuda: those that need a GPU"
	@echo "make check        lint, format, types, tables;  make report: the README's tables from results/"
	@echo "make bench        microseconds per network and sweep, against other ways of doing the same work, and what"
	@echo "                  TensorBoard costs a run;  make device-check: the tests and the speed of a GPU, in 5 minutes"
	@echo "make tensorboard  learning curves of everything in runs/, on http://localhost:6006"
	@echo "make clean        remove the environment; runs/ and results/ stay"

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet -c constraints.txt torch --index-url $(TORCH_INDEX))
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
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
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m experiments.report --check

bench: $(VENV)/installed
	$(BIN)/python -m experiments.speed

device-check: $(VENV)/installed
	$(BIN)/python -m experiments.speed.device_check

report: $(VENV)/installed
	$(BIN)/python -m experiments.report

tensorboard: $(VENV)/installed
	$(BIN)/python -m experiments.board

clean:
	rm -rf $(VENV)
