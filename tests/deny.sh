#!/usr/bin/env bash
# deny.sh TOOLS: licences, sources and bans of dependencies; installs cargo-deny below TOOLS if it is missing.
# The advisory database is a separate download; where it can be had, `cargo deny check advisories` adds it.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
export PATH="$1/bin:$PATH"
command -v cargo-deny >/dev/null 2>&1 || CARGO_TARGET_DIR="$1/target" cargo install --quiet --locked --root "$1" cargo-deny --version "$version"
cargo deny --log-level error check bans licenses sources
