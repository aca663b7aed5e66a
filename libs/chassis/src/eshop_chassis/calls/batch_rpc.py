"""Batch rpcs between services: many requests travel in one message, each gets its own reply or error.

A unary call costs its caller about 200 us of CPU; requests that come together share one. Where the other side does not
know the batch rpc (the Go original answers UNIMPLEMENTED) they go one by one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import grpc
import orjson

from eshop_chassis.calls.coalescer import Coalescer, Pending
from eshop_chassis.hooks import translate
from eshop_chassis.idempotency import keys_of
from eshop_chassis.logs import get_logger
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import (
    IDEMPOTENCY_KEY,
    REQUEST_ID,
    Call,
    Internal,
    RpcError,
    Unimplemented,
    current_call,
    error_class,
    is_request_id,
)

log = get_logger(__name__)
Q = TypeVar("Q")
R = TypeVar("R")
MOST_ITEMS = 500
LANES = 2
_STATUS = {status.value[0]: status for status in grpc.StatusCode}

Single = Callable[[Q, Call], Awaitable[R]]
Many = Callable[[Sequence[Q], Sequence[str], Sequence[str], Call], Awaitable[Sequence[Any]]]
"""Sends (requests, request ids, idempotency keys) and returns a result for each: a message with `reply` and `failure`.

The keys are as many as the requests ("" for none), or none at all.
"""


class BatchingClient(Generic[Q, R]):
    """Calls an rpc of another service; calls that come together go in one batch rpc."""

    def __init__(self, name: str, many: Many[Q], single: Single[Q, R], *, lanes: int = LANES) -> None:
        self._many = many
        self._single = single
        self._one_by_one = False
        self._coalescer: Coalescer[tuple[Q, Call], R] = Coalescer(name, self._send, lanes=lanes, max_items=MOST_ITEMS)

    async def __call__(self, request: Q, call: Call) -> R:
        """Raises what the single rpc would raise."""
        if self._one_by_one:
            return await self._single(request, call)
        return await self._coalescer.call((request, call))

    async def _send(self, batch: Sequence[Pending[tuple[Q, Call], R]]) -> None:
        requests = [pending.item[0] for pending in batch]
        calls = [pending.item[1] for pending in batch]
        longest = max(calls, key=lambda call: call.deadline or 0)
        # No caller's language: an error of the whole batch is told to each in theirs.
        shared = Call.local({REQUEST_ID: longest.request_id}, timeout=longest.remaining())
        try:
            results = await self._many(requests, [call.request_id for call in calls], keys_of(calls), shared)
        except Unimplemented:
            log.info("the upstream knows no batch rpc; calls go one by one from now on")
            self._one_by_one = True
            await asyncio.gather(*(self._send_alone(pending) for pending in batch))
            return
        failed: dict[bytes, RpcError] = {}
        for pending, result in zip(batch, results, strict=True):
            if result.HasField("failure"):
                pending.fail(_shared(failed, result.failure))
            else:
                pending.resolve(result.reply)

    async def _send_alone(self, pending: Pending[tuple[Q, Call], R]) -> None:
        try:
            pending.resolve(await self._single(*pending.item))
        except RpcError as error:
            pending.fail(error)


def _shared(known: dict[bytes, RpcError], failure: types_pb2.Failure) -> RpcError:
    """The error of a failure; the same object for the same failure, which a batch that is sold out has many times."""
    packed = failure.SerializeToString()
    error = known.get(packed)
    if error is None:
        error = known[packed] = from_failure(failure)
    return error


async def answer_each(
    requests: Sequence[Q],
    request_ids: Sequence[str],
    call: Call,
    single: Single[Q, R],
    result: type[Any],
    keys: Sequence[str] = (),
) -> list[Any]:
    """Serves the requests of a batch rpc at the same time with the single rpc; returns a `result` message for each.

    Equal requests with one idempotency key share one answer.
    """
    ids = [*request_ids[: len(requests)], *([call.request_id] * (len(requests) - len(request_ids)))]
    calls = [Call.local({REQUEST_ID: i}, timeout=call.remaining()) for i in ids]
    if any(keys):
        return await _answer_each_key(requests, calls, single, result, keys)
    return await asyncio.gather(
        *(_answer(request, one, single, result) for request, one in zip(requests, calls, strict=True))
    )


async def _answer_each_key(
    requests: Sequence[Any], calls: Sequence[Call], single: Single[Any, Any], result: type[Any], keys: Sequence[str]
) -> list[Any]:
    shared: dict[tuple[object, ...], asyncio.Task[Any]] = {}
    padded = [*keys[: len(requests)], *([""] * (len(requests) - len(keys)))]
    tasks: list[asyncio.Task[Any]] = []
    for number, (request, call, key) in enumerate(zip(requests, calls, padded, strict=True)):
        same = (key, request.SerializeToString(deterministic=True)) if key else (number,)
        if same not in shared:
            metadata = {REQUEST_ID: call.request_id, IDEMPOTENCY_KEY: key} if key else call.metadata
            one = Call.local(metadata, timeout=call.remaining())
            shared[same] = asyncio.ensure_future(_answer(request, one, single, result))
        tasks.append(shared[same])
    return await asyncio.gather(*tasks)


async def answer_many(
    request: Any,
    items: Sequence[Q],
    call: Call,
    result: type[Any],
    *,
    together: Callable[[Sequence[Q], Sequence[str]], Awaitable[Sequence[Any]]],
    single: Single[Q, Any],
) -> list[Any]:
    """Serves a batch rpc; returns a `result` message for each item.

    `together` takes items and their request ids, and answers each with a reply or an error. Those that bear an
    idempotency key go one by one beside it, with `single`.
    """
    ids, keys = ids_of(request, items, call), request.idempotencyKeys
    if not any(keys):
        return results_of(await together(items, ids), result)
    keyed = [n for n, key in enumerate(keys[: len(items)]) if key]
    plain = [n for n in range(len(items)) if n not in set(keyed)]
    answers, results = await asyncio.gather(
        together([items[n] for n in plain], [ids[n] for n in plain]),
        answer_each([items[n] for n in keyed], [ids[n] for n in keyed], call, single, result, [keys[n] for n in keyed]),
    )
    found = dict(zip(plain, results_of(answers, result), strict=True)) | dict(zip(keyed, results, strict=True))
    return [found[n] for n in range(len(items))]


def ids_of(request: Any, items: Sequence[object], call: Call) -> list[str]:
    """The request id of each item of a batch; that of the batch where an item bears none."""
    given: Sequence[str] = request.requestIDs
    ids = [*given[: len(items)], *([""] * (len(items) - len(given)))]
    return [each if is_request_id(each) else call.request_id for each in ids]


def results_of(answers: Sequence[Any], result: type[Any]) -> list[Any]:
    """A `result` message for each answer of a batch: a reply, or an error."""
    failures: dict[int, types_pb2.Failure] = {}
    results: list[Any] = []
    for answer in answers:
        if isinstance(answer, Exception):
            # Many items share one error: a batch that is sold out, or that could not be served.
            failure = failures.get(id(answer)) or failures.setdefault(id(answer), to_failure(_judged(answer)))
            results.append(result(failure=failure))
        else:
            results.append(result(reply=answer))
    return results


async def _answer(request: Q, call: Call, single: Single[Q, R], result: type[Any]) -> Any:
    current_call.set(call)  # each runs in a task of its own, so this says nothing about the others
    try:
        return result(reply=await single(request, call))
    except Exception as error:
        return result(failure=to_failure(_judged(error)))


def _judged(error: Exception) -> RpcError:
    known = error if isinstance(error, RpcError) else translate(error)
    if known is None:
        log.error("an item of a batch failed", exc_info=error)
    return known or Internal()


def to_failure(error: RpcError) -> types_pb2.Failure:
    """An error as an item of a batch bears it."""
    return types_pb2.Failure(
        status=error.status.value[0],
        code=error.code,
        message=error.message,
        short=error.short,
        data=orjson.dumps(error.data).decode() if error.data else "",
    )


def from_failure(failure: types_pb2.Failure) -> RpcError:
    """The error that an item of a batch bears."""
    kind = error_class(_STATUS.get(failure.status, grpc.StatusCode.INTERNAL), failure.code)
    data: dict[str, Any] = orjson.loads(failure.data) if failure.data else {}
    return kind(failure.message, code=failure.code, short=failure.short, data=data)
