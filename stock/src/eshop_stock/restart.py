"""A Redis that restarted: nothing is sold until its sales are set from MySQL.

It may have lost its last second, and with it units that were sold. Each run of Redis has an id; flash_sale refuses to
take from a sale that was opened in another run. This service asks for the id every second. When it is a new one:

1. Every sale is marked as lost, and orders take their units from MySQL alone meanwhile.
2. The order queue is waited for up to where it reached: the orders of forgotten units are in it.
3. Each sale is closed, counted and opened again: MySQL's stock, less the units that were taken and are not placed yet.
"""

import asyncio
import secrets

from eshop_chassis import describe, get_logger
from eshop_chassis.mysql import Database, Tx
from eshop_protos.flash_sale.v1 import flash_sale_pb2 as pb
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_stock.flash import FlashSales
from eshop_stock.run_store import RunStore
from protoc_gen_fastapi.runtime import Call, Unavailable

log = get_logger(__name__)
LOOK_EVERY_SECONDS = 1.0
DRAIN_LOOK_SECONDS = 0.2
CONFIRM_WAIT_SECONDS = 8.0


class RedisRestarts:
    """Notices restarts of Redis, and sets the sales from MySQL."""

    def __init__(self, db: Database, store: RunStore, sales: FlashSales, flash_sale: FlashSaleApi) -> None:
        self._db = db
        self._store = store
        self._sales = sales
        self._flash_sale = flash_sale
        self._confirmed = ""

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            try:
                await self.look()
            except Exception as error:
                log.info("the flash sales' Redis is looked at later", why=describe(error))
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Looks once; returns when all sales are set for the present run."""
        run_id = await self._run_id()
        if run_id == self._confirmed:
            return
        if run_id != await self._db.run(self._store.run_id):
            await self._set_all(run_id)
        self._confirmed = run_id

    async def confirmed(self) -> str:
        """The present run, once all sales are set for it. Raises Unavailable when that takes long."""
        deadline = asyncio.get_running_loop().time() + CONFIRM_WAIT_SECONDS
        while (run_id := await self._run_id()) != await self._db.run(self._store.run_id):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("Redis has restarted and its flash sales are being counted; try again in a moment")
            await asyncio.sleep(DRAIN_LOOK_SECONDS)
        return run_id

    async def _run_id(self) -> str:
        return (await self._flash_sale.get_run(pb.GetRunRequest(), Call.local())).runID

    async def _set_all(self, run_id: str) -> None:
        lost = await self._db.run(self._store.lose_sales)
        if lost:
            log.warning("Redis has restarted; its flash sales are set from MySQL", sales=len(lost), run_id=run_id)
            await self._drained(run_id)
        for product_id in lost:
            await self._set(product_id, run_id)
        await self._db.run(lambda tx: self._store.confirm(tx, run_id))
        log.info("flash sales are set for this run of Redis", sales=len(lost), run_id=run_id)

    async def _drained(self, run_id: str) -> None:
        while True:
            reply = await self._flash_sale.get_run(pb.GetRunRequest(queue=True), Call.local())
            if reply.runID != run_id:
                raise Unavailable("Redis has restarted once more")
            if reply.drained:
                return
            await asyncio.sleep(DRAIN_LOOK_SECONDS)

    async def _set(self, product_id: int, run_id: str) -> None:
        """Opens one sale again. Its version stays, and so does what each buyer has bought of it."""
        async with self._sales.one_at_a_time(product_id):
            token = secrets.token_hex(8)
            closed = await self._flash_sale.close_sale(
                pb.CloseSaleRequest(productID=product_id, token=token), Call.local()
            )

            async def count(tx: Tx) -> pb.OpenSaleRequest | None:
                row = await self._store.set_again(tx, product_id)
                if row is None:
                    return None
                version, stock, limit = row
                pending = sum(item.productCount for item in await self._sales.unplaced(tx, closed.unsettled))
                units = max(stock - pending, 0)
                return pb.OpenSaleRequest(
                    productID=product_id,
                    token=token,
                    version=version,
                    stock=units,
                    perUserLimit=limit,
                    runID=run_id,
                    keepBuyers=True,
                )

            request = await self._db.run(count)
            if request is not None:
                await self._flash_sale.open_sale(request, Call.local())
                await self._sales.mark_open(product_id, request.version)
