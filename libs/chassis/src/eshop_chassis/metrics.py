"""Prometheus metrics of the rpcs: how many, how they ended, how long they took."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = Histogram(
    "eshop_rpc_seconds",
    "Time to serve one rpc",
    ["method", "transport"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_ENDED = Counter("eshop_rpc_total", "Rpcs served, by outcome", ["method", "transport", "status"])
READY = Gauge("eshop_ready", "1 while the service is ready")


@lru_cache(maxsize=512)
def _seconds(method: str, transport: str) -> Histogram:
    return _SECONDS.labels(method, transport)


@lru_cache(maxsize=4096)
def _ended(method: str, transport: str, status: str) -> Counter:
    return _ENDED.labels(method, transport, status)


def record_rpc(method: str, transport: str, status: str, seconds: float) -> None:
    """Counts one finished rpc; the lookups of labels are kept, because `labels()` costs more than the rest."""
    _seconds(method, transport).observe(seconds)
    _ended(method, transport, status).inc()
