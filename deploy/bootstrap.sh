#!/bin/sh
# Makes .venv what the lock says, from any state. Fast when nothing changed.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

began=$(date +%s)
[ -x .venv/bin/eshop ] || say "... Installing the workspace into .venv"
# In CI a lock that doesn't fit is a failure; elsewhere it follows a changed pyproject.toml.
deploy/uv.sh sync --all-packages --quiet ${CI:+--locked}
took=$(($(date +%s) - began))
[ "$took" -lt 3 ] || say "ok  Workspace installed ${took} s"
