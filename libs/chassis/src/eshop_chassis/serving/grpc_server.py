"""The gRPC server of a service, with health per service name and reflection."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from eshop_chassis.serving.service import Api
from eshop_chassis.settings import UnusableSettingError

QUIET_SECONDS = 0.1
LONGEST_HOLD_SECONDS = 0.3
GOODBYE_SECONDS = 0.02
AGE_GRACE_MS = 30_000


class GrpcServer:
    """Serves the APIs of one process on one port."""

    def __init__(
        self, apis: Sequence[Api], max_bytes: int, connection_seconds: float = 0.0, *, shares_port: bool = False
    ) -> None:
        # Without so_reuseport=0 a second stack binds the same port without an error, and the two mix. Workers of one
        # service share it on purpose.
        self._server = grpc.aio.server(
            options=[
                *_connection_age(connection_seconds),
                ("grpc.so_reuseport", int(shares_port)),
                ("grpc.max_receive_message_length", max_bytes),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ]
        )
        self._entrance = _Entrance([api.handlers for api in apis])
        self._server.add_generic_rpc_handlers((self._entrance,))
        self._health = _Health()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = [api.name for api in apis]
        reflection.enable_server_reflection([*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)

    async def start(self, host: str, port: int) -> int:
        """Starts serving and returns the port. Raises UnusableSettingError."""
        try:
            bound = self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise UnusableSettingError(f"cannot listen on {host}:{port}; is the port taken?") from error
        await self.tell_health(False)
        await self._server.start()
        return bound

    async def tell_health(self, ready: bool) -> None:
        """Sets what grpc.health.v1 answers, for the whole process and for each service name."""
        states = health_pb2.HealthCheckResponse
        status = states.SERVING if ready else states.NOT_SERVING
        for name in ["", *self._names]:
            await self._health.set(name, status)

    async def drain(self, seconds: float) -> None:
        """Tells clients to disconnect, refuses new calls and waits up to `seconds` for those in flight.

        A call that has reached the server but not its handler when the server stops would be dropped, and its
        caller told CANCELLED. So for a moment all new calls are held: once no more come, none is on its way; then the
        server stops, and those that were held are answered.
        """
        await self._entrance.hold()
        stopping = asyncio.create_task(self._server.stop(seconds))
        await asyncio.sleep(GOODBYE_SECONDS)
        self._entrance.release()
        self._health.end_watches()
        await stopping


def _connection_age(seconds: float) -> list[tuple[str, int]]:
    """Options that end a connection at this age, gently: calls in flight are answered. 0 sets none.

    A client looks at its DNS name again only when it loses a connection; without this it would never find a replica
    that was added.
    """
    if seconds <= 0:
        return []
    return [
        ("grpc.max_connection_age_ms", int(seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", AGE_GRACE_MS),
    ]


class _Entrance(grpc.GenericRpcHandler):
    """Finds the handler of a call; while it holds, handlers wait before they begin."""

    def __init__(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._handlers = handlers
        self._held: int | None = None
        self._released = asyncio.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        for handlers in self._handlers:
            found = handlers.service(handler_call_details)
            if found is not None:
                return found if self._held is None else self._waiting(found)
        return None

    async def hold(self) -> None:
        """Holds new calls; returns when none has come for a moment."""
        loop = asyncio.get_running_loop()
        self._held, seen = 0, -1
        latest = loop.time() + LONGEST_HOLD_SECONDS
        while seen != self._held and loop.time() < latest:
            seen = self._held
            await asyncio.sleep(QUIET_SECONDS)

    def release(self) -> None:
        self._released.set()

    def _waiting(self, handler: "grpc.RpcMethodHandler[Any, Any]") -> "grpc.RpcMethodHandler[Any, Any]":
        behaviour: Callable[[Any, Any], Awaitable[Any]] | None = handler.unary_unary
        if behaviour is None:
            return handler
        self._held = (self._held or 0) + 1

        async def wait(request: Any, context: Any) -> Any:
            await self._released.wait()
            return await behaviour(request, context)

        return grpc.unary_unary_rpc_method_handler(wait, handler.request_deserializer, handler.response_serializer)


class _Health(health.aio.HealthServicer):  # pyright: ignore[reportAttributeAccessIssue, reportUntypedBaseClass] - made at run time
    """grpc.health.v1, whose watches end when the process drains: they would keep it from stopping."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[asyncio.Task[None]] = set()

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        watch = asyncio.create_task(cast("Coroutine[Any, Any, None]", super().Watch(request, context)))
        self._watches.add(watch)
        try:
            await asyncio.wait([watch])
            if not watch.cancelled():
                watch.result()
        finally:
            watch.cancel()
            self._watches.discard(watch)

    def end_watches(self) -> None:
        for watch in self._watches:
            watch.cancel()
