# What a user or a maintainer runs. Everything that is missing is installed first: Debian packages by apt (by sudo
# unless root), the rest by cargo and go.

SHELL := /bin/bash
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

# A C compiler and its headers: SQLite and AWS-LC are built from their C sources.
BUILD_PACKAGES := gcc libc6-dev
# The fuzzer that is linked into the targets is C++.
FUZZ_PACKAGES := g++
TEST_PACKAGES := certbot chromium curl haproxy lego openssl postgresql sqlite3

.PHONY: quickstart test test-gui test-keycloak screenshots check audit bench bench-auth bench-lists coverage fuzz certlint \
	conformance-peers image test-certs acme-cert-manager-test compose-test build-packages test-packages

# From nothing to a first certificate, then a running server: `make quickstart`, or `make quickstart ARGS=--once`.
quickstart: build-packages
	cargo build --release --locked --package certctl
	$(TARGET)/release/certctl quickstart $(ARGS)

# Everything: unit tests, both database engines, real clients, conformance, faults, crashes. The binaries are built with
# the features of the whole workspace, so that the tests build nothing twice.
test: test-packages certlint
	deploy/test/acme-integration/check-page
	deploy/helm/check
	@end2end/scripts/install-node-parts
	cargo build --locked --workspace --bins
	deploy/test/disaster-recovery/run
	deploy/test/legacy-clients/run
	cargo test --workspace --locked --no-fail-fast

# Sign-in through a real Keycloak, fetched by Maven: the steps of docs/operator/oidc-runbooks/keycloak.md.
test-keycloak: test-packages
	cargo build --locked --workspace --bins
	folder=$$(end2end/keycloak/fetch) && CERTCTL_TEST_KEYCLOAK="$$folder" \
		cargo test --workspace --locked --test all -- --ignored keycloak

# The GUI as it is shipped: the story of an administrator, a real provider, lego and a browser, and the look of every page
# (target/screenshots/pages), with the release binary.
test-gui: test-packages
	@end2end/scripts/install-node-parts
	cargo build --release --locked --package certctl
	CERTCTL_BIN=$(TARGET)/release/certctl cargo test --workspace --locked --test all -- pages::

# The pictures of the README: a made-up company's CA after four weeks, in docs/screenshots.
screenshots: test-packages
	@end2end/scripts/install-missing faketime pngquant
	@end2end/scripts/install-node-parts
	cargo build --locked --workspace --bins
	cargo test --workspace --locked --test all -- --ignored screenshots_of_the_readme
	pngquant --force --skip-if-larger --ext .png docs/screenshots/*.png

check: build-packages
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check bans licenses sources

# Known vulnerabilities in dependencies. Apart from `check` because it fetches the list of them.
audit:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check advisories

# What an issuance costs: in trust mode, and in challenge mode with http-01 answered by the generator. Modes and options:
# `make bench ARGS=--help`; challenge mode alone and at length: `make bench ARGS=challenge`.
bench: build-packages
	@end2end/scripts/install-missing postgresql
	cargo build --release --locked --package certctl --package bench
	$(TARGET)/release/bench $(ARGS)

# What it costs to find out who asks, and to refuse them.
bench-auth:
	@$(MAKE) --no-print-directory bench ARGS="auth $(ARGS)"

# How long the lists take with 1,000,000 certificates and 5,000,000 audit events (some 7 GB below TMPDIR, a quarter of an
# hour per engine), or with fewer: `make bench-lists ARGS="--certificates 20000 --events 100000"`.
bench-lists:
	@end2end/scripts/install-missing sqlite3
	@$(MAKE) --no-print-directory bench ARGS="lists $(ARGS)"

# Which lines the tests run, the servers that they start included; fails below what is asked for. A first run takes long:
# everything is built anew, to count.
coverage: test-packages certlint
	@end2end/scripts/install-node-parts
	@cargo tarpaulin --version >/dev/null 2>&1 || cargo install --locked cargo-tarpaulin
	end2end/scripts/coverage $(ARGS)

# Every parser with invented input, each for FUZZ_SECONDS (20): `make fuzz`, or `make fuzz ARGS="jws csr"`.
fuzz: build-packages
	@end2end/scripts/install-missing $(FUZZ_PACKAGES)
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	fuzz/run $(ARGS)

# The linter that the tests hold against every kind of certificate.
certlint: test-packages
	go=$$(end2end/scripts/find-go) && cd end2end/zlint && CGO_ENABLED=0 "$$go" build -o $(TARGET)/certlint .

# The conformance suite against certctl, Pebble and step-ca; writes docs/conformance.md.
conformance-peers: build-packages
	@end2end/scripts/install-missing postgresql sqlite3
	end2end/scripts/conformance-peers

# The container image, into docker or podman where one works, and always as target/image/certctl-TAG.tar for
# `ctr images import` and `kind load image-archive`: `make image TAG=test`. CERTCTL_BINARY: one that is built already.
TAG ?= dev
image: test-certs $(if $(CERTCTL_BINARY),,build-packages)
	$(if $(CERTCTL_BINARY),,cargo build --release --locked --package certctl)
	deploy/image/build $(or $(CERTCTL_BINARY),$(TARGET)/release/certctl) $(TAG) $(TARGET)/image

# The server's certificate of a first trial in a cluster, for the chart: deploy/test/certs, never committed.
test-certs:
	@end2end/scripts/install-missing openssl
	deploy/test/make-certs

# docs/migration/acme-from-cert-manager.md, command by command, on a real Kubernetes with a real cert-manager: that of
# KUBECONFIG, else kind, else one that is built here from Go modules (as root; a quarter of an hour, the first time).
acme-cert-manager-test:
	deploy/test/acme-integration/run $(ARGS)

# The commands of deploy/compose/README.md with real containers: by Docker, else by Podman as root. CERTCTL_BINARY as above.
compose-test:
	deploy/test/compose/run

build-packages:
	@end2end/scripts/install-missing $(BUILD_PACKAGES)

test-packages:
	@end2end/scripts/install-missing $(BUILD_PACKAGES) $(TEST_PACKAGES)
