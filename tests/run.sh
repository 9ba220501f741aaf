#!/usr/bin/env bash
# run.sh LOG COMMAND...: runs the command, shows and keeps what it prints, and passes on its exit code. What failing
# tests said comes once more at the end, where a reader of thousands of lines looks first.
set -uo pipefail
log=$1
shift
"$@" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
if [ "$code" -ne 0 ]; then
  printf '\n==== What failed, once more ====\n'
  awk '/^failures:$/ { on = 1 } on; /^test result:/ { on = 0 } /^error(\[|:)/' "$log"
fi
exit "$code"
