"""Leases on the real MySQL: one holder at a time, and nobody waits for one that died."""

import asyncio

import pytest

from eshop_chassis.mysql import leases
from eshop_chassis.mysql.database import Database

pytestmark = pytest.mark.parts


async def test_one_holds_a_lease_and_the_next_gets_it_afterwards(db: Database):
    async with db.lease("a"), db.lease("a") as mine, db.lease("b") as other:
        assert (mine, other) == (False, True)
    async with db.lease("a") as mine:
        assert mine


async def test_of_many_at_once_one_gets_it(db: Database):
    async def hold() -> bool:
        async with db.lease("c") as mine:
            await asyncio.sleep(0.2)
            return mine

    assert sorted(await asyncio.gather(*(hold() for _ in range(8)))) == [False] * 7 + [True]


async def test_a_lease_whose_holder_died_runs_out(db: Database):
    assert await db.run(lambda tx: leases.take(tx, "d", "dead", 1))
    async with db.lease("d") as mine:
        assert not mine
    async with asyncio.timeout(10):
        while True:
            async with db.lease("d") as mine:
                if mine:
                    return
            await asyncio.sleep(0.1)


async def test_a_renewal_that_comes_late_does_not_take_again_what_was_given_up(db: Database):
    assert await db.run(lambda tx: leases.take(tx, "f", "one", 10))
    assert await db.run(lambda tx: leases.renew(tx, "f", "one", 10))
    assert await db.run(lambda tx: leases.give_up(tx, "f", "one"))
    assert not await db.run(lambda tx: leases.renew(tx, "f", "one", 10))
    async with db.lease("f") as mine:
        assert mine


async def test_a_holder_that_lives_keeps_its_lease_beyond_its_time(db: Database):
    async with db.lease("e", 1) as mine:
        assert mine
        await asyncio.sleep(1.5)
        async with db.lease("e") as other:
            assert not other
