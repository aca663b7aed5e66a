"""Taking up again what waits at DTM, once everything that it needs is back.

DTM tries a branch that failed again after 20 s, then 40 s, and so on: after an outage of ten minutes its transactions
would wait for minutes more. Who uses a DTM server looks at the parts that its branches need, and wakes what waits there
when all of them answer again. It does so at its own start as well, for it may be the part that was away.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aiodtm import Dtm, DtmFailure, DtmUnavailable
from eshop_chassis.logs import get_logger
from eshop_chassis.readiness import Check, MissingError, find_missing

log = get_logger(__name__)
LOOK_EVERY_SECONDS = 0.5
# A transaction that failed in the very moment of the first waking is caught by the second.
ONCE_MORE_SECONDS = 4.0
HEALTH_SECONDS = 1.0


class Recovery:
    """Wakes the waiting transactions of one DTM server after an outage of any of `parts`.

    `young`: seconds in which DTM would try by itself; such transactions are left alone, see `Dtm.wake`.
    """

    def __init__(self, dtm: Dtm, parts: Mapping[str, Check], *, young: int = 0) -> None:
        self._dtm = dtm
        self._parts = dict(parts)
        self._young = young
        self._were_missing = ["this process"]
        self._once_more_at: float | None = None

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Looks once."""
        missing = sorted(await find_missing(self._parts))
        if missing:
            self._were_missing = sorted({*missing, *self._were_missing})
        elif self._were_missing or self._is_due():
            await self._wake()

    def _is_due(self) -> bool:
        return self._once_more_at is not None and asyncio.get_running_loop().time() >= self._once_more_at

    async def _wake(self) -> None:
        try:
            await self._dtm.wake(young=self._young)
        except (DtmUnavailable, DtmFailure) as error:
            log.info("waiting transactions are woken later", why=str(error))
            return
        if self._were_missing:
            log.info("woke waiting transactions", after_outage_of=self._were_missing)
            self._once_more_at = asyncio.get_running_loop().time() + ONCE_MORE_SECONDS
        else:
            self._once_more_at = None
        self._were_missing = []


async def check_service(channel: grpc.aio.Channel) -> None:
    """Raises while the service behind `channel` is away, or says itself that it can't serve."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS)
    except grpc.aio.AioRpcError as error:
        raise MissingError(error.details() or error.code().name) from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise MissingError("not ready")
