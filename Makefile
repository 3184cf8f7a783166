.DEFAULT_GOAL := help
.PHONY: help run test soak lint bench lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Every process that a run or a test starts would compile all libraries anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --quiet

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## everything on this machine, with a sandbox for the outside world
	@exec $(BIN)/python -m sandbox.runner

test: $(VENV)/.installed ## all tests but the long ones
	$(BIN)/python -m pytest -n 4

soak: $(VENV)/.installed ## the long fault and load runs, and every rule with many more examples
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile=soak

lint: $(VENV)/.installed ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed ## measure syncs, uploads, scores, boards, live watchers and prizes against their ceilings, and what is told of them
	$(BIN)/python -m bench.sync
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.recompute
	$(BIN)/python -m bench.board
	$(BIN)/python -m bench.boards
	$(BIN)/python -m bench.live
	$(BIN)/python -m bench.payouts
	$(BIN)/python -m bench.cost

lock: $(VENV)/.installed ## write requirements/*.txt anew from requirements/*.in
	$(LOCK) requirements/uv.in --output-file requirements/uv.txt
	$(LOCK) requirements/base.in --output-file requirements/base.txt
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt

clean: ## remove the virtual environment, the local data and the caches
	@if [ -e .local/run.lock ] && [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox.runner --idle; fi
	rm -rf .local $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip knows indexes that uv does not, so it has the second word.
$(VENV)/.installed: requirements/uv.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	v >= (3, 11) or sys.exit("podium needs Python 3.11 or newer; %s is %d.%d" % (sys.executable, *v[:2]))'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing what requirements/dev.txt lists"
	@$(PIP) --requirement requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		--requirement requirements/dev.txt || $(PIP) --requirement requirements/dev.txt
	@touch $@
