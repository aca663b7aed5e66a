"""What hooks may change about a call and its answer, on both transports."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from protoc_gen_fastapi.runtime import Call, NotFound, Refused, RpcError

from .conftest import Recorder, Zoo

COUNT = "/example.zoo.v1.zooKeeper/Count"


@pytest.fixture
def hooks() -> Recorder:
    return Meddling()


class Meddling(Recorder):
    """Takes a caller's name from metadata or query, and answers those called "deaf" with nothing."""

    def incoming(self, metadata: dict[str, str], query: Mapping[str, str]) -> Mapping[str, str]:
        if "caller" in query:
            metadata["caller"] = query["caller"]
        return {key: value for key, value in query.items() if key != "name"}

    def judge(self, method: str, call: Call, error: RpcError) -> RpcError | None:
        assert method == COUNT
        return None if call.metadata.get("caller") == "deaf" else Refused(f"judged: {error.message}")


async def count(channel: grpc.aio.Channel, pb: ModuleType, caller: str) -> Any:
    try:
        return await channel.unary_unary(COUNT)(pb.CountRequest().SerializeToString(), metadata=(("caller", caller),))
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details()


async def test_a_hook_sees_metadata_and_query_first(http: httpx.AsyncClient, zoo: Zoo) -> None:
    await http.post("/zoo/count", params={"caller": "Ann", "name": "dropped"})
    assert zoo.calls[0].metadata["caller"] == "Ann"
    assert zoo.requests[0].name == ""


async def test_a_hook_decides_what_a_caller_is_told(
    channel: grpc.aio.Channel, http: httpx.AsyncClient, pb: ModuleType, zoo: Zoo
) -> None:
    zoo.answers["count"] = NotFound("n")
    assert await count(channel, pb, "Ann") == (grpc.StatusCode.ABORTED, "judged: n")
    assert await count(channel, pb, "deaf") == b""
    told = await http.post("/zoo/count")
    assert (told.status_code, told.json()["msg"]) == (409, "judged: n")
    told = await http.post("/zoo/count", params={"caller": "deaf"})
    assert (told.status_code, told.json()["code"]) == (200, 0)
