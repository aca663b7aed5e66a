"""The gRPC side over a real server: checks, errors with all they carry, metadata, deadlines."""

import asyncio
import importlib
import time
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest

from protoc_gen_fastapi.runtime import (
    AlreadyExists,
    Call,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    Refused,
    RpcError,
    StillRunning,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    current_call,
)

from .conftest import Recorder, Zoo

PATH = "/example.zoo.v1.zooKeeper/Count"
ERRORS = [
    (Refused("out of stock", code=30023, short="OUT", data={"left": [1, None]}), "ABORTED", Refused),
    (Conflict("would break the books"), "ABORTED", Refused),
    (StillRunning("wait"), "FAILED_PRECONDITION", StillRunning),
    (InvalidArgument("id", "is odd"), "INVALID_ARGUMENT", InvalidArgument),
    (NotFound("no such animal"), "NOT_FOUND", NotFound),
    (AlreadyExists("is here"), "ALREADY_EXISTS", AlreadyExists),
    (Unauthenticated(), "UNAUTHENTICATED", Unauthenticated),
    (Forbidden(), "PERMISSION_DENIED", Forbidden),
    (TooMany(), "RESOURCE_EXHAUSTED", TooMany),
    (PayloadTooLarge(), "RESOURCE_EXHAUSTED", PayloadTooLarge),
    (Unavailable("away"), "UNAVAILABLE", Unavailable),
    (DeadlineExceeded("late"), "DEADLINE_EXCEEDED", DeadlineExceeded),
    (Unimplemented(), "UNIMPLEMENTED", Unimplemented),
    (Internal(), "INTERNAL", Internal),
]


async def error_of(client: Any, request: Any, call: Call | None = None) -> RpcError:
    with pytest.raises(RpcError) as caught:
        await client.count(request, call or Call.local())
    return caught.value


@pytest.fixture
def client(api: ModuleType, channel: grpc.aio.Channel) -> Any:
    return api.ZooKeeperClient(channel)


async def test_a_call_is_answered_and_told_to_the_hooks(client: Any, pb: ModuleType, zoo: Zoo, hooks: Recorder) -> None:
    assert await client.count(pb.CountRequest(name="x"), Call.local()) == pb.FindReply(total=2)
    assert zoo.requests == [pb.CountRequest(name="x")]
    assert hooks.told == [("started", PATH, "grpc"), ("finished", PATH, "grpc", "OK")]


@pytest.mark.parametrize(("raised", "status", "kind"), ERRORS, ids=lambda v: getattr(v, "__name__", None))
async def test_an_error_arrives_whole(
    client: Any, pb: ModuleType, zoo: Zoo, hooks: Recorder, raised: RpcError, status: str, kind: type
) -> None:
    zoo.answers["count"] = raised
    error = await error_of(client, pb.CountRequest())
    assert type(error) is kind
    assert (error.message, error.code, error.short) == (raised.message, raised.code, raised.short)
    assert error.data == raised.data
    assert hooks.told[-1] == ("finished", PATH, "grpc", status)


@pytest.mark.parametrize("message", ["销售完毕", "50% \n of\tit", "ü" * 400, "\U0001f600" * 400])
async def test_messages_in_any_script_arrive(client: Any, pb: ModuleType, zoo: Zoo, message: str) -> None:
    zoo.answers["count"] = Refused(message, data={"销": "售"})
    error = await error_of(client, pb.CountRequest())
    assert (error.message, error.data) == (message, {"销": "售"})


async def test_an_endless_error_is_cut_and_still_arrives(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    zoo.answers["count"] = Refused("售" * 100_000, short="S" * 1000, data={"x": "y" * 100_000})
    error = await error_of(client, pb.CountRequest())
    assert (error.message, error.short, error.data) == ("售" * 400, "S" * 64, {})


async def test_a_broken_rule_is_told_before_any_work(
    api: ModuleType, channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo
) -> None:
    client = api.ZooKeeperClient(channel)
    animal = pb.Animal(name="Lion", weight=1, favourite=pb_food(), foods=[pb_food(), pb_food(grams=9001)])
    with pytest.raises(InvalidArgument) as caught:
        await client.buy_animal(animal, Call.local())
    assert caught.value.message == "foods[1].grams: must be at most 9000"
    assert zoo.requests == []


def pb_food(grams: int = 0) -> Any:
    return importlib.import_module("zoo.v1.food_pb2").Food(name="hay", grams=grams)


async def test_what_is_unexpected_leaks_nothing(client: Any, pb: ModuleType, zoo: Zoo, hooks: Recorder) -> None:
    zoo.answers["count"] = surprise = ZeroDivisionError("password=hunter2")
    error = await error_of(client, pb.CountRequest())
    assert (type(error), error.message, error.code) == (Internal, "Internal Server Error", 10003)
    assert hooks.internal == [surprise]


async def test_a_reply_of_the_wrong_type_is_an_internal_error(
    client: Any, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    zoo.answers["count"] = None
    assert isinstance(await error_of(client, pb.CountRequest()), Internal)
    assert "answers with a NoneType" in str(hooks.internal[0])


async def test_foreign_errors_are_translated_by_the_hooks(
    client: Any, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    hooks.foreign[KeyError] = Unavailable("the database is away")
    zoo.answers["count"] = KeyError("x")
    assert (await error_of(client, pb.CountRequest())).message == "the database is away"
    assert hooks.internal == []


async def test_a_method_that_is_not_implemented_says_so(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    zoo.answers["count"] = NotImplementedError()
    assert isinstance(await error_of(client, pb.CountRequest()), Unimplemented)


async def test_bytes_that_are_no_message_are_refused(channel: grpc.aio.Channel, hooks: Recorder) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(PATH)(b"\x0a\x02\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "example.zoo.v1.CountRequest" in str(caught.value.details())
    assert hooks.internal == []


async def test_metadata_request_id_and_deadline_reach_the_method(
    channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo
) -> None:
    stub = channel.unary_unary(PATH, request_serializer=pb.CountRequest.SerializeToString)
    metadata = (("x-request-id", "abc-1"), ("dtm-gid", "g"), ("extra-bin", b"\x00"))
    await stub(pb.CountRequest(), metadata=metadata, timeout=5)
    call = zoo.calls[0]
    assert (call.request_id, call.metadata["dtm-gid"], call.transport) == ("abc-1", "g", "grpc")
    assert "extra-bin" not in call.metadata
    assert 4 < (call.remaining() or 0) < 5.5


async def test_a_client_passes_the_request_id_on_and_nothing_of_dtm(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    await client.count(pb.CountRequest(), Call.local({"X-Request-ID": "r1", "dtm-gid": "g", "dtm-op": "action"}))
    assert zoo.calls[0].request_id == "r1"
    assert not [key for key in zoo.calls[0].metadata if key.startswith("dtm-")]


async def test_a_client_waits_no_longer_than_the_call_it_serves(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    zoo.answers["count"] = lambda _request, _call: asyncio.sleep(30)
    began = time.monotonic()
    error = await error_of(client, pb.CountRequest(), Call.local(timeout=0.2))
    assert isinstance(error, DeadlineExceeded)
    assert time.monotonic() - began < 15
    assert (zoo.calls[0].remaining() or 1) + 0.2 > 0


async def test_a_client_does_not_call_when_the_time_is_over(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    assert isinstance(await error_of(client, pb.CountRequest(), Call.local(timeout=-1)), DeadlineExceeded)
    assert zoo.calls == []


async def test_a_cancelled_call_cancels_the_method(
    channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(_request: Any, _call: Call) -> None:
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    zoo.answers["count"] = wait
    stub = channel.unary_unary(PATH, request_serializer=pb.CountRequest.SerializeToString)
    running = stub(pb.CountRequest())
    await began.wait()
    running.cancel()
    await asyncio.wait_for(ended.wait(), 30)
    async with asyncio.timeout(30):
        while not hooks.told or hooks.told[-1][0] != "finished":  # noqa: ASYNC110 - told right after the method has ended
            await asyncio.sleep(0)
    assert hooks.internal == []
    assert hooks.told[-1] == ("finished", PATH, "grpc", "CANCELLED")


async def test_the_current_call_is_known_while_it_is_served(client: Any, pb: ModuleType, zoo: Zoo) -> None:
    seen: list[Call | None] = []

    async def look(_request: Any, _call: Call) -> Any:
        seen.append(current_call.get())
        return pb.FindReply()

    zoo.answers["count"] = look
    await client.count(pb.CountRequest(), Call.local())
    assert seen == zoo.calls
    assert current_call.get() is None


async def test_a_dead_server_is_unavailable_and_its_address_stays_inside(api: ModuleType, pb: ModuleType) -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        error = await error_of(api.ZooKeeperClient(channel), pb.CountRequest())
    assert (type(error), error.message) == (Unavailable, "Service Unavailable")
