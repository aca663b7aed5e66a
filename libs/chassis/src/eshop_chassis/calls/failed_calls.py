"""Tells the log which calls to other services fail, without a line for each of them."""

import asyncio
from collections import Counter

import grpc
import grpc.aio

from eshop_chassis.logs import get_logger

log = get_logger(__name__)
# These say that a service is away or broken. Every other status is its answer to the caller.
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
Kind = tuple[str, grpc.StatusCode]


class FailedCalls:
    """A first failure is told at once; those that follow it within `seconds` are one line when that time is over."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._untold: Counter[Kind] = Counter()
        self._details: dict[Kind, str | None] = {}
        self._waiting: set[Kind] = set()

    def tell(self, method: str, error: grpc.aio.AioRpcError) -> None:
        """Takes note of a failed call of `method`, as "/api.stock.v1.stock/List". Needs a running event loop."""
        if error.code() not in TOLD:
            return
        kind = method, error.code()
        self._untold[kind] += 1
        self._details[kind] = error.details()
        if kind not in self._waiting:
            self._say(kind)

    def _say(self, kind: Kind) -> None:
        """Writes the line of this kind, if there is anything to tell, and has the next one wait."""
        self._waiting.discard(kind)
        if times := self._untold.pop(kind, 0):
            method, status = kind
            log.warning("calls failed", method=method, status=status.name, details=self._details.pop(kind), times=times)
            self._waiting.add(kind)
            asyncio.get_running_loop().call_later(self._seconds, self._say, kind)
