"""The request id that travels: from the gateway through gRPC, DTM and Kafka to every log line."""

import uuid
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from chassis_trial import parts
from fastapi import APIRouter

from aiodtm import Step, open_dtm, random_gid
from eshop_chassis import Api, ChassisHooks, ServiceSettings
from eshop_chassis.calls.channels import open_channel
from eshop_chassis.dtm.addresses import branch_headers, branch_url, check_dtm
from eshop_chassis.readiness import MissingError
from eshop_chassis.serving.grpc_server import GrpcServer
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_protos.types.types_pb2 import Params
from protoc_gen_fastapi.runtime import Call, Refused, current_call


class Stock(stock_api.StockApi):
    """Notes the request id of every call, as the logs would tell it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.next: stock_api.StockClient | None = None

    async def stock_deduct(self, request, call):
        self._note("deduct")
        if request.productCount > 5:
            raise Refused("too few")
        return pb.StockDeductReply()

    async def stock_deduct_revert(self, request, call):
        self._note("revert")
        return pb.StockDeductRevertReply()

    async def get_by_id(self, request, call):
        self._note("get")
        return pb.GetStockByIDReply()

    async def list(self, request, call):
        self._note("list")
        assert self.next is not None
        await self.next.get_by_id(pb.GetStockByIDRequest(id=1), call)
        return pb.ListStockReply()

    def _note(self, what: str) -> None:
        call = current_call.get()
        assert call is not None
        self.seen.append((what, call.request_id))


@pytest.fixture
def stock() -> Stock:
    return Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call


@pytest.fixture
async def address(stock: Stock) -> AsyncIterator[str]:
    handlers = stock_api.stock_handlers(stock, ChassisHooks(ServiceSettings()))
    server = GrpcServer([Api(stock_api.SERVICE_NAME, handlers, APIRouter())], 1 << 20)
    address = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    async with open_channel(address) as channel:
        stock.next = stock_api.StockClient(channel)
        yield address
    await server.drain(1)


async def test_it_travels_from_service_to_service(stock, address):
    request_id = uuid.uuid4().hex
    async with grpc.aio.insecure_channel(address) as channel:
        call = Call.local({"x-request-id": request_id}, timeout=5)
        await stock_api.StockClient(channel).list(pb.ListStockRequest(params=Params(limit=1)), call)
    assert stock.seen == [("list", request_id), ("get", request_id)]


@pytest.mark.parts
async def test_it_travels_through_dtm_to_every_branch_and_every_undo(stock, address):
    settings, request_id = parts.dtm(), uuid.uuid4().hex
    async with open_dtm(settings.dtm_mysql_grpc, settings.dtm_mysql_http) as dtm:
        await check_dtm(dtm)
        saga = dtm.saga(random_gid(), branch_headers(Call.local({"x-request-id": request_id})), fresh=True)
        for count in (1, 6):
            saga.step(
                Step(
                    action=branch_url(address, stock_api.StockApi.stock_deduct),
                    undo=branch_url(address, stock_api.StockApi.stock_deduct_revert),
                    payload=pb.StockDeductRequest(productID=1, productCount=count),
                )
            )
        outcome = await saga.submit(5)
    assert outcome.status == "failed"
    assert {what for what, _ in stock.seen} == {"deduct", "revert"}
    assert {seen for _, seen in stock.seen} == {request_id}


async def test_a_dtm_that_is_away_is_told_with_the_reason():
    async with open_dtm("127.0.0.1:1", "127.0.0.1:1") as dtm:
        with pytest.raises(MissingError, match="ESHOP_DTM_"):
            await check_dtm(dtm)
