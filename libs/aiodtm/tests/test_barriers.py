"""One contract for all barriers: whatever arrives, however often and in whatever order, the stock is right at the end.

Every shelf holds a stock under a barrier; an action takes one unit and refuses when there is none, an undo puts it
back.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Protocol

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from aiodtm import Barrier, BranchRefused, RedisBarrier, random_gid
from aiodtm.mysql import MySQLBarriers
from aiodtm.testing import MemoryStore

SALE = """
local function business(KEYS, ARGV, earlier)
    if earlier then
        redis.call('INCRBY', KEYS[1], earlier)
        return 'ok', ''
    end
    if tonumber(redis.call('GET', KEYS[1])) < 1 then
        return 'refused', 'SOLD_OUT'
    end
    redis.call('DECR', KEYS[1])
    return 'ok', '1'
end
"""


class Shelf(Protocol):
    async def stock(self) -> int: ...
    async def fill(self, stock: int) -> None: ...
    async def call(self, barrier: Barrier) -> str:
        """ "ok", or the short code of a refusal."""
        ...

    async def check_back(self, gid: str) -> bool: ...


@dataclass
class MemoryShelf:
    store: MemoryStore = field(default_factory=lambda: MemoryStore({"num": 0}))

    async def stock(self) -> int:
        return self.store.data["num"]

    async def fill(self, stock: int) -> None:
        self.store.data["num"] = stock

    async def call(self, barrier: Barrier) -> str:
        async def take(tx):
            if tx.data["num"] < 1:
                raise BranchRefused("SOLD_OUT")
            tx.data["num"] -= 1

        async def put_back(tx):
            tx.data["num"] += 1

        return await _answer(self.store.once(barrier, put_back if barrier.undoes else take))

    async def check_back(self, gid: str) -> bool:
        return await _answer(self.store.query_prepared(Barrier.of_message(gid))) == "ok"


@dataclass
class MySQLShelf:
    engine: AsyncEngine
    store: MySQLBarriers
    id: str = field(default_factory=random_gid)

    async def stock(self) -> int:
        async with self.engine.connect() as tx:
            num = (await tx.exec_driver_sql("SELECT num FROM stock WHERE id = %s", (self.id,))).scalar_one()
            await tx.rollback()
            return num

    async def fill(self, stock: int) -> None:
        async with self.engine.begin() as tx:
            await tx.exec_driver_sql("REPLACE INTO stock (id, num) VALUES (%s, %s)", (self.id, stock))

    async def call(self, barrier: Barrier) -> str:
        async def take(tx):
            took = await tx.exec_driver_sql("UPDATE stock SET num = num - 1 WHERE id = %s AND num >= 1", (self.id,))
            if not took.rowcount:
                raise BranchRefused("SOLD_OUT")

        async def put_back(tx):
            await tx.exec_driver_sql("UPDATE stock SET num = num + 1 WHERE id = %s", (self.id,))

        return await _answer(self.store.once(barrier, put_back if barrier.undoes else take))

    async def check_back(self, gid: str) -> bool:
        return await _answer(self.store.query_prepared(Barrier.of_message(gid))) == "ok"


@dataclass
class RedisShelf:
    redis: Redis
    slot: str = field(default_factory=lambda: f"aiodtm-test:{{{random_gid()}}}")

    async def stock(self) -> int:
        stock = await self.redis.get(f"{self.slot}:stock")
        assert stock is not None
        return int(stock)

    async def fill(self, stock: int) -> None:
        await self.redis.set(f"{self.slot}:stock", stock, ex=60)

    async def call(self, barrier: Barrier) -> str:
        outcome = await RedisBarrier(barrier, self.slot, ttl=60).once(self.redis, SALE, [f"{self.slot}:stock"])
        return {"refused": outcome.result, "undone": "undone"}.get(outcome.state, "ok")

    async def check_back(self, gid: str) -> bool:
        return (await RedisBarrier(Barrier.of_message(gid), self.slot, ttl=60).query_prepared(self.redis)).ok


async def _answer(call) -> str:
    try:
        await call
    except BranchRefused as refusal:
        return "undone" if refusal.short == "rollback" else refusal.short
    return "ok"


real = pytest.mark.parts


@pytest.fixture(params=["memory", pytest.param("mysql", marks=real), pytest.param("redis", marks=real)])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        return MemoryShelf()
    if request.param == "redis":
        return RedisShelf(request.getfixturevalue("redis"))
    engine, database = request.getfixturevalue("engine"), request.getfixturevalue("mysql_database")
    return MySQLShelf(engine, MySQLBarriers(engine, f"{database}.barrier"))


def saga(gid: str, op: str, branch_id: str = "01") -> Barrier:
    return Barrier(gid, "saga", branch_id, op)


async def test_an_action_counts_once_however_often_it_arrives(shelf):
    await shelf.fill(5)
    gid = random_gid()
    assert [await shelf.call(saga(gid, "action")) for _ in range(3)] == ["ok"] * 3
    assert await shelf.stock() == 4


async def test_ten_calls_at_once_count_once(shelf):
    await shelf.fill(5)
    gid = random_gid()
    assert await asyncio.gather(*(shelf.call(saga(gid, "action")) for _ in range(10))) == ["ok"] * 10
    assert await shelf.stock() == 4


async def test_a_success_is_repeated_when_the_stock_is_gone(shelf):
    await shelf.fill(1)
    gid = random_gid()
    assert await shelf.call(saga(gid, "action")) == "ok"
    assert await shelf.call(saga(gid, "action")) == "ok"
    assert await shelf.stock() == 0


async def test_a_refusal_is_repeated_when_the_stock_is_back(shelf):
    await shelf.fill(0)
    gid = random_gid()
    assert await shelf.call(saga(gid, "action")) == "SOLD_OUT"
    await shelf.fill(5)
    assert await shelf.call(saga(gid, "action")) == "SOLD_OUT"
    assert await shelf.stock() == 5


async def test_an_undo_takes_its_action_back_once(shelf):
    await shelf.fill(5)
    gid = random_gid()
    await shelf.call(saga(gid, "action"))
    assert [await shelf.call(saga(gid, "compensate")) for _ in range(3)] == ["ok"] * 3
    assert await shelf.stock() == 5


async def test_an_undo_without_its_action_changes_nothing(shelf):
    await shelf.fill(5)
    assert await shelf.call(saga(random_gid(), "compensate")) == "ok"
    assert await shelf.stock() == 5


async def test_an_undo_of_a_refusal_changes_nothing(shelf):
    await shelf.fill(0)
    gid = random_gid()
    await shelf.call(saga(gid, "action"))
    assert await shelf.call(saga(gid, "compensate")) == "ok"
    assert await shelf.stock() == 0


async def test_an_action_after_its_undo_is_refused(shelf):
    await shelf.fill(5)
    gid = random_gid()
    await shelf.call(saga(gid, "compensate"))
    assert await shelf.call(saga(gid, "action")) == "undone"
    assert await shelf.call(saga(gid, "action")) == "undone"
    assert await shelf.stock() == 5


async def test_an_action_that_was_done_and_undone_is_refused_when_it_comes_again(shelf):
    """A second pass of DTM over the saga has to stop there: it would take the action for done."""
    await shelf.fill(5)
    gid = random_gid()
    said = [await shelf.call(saga(gid, op)) for op in ("action", "compensate", "action", "compensate", "action")]
    assert said == ["ok", "ok", "undone", "ok", "undone"]
    assert await shelf.stock() == 5


async def test_branches_and_transactions_do_not_disturb_each_other(shelf):
    await shelf.fill(5)
    gid = random_gid()
    for barrier in (saga(gid, "action"), saga(gid, "action", "02"), saga(random_gid(), "action")):
        assert await shelf.call(barrier) == "ok"
    await shelf.call(saga(gid, "compensate", "02"))
    assert await shelf.stock() == 3


async def test_tcc_cancels_what_was_tried_and_confirms_once(shelf):
    await shelf.fill(5)
    cancelled, confirmed = random_gid(), random_gid()
    for gid, op in ((cancelled, "try"), (cancelled, "cancel"), (cancelled, "try"), (confirmed, "try")):
        await shelf.call(Barrier(gid, "tcc", "01", op))
    assert await shelf.stock() == 4


@pytest.mark.parametrize("seed", range(8))
async def test_calls_in_any_order_and_at_once_leave_the_stock_right(shelf, seed):
    """Ten units, ten transactions: some only act, some are undone, all calls repeated, shuffled and overlapping."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    await shelf.fill(10)
    undone, kept = [random_gid() for _ in range(5)], [random_gid() for _ in range(5)]
    calls = [(gid, "action") for gid in undone + kept] * 2 + [(gid, "compensate") for gid in undone] * 2
    dice.shuffle(calls)
    while calls:
        size = dice.randint(1, 8)
        batch, calls = calls[:size], calls[size:]
        await asyncio.gather(*(shelf.call(saga(*call)) for call in batch))
    for gid in undone:
        await shelf.call(saga(gid, "compensate"))
    done = [await shelf.call(saga(gid, "action")) for gid in kept]
    assert done == ["ok"] * 5
    assert await shelf.stock() == 5


async def test_a_check_back_finds_what_was_committed(shelf):
    await shelf.fill(5)
    gid = random_gid()
    assert await shelf.call(Barrier.of_message(gid)) == "ok"
    assert await shelf.check_back(gid)
    assert await shelf.call(Barrier.of_message(gid)) == "ok"
    assert await shelf.stock() == 4


async def test_a_check_back_that_finds_nothing_keeps_the_sender_from_going_on(shelf):
    await shelf.fill(5)
    gid = random_gid()
    assert not await shelf.check_back(gid)
    assert not await shelf.check_back(gid)
    assert await shelf.call(Barrier.of_message(gid)) == "undone"
    assert await shelf.stock() == 5


async def test_a_check_back_drops_what_was_refused(shelf):
    await shelf.fill(0)
    gid = random_gid()
    assert await shelf.call(Barrier.of_message(gid)) == "SOLD_OUT"
    assert not await shelf.check_back(gid)


async def test_a_check_back_and_its_sender_at_once_agree(shelf):
    await shelf.fill(20)
    gids = [random_gid() for _ in range(10)]

    async def race(gid: str) -> bool:
        found, answer = await asyncio.gather(shelf.check_back(gid), shelf.call(Barrier.of_message(gid)))
        assert found == (answer == "ok")
        return found

    sent = [await race(gid) for gid in gids]
    assert await shelf.stock() == 20 - sum(sent)
