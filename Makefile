# `make demo` and `make test` need python3 with venv, and nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
PYTEST_ARGS ?=
WORKERS ?= 2
# Where a test ends its process, the run ends, too: pytest-xdist may wait for the lost one for ever.
# Files are dealt out by their names: by their number of tests, few long ones would come last.
PROCESSES = -n $(WORKERS) --max-worker-restart 0 --no-loadscope-reorder

.PHONY: demo test test-backends lint format docs bench clean
.DEFAULT_GOAL := help

.PHONY: help
help:  ## List what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/installed

demo: $(VENV)/installed  ## Compare techniques on a real table; ends with where the report is.
	$(BIN)/gengap compare sklearn:breast_cancer

# Without Chromium the report is not opened in a browser, and that is said; in CI (where the
# variable CI is set) those tests run and fail.
test: $(VENV)/installed-dev  ## Run the test suite (the report in a browser too, where Chromium is).
ifneq ($(or $(CHROMIUM),$(CI)),)
	$(BIN)/python -m pytest $(PROCESSES) $(PYTEST_ARGS)
else
	$(BIN)/python -m pytest $(PROCESSES) -m "not browser" $(PYTEST_ARGS)
	@echo "Left out: the tests that open the report in a browser (-m browser), because there is"
	@echo "no Chromium here. On Debian: apt-get install chromium, then make test again."
endif

# An environment each, with what the backend needs besides what is installed already.
BACKENDS := tensorflow torch
BESIDE := build/backends

$(BESIDE)/%/installed: tests/executors/requirements-%.txt $(VENV)/installed-dev
	$(PYTHON) -m venv --clear $(@D)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"
	$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

test-backends: $(BACKENDS:%=$(BESIDE)/%/installed)  ## Test studies where Keras runs on TensorFlow, on PyTorch.
	@for backend in $(BACKENDS); do \
		echo "Keras on $$backend:"; \
		KERAS_BACKEND=$$backend PYTHONPATH=$(CURDIR)/src $(BESIDE)/$$backend/bin/python -m pytest \
			$(PROCESSES) tests/executors \
			--ignore tests/executors/test_beside_numpy.py $(PYTEST_ARGS) || exit; \
	done

lint: $(VENV)/installed-dev  ## Check style, format, types and the import contract.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/installed-dev  ## Check every example in the docstrings.
	$(BIN)/python -m pytest --doctest-modules src/gengap $(PYTEST_ARGS)

# The peers' libraries go into environments of their own below build/; about 90 minutes on 2 cores.
bench: $(VENV)/installed-dev  ## Run the benchmarks; MNIST=PATH for its images, DATA='a.csv b.csv' for real tables, STUDIES="a.npz 'b.csv --target c'" for what is announced, EXPERIMENTS='--digits PATH' for the examples.
	$(BIN)/python benchmarks/engine.py $(if $(MNIST),--mnist $(MNIST))
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/augmentations.py
ifneq ($(DATA),)
	$(BIN)/python benchmarks/datasets.py $(DATA)
else
	@echo "Left out: benchmarks/datasets.py, because no tables were given (DATA='a.csv b.csv')."
endif
ifneq ($(STUDIES),)
	$(BIN)/python benchmarks/announced.py $(STUDIES)
else
	@echo "Left out: benchmarks/announced.py, because no studies were given"
	@echo "(STUDIES=\"a.npz 'b.csv --target c'\")."
endif
ifneq ($(EXPERIMENTS),)
	$(BIN)/python benchmarks/experiments.py $(EXPERIMENTS)
else
	@echo "Left out: benchmarks/experiments.py, because its data were not given"
	@echo "(EXPERIMENTS='--digits mnist --wine winequality-red.csv')."
endif

clean:  ## Remove the environment and everything that was built.
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
