"""The calling side: one unary call over a channel, with the answer's error turned back into the one table."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar, cast

import grpc
import grpc.aio
import orjson

from protoc_gen_fastapi.runtime.call import Call
from protoc_gen_fastapi.runtime.errors import DeadlineExceeded, Internal, RpcError, Unavailable, error_class
from protoc_gen_fastapi.runtime.grpc_side import CODE_KEY, DATA_KEY, SHORT_KEY

R = TypeVar("R")


async def unary(stub: "grpc.aio.UnaryUnaryMultiCallable[Any, R]", request: Any, call: Call, limit: float) -> R:
    """Calls another service on behalf of `call`, within its deadline and `limit` seconds. Raises an RpcError."""
    limit = _limit(call, limit)
    try:
        return await stub(request, timeout=limit, metadata=call.outgoing())
    except grpc.aio.AioRpcError as error:
        raise restored(error) from error


async def sent(
    stub: "grpc.aio.StreamUnaryMultiCallable[Any, R]", requests: AsyncIterator[Any], call: Call, limit: float
) -> R:
    """Sends a stream of requests, otherwise like `unary`."""
    limit = _limit(call, limit)
    try:
        return await stub(requests, timeout=limit, metadata=call.outgoing())
    except grpc.aio.AioRpcError as error:
        raise restored(error) from error


async def streamed(
    stub: "grpc.aio.UnaryStreamMultiCallable[Any, R]", request: Any, call: Call, _limit: float
) -> AsyncIterator[R]:
    """Calls another service on behalf of `call`, and yields its replies. A stream lives as long as `call` may: only
    its deadline ends it. Raises an RpcError.
    """
    replies = stub(request, timeout=call.remaining(), metadata=call.outgoing())
    async for reply in _restoring(replies):
        yield reply


async def exchanged(
    stub: "grpc.aio.StreamStreamMultiCallable[Any, R]", requests: AsyncIterator[Any], call: Call, _limit: float
) -> AsyncIterator[R]:
    """Sends a stream of requests, otherwise like `streamed`."""
    replies = stub(requests, timeout=call.remaining(), metadata=call.outgoing())
    async for reply in _restoring(replies):
        yield reply


async def _restoring(replies: Any) -> AsyncIterator[Any]:
    try:
        async for reply in replies:
            yield reply
    except grpc.aio.AioRpcError as error:
        raise restored(error) from error
    finally:
        replies.cancel()


def _limit(call: Call, limit: float) -> float:
    remaining = call.remaining()
    if remaining is None:
        return limit
    if remaining <= 0:
        raise DeadlineExceeded
    return min(limit, remaining)


def restored(error: grpc.aio.AioRpcError) -> RpcError:
    """The error that the other service raised, as far as it told."""
    metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
    code = _number(metadata.get(CODE_KEY))
    kind = error_class(error.code(), code)
    # Without our code the text may come from the transport and name addresses, or the inside of a foreign service.
    told = code is not None or kind not in (Internal, Unavailable, DeadlineExceeded)
    message = (error.details() or "") if told else ""
    return kind(message, code=code, short=str(metadata.get(SHORT_KEY, "")), data=_data(metadata.get(DATA_KEY)))


def _number(text: object) -> int | None:
    try:
        return int(str(text)) if text is not None else None
    except ValueError:
        return None


def _data(raw: object) -> dict[str, Any]:
    if not isinstance(raw, bytes):
        return {}
    try:
        data: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}
