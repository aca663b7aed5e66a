"""The gRPC side: handlers that check, run and answer, with errors told in trailing metadata."""

from collections.abc import Iterable
from typing import Any, Final

import grpc
import grpc.aio
import orjson
from google.protobuf.message import DecodeError, Message

from protoc_gen_fastapi.runtime.call import grpc_call
from protoc_gen_fastapi.runtime.errors import InvalidArgument, RpcError
from protoc_gen_fastapi.runtime.hooks import Hooks
from protoc_gen_fastapi.runtime.serving import MAX_MESSAGE, Function, Rpc, Server

CODE_KEY: Final = "x-error-code"
SHORT_KEY: Final = "x-error-short"
DATA_KEY: Final = "x-error-data-bin"
# gRPC refuses metadata above 8 KiB; a message of MAX_MESSAGE characters may take nine bytes each there.
MAX_DATA: Final = 3000


def grpc_handlers(service: str, rpcs: Iterable[tuple[Rpc, Function]], hooks: Hooks) -> grpc.GenericRpcHandler:
    """The handlers of one service, to be added to a grpc.aio server."""
    return grpc.method_handlers_generic_handler(
        service, {rpc.name: _handler(Server(rpc, function, hooks)) for rpc, function in rpcs}
    )


def _handler(server: Server) -> "grpc.RpcMethodHandler[Any, Any]":
    rpc, hooks = server.rpc, server.hooks

    def read(raw: bytes) -> Message | InvalidArgument:
        try:
            request = rpc.request.FromString(raw)
        except DecodeError:
            return InvalidArgument("request", f"is not a {rpc.request.DESCRIPTOR.full_name}")
        broken = rpc.check(request)
        return request if broken is None else InvalidArgument(*broken)

    async def handle(request: Message | InvalidArgument, context: "grpc.aio.ServicerContext[Any, Any]") -> Message:
        try:
            return await server.run(grpc_call(context, hooks), request)
        except RpcError as error:
            await context.abort(error.status, error.message[:MAX_MESSAGE], trailing_metadata(error))
            raise  # abort does not return

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=read, response_serializer=rpc.reply.SerializeToString
    )


def trailing_metadata(error: RpcError) -> tuple[tuple[str, str | bytes], ...]:
    """What the status can't carry: envelope code, short code, data."""
    pairs: list[tuple[str, str | bytes]] = [(CODE_KEY, str(error.code))]
    if error.short.isascii() and error.short.isprintable() and error.short:
        pairs.append((SHORT_KEY, error.short[:64]))
    data = orjson.dumps(error.data) if error.data else b""
    if data and len(data) <= MAX_DATA:
        pairs.append((DATA_KEY, data))
    return tuple(pairs)
