"""Sagas over real DTMs, real databases and branches that fail: nothing is lost, nothing counts twice."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from aiodtm import Barrier, BranchRefused, Outcome, RedisBarrier, Step, drained, random_gid
from aiodtm.mysql import MySQLBarriers

pytestmark = pytest.mark.parts

SAGAS, UNITS = 30, 20
SALE = """
local function business(KEYS, ARGV, earlier)
    if earlier then
        redis.call('INCR', KEYS[1])
        return 'ok', ''
    end
    if tonumber(redis.call('GET', KEYS[1])) < 1 then
        return 'refused', 'SOLD_OUT'
    end
    redis.call('DECR', KEYS[1])
    return 'ok', '1'
end
"""


@dataclass
class Shop:
    """Two stocks: one in MySQL with plenty of units, one in Redis with few. Branches break off now and then."""

    stage: Any
    engine: AsyncEngine
    redis: Redis
    store: MySQLBarriers
    dice: random.Random
    failures: float = 0.15
    id: str = field(default_factory=random_gid)

    @property
    def slot(self) -> str:
        return f"aiodtm-test:{{{self.id}}}"

    async def open(self) -> None:
        async with self.engine.begin() as tx:
            await tx.exec_driver_sql("INSERT INTO stock (id, num) VALUES (%s, %s)", (self.id, 100))
        await self.redis.set(f"{self.slot}:stock", UNITS, ex=120)

    async def left(self) -> tuple[int, int]:
        async with self.engine.begin() as tx:
            num = (await tx.exec_driver_sql("SELECT num FROM stock WHERE id = %s", (self.id,))).scalar_one()
        units = await self.redis.get(f"{self.slot}:stock")
        assert units is not None
        return num, int(units)

    async def mysql(self, payload: bytes, metadata: dict[str, str]) -> None:
        barrier = Barrier.from_metadata(metadata)

        async def work(tx) -> None:
            change = 1 if barrier.undoes else -1
            await tx.exec_driver_sql("UPDATE stock SET num = num + %s WHERE id = %s", (change, self.id))

        self.maybe_fail()
        await self.store.once(barrier, work)
        self.maybe_fail()

    async def sale(self, payload: bytes, metadata: dict[str, str]) -> None:
        barrier = RedisBarrier(Barrier.from_metadata(metadata), self.slot, ttl=120)
        self.maybe_fail()
        outcome = await barrier.once(self.redis, SALE, [f"{self.slot}:stock"])
        self.maybe_fail()
        if outcome.state in ("refused", "undone"):
            raise BranchRefused(outcome.result)

    def maybe_fail(self) -> None:
        if self.dice.random() < self.failures:
            raise RuntimeError("the branch breaks off")

    def saga(self):
        saga = self.stage.dtm.saga(random_gid("test"), fresh=True)
        url = self.stage.branches.url
        saga.step(Step(url("Take", self.mysql), url("PutBack", self.mysql), b""))
        saga.step(Step(url("Sell", self.sale), url("Unsell", self.sale), b""))
        saga.step(Step(url("Send", self.mysql), url("Unsend", self.mysql), b""))
        return saga


@pytest.fixture
async def shop(real_stage, engine, redis, mysql_database) -> Shop:
    shop = Shop(real_stage, engine, redis, MySQLBarriers(engine, f"{mysql_database}.barrier"), random.Random(7))  # noqa: S311
    await shop.open()
    return shop


async def finished(dtm, gids: list[str], within: float = 120) -> dict[str, Outcome]:
    end, found = time.monotonic() + within, {}
    while time.monotonic() < end:
        found = {gid: await dtm.outcome(gid) for gid in gids}
        if all(outcome and outcome.status in ("succeed", "failed") for outcome in found.values()):
            return found
        await dtm.wake()
        await asyncio.sleep(1.5)
    raise AssertionError(found)


async def test_thirty_sagas_with_failing_branches_add_up(shop):
    sagas = [shop.saga() for _ in range(SAGAS)]
    told = await asyncio.gather(*(saga.submit(2.0) for saga in sagas))
    shop.failures = 0.05
    outcomes = await finished(shop.stage.dtm, [saga.gid for saga in sagas])
    for saga, outcome in zip(sagas, told, strict=True):
        if outcome.status in ("succeed", "failed"):
            assert outcome == outcomes[saga.gid]
    sold = sum(outcome.status == "succeed" for outcome in outcomes.values())
    assert await shop.left() == (100 - 2 * sold, UNITS - sold)
    assert sold == UNITS  # SOLD_OUT was said to nobody while a unit was left at the end
    assert {o.reason for o in outcomes.values() if o.status == "failed"} == {"SOLD_OUT"}


async def test_a_branch_that_dtm_cancels_after_three_seconds_counts_once(shop):
    calls, cancelled = [], []

    async def slow(payload: bytes, metadata: dict[str, str]) -> None:
        barrier = Barrier.from_metadata(metadata)
        calls.append(metadata["dtm-op"])

        async def work(tx) -> None:
            await tx.exec_driver_sql("UPDATE stock SET num = num - 1 WHERE id = %s", (shop.id,))
            await asyncio.sleep(3.3)

        try:
            await shop.store.once(barrier, work)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    saga = shop.stage.dtm.saga(random_gid("test"), fresh=True)
    saga.step(Step(shop.stage.branches.url("Slow", slow), "", b""))
    assert (await saga.submit(3.2)).status == "running"
    await drained()
    assert (await finished(shop.stage.dtm, [saga.gid]))[saga.gid].status == "succeed"
    assert (calls, cancelled) == (["action", "action"], [1])
    assert (await shop.left())[0] == 99
