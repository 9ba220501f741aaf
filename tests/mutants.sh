#!/usr/bin/env bash
# mutants.sh TOOLS [ARGUMENTS of cargo-mutants]: changes the settlement code in every way that cargo-mutants knows,
# one at a time, and lists the changes that no test of the market notices. Works on a copy of the tree below TOOLS.
# Known survivors, and why they change nothing that matters, stand in market/tests/mutants.md.
set -euo pipefail
cd "$(dirname "$0")/.."
version=25.3.1
tools=$1
shift
export PATH="$tools/bin:$PATH"
command -v cargo-mutants >/dev/null 2>&1 || CARGO_TARGET_DIR="$tools/target" cargo install --quiet --locked --root "$tools" cargo-mutants --version "$version"
copy=$tools/mutants
mkdir -p "$copy"
git ls-files -z | rsync -a --delete --from0 --files-from=- . "$copy/" 2>/dev/null \
  || { rm -rf "$copy"; mkdir -p "$copy"; git archive HEAD | tar -x -C "$copy"; }
cd "$copy"
# Only this package is compiled anew for each change, and unoptimised, as that is most of the time.
export CARGO_TARGET_DIR=$tools/mutants-target CARGO_PROFILE_DEV_OPT_LEVEL=0 SOAK_STEPS=${SOAK_STEPS:-2000}
if [ $# -eq 0 ]; then
  set -- -f 'market/src/deal/**' -f market/src/deadline.rs -f 'market/src/payment/**' -f market/src/listing/offer.rs \
    -f market/src/listing/tier.rs -f 'market/src/wanted/**'
fi
cargo mutants --in-place --jobs 1 --package galen-market --timeout-multiplier 3 "$@" -- --lib --test model --test money
