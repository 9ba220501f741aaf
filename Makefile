# Galen: `make demo` runs the main job, `make test` passes the tests. Both install what they need.

CACHE ?= $(HOME)/.cache/galen
export CARGO_TARGET_DIR ?= $(CACHE)/target
export GALEN_PARAMS ?= $(CACHE)/params
export GALEN_INTEROP ?= $(CACHE)/interop
VENV := $(CACHE)/venv
export PYTHON := $(VENV)/bin/python
CARGO ?= cargo
LOGS := $(CARGO_TARGET_DIR)/logs

.PHONY: demo test adversary constraints fuzz soak soak-ledger soak-http mutants bench bench-proofs bench-delivery bench-web deny lint arrows system python node portal pictures clean help

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo            the whole story on a real table; then a node and a page stay open (ONCE=1: ends after the story)
demo: system
	@$(CARGO) build --quiet --bin galen
	@$(CARGO_TARGET_DIR)/debug/galen demo $(if $(ONCE),--once) $(DEMO_FLAGS)

## make test            formats, lints, dependency rules, every test, and the tables of attacks and constraints
test: system python node lint arrows deny
	@mkdir -p $(LOGS)
	@bash tests/run.sh $(LOGS)/test.log $(CARGO) test --workspace --no-fail-fast -- --show-output
	@python3 tests/adversary.py $(LOGS)/test.log
	@python3 tests/constraints.py $(LOGS)/test.log

## make adversary       attack number -> test -> result; fails on a number without a test
adversary: system
	@mkdir -p $(LOGS)
	@bash tests/run.sh $(LOGS)/adversary.log $(CARGO) test --workspace --no-fail-fast adversary_
	@python3 tests/adversary.py $(LOGS)/adversary.log

## make constraints     every constraint of every circuit shown to be necessary
constraints: system
	@mkdir -p $(LOGS)
	@bash tests/run.sh $(LOGS)/constraints.log $(CARGO) test -p galen-zk --test constraints -- --show-output
	@python3 tests/constraints.py $(LOGS)/constraints.log

## make soak-http       HTTP_CASES (250) made-up requests of every kind for each path of the interface: 10,000 and more, none the server's fault
soak-http: system python
	@HTTP_CASES=$(or $(HTTP_CASES),250) $(CARGO) test --quiet -p galen-web --test http made_up_requests -- --nocapture

## make bench           aims, what is measured, MET or MISSED, beside others' programs (BENCH='proofs files tables ledger')
bench: system python
	@$(CARGO) run --quiet --example bench -- $(BENCH)

## make bench-delivery  sealing and opening beside age and crypt4gh, traffic, a sale, a dispute (BENCH_DISK_GIB=10)
bench-delivery: system python
	@$(CARGO) run --quiet --example bench -- delivery

## make fuzz            random tables and lies, for FUZZ_SECONDS (60): circuits and plain checks agree
fuzz: system
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(CARGO) test --quiet -p galen-zk --test fuzz -- --nocapture

## make soak            both of these
soak: soak-ledger soak-http

## make soak-ledger     the ledger against a simple reference, SOAK_STEPS (a million) random actions from SOAK_SEED (1) on
soak-ledger: system
	@SOAK_STEPS=$(or $(SOAK_STEPS),1000000) SOAK_SEED=$(or $(SOAK_SEED),1) $(CARGO) test --quiet -p galen-market --test model -- --nocapture

## make mutants         settlement code changed piece by piece: which changes no fast test notices (MUTANTS='--re FILE')
mutants: system
	@mkdir -p $(LOGS)
	@bash tests/mutants.sh $(CACHE)/tools $(LOGS) $(MUTANTS)

## make bench-proofs    every statement beside ark-groth16 and snarkjs; a listing of BENCH_ROWS rows (a million), to live
bench-proofs: system python node
	@$(CARGO) build --quiet --bin galen
	@$(CARGO) run --quiet --example bench -- statements million

## make bench-web       pages of a node with 10,000 listings on one core, what a browser loads, a listing checked in it
bench-web: system node
	@$(CARGO) build --quiet --bin galen
	@$(CARGO) run --quiet --example bench -- web

## make lint            rustfmt, clippy, and the README in both languages
lint: system
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	@python3 tests/readme.py

## make arrows          who may depend on whom
arrows:
	@bash tests/arrows.sh

## make deny            licences and sources of dependencies
deny:
	@bash tests/deny.sh $(CACHE)/tools

# Debian packages: a C compiler, strace, Python, Node and a browser for the tests.
system:
	@bash tests/system.sh

# Checkers that share no code with Galen, in a virtual environment of their own.
python: system
	@bash tests/python/setup.sh $(VENV)

# snarkjs, the verifier that browsers run, and the portal's scripts.
node: system
	@bash tests/interop/setup.sh $(GALEN_INTEROP)

## make portal          web/portal/dist, from web/portal (committed, so that cargo needs no Node)
portal: node
	@mkdir -p web/portal/dist
	@cp $(GALEN_INTEROP)/portal/dist/* web/portal/dist/

## make pictures        docs/img: pages of portal and wallet as a browser shows them, light, dark and on a telephone
pictures: system node
	@mkdir -p docs/img
	@GALEN_PICTURES=$(CURDIR)/docs/img $(CARGO) test --quiet --workspace --test wallet_page newcomer

clean:
	rm -rf $(CARGO_TARGET_DIR)
