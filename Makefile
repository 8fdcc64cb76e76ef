CONFIG ?= configs/antonyms_smollm2.yaml
SET ?=
RUN ?=
TASK ?= ioi
# The recipes read these from the environment, so that neither make nor the shell splits or runs what a value holds.
MODEL ?= gpt2
ROOT ?= runs
WITH ?=
TL ?= 3
export CONFIG SET RUN TASK MODEL ROOT WITH
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
IMPORTED := transformer_lens, transformers.models.llama.modeling_llama, peft, accelerate, seaborn, scipy.stats, pyarrow.parquet, interp.api

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev constraints lint format types test test-real test-slurm benchmark golden experiment figures sweep sparsify validate report list task schema reference docs clean explain runs compare

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo "  variables: CONFIG=configs/NAME.yaml  SET=\"a.b=c title='two words'\"  RUN=runs/NAME/HASH  FRESH=1 (begin anew)"

setup: $(READY) ## create the environment in .venv (the other targets do it when it is missing)

setup-dev: $(DEV) ## the same with the tools that tests and checks need

# Python compiles the few thousand modules that are imported; pip would compile all eighteen thousand, one after the other.
# It happens here, once: where PYTHONDONTWRITEBYTECODE is set, as in many containers, every command would do it again (11 s).
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed; say which with PYTHON=python3.12" >&2; exit 2; }
	@echo "setting up the Python environment in $(VENV): torch, transformer-lens and others; once, about 1.7 GB, 2 to 10 minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -c "import $(IMPORTED)"
	@touch $@

$(DEV): $(READY)
	@echo "adding the tools for tests and checks; once, about 0.3 GB"
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

constraints: $(DEV) ## write down every version that is installed
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > constraints.new
	@mv constraints.new constraints.txt

lint: $(DEV) ## ruff: style and likely mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## ruff: rewrite in the project's style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

types: $(DEV) ## mypy
	$(BIN)/mypy

# TransformerLens 4 lies in a small environment of its own in front of .venv, which has everything else.
NEXT := .venv-tl4
NEXT_VERSION := 4.3.0
NEXT_TESTS := tests/models/test_bridge.py tests/models/test_families.py tests/models/test_directory.py \
	tests/interventions/test_families.py tests/interventions/test_attribution.py tests/interventions/test_carried.py \
	tests/interventions/test_observe.py tests/interventions/test_reduced.py

$(NEXT)/.ready: $(DEV)
	$(BIN)/python -m venv --without-pip $(NEXT)
	@$(BIN)/python -c "import sysconfig as s; print(f'import site; site.addsitedir({s.get_path(\"purelib\")!r})')" \
		> "$$($(NEXT)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth"
	$(BIN)/python -m pip --python $(NEXT)/bin/python install --quiet --no-deps transformer-lens==$(NEXT_VERSION)
	@touch $@

# Tests start many processes, which need not compile what another one has imported.
test test-real test-slurm: export PYTHONDONTWRITEBYTECODE :=

ifeq ($(TL),4)
test: $(NEXT)/.ready ## all tests that need no download; TL=4: those of models and engine, on TransformerLens 4
	CHECK_TYPES=0 $(NEXT)/bin/python -m pytest -q --numprocesses auto --dist loadfile $(NEXT_TESTS)

test-real: $(NEXT)/.ready ## tests on the packaged model (downloads 93 MB once); TL=4: the main job's, on TransformerLens 4
	CHECK_TYPES=0 $(NEXT)/bin/python -m pytest -q -m real tests/real/test_antonyms.py
else
test: $(DEV)
	$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile

test-real: $(DEV)
	CHECK_TYPES=0 $(BIN)/python -m pytest -q -m real tests/real tests/api
endif

test-slurm: $(DEV) ## tests on a real Slurm of this one machine (skipped without Debian's slurm-wlm and munge)
	$(BIN)/python -m pytest -q -m slurm tests/sweep

$(VENV)/.benchmark: $(DEV)
	@echo "installing the libraries that are compared (once; nothing that is installed changes its version)"
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/installed.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --constraint $(VENV)/installed.txt --editable '.[benchmark]'
	@touch $@

benchmark: $(VENV)/.benchmark ## our engine beside other libraries: SET=quick, standard (default), full, gpu, training or families
	@$(BIN)/python -m benchmarks $(if $(SET),--set $(SET))

golden: $(READY) ## numbers of MODEL (gpt2, or a directory) beside published ones (docs/published.md)
	@$(BIN)/python -m benchmarks.golden --model "$$MODEL"

experiment: $(READY) ## run CONFIG to its report
	@$(BIN)/interp run "$$CONFIG" --sets "$$SET" $(if $(FRESH),--fresh)

figures: $(READY) ## the figures of docs/figures.md: every YAML in configs/paper, one after the other
	@for config in configs/paper/*.yaml; do $(BIN)/interp run "$$config" || exit; done

sweep: $(READY) ## many runs: CONFIG=configs/studies/NAME.yaml, to the study report
	@$(BIN)/interp sweep run "$$CONFIG" --sets "$$SET"

sparsify: $(READY) ## make a model's attention sparse, as CONFIG says (configs/sparsify_smollm2.yaml)
	@$(BIN)/interp run $(if $(filter file,$(origin CONFIG)),configs/sparsify_smollm2.yaml,"$$CONFIG") --sets "$$SET" $(if $(FRESH),--fresh)

validate: $(READY) ## check CONFIG without running it
	@$(BIN)/interp validate "$$CONFIG" --sets "$$SET"

explain: $(READY) ## CONFIG in words before it runs: what, on which prompts, how long (BIBTEX=1: what to cite)
	@$(BIN)/interp explain "$$CONFIG" --sets "$$SET" $(if $(BIBTEX),--bibtex)

report: $(READY) ## draw figures and report of RUN again
	@test -n "$$RUN" || { echo "error: say which run, as in make report RUN=runs/NAME/HASH" >&2; exit 2; }
	@$(BIN)/interp report "$$RUN"

runs: $(READY) ## what lies in runs/ (or ROOT): a table, and a page that sorts
	@$(BIN)/interp runs "$$ROOT"

compare: $(READY) ## two finished runs beside each other: RUN=runs/NAME/HASH WITH=runs/NAME/HASH
	@test -n "$$RUN" -a -n "$$WITH" || { echo "error: say which runs, as in make compare RUN=runs/NAME/HASH WITH=runs/NAME/HASH" >&2; exit 2; }
	@$(BIN)/interp compare "$$RUN" "$$WITH"

list: $(READY) ## probes, tasks, metrics, figures, models
	@$(BIN)/interp list

task: $(READY) ## ten prompts of TASK, and how well SmolLM2 answers them: TASK=ioi SET="corruption=all_names"
	@$(BIN)/interp task "$$TASK" --sets "$$SET"

schema: $(READY) ## write the JSON Schemas of the YAMLs into configs/
	@$(BIN)/interp schema

reference: $(DEV) ## write the reference pages and drawings into docs/
	@$(BIN)/python -m docsite

docs: reference ## the site of the docs, into site/; a warning is an error
	$(BIN)/zensical build --strict

clean: ## remove caches and build leftovers; keeps .venv, runs/ and downloaded models
	rm -rf build dist site .cache *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
