# The project's commands. `make demo` and `make test` need only git, make, and Python 3.11 or newer with venv.

PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif

BIN := .venv/bin
# Of the tests, at the same time: one more than the machine has cores, since many tests wait for servers and processes.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1 2>/dev/null || echo auto)
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
DEV := .venv/dev-installed
BENCH := .venv/bench-installed
MUTMUT := .venv/mutants-installed
S3 := .venv/s3/installed
SPARK := .venv/spark/installed
NODE := node_modules/.installed

# Tests start hundreds of processes, each of which would compile the project, and pytest would rewrite each module.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-reset test fuzz test-js test-slow coverage mutants lint lint-js bench bench-all load stream-load \
	soak quality-bench partition-bench spark-bench bench-check clean

help:
	@echo "make demo         ingest a sample file twice and show the series' stats"
	@echo "make demo-reset   undo the runs of the sample"
	@echo "make test         run all tests but the slow ones (11 minutes)"
	@echo "make fuzz         load 5,000 damaged files, and compare the table with plain Python (10 minutes)"
	@echo "make test-slow    run the slow ones: accessibility, clients of the API (25 minutes at most)"
	@echo "make test-js      run the tests of the pages' scripts only, with Node (make test runs them too)"
	@echo "make coverage     run both, and fail if they cover less than 95 % of the branches"
	@echo "make mutants      change one place of the loader at a time, and list the changes that no test detects"
	@echo "make lint         lint, format and types, missing migrations, production checks"
	@echo "make bench        compare the loader with other ways to load (11 minutes)"
	@echo "make load         measure the web server under many and slow clients (6 minutes)"
	@echo "make soak         stream live bars for a day of the market under faults and kills (26 minutes)"
	@echo "make stream-load  measure 500 streaming clients beside an export and pages, and 2,000 idle ones (3 minutes)"
	@echo "make bench-all    all benchmarks, their plot and the figures of the README (35 minutes)"
	@echo "make quality-bench FILE=…  count how many faults in a file the quality checks find (1 minute)"
	@echo "make partition-bench  compare a partitioned table of bars with a whole one, at 1 and 10 million rows (20 minutes)"
	@echo "make spark-bench   the lake's jobs in Spark and in DuckDB at 6, 13 and 26 million bars (40 minutes)"
	@echo "make bench-check  check that the README and the plot have the figures of the results"
	@echo "make clean        remove .venv and node_modules; the database in var/ stays"

$(DEV): requirements/base.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/dev.txt
	@touch $@

demo: $(DEV)
	@$(BIN)/python config/demo.py

demo-reset: $(DEV)
	@$(BIN)/python config/demo.py --reset

# With COVERAGE=1 it measures branch coverage, which test-slow completes. The second time, a role that is no superuser
# owns the database, as on a managed PostgreSQL.
test: $(DEV)
	@$(PYTEST) $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0)
	@$(PYTEST) --database-role=ordinary

# With Node alone: the scripts and their tests need no packages.
test-js:
	@command -v node >/dev/null || { echo "Node is not installed: install nodejs."; exit 1; }
	@node --test marketdata/tests/js/*.test.js

# A new seed each time; `make fuzz FUZZ_SEED=1 FUZZ_FILES=20000` repeats or extends a run.
fuzz: $(DEV)
	@FUZZ_FILES=$(or $(FUZZ_FILES),5000) FUZZ_SEED=$(or $(FUZZ_SEED),$$(date +%s)) \
		$(BIN)/python -m pytest -q --capture=no ingestion/tests/test_fuzz.py

# With COVERAGE=1, after test, it fails if both cover less than the floor in .coveragerc.
test-slow: $(DEV) $(S3) $(SPARK)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE); fi
	@$(PYTEST) -m slow $(if $(COVERAGE),--cov --cov-append --cov-report=term)

# Where it cannot be installed, the tests of S3 are skipped, with a message.
$(S3): $(DEV) requirements/s3.txt
	@$(BIN)/python -m venv .venv/s3
	@.venv/s3/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/s3.txt \
		&& touch $@ || echo "THE LAKE IS NOT TESTED ON S3: pip cannot install requirements/s3.txt."

# Where it cannot be installed, or Java is missing, the tests of Spark are skipped, with a message.
$(SPARK): $(DEV) requirements/spark.txt
	@$(BIN)/python -m venv .venv/spark
	@.venv/spark/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/spark.txt \
		&& touch $@ || echo "SPARK IS NOT TESTED: pip cannot install requirements/spark.txt."
	@command -v java >/dev/null || test -n "$$JAVA_HOME" || \
		echo "SPARK IS NOT TESTED: Java is not installed. Install openjdk-17-jre-headless, then run it again."

coverage:
	@$(MAKE) --no-print-directory test COVERAGE=1
	@$(MAKE) --no-print-directory test-slow COVERAGE=1

$(MUTMUT): $(DEV) requirements/mutants.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/mutants.txt
	@touch $@

# `make mutants MUTANTS='ingestion.validation.*'` limits it to the mutants whose names match.
mutants: $(MUTMUT)
	@$(BIN)/python -m config.testing.mutants $(MUTANTS)

$(NODE): package.json .npmrc
	@npm install --silent && touch $@ || echo "THE SCRIPTS ARE NOT LINTED: npm cannot install the packages."

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@BARKEEP_ENV=production DATABASE_URL=postgresql://u@db.invalid/name ALLOWED_HOSTS=barkeep.example.com \
		SECRET_KEY=for-this-check-only-0123456789-abcdefghijklmnopqrstuvwxyz \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lint-js; else \
		echo "THE SCRIPTS ARE NOT LINTED: npm is not installed. Install nodejs and npm, then run make lint again."; fi

lint-js: $(NODE)
	@test ! -e $(NODE) || npm run --silent lint

$(BENCH): $(DEV) requirements/bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/bench.txt
	@touch $@

bench: $(BENCH)
	@$(BIN)/python -m benchmarks.million_rows

# The plot comes before the figures, since `--check` compares both with the results.
bench-all: bench
	@$(BIN)/python -m benchmarks.growth
	@$(BIN)/python -m benchmarks.memory
	@$(BIN)/python -m benchmarks.symbols
	@$(BIN)/python -m benchmarks.reads
	@$(BIN)/python -m benchmarks.exports
	@$(BIN)/python -m benchmarks.requests
	@$(BIN)/python -m benchmarks.jobs
	@$(BIN)/python -m benchmarks.rollup
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.upserts
	@$(BIN)/python -m benchmarks.harness.plot
	@$(BIN)/python -m benchmarks.figures

# It fails if a limit is exceeded.
load: $(BENCH)
	@$(BIN)/python -m benchmarks.load

# It fails if a bar is lost, doubled or wrong.
soak: $(DEV)
	@$(BIN)/python -m benchmarks.live.soak

# It fails if an event is lost or late.
stream-load: $(BENCH)
	@$(BIN)/python -m benchmarks.web.streams

# Without FILE it generates bars; `make quality-bench FILE=nq.dbn.zst SEED='1 2 3'` puts faults into a file of your own.
quality-bench: $(DEV)
	@$(BIN)/python -m benchmarks.quality $(FILE) --seed $(or $(SEED),1 2 3)

partition-bench: $(DEV)
	@$(BIN)/python -m benchmarks.partitions

# `make spark-bench UNITS='0.1'` tries it with a tenth of the smallest lake.
spark-bench: $(DEV) $(SPARK)
	@$(BIN)/python -m benchmarks.spark $(if $(UNITS),--units $(UNITS))

bench-check: $(DEV)
	@$(BIN)/python -m benchmarks.figures --check

clean:
	rm -rf .venv node_modules .pytest_cache .ruff_cache .mypy_cache
