"""Tells the log which calls to other services fail, without a line for each of them."""

import time
from collections import Counter
from collections.abc import Callable

import grpc
import grpc.aio

from eshop_chassis.logs import get_logger

log = get_logger(__name__)
# What a service that answers, and can, does not say.
TOLD = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
SECONDS_BETWEEN = 1.0


class FailedCalls:
    """One line a second for each method and status at most; `times` says how many failed since the line before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold: Counter[tuple[str, grpc.StatusCode]] = Counter()
        self._told_at: dict[tuple[str, grpc.StatusCode], float] = {}

    def tell(self, method: str, error: grpc.aio.AioRpcError) -> None:
        """Takes note of what a call of `method`, as "/api.stock.v1.stock/List", came to."""
        status = error.code()
        if status not in TOLD:
            return
        kind = method, status
        self._untold[kind] += 1
        now = self._clock()
        if now - self._told_at.get(kind, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
            self._told_at[kind] = now
            times = self._untold.pop(kind)
            log.warning("a call failed", method=method, status=status.name, details=error.details(), times=times)
