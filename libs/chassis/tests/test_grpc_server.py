"""The gRPC server: health per service, reflection, one port for one server, and a stop that drops no call."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from chassis_trial.processes import grpc_list, until
from chassis_trial.proxy import proxy_to
from fastapi import APIRouter
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from eshop_chassis import Api, ChassisHooks, ServiceSettings
from eshop_chassis.serving.grpc_server import GrpcServer
from eshop_chassis.settings import UnusableSettingError
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Stock(stock_api.StockApi):
    async def list(self, request, call):
        await asyncio.sleep(request.params.page / 1000)
        return pb.ListStockReply(total=1)


def new_server(connection_seconds: float = 0.0) -> GrpcServer:
    stock = Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call
    handlers = stock_api.stock_handlers(stock, ChassisHooks(ServiceSettings()))
    return GrpcServer([Api(stock_api.SERVICE_NAME, handlers, APIRouter())], 1 << 20, connection_seconds)


@pytest.fixture
async def server() -> AsyncIterator[GrpcServer]:
    made = new_server()
    yield made
    await made.drain(0)


@pytest.fixture
async def channel(server: GrpcServer) -> AsyncIterator[grpc.aio.Channel]:
    port = await server.start("127.0.0.1", 0)
    own = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=own) as opened:
        yield opened


async def test_health_is_told_for_each_service_name_and_for_the_process(server, channel):
    health: Any = health_pb2_grpc.HealthStub(channel)

    async def states() -> list[int]:
        names = ["", "api.stock.v1.stock"]
        return [(await health.Check(health_pb2.HealthCheckRequest(service=name))).status for name in names]

    assert await states() == [NOT_SERVING, NOT_SERVING]
    await server.tell_health(True)
    assert await states() == [SERVING, SERVING]
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await health.Check(health_pb2.HealthCheckRequest(service="api.pay.v1.pay"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_names_the_services(channel):
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    answers = [a async for a in stub.ServerReflectionInfo(asked)]
    names = {service.name for service in answers[0].list_services_response.service}
    assert names >= {"api.stock.v1.stock", "grpc.health.v1.Health"}


async def test_two_servers_never_share_a_port():
    """Without so_reuseport=0 the second one would start, and the two would mix."""
    one, two = new_server(), new_server()
    port = await one.start("127.0.0.1", 0)
    with pytest.raises(UnusableSettingError):
        await two.start("127.0.0.1", port)
    await one.drain(0)


async def test_it_listens_on_ipv6_too():
    one = new_server()
    port = await one.start("::1", 0)
    async with grpc.aio.insecure_channel(f"[::1]:{port}") as channel:
        assert (await grpc_list(channel)).total == 1
    await one.drain(0)


async def test_a_drain_answers_every_call_that_came_before_it(server, channel):
    """Callers as many as can be on their way: each gets an answer, or finds nobody listening and knows it."""
    answered, refused = [], []

    async def call_for_ever() -> None:
        while True:
            try:
                answered.append(await grpc_list(channel, ms=2))
            except grpc.aio.AioRpcError as error:
                refused.append((error.code(), (error.details() or "")[:23]))
                return

    callers = asyncio.gather(*(call_for_ever() for _ in range(100)))
    await until(lambda: len(answered) >= 300)
    await server.drain(60)
    await callers
    assert set(refused) == {(grpc.StatusCode.UNAVAILABLE, "failed to connect to al")}
    assert len(refused) == 100


async def test_a_watch_of_health_does_not_hold_up_the_drain(server, channel):
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=""))
    assert (await watch.read()).status == NOT_SERVING
    await server.tell_health(True)
    assert (await watch.read()).status == SERVING
    begin = time.monotonic()
    await server.tell_health(False)
    await server.drain(60)
    assert time.monotonic() - begin < 20
    assert (await watch.read()).status == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF  # pyright: ignore[reportAttributeAccessIssue] - its types lack it


async def test_a_drain_waits_for_calls_in_flight_and_no_longer_than_it_is_told(server, channel):
    short, long = (asyncio.create_task(grpc_list(channel, ms=ms)) for ms in (200, 100_000))
    await asyncio.sleep(0.1)
    begin = time.monotonic()
    await server.drain(0.6)
    assert 0.5 < time.monotonic() - begin < 20
    assert (await short).total == 1
    with pytest.raises(grpc.aio.AioRpcError):
        await long


async def test_a_connection_that_has_its_age_is_replaced_and_no_call_is_lost():
    server = new_server(connection_seconds=0.2)
    port = await server.start("127.0.0.1", 0)

    async with (
        asyncio.timeout(30),
        proxy_to("127.0.0.1", port) as line,
        grpc.aio.insecure_channel(f"127.0.0.1:{line.port}") as channel,
    ):
        while line.connections < 3:
            assert (await grpc_list(channel, ms=20)).total == 1

    await server.drain(0)
