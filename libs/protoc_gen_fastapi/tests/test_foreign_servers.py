"""The client against servers that are not generated here and send a status only."""

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest

from protoc_gen_fastapi.runtime import Call, RpcError

CASES = {
    "ABORTED": ("Refused", 10409, 409, "why"),
    "FAILED_PRECONDITION": ("StillRunning", 10425, 425, "why"),
    "INVALID_ARGUMENT": ("InvalidArgument", 10001, 400, "why"),
    "OUT_OF_RANGE": ("InvalidArgument", 10001, 400, "why"),
    "NOT_FOUND": ("NotFound", 10004, 404, "why"),
    "ALREADY_EXISTS": ("AlreadyExists", 10005, 409, "why"),
    "UNAUTHENTICATED": ("Unauthenticated", 10002, 401, "why"),
    "PERMISSION_DENIED": ("Forbidden", 10008, 403, "why"),
    "RESOURCE_EXHAUSTED": ("TooMany", 10007, 429, "why"),
    "UNIMPLEMENTED": ("Unimplemented", 10003, 501, "why"),
    "UNAVAILABLE": ("Unavailable", 10013, 503, "Service Unavailable"),
    "CANCELLED": ("Unavailable", 10013, 503, "Service Unavailable"),
    "DEADLINE_EXCEEDED": ("DeadlineExceeded", 10010, 504, "Deadline Exceeded"),
    "INTERNAL": ("Internal", 10003, 500, "Internal Server Error"),
    "UNKNOWN": ("Internal", 10003, 500, "Internal Server Error"),
    "DATA_LOSS": ("Internal", 10003, 500, "Internal Server Error"),
}


@pytest.fixture
async def foreign() -> AsyncIterator[tuple[grpc.aio.Channel, dict[str, Any]]]:
    """A server that aborts every call with what the test says."""
    wanted: dict[str, Any] = {}

    async def abort(_request: bytes, context: Any) -> bytes:
        await context.abort(wanted["code"], "why", wanted.get("metadata", ()))
        raise AssertionError

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(abort)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel, wanted
    await server.stop(None)


async def answer(api: ModuleType, pb: ModuleType, channel: grpc.aio.Channel) -> RpcError:
    with pytest.raises(RpcError) as caught:
        await api.ZooKeeperClient(channel).count(pb.CountRequest(), Call.local())
    return caught.value


@pytest.mark.parametrize("status", CASES)
async def test_a_status_alone_is_enough(api: ModuleType, pb: ModuleType, foreign: Any, status: str) -> None:
    channel, wanted = foreign
    wanted["code"] = grpc.StatusCode[status]
    error = await answer(api, pb, channel)
    assert (type(error).__name__, error.code, error.http_status, error.message) == CASES[status]
    assert (error.short, error.data) == ("", {})


@pytest.mark.parametrize(
    "metadata",
    [
        (("x-error-code", "many"),),
        (("x-error-data-bin", b"{"),),
        (("x-error-data-bin", b"[1]"),),
        (("x-error-data-bin", b"\xff"),),
    ],
)
async def test_nonsense_in_the_metadata_is_ignored(
    api: ModuleType, pb: ModuleType, foreign: Any, metadata: Any
) -> None:
    channel, wanted = foreign
    wanted.update(code=grpc.StatusCode.ABORTED, metadata=metadata)
    error = await answer(api, pb, channel)
    assert (error.message, error.code, error.data) == ("why", 10409, {})
