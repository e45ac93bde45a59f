# The two commands: `make demo` (the whole life of a deployment on this machine) and `make test`.
# Both do all the set-up themselves. What takes long is cached in $BYOC_CACHE_DIR (~/.cache/byoc-infra).
.PHONY: demo test setup lint unit e2e chaos soak fuzz bench bench-all docs diagrams requirements clean
python = .venv/bin/python
cache = $(or $(BYOC_CACHE_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/byoc-infra)
# a run starts hundreds of Python processes; without byte code each would compile everything anew
unexport PYTHONDONTWRITEBYTECODE
# and without what Hypothesis has read of the code, each would read all of it
export HYPOTHESIS_STORAGE_DIRECTORY = $(cache)/hypothesis

demo: setup  ## KEEP=1 leaves it all running and prints how to look inside
	@$(python) -m byoc_infra.cli demo $(if $(KEEP),--keep)

test: lint bench unit e2e  ## needs Node.js and npm: tests/support/outside.py

setup:
	@scripts/setup.sh

lint: setup
	$(python) -m ruff format --check --quiet .
	$(python) -m ruff check --quiet .
	$(python) -m mypy --cache-dir $(cache)/mypy  # reading the types of pulumi_aws takes minutes
	$(python) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache --no-logo

unit: setup
	# the third works while another waits for PostgreSQL
	$(python) -m pytest -m "not e2e" -n 3 --dist loadfile

e2e: setup
	$(python) -m byoc_infra.cli doctor
	$(python) -m byoc_infra.cli local prepare
	# three, each with a local cloud: a third of a story is waiting
	# GOGC: hundreds of `pulumi` calls of less than a second each, a fifth of it collecting garbage
	GOGC=400 $(python) -m pytest -m e2e --timeout 600 -n 3 --dist loadfile --no-loadscope-reorder

chaos: setup  ## SEED=n ROUNDS=n: kills workers, engines and PostgreSQL; see tests/e2e/chaos.py
	$(python) -m tests.e2e.chaos --seed $(or $(SEED),1) --rounds $(or $(ROUNDS),60)

soak: setup  ## SEED=n: kills the demo at random moments and in each step; see tests/e2e/soak.py
	$(python) -m tests.e2e.soak --seed $(or $(SEED),1)

fuzz: setup  ## asks the API whatever its OpenAPI document allows, for minutes
	FUZZ=1 $(python) -m pytest tests/e2e/test_openapi.py -m e2e --timeout 1800

bench: setup  ## ROUNDS=n: how often each is measured
	$(python) benchmarks/cli_start.py --rounds $(or $(ROUNDS),3)
	$(python) -m benchmarks.api --rounds $(or $(ROUNDS),20) --deployments 200

bench-all: setup  ## all, in full size or with ROUNDS=n and OPERATIONS=n; on a local cloud
	$(python) benchmarks/cli_start.py
	$(python) -m benchmarks.api $(if $(ROUNDS),--rounds $(ROUNDS))
	$(python) -m benchmarks.rollout $(if $(ROUNDS),--rounds $(ROUNDS))
	$(python) -m benchmarks.parallel $(if $(OPERATIONS),--operations $(OPERATIONS))

docs: setup  ## the site, into build/site; warnings are errors
	$(python) -m sphinx -q -W --keep-going -d build/doctrees docs build/site
	@echo "open build/site/index.html"

diagrams: setup  ## draws the pages' diagrams that are missing; needs npm and Chromium
	$(python) -m scripts.draw_diagrams

requirements:  ## pins again, newest versions; needs uv
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --upgrade -q -o requirements/dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
