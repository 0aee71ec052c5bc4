# The verbs of the course. `make` alone lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
NODE = $(shell $(BIN)/python -c "import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / 'driver' / 'node')")
PORT ?= 8000
ifneq ($(wildcard ../shared/data),)
export CNNCOURSE_DATA ?= $(abspath ../shared/data)
endif
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book test lab serve pdf exercises grade mutants check benchmarks clean

help:       ## list the verbs
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

book: $(VENV)/.book       ## build the website into _build/html
	@$(BIN)/python tools/build_book.py

test: $(VENV)/.dev       ## set up and run everything that can fail
	@$(BIN)/python tools/find_chromium.py --install
	@$(MAKE) --no-print-directory style book
	$(BIN)/pytest -q -n auto --dist loadfile
	$(if $(wildcard tests/widgets/*.test.mjs),$(NODE) --test tests/widgets/*.test.mjs)

lab: $(VENV)/.book       ## open JupyterLab with chapters and exercises as notebooks, in lab/
	@$(BIN)/python tools/notebooks.py lab
	cd lab && ../$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1

serve: book       ## serve the website on 127.0.0.1 (PORT=8000)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pdf: book $(VENV)/.dev       ## print the website into _build/course.pdf, each widget as a still
	@$(BIN)/python tools/find_chromium.py --install
	$(BIN)/python tools/print_book.py

exercises: $(VENV)/.dev       ## regenerate the student release from solutions/
	$(BIN)/python tools/exercises.py

grade: $(VENV)/.book       ## grade a class safely: make grade ASSIGNMENT=stride_arithmetic (OPTIONS=--force …)
	@test -n "$(ASSIGNMENT)" || { echo "say which: make grade ASSIGNMENT=stride_arithmetic"; exit 2; }
	$(BIN)/python -m cnncourse.grading autograde $(ASSIGNMENT) $(OPTIONS)

mutants: $(VENV)/.dev       ## tell how many small mistakes the checks of the assignments notice
	$(BIN)/python -m cnncourse.grading mutants

check: style       ## the fast subset for every commit
	$(BIN)/pytest -q -m "not site and not lab and not nbgrader and not large"
	$(if $(wildcard tests/widgets/*.test.mjs),$(NODE) --test tests/widgets/*.test.mjs)

benchmarks: $(VENV)/.dev       ## measure speed as ratios to a named peer; prints tables, writes benchmarks/results
	@for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:       ## remove everything that was built (not the environment, not lab/)
	rm -rf _build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.PHONY: style
style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell cnncourse book tools tests README.md

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH. Install Python 3.11, or say PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.book: $(VENV)/bin/python requirements.txt constraints.txt pyproject.toml
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.book requirements-dev.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@
