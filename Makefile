# make reproduce   the whole of it: set-up, the faces, every notebook of the laptop tier
# make test        set-up, ruff, pytest
# make lab         JupyterLab on localhost
# make clean       removes .venv and build leftovers; results/, figures/ and the cache stay
#
# Needs Python 3.11 to 3.13, make and git. PYTHON=... chooses the interpreter. reproduce takes
# NOTEBOOKS="laplace ..." TIER=smoke|laptop|gpu|paper SEEDS="0,1" ONLY=... FORCE=1.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: reproduce test lab clean setup

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Free space that an installation needs. Wheels of torch that carry CUDA need about 8.
NEED_GB ?= 3
PYTHON ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check $(if $(CI),--quiet --quiet --no-input)
CHECK := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

reproduce: $(INSTALLED)
	@$(BIN)/facelab reproduce $(NOTEBOOKS) $(if $(TIER),--tier "$(TIER)") \
	    $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(ONLY),--only "$(ONLY)") $(if $(FORCE),--force)

test: $(INSTALLED)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest $(TESTS)

lab: $(INSTALLED)
	@$(BIN)/facelab lab

setup: $(INSTALLED)

# Runs again only when what is to be installed has changed. Bytecode is left to the first import:
# compiling all of it takes pip a third of the installation, and most of it is never imported.
$(INSTALLED): requirements.lock pyproject.toml
	@free=$$(df -Pk . | awk 'NR == 2 {print int($$4 / 1048576)}'); \
	if [ ! -x $(BIN)/python ] && [ "$$free" -lt $(NEED_GB) ]; then \
	    echo "facelab: $$free GB free here, and the installation needs $(NEED_GB) GB" \
	        "(NEED_GB=$$free goes on regardless)" >&2; exit 1; \
	fi
	@if ! $(BIN)/python -c '$(CHECK)' 2>/dev/null; then \
	    for python in $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3 python); do \
	        if "$$python" -c '$(CHECK)' 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "facelab: no Python 3.11, 3.12 or 3.13 with its venv module" \
	            $(if $(PYTHON),"at $(PYTHON)","found")". Install one (on Debian and Ubuntu also" \
	            "python3-venv), or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	        exit 1; \
	    fi; \
	    echo "facelab: making $(VENV) with $$($$found --version)"; \
	    "$$found" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "facelab: installing the exact versions of requirements.lock (once; some minutes)"
	@$(PIP) install --no-compile -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build lib/facelab.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
