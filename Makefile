# labelcrm's commands. Everything happens in .venv, which the first command creates.
PYTHON ?= python3
VENV := .venv/bin/python
INSTALL := $(PYTHON) labelcrm/launcher/install.py

# One test process per core; the tests of one file stay together, for they share what is dear to start.
SPREAD ?= -n auto --dist loadfile --no-loadscope-reorder

# Lint, and what is made from the code, read the settings but talk to no server.
LINT_ENVIRONMENT := LABELCRM_ENV_FILE=/dev/null LABELCRM_HOME=/nonexistent \
	DATABASE_URL=postgresql://nobody@/lint?host=/nonexistent REDIS_URL=unix:///nonexistent/redis.sock \
	SECRET_KEY=lint-only ENCRYPTION_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

.PHONY: help suggest run demo test test-full test-services lint format translations pages bench chaos mutants requirements install install-dev

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

suggest: install ## also install what learns label suggestions from your own labelled chats (scikit-learn, 200 MB)
	@$(INSTALL) requirements-suggest.txt

run: install ## start everything and serve on http://127.0.0.1:8000
	@exec $(VENV) -m labelcrm.launcher.run

demo: install ## the same with a small company's two months of traffic
	@exec $(VENV) -m labelcrm.launcher.run --demo

test: install-dev ## the test suite against a real PostgreSQL and Redis
	@exec $(VENV) -m pytest $(SPREAD) $(ARGS)

test-full: install-dev ## the same with the long property and scenario counts
	@LABELCRM_TEST_FULL=1 exec $(VENV) -m pytest $(SPREAD) $(ARGS)

test-services: install-dev ## keep fast servers running in LABELCRM_TEST_HOME for many short test runs
	@exec $(VENV) -m labelcrm.launcher.throwaway --home "$${LABELCRM_TEST_HOME:?names the folder to use}"

lint: install-dev ## formatting, lint, types, import rules, migrations in step
	$(VENV) -m ruff format --check .
	$(VENV) -m ruff check .
	$(LINT_ENVIRONMENT) $(VENV) -m mypy
	$(LINT_ENVIRONMENT) .venv/bin/lint-imports --no-logo
	$(LINT_ENVIRONMENT) $(VENV) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: install-dev ## put the code into the house format
	$(VENV) -m ruff format .
	$(VENV) -m ruff check --fix .

translations: install-dev ## bring locale/id up to date and list what has no Indonesian yet (needs gettext)
	$(LINT_ENVIRONMENT) $(VENV) manage.py translations

pages: install-dev ## write the pages of docs/ that are made from the code
	$(LINT_ENVIRONMENT) $(VENV) manage.py gateway_docs
	$(LINT_ENVIRONMENT) $(VENV) -m reports.definitions
	$(LINT_ENVIRONMENT) $(VENV) -m transfer.personal_data_page
	$(VENV) -m desk.glossary

bench: install-dev ## the benchmark suite: a table, and JSON in benchmarks/results
	@exec $(VENV) -m benchmarks $(ARGS)

chaos: install-dev ## the crash harness
	@exec $(VENV) -m tests.chaos $(ARGS)

mutants: install-dev ## change the pure rules in a thousand small ways, and see which changes no test notices
	@$(INSTALL) requirements-mutants.txt
	@$(VENV) -m mutmut run $(ARGS)
	@exec $(VENV) -m mutmut results

requirements: install-dev ## compile requirements*.in to pinned versions with hashes
	for name in requirements requirements-dev requirements-embedded requirements-mutants requirements-suggest; do \
		.venv/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
			--no-emit-index-url --no-header $$name.in -o $$name.txt || exit 1; \
	done

install:
	@$(INSTALL) requirements.txt

install-dev:
	@$(INSTALL) requirements.txt requirements-dev.txt
