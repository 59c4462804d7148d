# make demo and make test are all that a newcomer needs; each sets up .venv first.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadscope
RULE_TESTS := tests/rules tests/simulation/test_model_rules.py tests/simulation/test_guardrails_and_flows.py

.PHONY: setup compiled demo test test-all test-bounds test-interpreted lint format lock docs bench experiments clean

setup: $(STAMP) compiled

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "cjsim needs Python 3.11 or newer, and none was found. Install it, or run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing what requirements.lock names into .venv ..."
	@if uv --version >/dev/null 2>&1; then \
		uv pip install --quiet --compile-bytecode --require-hashes --python $(BIN)/python -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

# Returns at once unless a kernel has changed.
compiled: $(STAMP)
	@$(BIN)/cjsim compile

demo: setup
	$(BIN)/cjsim compare configs/scenarios/shop.yaml configs/scenarios/shop_better.yaml

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: lint compiled
	$(PYTEST) -m "not slow"

# All tests, then the rules of the model in two other builds.
test-all: lint compiled
	$(PYTEST)
	$(MAKE) test-bounds test-interpreted

# A debug build (takes minutes, because it is compiled separately): kernels raise IndexError on an index that is negative or beyond the size of the array.
test-bounds: $(STAMP)
	CJSIM_BOUNDSCHECK=1 $(PYTEST) -m "not slow" $(RULE_TESTS) tests/theory

# Kernels as plain Python functions, with checked indices: the rule tests without those of tests/theory, which simulate many customers.
test-interpreted: $(STAMP)
	CJSIM_BOUNDSCHECK=1 NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not slow" $(RULE_TESTS)

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Pins and hashes for CPython 3.11 to 3.13 on Linux, macOS and Windows. Without `--upgrade`, versions stay as they are.
lock:
	uv pip compile --quiet --universal --upgrade --generate-hashes --no-strip-extras --no-header --no-annotate --extra dev --extra docs -o requirements.lock pyproject.toml

# The documentation site, in build/site. A warning is an error.
docs: setup
	$(BIN)/python -m sphinx -q -W --keep-going -c docs . build/site
	@echo "Open build/site/docs/index.html"

bench: setup
	$(BIN)/python benchmarks/engines.py

# Each hypothesis in experiments/*.yaml; what has been run as it is now is not run again.
experiments: setup
	@for file in experiments/*.yaml; do $(BIN)/cjsim experiment $$file || exit 1; done

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis runs build dist docs/api
