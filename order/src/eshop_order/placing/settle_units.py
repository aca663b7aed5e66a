"""Tells the flash sale that units are sold for good, once their orders are confirmed.

Beside the orders' own path, in batches. If a message is lost the units stay listed as unsettled, which harms nobody:
SetFlashSaleStock looks them up in the stock's ledger.
"""

import asyncio
import time
from collections.abc import Iterable

from eshop_chassis import get_logger
from eshop_order.orders import NewOrder
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from protoc_gen_fastapi.runtime import Call, RpcError

log = get_logger(__name__)
NOT_ON_SALE_SECONDS = 10.0
MOST_AT_ONCE = 500
MOST_WAITING = 20_000


class UnitSettlement:
    """Collects sold units and sends them on; remembers for a while which products have no flash sale."""

    def __init__(self, flash_sale: FlashSaleApi) -> None:
        self._flash_sale = flash_sale
        self._waiting: list[flash_sale_pb2.SettledUnit] = []
        self._not_on_sale: dict[int, float] = {}
        self._sending: asyncio.Task[None] | None = None

    def sold(self, orders: Iterable[NewOrder]) -> None:
        """Notes the units of confirmed orders; returns at once."""
        now = time.monotonic()
        self._waiting += [
            flash_sale_pb2.SettledUnit(orderID=o.order_id, productID=o.product_id)
            for o in orders
            if o.flash_taken or self._not_on_sale.get(o.product_id, 0) < now
        ]
        del self._waiting[MOST_WAITING:]
        if self._waiting and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._waiting:
            units, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                reply = await self._flash_sale.settle_units(
                    flash_sale_pb2.SettleUnitsRequest(units=units), Call.local()
                )
            except RpcError as error:
                log.info("units stay unsettled for now", units=len(units), why=str(error))
                return
            until = time.monotonic() + NOT_ON_SALE_SECONDS
            self._not_on_sale |= dict.fromkeys(reply.notOnSale, until)
