# The project's commands. `make demo` and `make test` need git, Python 3.11 or newer with venv, and make; nothing else.

PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif

BIN := .venv/bin
DEV := .venv/dev-installed
BENCH := .venv/bench-installed

.PHONY: help demo demo-reset test lint bench bench-all bench-check clean

help:
	@echo "make demo    load a sample file twice and show what is in the table"
	@echo "make demo-reset  take the sample's invented bars out again"
	@echo "make test    run all tests"
	@echo "make lint    lint, format check, missing migrations, production checks"
	@echo "make bench   time the loader against other ways and the floor (minutes)"
	@echo "make bench-all  all benchmarks, their plot and the figures of the READMEs (30 minutes)"
	@echo "make clean   remove the environment; the database in var/ stays"

$(DEV): requirements/base.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/dev.txt
	@touch $@

demo: $(DEV)
	@$(BIN)/python config/demo.py

demo-reset: $(DEV)
	@$(BIN)/python config/demo.py --reset

# The second time, a role that is no superuser owns the database, as on a managed PostgreSQL.
test: $(DEV)
	@$(BIN)/python -m pytest --numprocesses auto
	@$(BIN)/python -m pytest --numprocesses auto --database-role=ordinary

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@BARKEEP_ENV=production DATABASE_URL=postgresql://u@db.invalid/name ALLOWED_HOSTS=barkeep.example.com \
		SECRET_KEY=for-this-check-only-0123456789-abcdefghijklmnopqrstuvwxyz \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

$(BENCH): $(DEV) requirements/bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/bench.txt
	@touch $@

bench: $(BENCH)
	@$(BIN)/python benchmarks/million_rows.py

# The plot before the figures: both are made from the results, and the check holds the plot against them.
bench-all: bench
	@$(BIN)/python benchmarks/growth.py
	@$(BIN)/python benchmarks/memory.py
	@$(BIN)/python benchmarks/symbols.py
	@$(BIN)/python benchmarks/reads.py
	@$(BIN)/python benchmarks/jobs.py
	@$(BIN)/python benchmarks/ledger.py
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/upserts.py
	@$(BIN)/python benchmarks/plot.py
	@$(BIN)/python benchmarks/figures.py

bench-check: $(DEV)
	@$(BIN)/python benchmarks/figures.py --check

clean:
	rm -rf .venv .pytest_cache .ruff_cache
