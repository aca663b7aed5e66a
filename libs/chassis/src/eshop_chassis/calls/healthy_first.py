"""A channel that calls the replicas that say that they are ready, or all of them while none does.

gRPC's own health checks would refuse every call while no replica is ready. But what makes a process not ready may not
matter for the call at hand: an order can be listed, and be placed at once, while Kafka is away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from eshop_chassis.calls.failed_calls import FailedCalls

Call = Callable[..., Awaitable[Any]]
LONGEST_LOOK_SECONDS = 1.0
READY, SICK = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE


class HealthyFirst:
    """Two gRPC channels to the same replicas: one that checks their health, and one that connects when it is needed.

    Looks like a `grpc.aio.Channel` to clients that make unary calls.
    """

    def __init__(self, healthy: grpc.aio.Channel, every: grpc.aio.Channel) -> None:
        self._healthy = healthy
        self._every = every
        self._failed = FailedCalls()

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Call:
        """As the channel's own: returns what makes the calls of one method."""
        healthy = self._healthy.unary_unary(method, *args, **kwargs)
        every = self._every.unary_unary(method, *args, **kwargs)

        async def call(request: Any, *, timeout: float | None = None, **how: Any) -> Any:  # noqa: ASYNC109 - gRPC's name
            is_ready = self._healthy.get_state() is READY or await self._any_healthy()
            stub = healthy if is_ready else every
            try:
                return await stub(request, timeout=timeout, **how)
            except grpc.aio.AioRpcError as error:
                self._failed.tell(method, error)
                raise

        return call

    async def _any_healthy(self) -> bool:
        """Waits a moment for the replicas to report their health. True if they report nothing: the call says why."""
        try:
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                while (state := self._healthy.get_state(try_to_connect=True)) not in (READY, SICK):
                    await self._healthy.wait_for_state_change(state)
        except TimeoutError:
            return True
        return state is READY

    async def close(self) -> None:
        """Closes both."""
        await self._healthy.close()
        await self._every.close()
