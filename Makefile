# Two commands on a bare machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv installs in a minute what pip installs in several; where only pip is told which index to use, pip does it
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
UV = $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --compile-bytecode --no-deps --require-hashes
ARGS ?=
# every start of a program compiles our modules anew where this is set, which takes longer than what it does
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage lint style types bench lock clean

demo: $(STAMP)
	@$(BIN)/python deploy/system.py pango openmp fonts
	@$(BIN)/python manage.py up --demo $(ARGS)

test: $(STAMP)
	@$(BIN)/python deploy/system.py pango openmp fonts browser pdf
	@$(MAKE) --no-print-directory -j2 lint
	$(BIN)/python -m pytest -n 2 $(ARGS)

# the same tests under measurement, which makes them a third slower
coverage: $(STAMP)
	$(BIN)/python -m pytest -n 2 --cov=mrm --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml --cov-fail-under=78 $(ARGS)

lint: style types

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(ARGS)

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements.lock (once)"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	@($(PIP) -r $(VENV)/uv.txt && $(UV) -r requirements.lock) || $(PIP) -r requirements.lock
	@touch $@

lock:
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet --disable-pip-version-check uv
	build/lock/bin/uv pip compile --quiet --python-version 3.11 --extra dev --generate-hashes --no-header \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .coverage
