#!/bin/sh
# Runs uv at the root of the checkout: uv.sh ARGUMENTS. Finds uv, or fetches it into the state folder.
# Needs Python 3.11 or later and, to fetch uv, a PyPI that can be reached.
set -eu
export DEBIAN_FRONTEND=noninteractive

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }

# ESHOP_TOOLS_DIR and ESHOP_STATE_DIR count from .env as well, as everywhere else; the shell's own stand above it.
from_env_file() { [ ! -f .env ] || sed -n "s/^$1=//p" .env | tail -n 1; }
state=${ESHOP_STATE_DIR:-$(from_env_file ESHOP_STATE_DIR)}
tools=${ESHOP_TOOLS_DIR:-$(from_env_file ESHOP_TOOLS_DIR)}
tools=${tools:-${state:-$root/.eshop}/tools}
home=$tools/uv

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    say "!!  Python 3.11 or later is not here. Install it, then run this again (Debian 12: apt-get install python3)"
    return 1
}

fetch_uv() {
    python=$(find_python)
    say "... Fetching uv into $home"
    mkdir -p "$tools"
    if "$python" -m venv --clear "$home" >/dev/null 2>&1; then
        "$home/bin/python" -m pip install -q --disable-pip-version-check "uv>=0.9,<1" >&2 && return
    elif "$python" -m pip --version >/dev/null 2>&1; then # Debian's python3 comes without ensurepip
        rm -rf "$home"
        "$python" -m pip install -q --disable-pip-version-check --target "$home" "uv>=0.9,<1" >&2 && return
    elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -z "${asked_apt:-}" ]; then
        asked_apt=1
        say "... Installing python3-venv with apt"
        { apt-get update && apt-get install -y --no-install-recommends python3-venv; } >>"$tools/uv.log" 2>&1 ||
            { tail -n 3 "$tools/uv.log" >&2; return 1; }
        fetch_uv
        return
    fi
    say "!!  uv could not be had. Ask for the package python3-venv (apt-get install python3-venv), or install uv yourself"
    return 1
}

uv=$home/bin/uv
if [ ! -x "$uv" ]; then
    uv=$(command -v uv || true)
fi
if [ -z "$uv" ]; then
    fetch_uv
    uv=$home/bin/uv
fi

# Python itself is never downloaded: what is here is used, or the line above says what is missing.
export UV_PYTHON_DOWNLOADS=never
if [ -z "${UV_PYTHON:-}" ] && [ ! -x "${UV_PROJECT_ENVIRONMENT:-.venv}/bin/python" ]; then
    UV_PYTHON=$(find_python)
    export UV_PYTHON
fi
exec "$uv" "$@"
