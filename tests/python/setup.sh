#!/usr/bin/env bash
# setup.sh VENV: a virtual environment with the checkers that the tests run, at pinned versions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
stamp="$1/requirements.installed"
cmp -s "$here/requirements.txt" "$stamp" && exit 0
python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/requirements.txt" "$stamp"
