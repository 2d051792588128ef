# make demo [METAL=Cu]   set up, then the main job on real DFT
# make test              set up, then the tests (TEST_WORKERS=0: one after the other)
# make docs              set up, then the manual: docs/_build/html/index.html
# make mini              set up, then the small benchmark from nothing: three hours on two cores, goes on if stopped
# make mini-check        set up, then some labels of that benchmark's archive again, and compare
# Files of tests run in their own order: by default the longest, which have the fewest tests, would come last
# and one after the other.
# All do nothing twice: a second run starts at once.

METAL ?= Cu
VENV ?= .venv
WORK ?= work
TEST_WORKERS ?= 2
PYTEST_ARGS ?=
CHECK_ARGS ?= --sample 4

export VENV
export OMP_NUM_THREADS ?= 1

.PHONY: demo test docs mini mini-check setup lint clean

demo: setup
	$(VENV)/bin/tm23 demo --metal $(METAL) --work $(WORK)

test: setup
	$(VENV)/bin/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

docs: setup
	$(VENV)/bin/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

mini: setup
	PATH="$(abspath $(VENV))/bin:$$PATH" bash examples/tm23-mini/run.sh $(WORK)/tm23-mini

mini-check: setup
	PATH="$(abspath $(VENV))/bin:$$PATH" bash examples/tm23-mini/check.sh $(WORK)/mini-check $(CHECK_ARGS)

setup:
	@bash scripts/setup.sh

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(WORK) report build docs/_build *.egg-info
