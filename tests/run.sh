#!/usr/bin/env bash
# run.sh LOG COMMAND...: runs the command, shows and keeps what it prints, and passes on its exit code.
set -uo pipefail
log=$1
shift
"$@" 2>&1 | tee "$log"
