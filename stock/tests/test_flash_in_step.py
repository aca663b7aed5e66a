"""Whatever happens in whatever order: stock in MySQL = left in Redis + sold there and not booked in MySQL yet.

It holds at every single step while the sale is open. A sale is closed only for a moment; nothing is sold from it then.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_in_memory.crash import bury
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.stock import MemoryStock, ledger, rows

from aiodtm import Barrier, BranchRefused, random_gid
from eshop_chassis.dtm import BranchRefusal
from eshop_flash_sale.sale import Take
from eshop_stock import deduct, flash
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import RpcError, Unavailable

from .house import House

KINDS = ["flash order", "refused flash order", "order", "order undone", "undone first", "set", "set dies", "sold"]
ACTIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 3), st.integers(0, 8)), min_size=1, max_size=14)
NOT_NOW = (RpcError, BranchRefused, BranchRefusal)


class Street:
    """Buyers and a shopkeeper who all come at the same time, in an order that `dice` decides."""

    def __init__(self, dice: Random) -> None:
        self.house = House(MemoryDatabase(), MemoryStock())
        self.dice = dice
        self.wrong: list[str] = []
        self.looks = 0
        self.house.db.engine.after_commit = self.look
        self.house.sales.after_call = self.look

    def look(self) -> None:
        """Both stocks agree at this moment, and MySQL's with its ledger."""
        row, sale = rows(self.house.db.data).get(1), self.house.sales.sales.get(1)
        booked = ledger(self.house.db.data)
        if row is not None and row.stock != sum(booking.delta for booking in booked):
            self.wrong.append(f"{row} is not its ledger")
        if row is None or sale is None or sale.state != "open" or sale.version != row.version:
            return
        self.looks += 1
        sold = self.house.sales.unsettled[1]
        waiting = sum(t.count for t in sold.values() if sum(b.delta for b in booked if b.ref == t.ref) == 0)
        if row.stock != sale.left + waiting or sale.left < 0:
            self.wrong.append(f"{row.stock} in MySQL, {sale.left} left in Redis, {waiting} on their way")

    async def dawdle(self) -> None:
        for _ in range(self.dice.randrange(12)):
            await asyncio.sleep(0)

    async def act(self, number: int, kind: str, units: int, stock: int) -> None:
        await self.dawdle()
        name = f"r{number}"
        if kind in ("flash order", "refused flash order", "sold"):
            await self._flash_order(name, units, kind)
        elif kind.startswith("set"):
            with suppress(*NOT_NOW):
                if kind == "set":
                    await self.house.set(1, stock)
                else:
                    await self.house.set_until(self.dice.randrange(1, 16), 1, stock)
        else:
            await self._order(name, units, kind)

    async def _flash_order(self, name: str, units: int, kind: str) -> None:
        with suppress(Unavailable):
            taken = await self.house.sales.take(
                Barrier.of_message(random_gid("-1")), 1, [Take(name, 7, units)], each=True
            )
            if name not in taken.accepted:
                return
            await self.dawdle()
            if kind != "refused flash order":
                await self._until_done(lambda: self.house.deduct(Units(name, 1, units, 7, True), gid=name))
                await self.dawdle()
            await self.house.sales.settle(1, [(name, kind == "refused flash order")])

    async def _order(self, name: str, units: int, kind: str) -> None:
        do, undo = self.house.deduct, self.house.put_back
        for branch in {"order": [do], "order undone": [do, undo], "undone first": [undo, do]}[kind]:
            await self.dawdle()
            with suppress(*NOT_NOW):
                await branch(Units(name, 1, units, 7), gid=name)

    async def _until_done(self, branch: Any) -> None:
        """As DTM does: again, until it goes."""
        for _ in range(50):
            with suppress(Unavailable):
                await branch()
                return
            await self.dawdle()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("LOCK_SECONDS", 0.02), ("LOOK_AGAIN_SECONDS", 0)):
        monkeypatch.setattr(flash, name, seconds)
    monkeypatch.setattr(deduct, "CLOSED_WAIT_SECONDS", 0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS, st.randoms(use_true_random=False))
def test_both_stocks_agree_at_every_step(actions: list[tuple[str, int, int]], dice: Random):
    async def play() -> Street:
        street = Street(dice)
        try:
            await street.house.offer(1, 5)
            await street.house.set(1, 8)
            await asyncio.gather(*(street.act(n, *action) for n, action in enumerate(actions)))
        finally:
            bury()
        return street

    street = asyncio.run(play())
    assert street.wrong == []
    assert street.looks > 0
