#!/bin/sh
# Runs pytest against a whole stack of its own, so that a running shop is not touched: test.sh [PYTEST ARGUMENTS].
# The stack starts empty and is taken down at the end, whatever the tests said; KEEP=1 leaves it up for the next run.
set -u
cd "$(dirname "$0")/.." || exit 1

eshop=.venv/bin/eshop
state=$($eshop where --stack test) || exit 1
# No setting of a shop may leak into the tests' stack: only what .env says, shifted.
unset ESHOP_STACK ESHOP_PORT_OFFSET

$eshop k6 >/dev/null || exit 1
[ -n "${KEEP:-}" ] || $eshop clean --stack test --yes || exit 1
# 1100, since 1000 would move one DTM onto the port that the shop's other DTM holds.
$eshop up --stack test --port-offset "${TEST_PORT_OFFSET:-1100}" --no-demo
code=$?
if [ $code = 0 ]; then
    ESHOP_TEST_STACK=$state/env .venv/bin/pytest "$@"
    code=$?
fi
[ -n "${KEEP:-}" ] || $eshop down --stack test || true
exit $code
