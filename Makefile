# Every target starts from any state: what is missing is fetched, what is there is left alone.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ESHOP := .venv/bin/eshop
TEST_STACK := --stack test

.PHONY: help bootstrap up down status logs doctor clean demo verify dead-letters parts k6 bench test test-fast lint \
	types protos protos-check manifests manifests-check check unit docs audit sbom release faults compose-up compose-down compose-test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## Make .venv what the lock says (the targets below do this themselves)
	@deploy/bootstrap.sh

up: bootstrap ## Start the whole suite, load demo data, place one order of each kind
	@$(ESHOP) up

# Builds and audits need tools that nothing else does: each group has an environment of its own.
TOOLS_OF = NO_MKDOCS_2_WARNING=1 UV_PROJECT_ENVIRONMENT=.eshop/venvs/$(1) deploy/uv.sh run --quiet --locked --only-group $(1)

# These must work when the workspace itself doesn't install.
$(ESHOP):
	@deploy/bootstrap.sh

down: $(ESHOP) ## Stop it; data stays
	@$(ESHOP) down

status: $(ESHOP) ## Show every part: state, port, pid, restarts, time up, memory
	@$(ESHOP) status

logs: $(ESHOP) ## Follow the logs; PART=order for one, N=100 for more lines
	@$(ESHOP) logs $(PART) -f -n $(or $(N),20)

doctor: $(ESHOP) ## Say what is missing or broken, and the fix
	@$(ESHOP) doctor

clean: $(ESHOP) ## Stop it and remove its data; YES=1 doesn't ask, ALL=1 takes every stack and the tools
	@$(ESHOP) clean $(if $(YES),--yes) $(if $(ALL),--all)

demo: bootstrap ## Place one order of each kind on the running suite
	@$(ESHOP) demo

verify: bootstrap ## Prove the books of the running suite; ARGS="--within 60", "--watch", "--deep"
	@$(ESHOP) verify $(ARGS)

dead-letters: bootstrap ## List what the order queue has put aside; REPLAY=all or REPLAY=3,5 puts it back into the queue
	@$(ESHOP) dead-letters $(if $(REPLAY),--replay $(REPLAY))

parts: bootstrap ## Start MySQL, Redis, Kafka and the two DTMs only
	@$(ESHOP) parts

k6: bootstrap ## Install the load generator k6
	@$(ESHOP) k6

bench: bootstrap ## Measure it on a stack of its own: rates, times, CPU, memory, books; ROWS=flash-200,list-0 chooses
	@.venv/bin/eshop-bench

test: bootstrap ## Run all tests on a stack of their own; ARGS="-k stock", KEEP=1 leaves the stack up
	@deploy/test.sh $(ARGS)

test-fast: ## The same on a test stack that stays up and keeps its data
	@KEEP=1 $(MAKE) test

release: ## Give everything one version, and the changes its name: VERSION=0.3.0
	@deploy/uv.sh run --quiet --no-project python deploy/ci/release.py $(VERSION)

faults: bootstrap ## The fault matrix; ROWS="stock-killed kafka-killed" SEEDS=2 SEED=1 LONG=1 RESUME=1 REPORT=path KEEP=1
	@.venv/bin/python test/faults $(if $(ROWS),--rows "$(ROWS)") --seeds $(or $(SEEDS),$(if $(LONG),5,1)) \
		--seed $(or $(SEED),1) $(if $(LONG),--long) $(if $(RESUME),--resume) $(if $(KEEP),--keep) \
		$(if $(REPORT),--report "$(REPORT)") $(if $(PACE),--pace $(PACE)) $(if $(WITHOUT),--without $(WITHOUT)) $(if $(FAULTS_PORT_OFFSET),--port-offset $(FAULTS_PORT_OFFSET))

COMPOSE ?= docker compose

compose-up: ## Start the whole suite in containers; COMPOSE=docker-compose for the old one
	@$(COMPOSE) up -d --build

compose-down: ## Stop the containers; data stays
	@$(COMPOSE) down

compose-test: bootstrap ## Try the compose file for real, with an engine and images of its own where there are none
	@$(ESHOP) compose-test $(if $(OFFSET),--port-offset $(OFFSET)) $(if $(FULL),--full) \
		$(if $(TRANSCRIPT),--transcript "$(TRANSCRIPT)")

check: lint types protos-check manifests-check unit ## What a change must pass before others see it: no servers, a few minutes

unit: bootstrap ## Run the tests that need no servers
	@.venv/bin/pytest -q -m "not parts and not stack" $(ARGS)

docs: ## Build the documentation site into .eshop/docs; SERVE=1 shows it on port 8000
	@$(call TOOLS_OF,docs) mkdocs $(if $(SERVE),serve,build)
	@echo "ok  The site is in .eshop/docs"

audit: ## Name dependencies with a known vulnerability; needs PyPI's own service, not only a mirror
	@$(call TOOLS_OF,audit) python deploy/ci/audit.py

sbom: ## Write what the suite is made of (CycloneDX) into .eshop/sbom: Python, DTM, Kafka
	@deploy/ci/sbom.sh

lint: bootstrap ## Check style and formatting
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: bootstrap ## Check types
	@.venv/bin/pyright --pythonpath .venv/bin/python

manifests: bootstrap ## Write what other tools need to be told of each service
	@$(ESHOP) manifests

manifests-check: bootstrap ## Fail when that is stale
	@$(ESHOP) manifests --check

protos: bootstrap ## Generate code from the .proto files
	@.venv/bin/python protos/generate.py

protos-check: bootstrap ## Fail when the generated code is stale, or the .proto files break buf's rules
	@.venv/bin/python protos/generate.py --check
	@cd protos && ../.venv/bin/buf lint
