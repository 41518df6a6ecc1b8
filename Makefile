# Two commands: `make run` starts a living company, `make test` proves that it works.
PYTHON ?= python3
BIN := .venv/bin
# uv takes 8 s where pip takes 80; pip stays for networks that only its own configuration knows
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := $(BIN)/uv --quiet --no-config pip
# compiled modules are kept, whatever the environment says: a process starts in half the time
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run install test suite test-long import-sets campaign schedules conformance policy-campaign bench bench-scale bench-views lint format lock clean

run: install
	@$(BIN)/kronika up

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Kronika needs Python 3.11 or newer: make PYTHON=/path/to/python3")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/^ *# via/p' requirements.lock > .venv/uv.txt
	$(PIP) install --require-hashes --no-deps --quiet -r .venv/uv.txt
	$(UV) install --python $(BIN)/python --require-hashes -r requirements.lock || $(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --quiet -e .
	@touch $@

# Types are checked while the tests begin: one core is idle otherwise.
test: install
	$(MAKE) --no-print-directory -j 2 lint suite

# Tests that kill processes under load depend on a busy machine's moods: what fails is told, and must fail once more, alone.
suite: install
	$(BIN)/pytest -n 2 --dist loadfile || $(BIN)/pytest --last-failed --last-failed-no-failures none

# The tests that take longest, which `make test` leaves out.
test-long: install
	TESTS_LONG=1 $(BIN)/pytest -n 2 --dist loadfile -m long

# The figures of the larger public sets, from the read models after an import; the data lies in ../shared/data.
import-sets: install
	TESTS_SETS=1 TESTS_KILLS=20 $(BIN)/pytest tests/importing tests/data

# Every promise of speed beside its reference, about half an hour; BENCH=names chooses some. Kept in .kronika/bench.json.
bench: install
	$(BIN)/python -m tests.bench $(BENCH)

# What an event and a page cost at 100,000 and at 10,000,000 events, and what was beside what is at 1,000,000: an hour, 25 GB.
bench-scale: install
	$(BIN)/python -m tests.bench.scale

# Every view at ten million events beside PostgreSQL, plain Parquet and itself as of then: half an hour, 20 GB. With
# INDEXES=covering PostgreSQL has an index for each question that holds all that it reads.
bench-views: install
	$(BIN)/python -m tests.bench.views $(or $(EVENTS),10000000) $(INDEXES)

# Both below: many hours, resumable.
campaign: schedules conformance

# A thousand schedules of commands and faults, resumable; --seed N runs one again, `planted` asks whether the checks bite.
schedules: install
	$(BIN)/python -m tests.survival $(CAMPAIGN)

# A hundred thousand requests made from the API's own document, resumable; every answer is checked against it.
conformance: install
	$(BIN)/python -m tests.api.conformance_campaign $(CONFORMANCE)

# Twenty thousand answers to everybody in made-up companies, held against the page of rules (domain/POLICY.md); then ten
# of one tenant ask every operation about all that another has.
policy-campaign: install
	$(BIN)/python -m tests.policy $(POLICY)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install
	$(UV) compile pyproject.toml --extra local --group dev --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --upgrade -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
