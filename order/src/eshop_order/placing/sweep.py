"""The sweeper: finishes orders whose placer died, and sends back units that a refused flash-sale order had taken."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from aiodtm import DtmUnavailable, Outcome
from eshop_chassis import get_logger
from eshop_chassis.dtm import MAX_REASON, Fault
from eshop_chassis.mysql import Transactions
from eshop_contract import refusals
from eshop_order.orders import Orders, Row
from eshop_order.placing.in_flight import InFlightOrders
from eshop_order.placing.placer import WAKE_SECONDS, Placer, cancel
from eshop_order.placing.saga import OrderSagas
from eshop_protos.flash_sale.v1 import flash_sale_pb2
from eshop_protos.flash_sale.v1.flash_sale_api import FlashSaleApi
from protoc_gen_fastapi.runtime import Call, RpcError

log = get_logger(__name__)
MOST_WOKEN = 20  # at a time: DTM retries them one after the other, and each may take 3 s


class Sweeper:
    """Looks at what was left behind, again and again."""

    def __init__(
        self,
        db: Transactions,
        store: Orders,
        sagas: OrderSagas,
        placer: Placer,
        in_flight: InFlightOrders,
        flash_sale: FlashSaleApi,
        *,
        every: float,
        age: int,
    ) -> None:
        self._db = db
        self._store = store
        self._sagas = sagas
        self._placer = placer
        self._in_flight = in_flight
        self._flash_sale = flash_sale
        self._every = every
        self._age = age
        self._woken: dict[str, float] = {}

    async def run(self) -> None:
        """Sweeps until cancelled."""
        while True:
            try:
                await self.sweep()
            except (RpcError, DtmUnavailable) as error:
                log.info("sweeping goes on later", why=str(error))
            await asyncio.sleep(self._every)

    async def sweep(self) -> None:
        """Sweeps once."""
        await self._send_back_units()
        rows = await self._db.run(lambda tx: self._store.left_behind(tx, self._age))
        by_gid: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row.order.order_id not in self._in_flight:
                by_gid[row.gid].append(row)
        for gid, of_gid in by_gid.items():
            await self._finish(gid, of_gid)

    async def _finish(self, gid: str, rows: Sequence[Row]) -> None:
        outcome = await self._sagas.outcome(gid) if gid else None
        if outcome is not None and outcome.status == "succeed":
            await self._db.run(lambda tx: self._store.confirm(tx, gid))
            log.info("confirmed orders that were left behind", gid=gid, orders=len(rows))
        elif outcome is None or outcome.status == "failed":
            await self._finish_given_up(gid, rows, outcome)
        else:
            await self._wake(gid)

    async def _wake(self, gid: str) -> None:
        """Has DTM try a saga again whose branch failed, without waiting out its growing intervals."""
        now = time.monotonic()
        self._woken = {other: at for other, at in self._woken.items() if now - at < WAKE_SECONDS}
        if gid not in self._woken and len(self._woken) < MOST_WOKEN:
            self._woken[gid] = now
            await self._sagas.wake(gid)

    async def _finish_given_up(self, gid: str, rows: Sequence[Row], outcome: Outcome | None) -> None:
        """Orders of the suite are placed again; those of a foreign saga are final with it."""
        foreign = [row for row in rows if not row.suite and row.state == "reverted"]
        if foreign:
            undone = refusals.REVERTED()
            why = (outcome.reason if outcome else "") or undone.reason
            faults = [(row.order, Fault(row.order.order_id, undone.short, why[:MAX_REASON])) for row in foreign]
            await cancel(self._db, self._store, gid, faults)
        own = [row for row in rows if row.suite and row.state in ("reverted", "placing")]
        if own:
            log.info("placing orders that were left behind", gid=gid, orders=len(own))
            await self._placer.settle(gid, [row.order for row in own], outcome)

    async def _send_back_units(self) -> None:
        returns = await self._db.run(self._store.returns)
        if not returns:
            return
        units = [flash_sale_pb2.SettledUnit(orderID=o, productID=p, resell=resell) for o, p, resell in returns]
        await self._flash_sale.settle_units(flash_sale_pb2.SettleUnitsRequest(units=units), Call.local())
        await self._db.run(lambda tx: self._store.returned(tx, [order_id for order_id, _, _ in returns]))
