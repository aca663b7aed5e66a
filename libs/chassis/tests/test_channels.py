"""Channels between services: several addresses, a dead one, a restart, and who may be asked twice."""

import asyncio
import json
import time
from collections import Counter
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from chassis_trial.processes import grpc_list
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from eshop_chassis.calls.channels import open_channel, options, target
from eshop_chassis.settings import UnusableSettingError
from eshop_protos.stock.v1 import stock_pb2 as pb

LIST = ("api.stock.v1.stock", "List")


class Backend:
    """A server that counts its calls, and fails the first `failures` of them."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.status = grpc.StatusCode.UNAVAILABLE
        self.port = 0
        self._server: grpc.aio.Server | None = None

    async def come(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer, response_serializer=pb.ListStockReply.SerializeToString
        )
        self.health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue] - made at run time
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        await self.says(ready=True)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(LIST[0], {LIST[1]: handler}),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def says(self, *, ready: bool) -> None:
        states = health_pb2.HealthCheckResponse
        await self.health.set("", states.SERVING if ready else states.NOT_SERVING)

    async def go(self) -> None:
        assert self._server is not None
        await self._server.stop(0)

    async def _answer(
        self, request: bytes, context: "grpc.aio.ServicerContext[bytes, pb.ListStockReply]"
    ) -> pb.ListStockReply:
        self.calls += 1
        if self.calls <= self.failures:
            await context.abort(self.status, "not now")
        return pb.ListStockReply(total=self.port)


@asynccontextmanager
async def backend():
    made = Backend()
    await made.come()
    try:
        yield made
    finally:
        await made.go()


async def test_calls_go_round_several_addresses():
    async with (
        backend() as one,
        backend() as two,
        open_channel(f"127.0.0.1:{one.port}, 127.0.0.1:{two.port}") as channel,
    ):
        while {(await grpc_list(channel)).total for _ in range(2)} != {one.port, two.port}:
            pass  # the second connection takes a moment
        seen = Counter([(await grpc_list(channel)).total for _ in range(20)])
        assert seen == {one.port: 10, two.port: 10}


async def test_a_dead_address_among_several_harms_no_call_and_is_used_again_when_it_is_back():
    async with (
        backend() as one,
        backend() as two,
        open_channel(f"127.0.0.1:{one.port},127.0.0.1:{two.port}") as channel,
    ):
        await grpc_list(channel)
        await two.go()
        await asyncio.sleep(0.1)
        assert {(await grpc_list(channel)).total for _ in range(30)} == {one.port}
        await two.come()
        end = time.monotonic() + 60
        while (await grpc_list(channel)).total != two.port:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


async def test_a_replica_that_is_not_ready_gets_no_call_until_it_is():
    async with (
        backend() as well,
        backend() as sick,
        open_channel(f"127.0.0.1:{well.port},127.0.0.1:{sick.port}") as channel,
    ):
        await sick.says(ready=False)
        assert [(await grpc_list(channel)).total for _ in range(12)] == [well.port] * 12
        await sick.says(ready=True)
        end = time.monotonic() + 5
        while (await grpc_list(channel)).total != sick.port:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        await well.says(ready=False)
        await asyncio.sleep(0.2)
        assert [(await grpc_list(channel)).total for _ in range(12)] == [sick.port] * 12


async def test_where_no_replica_is_ready_all_are_called():
    """What makes a process not ready may not matter for this call."""
    async with (
        backend() as one,
        backend() as two,
        open_channel(f"127.0.0.1:{one.port},127.0.0.1:{two.port}") as channel,
    ):
        await one.says(ready=False)
        await two.says(ready=False)
        assert {(await grpc_list(channel)).total for _ in range(40)} == {one.port, two.port}
        await one.says(ready=True)
        end = time.monotonic() + 5
        while {(await grpc_list(channel)).total for _ in range(8)} != {one.port}:
            assert time.monotonic() < end


async def test_a_restarted_service_is_found_again_within_about_a_second():
    async with backend() as one, open_channel(f"127.0.0.1:{one.port}") as channel:
        await grpc_list(channel)
        await one.go()
        begin = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await grpc_list(channel)
        assert away.value.code() is grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - begin < 10
        await asyncio.sleep(1)
        await one.come()
        begin = time.monotonic()
        while True:
            try:
                await grpc_list(channel)
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)
        assert time.monotonic() - begin < 10


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_an_idempotent_call_is_sent_again_and_no_other(status):
    async with backend() as one, open_channel(f"127.0.0.1:{one.port}", [LIST]) as channel:
        one.failures, one.status = 2, status
        assert (await grpc_list(channel)).total == one.port
        assert one.calls == 3
    async with backend() as one, open_channel(f"127.0.0.1:{one.port}") as channel:
        one.failures, one.status = 1, status
        with pytest.raises(grpc.aio.AioRpcError):
            await grpc_list(channel)
        assert one.calls == 1


async def test_a_refusal_is_never_sent_again():
    async with backend() as one, open_channel(f"127.0.0.1:{one.port}", [LIST]) as channel:
        one.failures, one.status = 1, grpc.StatusCode.ABORTED
        with pytest.raises(grpc.aio.AioRpcError):
            await grpc_list(channel)
        assert one.calls == 1


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("stock:30382", "stock:30382"),
        ("dns:///stock:30382", "dns:///stock:30382"),
        (" 10.0.0.1:1 ,10.0.0.2:1,", "ipv4:10.0.0.1:1,10.0.0.2:1"),
        ("[::1]:1,[::2]:1", "ipv6:[::1]:1,[::2]:1"),
    ],
)
def test_addresses_are_given_as_people_write_them(addresses, expected):
    assert target(addresses) == expected


@pytest.mark.parametrize("addresses", ["", " , ", "stock", "a:1,b:1", "127.0.0.1:1,[::1]:1", "127.0.0.1:1,stock:1"])
def test_addresses_that_could_never_connect_are_refused(addresses):
    with pytest.raises(UnusableSettingError):
        target(addresses)


def test_only_the_named_methods_have_a_retry_policy():
    config = json.loads(str(dict(options([LIST], 1, healthy=True))["grpc.service_config"]))
    assert config["methodConfig"][0]["name"] == [{"service": LIST[0], "method": LIST[1]}]
    assert "methodConfig" not in json.loads(str(dict(options([], 1, healthy=True))["grpc.service_config"]))


def test_a_service_that_was_away_for_long_is_looked_for_every_second():
    """gRPC's own pause grows to two minutes."""
    assert dict(options([], 1, healthy=True))["grpc.max_reconnect_backoff_ms"] == 1000
