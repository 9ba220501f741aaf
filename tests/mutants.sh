#!/usr/bin/env bash
# mutants.sh TOOLS OUT [OPTION...]: changes the settlement code piece by piece, in a copy, and says which changes
# no fast test of galen-market notices; installs cargo-mutants below TOOLS if it is missing. Further options go
# to it: `--re deal/pay.rs` for one file, `--list` to see what would be changed.
set -euo pipefail
cd "$(dirname "$0")/.."
version=27.1.0
tools=$1 out=$2
shift 2
export PATH="$tools/bin:$PATH"
command -v cargo-mutants >/dev/null 2>&1 || CARGO_TARGET_DIR="$tools/target" cargo install --quiet --locked --root "$tools" cargo-mutants --version "$version"
mkdir -p "$out"
# A folder of its own: other builds stay as they are.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/mutants"
# Two runs of the soak are enough to notice what it can notice.
SOAK_STEPS=${SOAK_STEPS:-2000} cargo mutants --package galen-market --jobs 1 --output "$out" "$@"
