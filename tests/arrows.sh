#!/usr/bin/env bash
# Checks who depends on whom: the rules, the proofs, the data tools, the light client and the client never
# reach the engine or the database, and arrows between packages go one way.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
for package in galen-zk galen-market galen-dataset galen-light galen-api; do
  tree=$(cargo tree --quiet -p "$package" -e normal --prefix none)
  for banned in redb jmt libp2p arc-malachitebft tokio warp galen-chain galen-web; do
    if grep -q "^$banned" <<<"$tree"; then
      echo "$package must not depend on $banned" >&2
      fail=1
    fi
  done
done
for pair in "galen-zk galen-market" "galen-market galen-dataset" "galen-market galen-api" "galen-market galen-light" "galen-light galen-dataset" "galen-light galen-api" "galen-chain galen-web" "galen-chain galen-api" "galen-web galen-dataset"; do
  read -r package banned <<<"$pair"
  if cargo tree --quiet -p "$package" -e normal --prefix none | grep -q "^$banned "; then
    echo "$package must not depend on $banned" >&2
    fail=1
  fi
done
[ $fail = 0 ] && echo "arrows: ok"
exit $fail
