"""SetFlashSaleStock: the story of putting a product on flash sale.

The sale is closed in Redis, what was accepted and not yet placed is waited for or subtracted, the MySQL row is set, and
the sale is opened again. One such setting of a product runs at a time; each bears a token, so that one that was
overtaken opens nothing. A crash between the steps leaves the sale closed, and `finish_openings` finishes it.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from aiodtm import CommitUnknown, shielded
from eshop_chassis import get_logger
from eshop_chassis.mysql import Transactions, Tx
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from eshop_protos.stock.v1 import stock_pb2
from eshop_stock.book import StockBook
from protoc_gen_fastapi.runtime import Call, Refused, RpcError, Unavailable

log = get_logger(__name__)
LOCK_SECONDS = 5
LOOK_AGAIN_SECONDS = 0.1
FINISH_EVERY_SECONDS = 5.0


class FlashSales:
    """Sets flash sales."""

    def __init__(self, db: Transactions, store: StockBook, flash_sale: FlashSaleApi, settle_seconds: float) -> None:
        self._db = db
        self._store = store
        self._flash_sale = flash_sale
        self._settle_seconds = settle_seconds
        self.confirmed: Callable[[], Awaitable[str]] = _present_run
        """Tells the run of Redis that all sales are set for; waits for it after a restart."""

    async def set(self, request: stock_pb2.SetFlashSaleStockRequest, call: Call) -> None:
        """Offers `request.stock` units from now on. Raises Refused where more than that are still being booked.

        Goes on when its caller goes away: a sale must not stay closed.
        """
        await shielded(self._set(request, call))

    async def _set(self, request: stock_pb2.SetFlashSaleStockRequest, call: Call) -> None:
        product_id = request.productID
        run_id = await self.confirmed()
        async with self.one_at_a_time(product_id):
            token = secrets.token_hex(8)
            before = await self._db.run(lambda tx: self._store.mark_closed(tx, product_id))
            try:
                unplaced = await self._close(product_id, token, call)
                version, units = await self._db.run_core(lambda tx: self._set_row(tx, request, unplaced))
            except CommitUnknown:
                raise  # the row may be set: `finish_openings` opens the sale with what it says
            except Exception:
                await self._open_as_it_was(request, before, token, call)
                raise
            await self._open(request, version, units, token, call, run_id)
            await self.mark_open(product_id, version)
        if run_id != await self.confirmed():
            raise Unavailable("Redis restarted while the flash sale was being set; set it again")
        log.info("flash sale set", product=product_id, stock=request.stock, version=version, offered=units)

    async def mark_open(self, product_id: int, version: int) -> None:
        """Notes that the sale of this version is open."""
        await self._db.run(lambda tx: self._store.mark_open(tx, product_id, version))

    async def _open_as_it_was(
        self, request: stock_pb2.SetFlashSaleStockRequest, version: int, token: str, call: Call
    ) -> None:
        """If this fails too, `finish_openings` opens the sale."""
        with suppress(RpcError):
            await self._open(request, 0, 0, token, call)
            await self._db.run(lambda tx: self._store.mark_open(tx, request.productID, version))

    async def finish_openings(self) -> None:
        """For ever: opens the sales that somebody set and did not live to open."""
        while True:
            await asyncio.sleep(FINISH_EVERY_SECONDS)
            for product_id, stock, limit in await self._db.run(self._store.unopened):
                log.warning("finishing a flash sale that was set and not opened", product=product_id)
                again = stock_pb2.SetFlashSaleStockRequest(productID=product_id, stock=stock, perUserLimit=limit)
                try:
                    await self.set(again, Call.local())
                except RpcError as error:
                    log.warning("not yet", product=product_id, why=error.message)

    @asynccontextmanager
    async def one_at_a_time(self, product_id: int) -> AsyncGenerator[None]:
        """Holds the lease of a sale's setting, which runs out should this process die."""
        deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
        while True:
            async with self._db.lease(f"flash_sale_{product_id}") as mine:
                if mine:
                    yield
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("this flash sale is being set by somebody else; try again")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _close(self, product_id: int, token: str, call: Call) -> list[flash_sale_pb2.TakeItem]:
        """Closes the sale and waits a while for the orders that were accepted; returns those that may be unplaced."""
        deadline = asyncio.get_running_loop().time() + self._settle_seconds
        while True:
            request = flash_sale_pb2.CloseSaleRequest(productID=product_id, token=token)
            unsettled = list((await self._flash_sale.close_sale(request, call)).unsettled)
            unplaced = await self._db.run(lambda tx, items=unsettled: self.unplaced(tx, items))
            if not unplaced or asyncio.get_running_loop().time() > deadline:
                return unsettled
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def unplaced(self, tx: Tx, items: Sequence[flash_sale_pb2.TakeItem]) -> list[flash_sale_pb2.TakeItem]:
        placed = await self._store.placed(tx, [item.orderID for item in items])
        return [item for item in items if item.orderID not in placed]

    async def _set_row(
        self,
        tx: AsyncConnection,
        request: stock_pb2.SetFlashSaleStockRequest,
        unsettled: Sequence[flash_sale_pb2.TakeItem],
    ) -> tuple[int, int]:
        """Sets the row and returns (version, units to offer): with the row locked no order can be placed meanwhile."""
        version = await self._store.set_flash(tx, request.productID, request.stock, request.perUserLimit)
        pending = sum(item.productCount for item in await self.unplaced(tx, unsettled))
        if pending > request.stock:
            raise Refused(f"{pending} units that were sold before are still being booked; try again in a moment")
        return version, request.stock - pending

    async def _open(
        self,
        request: stock_pb2.SetFlashSaleStockRequest,
        version: int,
        units: int,
        token: str,
        call: Call,
        run_id: str = "",
    ) -> None:
        await self._flash_sale.open_sale(
            flash_sale_pb2.OpenSaleRequest(
                productID=request.productID,
                version=version,
                stock=units,
                perUserLimit=request.perUserLimit,
                token=token,
                runID=run_id,
            ),
            call,
        )


async def _present_run() -> str:
    return ""
