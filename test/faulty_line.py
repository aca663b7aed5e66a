"""A gRPC line that goes wrong as told: calls pass through it to the real server, and some are lost on the way.

Everything passes as bytes, so the line needs to know no message.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import grpc.aio

Metadata = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """What happens to a call: lost before it arrives, or its answer lost after it was carried out.

    With `detached` the loss is told while the call is still being carried out.
    """

    code: grpc.StatusCode
    after: bool = False
    detached: bool = False


@dataclass
class FaultyLine:
    """`route` tells the real address of a path; `fault` is asked about each call, given its path and metadata."""

    route: Callable[[str], str]
    fault: Callable[[str, Metadata], Fault | None]
    calls: Counter[str] = field(default_factory=Counter)
    address: str = ""

    async def __aenter__(self) -> "FaultyLine":
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._detached: set[asyncio.Task[bytes]] = set()
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Everything(self._pass),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(1)
        for channel in self._channels.values():
            await channel.close()

    async def _pass(self, path: str, request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        fault = self.fault(path, metadata)
        self.calls[f"{metadata.get('dtm-gid', '')} {path.rpartition('/')[2]}"] += 1
        if fault and not fault.after:
            await context.abort(fault.code, "lost on the way there")
        forward = asyncio.ensure_future(self._forward(path, request, metadata))
        if fault and fault.detached:
            self._detached.add(forward)
            await context.abort(fault.code, "lost while it was carried out")
        try:
            reply = await forward
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")
        if fault:
            await context.abort(fault.code, "lost on the way back")
        return reply

    async def _forward(self, path: str, request: bytes, metadata: Metadata) -> bytes:
        address = self.route(path)
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address)
        own = [(key, value) for key, value in metadata.items() if key.startswith(("dtm-", "x-"))]
        return await self._channels[address].unary_unary(path)(request, metadata=own, timeout=10)


class _Everything(grpc.GenericRpcHandler):
    """Takes every unary call. Asked for its health, it says that it knows no such rpc: callers take it for healthy."""

    def __init__(self, serve: Callable[..., Awaitable[bytes]]) -> None:
        self._serve = serve

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        path = handler_call_details.method
        if path.startswith("/grpc.health."):
            return None

        async def handle(request: bytes, context: object) -> bytes:
            return await self._serve(path, request, context)

        return grpc.unary_unary_rpc_method_handler(handle)
