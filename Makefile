# `make demo` and `make test` are all a newcomer needs; `.venv` is made and filled once.
# Paths are relative and programs are run with `-m`, so that a checkout whose path has a space works.
PY := .venv/bin/python
MAKEFLAGS += --no-print-directory
.PHONY: help demo run sandbox test drill check bench lock fmt client venv

help:
	@echo "make demo   one desk day from RFQ to statement, on real engines (ARGS=\"--prices FILE --seed N\")"
	@echo "make run    the platform on this machine, until Ctrl-C (WEB_PORT, LIVE_PORT)"
	@echo "make sandbox  the sandbox beside it, with a database, ports and keys of its own (docs/sandbox.md)"
	@echo "make test   the short set of tests; make drill: the long one (ARGS=\"tests/ledger -k name\")"
	@echo "make check  lint, types, contracts, migrations, deployment, OpenAPI"
	@echo "make client the client library's resources and the Bruno collection, out of docs/openapi.yaml"
	@echo "make bench  each benchmark beside its limit; make fmt: format; make lock: new requirements.txt"

demo: venv
	@$(PY) manage.py demo $(ARGS)

run: venv
	@$(PY) manage.py standalone $(ARGS)

sandbox: venv
	@FLOWDESK_ENVIRONMENT=sandbox VAR_DIR=$${SANDBOX_DIR:-var/sandbox} WEB_PORT=$${WEB_PORT:-8100} LIVE_PORT=$${LIVE_PORT:-8101} \
	  $(PY) manage.py standalone $(ARGS)

test: venv
	@$(PY) -m pytest -n 2 $(ARGS)

drill: venv
	@$(PY) -m pytest -n 2 --drill $(ARGS)

check: venv
	@bash .ci/check

bench: venv
	@$(PY) manage.py bench $(ARGS)

fmt: venv
	@$(PY) -m ruff check --fix --quiet .
	@$(PY) -m ruff format .

client: venv
	@$(PY) clients/python/tools/generate.py docs/openapi.yaml clients/python/flowdesk_client
	@$(PY) clients/python/tools/collection.py docs/openapi.yaml docs/collection

lock: venv
	@$(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header --no-annotate --no-emit-index-url \
	  --output-file requirements.txt requirements.in

venv:
	@sh .ci/venv
