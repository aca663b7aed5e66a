"""A Redis that restarted: its sales are set from MySQL, once the order queue is worked off. Real stores."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_in_memory.parts import scratch_database

from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.stock.v1 import stock_pb2
from eshop_stock import restart
from eshop_stock.flash import FlashSales
from eshop_stock.restart import RedisRestarts
from eshop_stock.run_store import RunStore
from eshop_stock.store import StockStore
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import Call, Unavailable

pytestmark = pytest.mark.parts
PRODUCT = 7


class Stall:
    """Stands in for the flash-sale service: keeps how the sale was opened last."""

    def __init__(self) -> None:
        self.run_id, self.drained = "run-1", True
        self.unsettled: list[pb.TakeItem] = []
        self.opened: pb.OpenSaleRequest | None = None
        self.asked_about_the_queue = 0

    async def get_run(self, request: pb.GetRunRequest, call: Call) -> pb.GetRunReply:
        self.asked_about_the_queue += request.queue
        return pb.GetRunReply(runID=self.run_id, drained=request.queue and self.drained)

    async def close_sale(self, request: pb.CloseSaleRequest, call: Call) -> pb.CloseSaleReply:
        return pb.CloseSaleReply(version=1, unsettled=self.unsettled)

    async def open_sale(self, request: pb.OpenSaleRequest, call: Call) -> pb.OpenSaleReply:
        self.opened = request
        return pb.OpenSaleReply(version=request.version)


class Shop:
    def __init__(self, db: Any) -> None:
        self.db, self.stall, self.store = db, Stall(), StockStore()
        stall: Any = self.stall
        self.sales = FlashSales(db, self.store, stall, 0)
        self.restarts = RedisRestarts(db, RunStore(), self.sales, stall)
        self.sales.confirmed = self.restarts.confirmed

    async def set(self, stock: int, limit: int = 0) -> None:
        request = stock_pb2.SetFlashSaleStockRequest(productID=PRODUCT, stock=stock, perUserLimit=limit)
        await self.sales.set(request, Call.local())

    async def deduct(self, ref: str, *, taken: bool) -> bool:
        units = [Units(ref, PRODUCT, 1, 7, taken)]
        return await self.db.run(lambda tx: self.store.deduct(tx, "g", units, {PRODUCT} if taken else set()))

    def restart(self, *unsettled: str) -> None:
        self.stall.run_id = f"{self.stall.run_id}+"
        self.stall.opened = None
        self.stall.unsettled = [
            pb.TakeItem(orderID=ref, userID=7, productID=PRODUCT, productCount=1) for ref in unsettled
        ]


@pytest.fixture
async def shop(schema: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr(restart, "DRAIN_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(restart, "CONFIRM_WAIT_SECONDS", 0.05)
    async with scratch_database(schema) as db:
        made = Shop(db)
        await made.restarts.look()
        yield made


async def test_a_sale_is_set_to_what_mysql_has_less_what_is_on_its_way(shop: Shop):
    await shop.set(10, limit=2)
    await shop.deduct("placed", taken=True)
    shop.restart("placed", "on its way", "this one too")
    await shop.restarts.look()
    opened = shop.stall.opened
    assert opened is not None
    assert (opened.stock, opened.version, opened.perUserLimit) == (7, 1, 2)
    assert (opened.runID, opened.keepBuyers) == ("run-1+", True)


async def test_a_run_is_looked_at_once(shop: Shop):
    await shop.set(10)
    shop.restart()
    await shop.restarts.look()
    shop.stall.opened = None
    await shop.restarts.look()
    await RedisRestarts(shop.db, RunStore(), shop.sales, shop.restarts._flash_sale).look()
    assert (shop.stall.opened, shop.stall.asked_about_the_queue) == (None, 1)


async def test_nothing_is_opened_before_the_queue_is_worked_off(shop: Shop):
    await shop.set(10)
    shop.restart()
    shop.stall.drained = False
    looking = asyncio.create_task(shop.restarts.look())
    await asyncio.sleep(0.1)
    assert shop.stall.opened is None
    with pytest.raises(Unavailable, match="restarted"):
        await shop.set(20)
    assert await shop.deduct("an ordinary order", taken=False), "it would keep the queue from being worked off"
    shop.stall.drained = True
    await looking
    assert shop.stall.opened is not None
    assert shop.stall.opened.stock == 9
    assert not await shop.deduct("another", taken=False), "from now on its unit has to come out of Redis"


async def test_a_restart_in_the_middle_begins_anew(shop: Shop):
    await shop.set(10)
    shop.restart()
    close = shop.stall.close_sale

    async def restart_again(request: pb.CloseSaleRequest, call: Call) -> pb.CloseSaleReply:
        shop.stall.close_sale = close
        shop.restart("on its way")
        raise Unavailable("gone")

    shop.stall.close_sale = restart_again
    with pytest.raises(Unavailable):
        await shop.restarts.look()
    await shop.restarts.look()
    assert shop.stall.opened is not None
    assert (shop.stall.opened.stock, shop.stall.opened.runID) == (9, "run-1++")
    assert await shop.restarts.confirmed() == "run-1++"


async def test_a_setting_that_a_restart_overtakes_is_told_so(shop: Shop):
    open_sale = shop.stall.open_sale

    async def open_and_restart(request: pb.OpenSaleRequest, call: Call) -> pb.OpenSaleReply:
        reply = await open_sale(request, call)
        shop.stall.run_id = "another"
        return reply

    shop.stall.open_sale = open_and_restart
    with pytest.raises(Unavailable, match="restarted"):
        await shop.set(10)
