"""Branch calls of DTM: what would be repeated for ever becomes ABORTED, and undo branches never refuse."""

from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from protoc_gen_fastapi.runtime import (
    AlreadyExists,
    Forbidden,
    InvalidArgument,
    NotFound,
    Refused,
    RpcError,
    StillRunning,
    TooMany,
    Unauthenticated,
    Unavailable,
)

from .conftest import Recorder, Zoo

PATH = "/example.zoo.v1.zooKeeper/"
FINAL = [InvalidArgument("a", "b"), NotFound("n"), AlreadyExists("e"), Unauthenticated("u"), Forbidden("f")]
PASSING = [(StillRunning("s"), 425), (TooMany("t"), 429), (Unavailable("a"), 503), (Refused("r", code=30023), 409)]


def metadata(op: str, trans_type: str = "saga") -> tuple[tuple[str, str], ...]:
    return (("dtm-gid", "g1"), ("dtm-branch_id", "01"), ("dtm-op", op), ("dtm-trans_type", trans_type))


def query(op: str, trans_type: str = "saga") -> dict[str, str]:
    return {key.removeprefix("dtm-"): value for key, value in metadata(op, trans_type)}


async def branch(channel: grpc.aio.Channel, rpc: str, request: Any, op: str, trans_type: str = "saga") -> Any:
    """Calls as DTM does; returns (status, message)."""
    try:
        reply = await channel.unary_unary(PATH + rpc)(request.SerializeToString(), metadata=metadata(op, trans_type))
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details()
    return "OK", reply


@pytest.mark.parametrize("error", FINAL, ids=lambda e: type(e).__name__)
async def test_what_stays_wrong_is_aborted_over_grpc(
    channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo, error: RpcError
) -> None:
    zoo.answers["count"] = error
    assert await branch(channel, "Count", pb.CountRequest(), "action") == ("ABORTED", error.message)


@pytest.mark.parametrize("error", FINAL, ids=lambda e: type(e).__name__)
async def test_what_stays_wrong_is_409_over_http(http: httpx.AsyncClient, zoo: Zoo, error: RpcError) -> None:
    zoo.answers["count"] = error
    response = await http.post("/zoo/count", params=query("action"))
    assert response.status_code == 409
    assert response.json()["msg"] == error.message


@pytest.mark.parametrize(("error", "status"), PASSING, ids=lambda v: type(v).__name__)
async def test_what_may_change_keeps_its_status(
    channel: grpc.aio.Channel, http: httpx.AsyncClient, pb: ModuleType, zoo: Zoo, error: RpcError, status: int
) -> None:
    zoo.answers["count"] = error
    assert await branch(channel, "Count", pb.CountRequest(), "action") == (error.status.name, error.message)
    response = await http.post("/zoo/count", params=query("action"))
    assert response.status_code == status
    assert response.json() == {"code": error.code, "msg": error.message, "data": {}}


async def test_bad_arguments_of_a_branch_are_aborted(channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo) -> None:
    told = await branch(channel, "UpdateByID", pb.UpdateByIDRequest(), "action")
    assert told == ("ABORTED", "id: must be greater than 0")
    assert zoo.requests == []


async def test_bad_arguments_of_a_check_back_are_aborted(channel: grpc.aio.Channel, pb: ModuleType) -> None:
    assert (await branch(channel, "UpdateByID", pb.UpdateByIDRequest(), "msg", "msg"))[0] == "ABORTED"


async def test_bad_arguments_of_an_undo_are_told_to_the_hooks_and_answered_ok(
    channel: grpc.aio.Channel, http: httpx.AsyncClient, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    assert await branch(channel, "UpdateByID", pb.UpdateByIDRequest(), "compensate") == ("OK", b"")
    response = await http.put("/zoo/animals/0", params=query("compensate"))
    assert (response.status_code, response.json()) == (200, {"code": 0, "msg": "ok", "data": {}})
    assert [e.message for e in hooks.ignored] == ["id: must be greater than 0"] * 2
    assert zoo.requests == []


async def test_an_undo_that_fails_otherwise_is_asked_for_again(
    channel: grpc.aio.Channel, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    for error, status in ((NotFound(), "NOT_FOUND"), (Unavailable(), "UNAVAILABLE"), (OSError(), "INTERNAL")):
        zoo.answers["count"] = error
        assert (await branch(channel, "Count", pb.CountRequest(), "compensate"))[0] == status
    assert hooks.ignored == []


async def test_dtm_never_gets_more_than_its_column_holds(
    channel: grpc.aio.Channel, http: httpx.AsyncClient, pb: ModuleType, zoo: Zoo
) -> None:
    zoo.answers["count"] = Refused("x" * 5000, data={"y": "z" * 5000})
    assert await branch(channel, "Count", pb.CountRequest(), "action") == ("ABORTED", "x" * 400)
    assert len((await http.post("/zoo/count", params=query("action"))).content) < 500


async def test_branches_over_http_have_the_metadata_of_grpc_branches(http: httpx.AsyncClient, zoo: Zoo) -> None:
    await http.post("/zoo/count", params=query("action"), json={"name": "n"})
    call = zoo.calls[0]
    assert dict(metadata("action")).items() <= call.metadata.items()
    assert call.is_branch
    assert not call.is_undo


async def test_a_field_that_is_named_like_dtms_is_not_a_branch(http: httpx.AsyncClient, zoo: Zoo) -> None:
    await http.post("/zoo/count", params={"gid": "1", "op": "action"})
    assert not zoo.calls[0].is_branch


async def test_a_gateway_drops_what_names_a_branch(
    channel: grpc.aio.Channel, api: ModuleType, pb: ModuleType, zoo: Zoo, hooks: Recorder
) -> None:
    hooks.branches = False
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((api.zoo_keeper_handlers(zoo, hooks),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as gateway:
        told = await branch(gateway, "UpdateByID", pb.UpdateByIDRequest(), "action")
    await server.stop(None)
    assert told[0] == "INVALID_ARGUMENT"


async def test_a_gateway_drops_it_over_http_too(http: httpx.AsyncClient, zoo: Zoo, hooks: Recorder) -> None:
    hooks.branches = False
    await http.post("/zoo/count", params=query("action"), headers={"dtm-gid": "g"})
    assert not zoo.calls[0].is_branch
