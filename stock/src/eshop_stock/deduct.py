"""Deducting stock: the story of one saga branch, with the flash sale's own stock kept in step.

A product on flash sale has two stocks, MySQL's and Redis's. Units that a flash-sale order takes left Redis before; for
any other order this branch takes them from Redis first, under the same gid and branch, so the two never promise one
unit twice.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

from eshop_chassis.dtm import Branch, BranchRefusal, Fault
from eshop_chassis.mysql import Transactions, Tx
from eshop_contract import refusals
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_stock.book import StockBook
from eshop_stock.units import Units, shortage
from protoc_gen_fastapi.runtime import Call, Unavailable

CLOSED_WAIT_SECONDS = 2.0
MAX_ROUNDS = 4
SALE_CLOSED = "SALE_CLOSED"


class _TooFewError(Exception):
    """Some units can't be had, so nothing was taken; who is at fault is judged on the stock as it is without us."""


class _AgainError(Exception):
    """The stock, or what is on flash sale, has changed: the units may be had now."""


class Deduction:
    """Takes units and puts them back, once per branch."""

    def __init__(self, db: Transactions, store: StockBook, flash_sale: FlashSaleApi) -> None:
        self._db = db
        self._store = store
        self._flash_sale = flash_sale
        self._on_flash_sale: set[int] = set()

    async def deduct(self, branch: Branch, items: Sequence[Units], call: Call) -> None:
        """Takes the units of all items or none. Raises BranchRefusal naming the orders at fault."""
        for _ in range(MAX_ROUNDS):
            taken = await self._take_from_sales(branch, items, call)
            try:
                await branch.once(self._db, lambda tx, taken=taken: self._deduct(tx, branch, items, taken))
            except _TooFewError:
                await self._judge(branch, items, taken)
            else:
                return
        raise Unavailable("the flash sale of this product is being set; try again")

    async def put_back(self, branch: Branch, items: Sequence[Units], call: Call) -> None:
        """Undoes `deduct`: MySQL first, so that Redis never offers a unit that MySQL has not got yet.

        How many units go back is what the action booked in either place. `items` only say where else to look: an action
        that died on its way to MySQL has booked nothing there, and may have taken units from a flash sale.
        """
        await branch.once(self._db, lambda tx: self._store.put_back(tx, branch.gid, branch.branch_id))
        booked = await self._db.run(lambda tx: self._store.products_of(tx, branch.gid, branch.branch_id))
        products = booked | {item.product_id for item in items if not item.flash_taken}
        if products & self._on_flash_sale or await self._any_on_sale(products):
            units = [Units(branch.reference[:64], product_id, 1) for product_id in sorted(products)]
            await self._flash_sale.take_many_revert(_take_request(branch, units), call)

    async def _deduct(self, tx: Tx, branch: Branch, items: Sequence[Units], taken: set[int]) -> None:
        if not await self._store.deduct(tx, branch.gid, items, taken, branch.branch_id):
            raise _TooFewError

    async def _judge(self, branch: Branch, items: Sequence[Units], taken: set[int]) -> None:
        """Refuses the branch, naming who is at fault; returns where it is worth another try."""

        async def judge(tx: Tx) -> None:
            stocks = await self._store.find(tx, {item.product_id for item in items})
            started = {p for p, row in stocks.items() if row.on_flash_sale and p not in taken}
            self._on_flash_sale |= started
            refusal = None if started else shortage(items, stocks)
            raise refusal or _AgainError

        with suppress(_AgainError):
            await branch.once(self._db, judge)

    async def _take_from_sales(self, branch: Branch, items: Sequence[Units], call: Call) -> set[int]:
        """Takes what must come out of flash sales; returns the products all of whose units are taken there."""
        others = [i for i in items if not i.flash_taken and i.product_id in self._on_flash_sale]
        if others and not await branch.decided(self._db):
            others = await self._take(branch, others, call)
        taken_refs = {i.ref for i in others} | {i.ref for i in items if i.flash_taken}
        return {i.product_id for i in items} - {i.product_id for i in items if i.ref not in taken_refs}

    async def _take(self, branch: Branch, items: list[Units], call: Call) -> list[Units]:
        """Takes the units of `items` and returns them; none where the sale turns out to be over."""
        reply = await self._take_when_open(_take_request(branch, items), items, call)
        if reply is None:
            return []
        refused = reply.refusals
        if any(r.code == refusals.NOT_ON_SALE.short for r in refused) and await self._forget_ended_sales(items):
            return []
        if refused:
            faults = [Fault(r.orderID, r.code, r.reason) for r in refused]
            await self._refuse(branch, BranchRefusal(faults))
        return items

    async def _forget_ended_sales(self, items: Sequence[Units]) -> bool:
        stocks = await self._db.run(lambda tx: self._store.find(tx, {i.product_id for i in items}))
        ended = {i.product_id for i in items if i.product_id not in stocks or not stocks[i.product_id].on_flash_sale}
        self._on_flash_sale -= ended
        return bool(ended)

    async def _take_when_open(
        self, request: flash_sale_pb2.TakeManyRequest, items: Sequence[Units], call: Call
    ) -> flash_sale_pb2.TakeManyReply | None:
        """Waits while a sale is being set: DTM would come back only after 20 seconds. Does not wait for a Redis that is
        away: DTM tries all transactions one after the other. None where MySQL alone has the stock for now.
        """
        deadline = asyncio.get_running_loop().time() + CLOSED_WAIT_SECONDS
        while True:
            try:
                return await self._flash_sale.take_many(request, call)
            except Unavailable as error:
                if error.short != SALE_CLOSED or asyncio.get_running_loop().time() > deadline:
                    raise
            if await self._forget_ended_sales(items):
                return None
            await asyncio.sleep(0.1)

    async def _refuse(self, branch: Branch, refusal: BranchRefusal) -> None:
        async def decided(_tx: Tx) -> None:
            raise refusal

        await branch.once(self._db, decided)

    async def _any_on_sale(self, products: Collection[int]) -> bool:
        if not products:
            return False
        stocks = await self._db.run(lambda tx: self._store.find(tx, products))
        return any(row.on_flash_sale for row in stocks.values())


def _take_request(branch: Branch, items: Sequence[Units]) -> flash_sale_pb2.TakeManyRequest:
    return flash_sale_pb2.TakeManyRequest(
        gid=branch.gid,
        branchID=branch.barrier.branch_id,
        items=[
            flash_sale_pb2.TakeItem(orderID=i.ref, userID=i.user_id, productID=i.product_id, productCount=i.count)
            for i in items
        ],
    )
