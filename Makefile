# Everything runs in .venv, which is made from requirements.lock on first use.
PYTHON ?= python3
PORT ?= 3000
SERVE ?= 1
PRODUCTS ?= 2000
WORKSPACE ?= workspace
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
PACKAGES := aisle aisle_client export train batch serving web demo evaluation loadtest cli tests benchmarks

.PHONY: help demo lint format test lock clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Aisle needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/ready-demo: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing what the demo needs into .venv ..."
	$(PIP) --editable '.[cpu,batch,s3,serving,demo]'
	@touch $@

.venv/ready-dev: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing what development needs into .venv ..."
	$(PIP) --editable '.[cpu,export,train,batch,s3,serving,demo,dev]'
	$(PIP) --no-deps clip-retrieval # the tests run its client, which needs `requests` alone; its back end pins old numpy
	@touch $@ .venv/ready-demo

demo: .venv/ready-demo ## Draw a catalog, index it and serve the page (SERVE=0: all but stay up)
	$(BIN)/aisle demo --workspace $(WORKSPACE) --products $(PRODUCTS) --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

lint: .venv/ready-dev ## Format check, ruff, mypy strict, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready-dev ## Let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: .venv/ready-dev ## The whole suite: no network, no GPU, no download
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lock: ## Resolve requirements.lock anew (the CPU variant, all extras)
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable '.[cpu,export,train,batch,s3,serving,demo,dev]' torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet --no-deps clip-retrieval
	.venv-lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean: ## Remove the environment and every build output, not the workspace
	rm -rf .venv .venv-lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
