# The commands of this project; `make help` lists them.
PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# tests/fixtures/side_by_side.py says which files go first.
# One process more than cores, for some wait.
SIDE_BY_SIDE := --numprocesses $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN)) --dist loadfile --no-loadscope-reorder
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
	--custom-compile-command "make lock"
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard */__init__.py))

# A strict editable install links every file by itself and does not see new ones, so the stamp of
# the install is named after the list of files: a file that comes or goes makes it again.
FILES := $(shell find $(PACKAGES) -name '*.py' -o -name '*.toml' -o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.txt' | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
LIBRARIES := $(VENV)/libraries-installed
DOCS := $(VENV)/docs-libraries-installed
TRIFUSE := $(VENV)/trifuse-installed-$(FILES)

.PHONY: help demo test test-fast check lint types contracts docs bench lock clean
.DELETE_ON_ERROR:

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

demo: $(TRIFUSE) ## make synthetic images, train on them, and score a folder
	$(BIN)/trifuse demo

test: $(TRIFUSE) ## run the tests and doctests and measure coverage
	$(BIN)/pytest $(SIDE_BY_SIDE) --durations 10 --cov --cov-report=term --cov-fail-under=90

test-fast: $(TRIFUSE) ## run the tests that are not marked slow, without coverage
	$(BIN)/pytest $(SIDE_BY_SIDE) --durations 10 -m "not slow"

check: lint types contracts test ## run everything that must pass before a commit

lint: $(TRIFUSE) ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TRIFUSE) ## check types
	$(BIN)/mypy

contracts: $(TRIFUSE) ## check that imports run one way
	$(BIN)/lint-imports

docs: $(DOCS) ## make the site of the pages in build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(TRIFUSE) ## run the benchmarks
	@set -e; for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file; done

lock: ## pin the dependencies of pyproject.toml in the files *.lock (needs uv)
	@command -v $(UV) > /dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(COMPILE) pyproject.toml --extra dask --extra dicom --extra parquet --extra studies --group headless \
		--output-file requirements.lock
	$(COMPILE) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --group docs --constraints requirements.lock --output-file docs/requirements.lock

clean: ## remove what the commands made, except the libraries in .venv
	rm -rf build dist demo htmlcov .coverage .coverage.* $(VENV)/trifuse-installed-* \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis ./*.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "trifuse needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is" \
		"$$($(PYTHON) --version 2>&1): run make PYTHON=python3.13 or the like" >&2; exit 1; }
	@$(PYTHON) -c 'import ctypes, sys; sys.platform != "linux" or ctypes.CDLL("libgomp.so.1")' \
		2> /dev/null || { echo "trifuse needs the system's library libgomp.so.1, for LightGBM:" \
		"run apt-get install libgomp1, or install what holds it on your system" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The lock names every library, so nothing is left to resolve: old releases of pip, asked to, take a
# newer coverage[toml] than the lock names and then miss its hash.
$(LIBRARIES): requirements.lock requirements-dev.lock | $(BIN)/python
	$(PIP) install --no-deps --require-hashes -r requirements.lock -r requirements-dev.lock
	@touch $@

$(DOCS): docs/requirements.lock | $(TRIFUSE)
	$(PIP) install --no-deps --require-hashes -r docs/requirements.lock
	@touch $@

$(TRIFUSE): $(LIBRARIES) pyproject.toml setup.py
	@rm -f $(VENV)/trifuse-installed-*
	$(PIP) install --no-deps --no-build-isolation --editable . --config-settings editable_mode=strict
	@touch $@
