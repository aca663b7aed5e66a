"""The calls that DTM answers: the real one is in `_real_server`, one in memory in `testing`."""

from dataclasses import dataclass
from typing import Protocol

from aiodtm._outcome import Status, Transaction
from aiodtm._wire.dtm_pb2 import Request


@dataclass(frozen=True)
class Wanted:
    """Which transactions to list; None takes all."""

    status: Status | None
    trans_type: str | None
    page: int  # how many at a time


class DtmServer(Protocol):
    """DTM, real or in memory. Limits are seconds.

    Each raises DtmUnavailable (DtmNotReached, DtmTimeout) or DtmFailure; submit, prepare, abort and force_stop also
    DtmAborted.
    """

    async def new_gid(self, limit: float) -> str: ...
    async def submit(self, request: Request, limit: float) -> None: ...
    async def prepare(self, request: Request, limit: float) -> None: ...
    async def abort(self, request: Request, limit: float) -> None: ...
    async def query(self, gid: str, limit: float) -> Transaction | None: ...  # letter case may not count in the gid
    async def page(self, wanted: Wanted, position: str, limit: float) -> tuple[list[Transaction], str]: ...
    async def force_stop(self, gid: str, limit: float) -> None: ...
    async def reset_cron_time(self, young: int, limit: float) -> bool: ...
    async def reset_next_cron_time(self, gid: str, limit: float) -> None: ...


# gRPC waits up to two minutes before it dials a dead address again; a DTM that has restarted should be found at once.
CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Several DTMs behind one name, as "dns:///dtm:36790", take turns.
    ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
]
