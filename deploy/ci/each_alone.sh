#!/usr/bin/env bash
# Proves that every service installs from its wheel into an empty environment and starts alone: it listens, says in
# one line what it misses when its stores are not there, and is not ready. Usage: deploy/ci/each_alone.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

# Those that declare themselves; the ones without stores are ready without anything.
mapfile -t services < <(grep --files-with-matches '^\[tool\.suite\]' ./*/pyproject.toml | cut -d/ -f2)
work=$(mktemp -d)
started=()
stop() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

echo "building a wheel of every distribution"
uv build --quiet --all-packages --wheel --out-dir "$work/dist"

# No part listens on these ports: the services must cope with that.
export ESHOP_MYSQL_PORT=1 ESHOP_REDIS_PORT=1 ESHOP_KAFKA_BOOTSTRAP=127.0.0.1:1
export ESHOP_DTM_MYSQL_GRPC=127.0.0.1:1 ESHOP_DTM_MYSQL_HTTP=127.0.0.1:1
export ESHOP_DTM_REDIS_GRPC=127.0.0.1:1 ESHOP_DTM_REDIS_HTTP=127.0.0.1:1
# Without a secret of its own, order and flash_sale do not start at all.
ESHOP_ORDER_ID_KEY=$(python3 -c "import secrets; print(secrets.token_hex(32))")
export ESHOP_ORDER_ID_KEY

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

failed=0
for service in "${services[@]}"; do
    name=${service#eshop_}
    package=eshop_$name distribution=eshop-${name//_/-} prefix=ESHOP_${name^^}
    uv venv --quiet --python 3.11 "$work/$service"
    VIRTUAL_ENV=$work/$service uv pip install --quiet --find-links "$work/dist" "$distribution"
    http=$(free_port) log=$work/$service.log
    (
        cd "$work"
        env "${prefix}_HTTP_PORT=$http" "${prefix}_GRPC_PORT=$(free_port)" "$work/$service/bin/python" -m "$package"
    ) >"$log" 2>&1 &
    pid=$!
    started+=("$pid")
    for _ in $(seq 100); do
        curl --silent --fail --output /dev/null "http://127.0.0.1:$http/livez" && break
        sleep 0.1
    done
    for _ in $(seq 80); do # Kafka's client takes a few seconds to give up
        grep --quiet -e 'not ready, keeps trying' -e '"event":"ready"' "$log" && break
        sleep 0.1
    done
    live=$(curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$http/livez" || true)
    ready=$(curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$http/readyz" || true)
    told=$(grep --count 'not ready, keeps trying' "$log" || true)
    expected="200 503 told"
    grep --quiet '^stores = ' "$service/pyproject.toml" || expected="200 200 quiet" # ready without its upstreams
    got="$live $ready $([ "$told" -ge 1 ] && echo told || echo quiet)"
    if [ "$got" = "$expected" ]; then
        echo "ok      $distribution: installed from its wheel, started alone ($got)"
    else
        echo "FAILED  $distribution: expected '$expected', got '$got'"
        cat "$log"
        failed=1
    fi
    pkill -TERM -P "$pid" 2>/dev/null || true
done
exit $failed
