#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, if any is missing.
set -euo pipefail
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
need make make
need strace strace
# What sealing is measured beside.
need age age
need python3 python3
need git git
# Checkers that share no code with Galen run on Node.
need node nodejs
need npm npm
# The portal is tested in a browser.
need chromium chromium
# Chinese pages need a font that has their signs, or pictures of them show boxes.
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing+=(fontconfig fonts-wqy-zenhei)
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing: ${missing[*]}" >&2
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
