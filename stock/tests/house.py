"""A stock service, over a fake store or a real one, and the flash sale that it talks to."""

import asyncio
from typing import Any

from shop_in_memory.crash import dies_at
from shop_in_memory.network import Network
from shop_in_memory.sales import MemorySales
from shop_in_memory.stock import MemoryStock

from eshop_chassis.dtm import Branch, stored_refusals
from eshop_flash_sale.service import FlashSaleService
from eshop_protos.flash_sale.v1 import flash_sale_api
from eshop_protos.stock.v1 import stock_pb2
from eshop_stock.deduct import Deduction
from eshop_stock.flash import FlashSales
from eshop_stock.units import Units
from protoc_gen_fastapi.runtime import Call


class House:
    """A stock service and the flash sale that it talks to."""

    def __init__(self, db: Any, store: Any) -> None:
        self.db, self.store = db, store
        self.sales, self.network = MemorySales(), Network()
        sales: Any = self.sales
        nothing: Any = None
        flash_sale = FlashSaleService(sales, nothing, nothing, nothing, nothing, nothing)
        handlers = flash_sale_api.flash_sale_handlers(flash_sale, self.network.hooks)
        self.network.serve("flash:1", handlers)
        self.flash_sale: Any = flash_sale_api.FlashSaleClient(self.network.channel("flash:1"))
        self.restart()

    def restart(self) -> None:
        """The stock service starts again and has forgotten what it had in memory."""
        self.deduction = Deduction(self.db, self.store, self.flash_sale)
        self.flash_sales: Any = FlashSales(self.db, self.store, self.flash_sale, settle_seconds=0)

    async def pass_time(self, seconds: int) -> None:
        """Makes the stock rows that many seconds older."""
        if isinstance(self.store, MemoryStock):
            self.store.now += seconds
            return
        async with self.db.engine.begin() as tx:
            await tx.exec_driver_sql("UPDATE stock SET updated_at = updated_at - INTERVAL %s SECOND", (seconds,))

    async def offer(self, product_id: int, stock: int) -> None:
        await self.db.run_core(lambda tx: self._create(tx, product_id, stock))

    async def _create(self, tx: Any, product_id: int, stock: int) -> None:
        if isinstance(self.store, MemoryStock):
            return await self.store.create(tx, product_id, stock)
        await self.store.rows.create(tx, {"product_id": product_id, "stock": stock})
        return await self.store.write_ledger(tx, product_id, stock, "create")

    async def set(self, product_id: int, stock: int, limit: int = 0) -> None:
        request = stock_pb2.SetFlashSaleStockRequest(productID=product_id, stock=stock, perUserLimit=limit)
        await self.flash_sales.set(request, Call.local())

    async def set_until(self, moment: int, product_id: int, stock: int) -> bool:
        """Sets a sale, and is killed when it waits for the `moment`-th time; False when it came to its end before."""
        request = stock_pb2.SetFlashSaleStockRequest(productID=product_id, stock=stock)
        died = await dies_at(self.flash_sales._set(request, Call.local()), moment)
        self.db.engine.leases.lose(asyncio.current_task())
        return died

    async def deduct(self, *items: Units, gid: str = "g1") -> None:
        await self.deduction.deduct(branch("action", gid), items, Call.local())

    async def put_back(self, *items: Units, gid: str = "g1") -> None:
        await self.deduction.put_back(branch("compensate", gid), items, Call.local())

    async def mysql(self, product_id: int) -> int:
        return (await self.db.run(lambda tx: self.store.find(tx, [product_id])))[product_id].stock

    def redis(self, product_id: int) -> int:
        return self.sales.sales[product_id].left

    async def refusals(self, gid: str = "g1") -> list[tuple[str, str]]:
        return [(r.orderID, r.code) for r in (await stored_refusals(self.db, gid)).refusals]


def branch(op: str, gid: str) -> Branch:
    metadata = {"dtm-gid": gid, "dtm-trans_type": "saga", "dtm-branch_id": "02", "dtm-op": op}
    return Branch(Call.local(metadata), undo=op == "compensate")
