"""The gRPC side: handlers that check, run and answer, with errors told in trailing metadata."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
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


_KINDS: Final[Mapping[str, Callable[..., Any]]] = {
    "": grpc.unary_unary_rpc_method_handler,
    "server": grpc.unary_stream_rpc_method_handler,
    "client": grpc.stream_unary_rpc_method_handler,
    "both": grpc.stream_stream_rpc_method_handler,
}


def _handler(server: Server) -> "grpc.RpcMethodHandler[Any, Any]":
    rpc = server.rpc
    read = _reader(rpc)
    if rpc.streams in ("client", "both"):
        requests: Callable[[Any], Any] = _sound_requests
    else:
        requests = _as_it_is
    if rpc.streams in ("server", "both"):
        return _KINDS[rpc.streams](_streaming(server, requests), read, rpc.reply.SerializeToString)
    return _KINDS[rpc.streams](_answering(server, requests), read, rpc.reply.SerializeToString)


def _reader(rpc: Rpc) -> Callable[[bytes], Message | InvalidArgument]:
    def read(raw: bytes) -> Message | InvalidArgument:
        try:
            request = rpc.request.FromString(raw)
        except DecodeError:
            return InvalidArgument("request", f"is not a {rpc.request.DESCRIPTOR.full_name}")
        broken = rpc.check(request)
        return request if broken is None else InvalidArgument(*broken)

    return read


def _as_it_is(request: Any) -> Any:
    return request


async def _sound_requests(requests: AsyncIterator[Message | InvalidArgument]) -> AsyncIterator[Message]:
    """The requests of a stream; raises at the first that breaks a rule."""
    async for request in requests:
        if isinstance(request, InvalidArgument):
            raise request
        yield request


def _answering(server: Server, requests: Callable[[Any], Any]) -> Any:
    hooks = server.hooks

    async def handle(request: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> Message:
        try:
            return await server.run(grpc_call(context, hooks), requests(request))
        except RpcError as error:
            await context.abort(error.status, error.message[:MAX_MESSAGE], trailing_metadata(error))
            raise  # abort does not return

    return handle


def _streaming(server: Server, requests: Callable[[Any], Any]) -> Any:
    hooks = server.hooks

    async def handle(request: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[Message]:
        try:
            async for reply in server.stream(grpc_call(context, hooks), requests(request)):
                yield reply
        except RpcError as error:
            await context.abort(error.status, error.message[:MAX_MESSAGE], trailing_metadata(error))

    return handle


def trailing_metadata(error: RpcError) -> tuple[tuple[str, str | bytes], ...]:
    """What the status can't carry: envelope code, short code, data."""
    pairs: list[tuple[str, str | bytes]] = [(CODE_KEY, str(error.code))]
    if error.short.isascii() and error.short.isprintable() and error.short:
        pairs.append((SHORT_KEY, error.short[:64]))
    data = orjson.dumps(error.data) if error.data else b""
    if data and len(data) <= MAX_DATA:
        pairs.append((DATA_KEY, data))
    return tuple(pairs)
