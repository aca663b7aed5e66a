"""A Redis that restarts: nothing is taken from a sale of an earlier run, whatever its callers know by then."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from aiodtm import Barrier, random_gid
from eshop_chassis import RedisSettings
from eshop_chassis.redis import open_redis
from eshop_contract import refusals
from eshop_flash_sale.sale.runs import RedisRuns
from eshop_flash_sale.sale.sales import Keys, Sales, Take, Taken
from protoc_gen_fastapi.runtime import Unavailable

TOOLS = Path(os.environ.get("ESHOP_TOOLS_DIR", Path(__file__).parents[2] / ".eshop" / "tools"))
REDIS_SERVER = shutil.which("redis-server") or shutil.which(TOOLS / "redis-server")
pytestmark = [
    pytest.mark.parts,
    pytest.mark.skipif(REDIS_SERVER is None, reason="no redis-server to start"),
]
PRODUCT = 7


class Server:
    """A Redis of this test alone, which keeps everything over a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    async def start(self) -> None:
        options = ["--port", str(self.port), "--dir", str(self._folder), "--appendonly", "yes", "--save", ""]
        self._process = await asyncio.create_subprocess_exec(
            str(REDIS_SERVER), *options, "--appendfsync", "always", stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while not await self._answers():  # noqa: ASYNC110 - the server has no way to tell us
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        async with open_redis(self.settings) as client:
            try:
                return bool(await client.ping())
            except Exception:
                return False

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    @property
    def settings(self) -> RedisSettings:
        return RedisSettings(redis_host="127.0.0.1", redis_port=self.port, redis_password="", redis_pool_size=4)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def sales(server: Server) -> AsyncIterator[Sales]:
    runs = RedisRuns()
    async with open_redis(server.settings, runs.on_connect) as redis:
        yield Sales(redis, runs)


async def opened(sales: Sales, units: int, **how: Any) -> None:
    token = random_gid()
    await sales.close(PRODUCT, token)
    await sales.open(PRODUCT, token, 1, units, 0, **how)


async def take(sales: Sales, ref: str) -> Taken:
    return await sales.take(Barrier.of_message(random_gid()), PRODUCT, [Take(ref, 7, 1)], each=True)


async def restarted(server: Server) -> None:
    await server.kill()
    await server.start()


async def test_after_a_restart_nothing_is_taken_until_the_sale_is_opened_again(server: Server, sales: Sales):
    await opened(sales, 5)
    assert (await take(sales, "a")).accepted == {"a"}
    before = await sales.run_id()
    await restarted(server)
    with pytest.raises(RedisConnectionError):
        await take(sales, "b")
    assert await sales.run_id(fresh=True) != before
    with pytest.raises(Unavailable, match="being set"):
        await take(sales, "b")
    await opened(sales, 4, keep_buyers=True)
    assert (await take(sales, "b")).accepted == {"b"}


async def test_a_call_that_began_before_the_restart_takes_nothing_after_it(server: Server, sales: Sales):
    """It bears the old run's id, with which the sale was opened: only its connection can tell that all is over."""
    await opened(sales, 5)
    old = await sales.run_id()
    await restarted(server)
    runs: Any = sales._runs
    assert runs.last == old, "nobody has met the new run yet"
    with pytest.raises(RedisConnectionError, match="restarted"):
        await take(sales, "a")
    assert (runs.last == old, await sales._redis.hget(Keys(PRODUCT).sale, "left")) == (False, "5")


async def test_a_sale_that_is_opened_for_an_earlier_run_sells_nothing(sales: Sales):
    await opened(sales, 5, run_id="an earlier one")
    with pytest.raises(Unavailable, match="being set"):
        await take(sales, "a")


@pytest.mark.parametrize("lost", [True, False])
async def test_what_a_buyer_took_in_the_lost_second_counts_in_the_limit(server: Server, sales: Sales, lost: bool):
    token, barrier = random_gid(), Barrier.of_message(random_gid())
    await sales.close(PRODUCT, token)
    await sales.open(PRODUCT, token, 1, 5, 1)
    assert (await sales.take_each(barrier, {PRODUCT: [Take("a", 7, 1), Take("b", 8, 1)]})).accepted == {"a", "b"}
    await restarted(server)
    await sales.run_id(fresh=True)
    redis: Any = sales._redis
    if lost:
        await redis.delete(Keys(PRODUCT).users, f"{Keys(PRODUCT).slot}:barrier:{barrier.gid}:00:msg")
    assert bool(await redis.hgetall(Keys(PRODUCT).users)) != lost
    for once_more in (random_gid(), random_gid()):
        await sales.close(PRODUCT, once_more)
        for _ in range(2):  # a reply may get lost
            await sales.open(PRODUCT, once_more, 1, 3, 1, keep_buyers=True)
    assert await redis.hgetall(Keys(PRODUCT).users) == {"7": "1", "8": "1"}
    again = {PRODUCT: [Take("c", 7, 1), Take("d", 9, 1)]}
    taken = await sales.take_each(Barrier.of_message(random_gid()), again)
    too_many = refusals.LIMIT_REACHED(product=PRODUCT, count=1, limit=1, bought=1)
    assert (taken.accepted, taken.refused) == ({"d"}, {"c": too_many})


@pytest.mark.parametrize("lost", [(0, 1), (1,)])
async def test_a_repetition_in_the_lost_second_counts_once(server: Server, sales: Sales, lost: tuple[int, ...]):
    token, redis = random_gid(), sales._redis
    await sales.close(PRODUCT, token)
    await sales.open(PRODUCT, token, 1, 5, 1)
    barriers = [Barrier.of_message(random_gid()) for _ in range(2)]
    for barrier in barriers:
        taken = await sales.take_each(barrier, {PRODUCT: [Take("a", 7, 1, keyed=True)]})
        assert taken.accepted == {"a"}
    await restarted(server)
    await sales.run_id(fresh=True)
    keys = [f"{Keys(PRODUCT).slot}:barrier:{barriers[n].gid}:00:msg" for n in lost]
    await redis.delete(*keys, *([Keys(PRODUCT).users] if 0 in lost else []))
    await sales.close(PRODUCT, token)
    await sales.open(PRODUCT, token, 1, 4, 1, keep_buyers=True)
    counted: Any = await redis.hgetall(Keys(PRODUCT).users)
    assert counted == {"7": "1"}
