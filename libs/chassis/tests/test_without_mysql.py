"""A whole service whose MySQL is not there yet, goes, and comes back."""

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from chassis_trial import parts
from chassis_trial.processes import Trial, trial, until
from chassis_trial.proxy import proxy_to
from grpc_health.v1 import health_pb2, health_pb2_grpc

from eshop_chassis.mysql.database import fetch, open_mysql
from eshop_protos.stock.v1 import stock_pb2 as pb

pytestmark = pytest.mark.parts


async def test_a_service_says_what_it_misses_is_ready_once_it_is_there_and_recovers_without_a_restart(database_name):
    settings = parts.mysql()
    async with proxy_to(settings.mysql_host, settings.mysql_port) as proxy:
        await proxy.go()
        told = {"mysql_port": proxy.port, "mysql_user": settings.mysql_user, "mysql_password": settings.mysql_password}
        async with trial(trial_database=database_name, **told) as running:
            service = Service(*await running.addresses())
            reason = f"127.0.0.1:{proxy.port}: Connection refused; see ESHOP_MYSQL_HOST, _PORT, _USER and _PASSWORD"

            line = await running.wait_for("not ready, keeps trying")
            assert line["missing"] == {"MySQL": reason}
            await service.is_not_ready(reason)
            await asyncio.sleep(1.2)  # it goes on trying, without a word

            await proxy.come()
            await service.is_ready(running, 1)
            await running.wait_for("the task runs")

            await proxy.go()
            await running.wait_for("not ready, keeps trying", 2)
            await service.is_not_ready(reason)
            await proxy.come()
            await service.is_ready(running, 2)

            running.signal()
            assert await running.ended() == 0
    events = [line["event"] for line in running.logged]
    assert events.count("not ready, keeps trying") == 2
    assert events.count("a background task failed and starts again") == 1
    assert events.count("the task runs") == 1
    assert events.index("the task has tidied up") < events.index("resources are closed") < events.index("stopped")
    async with open_mysql(settings, database_name, "chassis_trial") as db:
        assert await db.run(lambda tx: fetch(tx, "SELECT COUNT(*) FROM trial")) == [(1,)]


class Service:
    """The running service, as its callers see it."""

    def __init__(self, url: str, address: str) -> None:
        self._url = url
        self._address = address

    async def is_ready(self, running: Trial, times: int) -> None:
        await running.wait_for("ready", times)
        state, live, read, health, call = await self._ask()
        assert (state.status_code, live.status_code, read.status_code) == (200, 200, 200)
        assert health == [health_pb2.HealthCheckResponse.SERVING] * 2
        assert call is grpc.StatusCode.OK

    async def is_not_ready(self, reason: str) -> None:
        begin = time.monotonic()
        state, live, read, health, call = await self._ask()
        assert time.monotonic() - begin < 8, "a call hung while MySQL was away"
        assert (state.status_code, live.status_code, read.status_code) == (503, 200, 503)
        assert state.json() == {"status": "not ready", "missing": {"MySQL": reason}}
        assert read.json()["code"] == 10013
        assert health == [health_pb2.HealthCheckResponse.NOT_SERVING] * 2
        assert call is grpc.StatusCode.UNAVAILABLE

    async def _ask(self):
        async with (
            httpx.AsyncClient(base_url=self._url, trust_env=False) as http,
            grpc.aio.insecure_channel(self._address) as channel,
        ):
            pages = [await http.get(path) for path in ("/readyz", "/livez", "/api/v1/stock/7")]
            stub: Any = health_pb2_grpc.HealthStub(channel)
            names = ["", "api.stock.v1.stock"]
            health = [(await stub.Check(health_pb2.HealthCheckRequest(service=name))).status for name in names]
            return *pages, health, await self._read(channel)

    async def _read(self, channel: grpc.aio.Channel) -> grpc.StatusCode:
        get = channel.unary_unary(
            "/api.stock.v1.stock/GetByID", request_serializer=pb.GetStockByIDRequest.SerializeToString
        )
        try:
            await get(pb.GetStockByIDRequest(id=7), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


async def test_the_first_calls_after_a_restart_of_mysql_are_answered(database_name):
    """Reads that are in flight when connections are cut are done again; those that come afterwards never notice."""
    settings = parts.mysql(mysql_pool_size=4)
    async with (
        proxy_to(settings.mysql_host, settings.mysql_port) as proxy,
        open_mysql(settings.model_copy(update={"mysql_port": proxy.port}), database_name, "chassis_trial") as db,
    ):
        await db.check()
        answers: list[object] = []

        async def read_for_ever() -> None:
            while True:
                try:
                    answers.append(await db.run(lambda tx: fetch(tx, "SELECT SLEEP(0.001)")))
                except Exception as error:
                    answers.append(error)

        readers = [asyncio.create_task(read_for_ever()) for _ in range(8)]
        await until(lambda: len(answers) > 50)
        proxy.cut()
        before = len(answers)
        await until(lambda: len(answers) > before + 100)
        for reader in readers:
            reader.cancel()
        failed = [answer for answer in answers if isinstance(answer, Exception)]
        assert len(failed) <= 4, "more than the commits that were in flight"
