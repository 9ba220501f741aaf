#!/usr/bin/env bash
# setup.sh CACHE: snarkjs, the compiled verifier of web/portal/verifier and what drives a browser, and the portal's scripts, built
# from web/portal, below CACHE, at the pinned versions of the lock files. Does nothing if they are there
# and nothing changed. Needs Node and npm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
mkdir -p "$cache"
# Tests of several processes come here at once.
exec 9>"$cache/lock"
flock 9

# install SOURCE TARGET: the packages of a lock file.
install() {
  local source=$1 target=$2
  mkdir -p "$target"
  if cmp -s "$source/package-lock.json" "$target/installed"; then return; fi
  rm -f "$target/installed"
  cp "$source/package.json" "$source/package-lock.json" "$target/"
  (cd "$target" && npm ci --silent --ignore-scripts --no-audit --no-fund)
  cp "$source/package-lock.json" "$target/installed"
}

install "$here/snarkjs" "$cache/snarkjs"
install "$here/../../web/portal/browser" "$cache/browser"

verifier=$here/../../web/portal/verifier
target=$cache/verifier
install "$verifier" "$target"
if [ ! -e "$target/built" ] || ! diff -rq "$verifier/src" "$target/src" >/dev/null 2>&1 || ! cmp -s "$verifier/tsconfig.json" "$target/tsconfig.json"; then
  rm -rf "$target/built" "$target/src" "$target/dist"
  cp -r "$verifier/src" "$verifier/tsconfig.json" "$target/"
  (cd "$target" && node_modules/.bin/tsc)
  touch "$target/built"
fi

# What web/portal/dist must be, byte for byte.
portal=$here/../../web/portal
target=$cache/portal
install "$portal" "$target"
if [ ! -e "$target/built" ] || ! diff -rq "$portal/check" "$target/check" >/dev/null 2>&1 || ! diff -rq "$portal/open" "$target/open" >/dev/null 2>&1 || ! diff -rq "$verifier/src" "$target/verifier/src" >/dev/null 2>&1; then
  rm -rf "$target/built" "$target/check" "$target/open" "$target/verifier" "$target/dist"
  mkdir "$target/verifier"
  cp -r "$portal/check" "$portal/open" "$target/"
  cp -r "$verifier/src" "$verifier/tsconfig.json" "$target/verifier/"
  (cd "$target" && node_modules/.bin/tsc -p check/tsconfig.json && node_modules/.bin/tsc -p open/tsconfig.json && npm run --silent build)
  touch "$target/built"
fi
