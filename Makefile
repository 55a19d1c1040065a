# Outbox: `make` alone lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

setup: $(READY) ## make the virtual environment from the pinned requirements

pin: ## choose newer versions and pin them with hashes (needs uv)
	for f in run dev; do uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-header requirements/$$f.in -o requirements/$$f.txt; done

fmt: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(READY) ## style, types and house rules: fast, before each commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit tests/test_house.py

test: check ## everything that needs neither root nor long time
	$(BIN)/python -m pytest -q

hardware: $(READY) ## drawings, tables, bill and label of the hardware from its pin table
	$(BIN)/python -m hardware.generate

hardware-board: ## KiCad project with ERC and DRC, gerbers (root; a Debian 13 chroot, several minutes)
	hardware/kicad/build.sh

hardware-enclosure: ## STL and PNG of the enclosure (installs openscad and xvfb when absent; root)
	hardware/enclosure/build.sh $(ARGS)

demo: $(READY) ## the whole relay with a pretend Internet (ARGS=--check: by itself, then exit)
	$(BIN)/outbox demo $(ARGS)

test-storm: $(READY) ## load while the relay is killed 50 times (ARGS="--kills 10 --seed 1")
	$(BIN)/python -m tests.storm $(ARGS)

test-faults: $(READY) ## each operation on the card fails once, under the whole relay
	$(BIN)/python -m pytest -q tests/faults

EXAMPLES ?= 5000
fuzz: $(READY) ## hostile octets against every parser of what strangers send (EXAMPLES=100000 for a night)
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q tests/fuzz

test-order: $(READY) ## write, flush, 250: the order as strace sees it (needs strace)
	$(BIN)/python -m pytest -q tests/e2e/flush_order.py

test-peers: $(READY) ## real clients and servers in namespaces and roots of their own (root, Debian 12)
	tests/peers/setup.sh
	$(BIN)/python -m pytest -q tests/peers

test-page: $(READY) ## the status page in Debian's Chromium (root: installs it when absent)
	@test -x /usr/bin/chromium || { apt-get -q update && \
	    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends chromium fonts-dejavu-core; }
	$(BIN)/python -m pytest -q tests/page

bench: $(READY) ## the box beside Postfix on a modelled card: a table of ratios (root, quiet machine; ARGS=--quick)
	tests/bench/setup.sh
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: image image-twice image-sources bundle
image: $(READY) ## the SD-card image, into build/image/out (root; ARGS=card: without its hand-out forms)
	image/build.sh $(ARGS)

image-twice: $(READY) ## build the card a second time from the same inputs and compare every byte (root)
	image/twice.sh

image-sources: ## the source packages of the image that was built last (root; a gigabyte)
	image/sources.sh

test-image: $(READY) ## the built image in an emulated Pi, short form (root; QEMU)
	$(BIN)/python -m tests.image $(ARGS)

test-image-long: $(READY) ## the same with power cuts, updates and abuse, an hour or more (root; QEMU)
	$(BIN)/python -m tests.image --long $(ARGS)

bundle: $(READY) ## the image and an update bundle of it, signed (root)
	image/build.sh bundle

docs: $(READY) ## make the pages that follow from the code
	$(BIN)/python -m appliance.settings.document > docs/settings.md
	$(BIN)/python -m appliance.lamps_page > docs/lamps.md
	$(BIN)/python -m appliance.console.document > docs/console.md

.PHONY: fuzz docs hardware hardware-board hardware-enclosure help setup pin fmt check test demo test-storm test-faults test-order test-peers test-page bench
