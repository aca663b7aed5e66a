"""Calls of DTM: what would be repeated for ever becomes ABORTED, and undo branches never refuse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
import structlog.testing

from eshop_chassis import ChassisHooks, ServiceSettings
from eshop_chassis.dtm_calls import is_branch, is_undo
from eshop_chassis.readiness import Readiness
from eshop_chassis.serving.http_app import build_app
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb
from protoc_gen_fastapi.runtime import (
    AlreadyExists,
    Call,
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

FINAL = [InvalidArgument("a", "b"), NotFound("n"), AlreadyExists("e"), Unauthenticated("u"), Forbidden("f")]
PASSING = [(StillRunning("s"), 425), (TooMany("t"), 429), (Unavailable("a"), 503), (Refused("r", code=30023), 409)]
GOOD = pb.CreateStockRequest(productID=7, stock=1)
PATH = "/api/v1/stock"
JSON = {"productID": 7, "stock": 1}


class Stock(stock_api.StockApi):
    def __init__(self) -> None:
        self.answer: Exception | None = None
        self.calls: list[Call] = []

    async def create(self, request: pb.CreateStockRequest, call: Call) -> pb.CreateStockReply:
        self.calls.append(call)
        if self.answer is not None:
            raise self.answer
        return pb.CreateStockReply(id=1)


class Both:
    """The stock API over both transports, called as DTM calls."""

    def __init__(self, stock: Stock, hooks: ChassisHooks, channel: grpc.aio.Channel, http: httpx.AsyncClient) -> None:
        self.stock, self.hooks, self.http = stock, hooks, http
        self._create: Any = channel.unary_unary(stock_api.CREATE)

    async def grpc(self, op: str, request: pb.CreateStockRequest = GOOD, trans_type: str = "saga") -> tuple[str, Any]:
        """Status and message, or status and reply."""
        try:
            return "OK", await self._create(request.SerializeToString(), metadata=metadata(op, trans_type))
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details()

    async def post(self, op: str, json: Any = JSON, **more: Any) -> httpx.Response:
        return await self.http.post(PATH, params=query(op), json=json, **more)


def metadata(op: str, trans_type: str = "saga") -> tuple[tuple[str, str], ...]:
    return (("dtm-gid", "g1"), ("dtm-branch_id", "01"), ("dtm-op", op), ("dtm-trans_type", trans_type))


def query(op: str) -> dict[str, str]:
    return {key.removeprefix("dtm-"): value for key, value in metadata(op)}


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    async def nothing(_ready: bool) -> None: ...

    stock = Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call
    hooks = ChassisHooks(ServiceSettings())
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((stock_api.stock_handlers(stock, hooks),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    app = build_app("stock", [stock_api.stock_router(stock, hooks)], hooks, Readiness({}, nothing))
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        yield Both(stock, hooks, channel, http)
    await server.stop(None)


@pytest.mark.parametrize("error", FINAL, ids=lambda e: type(e).__name__)
async def test_what_stays_wrong_is_aborted(both: Both, error: RpcError) -> None:
    both.stock.answer = error
    assert await both.grpc("action") == ("ABORTED", error.message)
    response = await both.post("action")
    assert (response.status_code, response.json()["msg"]) == (409, error.message)


@pytest.mark.parametrize(("error", "status"), PASSING, ids=lambda v: type(v).__name__)
async def test_what_may_change_keeps_its_status(both: Both, error: RpcError, status: int) -> None:
    both.stock.answer = error
    assert await both.grpc("action") == (error.status.name, error.message)
    response = await both.post("action")
    assert response.status_code == status
    assert response.json() == {"code": error.code, "msg": error.message, "data": {}}


@pytest.mark.parametrize(("op", "trans_type"), [("action", "saga"), ("msg", "msg")])
async def test_bad_arguments_of_a_branch_or_a_check_back_are_aborted(both: Both, op: str, trans_type: str) -> None:
    status, message = await both.grpc(op, pb.CreateStockRequest(), trans_type)
    assert (status, message.split(":")[0]) == ("ABORTED", "productID")
    assert both.stock.calls == []


async def test_bad_arguments_of_an_undo_are_logged_and_answered_ok(both: Both) -> None:
    with structlog.testing.capture_logs() as told:
        assert await both.grpc("compensate", pb.CreateStockRequest()) == ("OK", b"")
        response = await both.post("compensate", {"productID": 0})
    assert (response.status_code, response.json()["code"]) == (200, 0)
    ignored = [line["why"] for line in told if line["log_level"] == "error"]
    assert len(ignored) == 2
    assert all(why.startswith("productID: ") for why in ignored)
    assert both.stock.calls == []


async def test_an_undo_that_fails_otherwise_is_asked_for_again(both: Both) -> None:
    for error, status in ((NotFound(), "NOT_FOUND"), (Unavailable(), "UNAVAILABLE"), (KeyError(), "INTERNAL")):
        both.stock.answer = error
        assert (await both.grpc("compensate"))[0] == status


async def test_dtm_never_gets_more_than_its_column_holds(both: Both) -> None:
    both.stock.answer = Refused("x" * 5000, data={"y": "z" * 5000})
    assert await both.grpc("action") == ("ABORTED", "x" * 400)
    assert len((await both.post("action")).content) < 500


async def test_branches_over_http_have_the_metadata_of_grpc_branches(both: Both) -> None:
    await both.post("action")
    call = both.stock.calls[0]
    assert dict(metadata("action")).items() <= call.metadata.items()
    assert is_branch(call)
    assert not is_undo(call)


async def test_a_query_that_is_named_like_dtms_is_not_a_branch(both: Both) -> None:
    await both.http.post(PATH, params={"gid": "1", "op": "action"}, json=JSON)
    assert not is_branch(both.stock.calls[0])


async def test_a_gateway_drops_what_names_a_branch(both: Both) -> None:
    both.hooks.branches = False
    both.stock.answer = NotFound("n")
    assert await both.grpc("action") == ("NOT_FOUND", "n")
    assert (await both.post("action", headers={"dtm-gid": "g"})).status_code == 404
    assert not any(is_branch(call) for call in both.stock.calls)


def test_an_undo_is_a_branch() -> None:
    assert not is_undo(Call.local({"dtm-op": "compensate"}))
    assert is_undo(Call.local({"dtm-op": "compensate", "dtm-gid": "g"}))
