"""The total of the payments is what a count would find."""

import asyncio
import random

import pytest
from shop_in_memory.parts import keep_total, kept_and_counted, refusing

from eshop_chassis.mysql import fetch
from eshop_pay.payments import Payment
from eshop_pay.store import PayStore
from protoc_gen_fastapi.runtime import NotFound

pytestmark = pytest.mark.parts
STORE = PayStore()


async def row_id(db, order_id: str) -> int:
    [(found,)] = await db.run(lambda tx: fetch(tx, "SELECT id FROM pay WHERE order_id = %s", (order_id,)))
    return found


async def test_each_way_that_shows_or_hides_a_payment_is_counted(db):
    await keep_total(db, "pay")
    one, two = Payment(7, "o" * 26, 100), Payment(7, "p" * 26, 100)
    await refusing(db, lambda tx: STORE.open(tx, "g0", [two]))
    await refusing(db, lambda tx: STORE.open(tx, "g1", [one]))
    assert await kept_and_counted(db, "pay") == (2, 2)
    await db.run(lambda tx: STORE.revert(tx, "g1"))
    assert await kept_and_counted(db, "pay") == (2, 2)
    found = await row_id(db, one.order_id)
    await db.run_core(lambda tx: STORE.delete(tx, found))
    assert await kept_and_counted(db, "pay") == (1, 1)
    await refusing(db, lambda tx: STORE.open(tx, "g2", [one]))
    assert await kept_and_counted(db, "pay") == (2, 2)
    assert await refusing(db, lambda tx: STORE.open(tx, "g3", [two, Payment(7, "q" * 26, 100)]))
    assert await kept_and_counted(db, "pay") == (2, 2)


@pytest.mark.parametrize("seed", range(4))
async def test_the_total_is_what_a_count_finds(db, seed):
    await keep_total(db, "pay")
    rng = random.Random(seed)  # noqa: S311 - not a secret

    async def step() -> None:
        gid = f"g{rng.randrange(6)}"
        payments = [Payment(7, f"{n:026d}", 100) for n in rng.sample(range(20), rng.randrange(1, 5))]
        match rng.randrange(5):
            case 0 | 1:
                await refusing(db, lambda tx: STORE.open(tx, gid, payments))
            case 2 | 3:
                await db.run(lambda tx: STORE.revert(tx, gid))
            case _:
                try:
                    await db.run_core(lambda tx: STORE.delete(tx, rng.randrange(1, 40)))
                except NotFound:
                    return

    counted = 0
    for _ in range(12):
        await asyncio.gather(*(step() for _ in range(8)))
        kept, counted = await kept_and_counted(db, "pay")
        assert kept == counted
    assert counted > 0
