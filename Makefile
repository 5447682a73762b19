# Every command of the project that is more than one line. `make test` is what CI runs.
PYTHON ?= python3
# The torch that the tests install. GPU users keep theirs: the project asks for a floor only.
TORCH ?= torch==2.13.0
VENV ?= .venv

.PHONY: test check sweep openclip bench clean

# As many processes as cores, a test file each: torch's own threads would only get in their way.
test: $(VENV)/installed check
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile

check: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# Slow checks with real sizes: the ViT-L/14-336 architecture, long crash loops.
sweep: $(VENV)/installed
	$(VENV)/bin/python -m pytest tests/sweep_*.py

# open_clip brings torchvision, which must not be where the other tests run: an environment apart.
# The CPU builds above have no torchvision beside them, so that this takes the usual, large ones.
openclip:
	$(PYTHON) -m venv .venv-openclip
	.venv-openclip/bin/python -m pip install --quiet -e ".[test,openclip]"
	.venv-openclip/bin/python -m pytest tests/test_openclip.py

# Speed and error of the scorer beside its peers: 12 GB in the temporary folder, and an hour.
bench: $(VENV)/installed
	$(VENV)/bin/python -m benchmarks.scorer --make-environments --fetch-pictures --prepare
	$(VENV)/bin/python -m benchmarks.scorer --parts speed --out benchmarks/scorer_results.md
	$(VENV)/bin/python -m benchmarks.scorer --parts errors --out benchmarks/scorer_errors.md

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet "$(TORCH)" -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) .venv-openclip dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
