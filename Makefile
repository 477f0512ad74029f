# Each target works from a fresh clone, alone. Without make: see "Without make" in CONTRIBUTING.md.
PYTHON ?= python3
LABCODE = .venv/bin/labcode
# Quarto must execute the chapters with the project's environment, whatever else is active.
export QUARTO_PYTHON = $(CURDIR)/.venv/bin/python

.PHONY: report test soak setup preview clean lock

report: # set-up, data, then the report as HTML and PDF in _book/
	@$(PYTHON) labcode/bootstrap.py --quarto
	@$(LABCODE) data fetch || echo "Without that download, rows are simulated; the report says so."
	@$(LABCODE) render

test: setup # set-up, then the tests
	@.venv/bin/python -m pytest -n 2

soak: setup # set-up, then hours of tries at random, with the seed that replays them
	@.venv/bin/python -m tests.soak

setup: # the environment in .venv
	@$(PYTHON) labcode/bootstrap.py

preview: # set-up, then a live preview
	@$(PYTHON) labcode/bootstrap.py --quarto
	@$(LABCODE) preview

clean: # remove the environment and the rendered report; data and results stay
	rm -rf .venv _book _freeze .quarto

lock: # renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --upgrade --extra test --extra cluster --no-header --no-annotate \
	  --quiet pyproject.toml | grep -Ev '^(nvidia|cuda|triton)-?' > requirements.lock
