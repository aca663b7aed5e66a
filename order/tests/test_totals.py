"""The total of the orders is what a count would find, whatever sagas, sweeper and clients do at once."""

import asyncio
import random

import pytest
from shop_in_memory.parts import keep_total, kept_and_counted

from aiodtm import random_gid
from eshop_chassis.dtm import Branch, BranchRefusal, Fault
from eshop_chassis.mysql import Database, execute, fetch
from eshop_order.orders import NewOrder
from eshop_order.store import OrderStore
from protoc_gen_fastapi.runtime import Call, NotFound, Refused

pytestmark = pytest.mark.parts
STEPS = ("claim", "undo", "confirm", "cancel", "note", "delete", "cut")


def order(number: int) -> NewOrder:
    return NewOrder(f"o{number:025d}", 7, 1, 2, 100)


def branch(gid: str, *, undo: bool = False) -> Branch:
    op = "compensate" if undo else "action"
    metadata = {"dtm-gid": gid, "dtm-branch_id": "01", "dtm-op": op, "dtm-trans_type": "saga"}
    return Branch(Call.local(metadata), undo=undo)


class Trade:
    """Orders few enough that their transactions meet."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.store, self.rng = db, OrderStore(), random.Random(seed)  # noqa: S311 - not a secret
        self.gids = [random_gid("unittest") for _ in range(12)]
        self.done = dict.fromkeys(STEPS, 0)

    async def step(self) -> None:
        what, gid = self.rng.choices(STEPS, (6, 4, 2, 2, 2, 2, 1))[0], self.rng.choice(self.gids)
        orders = [order(n) for n in self.rng.sample(range(30), self.rng.randrange(1, 6))]
        try:
            await getattr(self, what)(gid, orders)
        except (Refused, NotFound, ZeroDivisionError):
            return
        self.done[what] += 1

    async def claim(self, gid: str, orders: list[NewOrder]) -> None:
        async def work(tx):
            if faults := await self.store.claim(tx, gid, orders, suite=True):
                raise BranchRefusal(faults)

        await branch(gid).once(self.db, work)

    async def undo(self, gid: str, orders: list[NewOrder]) -> None:
        ids = [o.order_id for o in orders]
        await branch(gid, undo=True).once(self.db, lambda tx: self.store.undo(tx, gid, "01"))
        await self.db.run(lambda tx: self.store.revert(tx, gid, ids))  # as the placer does

    async def confirm(self, gid: str, orders: list[NewOrder]) -> None:
        await self.db.run(lambda tx: self.store.confirm(tx, gid))

    async def cancel(self, gid: str, orders: list[NewOrder]) -> None:
        refused = [(o, Fault(o.order_id, "OUT_OF_STOCK", "only 1 is left")) for o in orders]
        await self.db.run(lambda tx: self.store.cancel(tx, gid, refused))

    async def note(self, gid: str, orders: list[NewOrder]) -> None:
        await self.db.run(lambda tx: self.store.note_running(tx, gid, orders))

    async def delete(self, gid: str, orders: list[NewOrder]) -> None:
        """As the service does: only what is final."""

        async def work(tx):
            found = await self.store.find(tx, [o.order_id for o in orders], lock=True)
            final = [o for o, row in found.items() if row.final is not None]
            for order_id in final:
                [(row_id,)] = await fetch(tx, "SELECT id FROM order_record WHERE order_id = %s", (order_id,))
                await self.store.delete(tx, row_id)

        await self.db.run_core(work)

    async def cut(self, gid: str, orders: list[NewOrder]) -> None:
        """A connection that is lost in the middle, and then a transaction that fails."""
        cut = False

        async def work(tx):
            nonlocal cut
            await self.store.claim(tx, f"{gid}-cut", orders, suite=True)
            if cut:
                raise ZeroDivisionError
            cut = True
            [(me,)] = await fetch(tx, "SELECT CONNECTION_ID()")
            await self.db.run(lambda other: execute(other, f"KILL {me}"))
            await fetch(tx, "SELECT 1")

        await self.db.run(work)


@pytest.mark.parametrize("seed", range(6))
async def test_the_total_is_what_a_count_finds(db, seed):
    await keep_total(db, "order_record")
    trade = Trade(db, seed)
    for _ in range(12):
        await asyncio.gather(*(trade.step() for _ in range(8)))
        kept, counted = await kept_and_counted(db, "order_record")
        assert kept == counted
    assert min(trade.done[what] for what in ("claim", "undo", "cancel", "note")) > 0


async def test_each_way_that_shows_or_hides_an_order_is_counted(db):
    await keep_total(db, "order_record")
    trade, orders = Trade(db, 0), [order(n) for n in range(5)]
    a, b, c = trade.gids[:3]
    seen = []
    for what, gid, some in [
        ("claim", a, orders),
        ("undo", a, orders),
        ("claim", b, orders[:1]),  # claimed again
        ("cancel", a, orders[1:2]),  # cancelled after it was given up
        ("cancel", "c", [order(9)]),  # refused before it had a row
        ("note", "d", [order(10)]),
        ("claim", c, [order(10)]),  # claimed after it was noted
        ("delete", "", orders[1:2]),
    ]:
        await getattr(trade, what)(gid, some)
        kept, counted = await kept_and_counted(db, "order_record")
        assert kept == counted
        seen.append(kept)
    assert seen == [5, 0, 1, 2, 3, 4, 4, 3]
