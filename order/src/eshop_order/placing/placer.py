"""Placing orders: the story from a batch of new orders to an outcome for each.

A batch is one saga. When it is refused, the services that refused it have stored which orders were at fault and why;
those are cancelled with their reason, and the others go again under a new gid. An order owned by another transaction is
waited for.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiodtm import DtmFailure, DtmUnavailable, Outcome, Saga, random_gid
from eshop_chassis import crash_point, get_logger
from eshop_chassis.dtm import MAX_REASON, Fault
from eshop_chassis.mysql import Transactions, Tx
from eshop_contract import Refusal
from eshop_contract import refusals as table
from eshop_order.orders import ALREADY_FINAL, CLAIMED_ELSEWHERE, Final, NewOrder, Orders, Row
from eshop_order.placing.in_flight import InFlightOrders
from eshop_order.placing.refusals import Refusals
from eshop_order.placing.saga import OrderSagas
from eshop_order.placing.screening import Screening
from eshop_order.placing.settle_units import UnitSettlement

log = get_logger(__name__)
Headers = Mapping[str, str]
OnFinal = Callable[[str, Final], None]
SUBMIT_SECONDS = 3.0
# DTM comes back to a saga with a failed branch only after 20 s; by now its own pass is over, and ours makes it sooner.
WAKE_SECONDS = 9.0
LOOK_AGAIN_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_NOT_BY_FAULT = frozenset({CLAIMED_ELSEWHERE, ALREADY_FINAL})


class Placer:
    """Brings orders to an end. `place` may be called for an order that somebody else places at the same time."""

    def __init__(
        self,
        db: Transactions,
        store: Orders,
        sagas: OrderSagas,
        refusals: Refusals,
        units: UnitSettlement,
        screening: Screening,
        in_flight: InFlightOrders,
    ) -> None:
        self._db = db
        self._store = store
        self._sagas = sagas
        self._refusals = refusals
        self._units = units
        self._screening = screening
        self._in_flight = in_flight

    async def place(
        self, orders: Iterable[NewOrder], headers: Headers, on_final: OnFinal | None = None
    ) -> dict[str, Final]:
        """Places the orders and returns how each ended, by order id. Returns only when all are final.

        `on_final` is told of each order as soon as it is.
        """
        finals: dict[str, Final] = {}
        waiting: dict[str, NewOrder] = {order.order_id: order for order in orders}
        pause = _Pause()
        together = True
        try:
            ended = await self._refuse_on_sight(list(waiting.values()))
            while True:
                finals |= ended
                if on_final is not None:
                    for order_id, final in ended.items():
                        on_final(order_id, final)
                waiting = {k: order for k, order in waiting.items() if k not in ended}
                if not waiting:
                    break
                ended = await self._round(list(waiting.values()), headers, together=together)
                if not ended:
                    together = False
                    await pause.again()
        finally:
            self._in_flight.leave([*waiting, *finals])
        return finals

    async def settle(self, gid: str, orders: Sequence[NewOrder], outcome: Outcome | None) -> None:
        """Takes over orders whose placer died, after `gid` failed or where DTM never heard of it (None)."""
        await self._db.run(lambda tx: self._store.revert(tx, gid, [order.order_id for order in orders]))
        ended = await self._settle_refused(gid, orders, outcome, whole=False) if outcome is not None else {}
        await self.place([order for order in orders if order.order_id not in ended], {})

    async def refuse(self, order: NewOrder, why: Refusal) -> None:
        """Makes an order that nobody places final; one that somebody has placed or is placing is left alone."""
        await cancel(self._db, self._store, "", [(order, Fault(order.order_id, why.short, why.reason[:MAX_REASON]))])

    async def _refuse_on_sight(self, orders: Sequence[NewOrder]) -> dict[str, Final]:
        """Ends orders that need no saga to be refused. One that somebody has placed or is placing is left alone."""
        by_id = {order.order_id: order for order in orders}
        refused = [(by_id[f.order_id], f) for f in await self._screening.faults(orders) if f.order_id in by_id]
        cancelled = await cancel(self._db, self._store, "", refused) if refused else set[str]()
        return {f.order_id: Final(False, f.code, f.reason) for _, f in refused if f.order_id in cancelled}

    async def _round(self, orders: Sequence[NewOrder], headers: Headers, *, together: bool) -> dict[str, Final]:
        """One saga over `orders`, or one for each where they failed together and nobody was at fault."""
        if together:
            return await self._saga(orders, headers)
        finals: dict[str, Final] = {}
        for order in orders:
            finals |= await self._saga([order], headers)
        return finals

    async def _saga(self, orders: Sequence[NewOrder], headers: Headers) -> dict[str, Final]:
        """Runs one saga; returns the orders that are final after it."""
        gid = random_gid()
        for order in orders:
            self._in_flight.enter(order.order_id, gid)
        outcome = await self._run(self._sagas.place(gid, orders, headers), gid)
        log.info("saga ended", gid=gid, orders=len(orders), status=outcome.status, **request_id(headers))
        if outcome.status == "succeed":
            await self._db.run(lambda tx: self._store.confirm(tx, gid))
            self._units.sold(orders)
            return {order.order_id: Final(True) for order in orders}
        self._screening.refused()
        return await self._settle_refused(gid, orders, outcome, whole=True)

    async def _run(self, saga: Saga, gid: str) -> Outcome:
        """Submits the saga and follows it to its end. It is submitted again only where DTM does not know its gid."""
        pause = _Pause()
        asleep = time.monotonic() + WAKE_SECONDS
        crash_point("before_submit")
        outcome = await saga.submit(SUBMIT_SECONDS)
        crash_point("after_submit")
        while outcome.status not in ("succeed", "failed"):
            await pause.again()
            try:
                known = await self._sagas.outcome(gid)
                if known is not None and time.monotonic() > asleep:
                    await self._sagas.wake(gid)
                    asleep = time.monotonic() + WAKE_SECONDS
            except (DtmUnavailable, DtmFailure):
                continue
            outcome = await saga.submit(SUBMIT_SECONDS) if known is None else known
        return outcome

    async def _settle_refused(
        self, gid: str, orders: Sequence[NewOrder], outcome: Outcome, *, whole: bool
    ) -> dict[str, Final]:
        """Cancels the orders that were refused; the rest stay unsettled and go again.

        An order that another placer has claimed in the meantime is not ours to cancel: it is looked at again.
        """
        by_id = {order.order_id: order for order in orders}
        faults = await self._refusals.of(gid, outcome, list(by_id), whole=whole)
        refused = [(by_id[f.order_id], f) for f in faults if f.code not in _NOT_BY_FAULT]
        cancelled = await cancel(self._db, self._store, gid, refused) if refused else set[str]()
        finals = {f.order_id: Final(False, f.code, f.reason) for _, f in refused if f.order_id in cancelled}
        return finals | await self._look_up([f.order_id for f in faults if f.order_id not in cancelled])

    async def _look_up(self, order_ids: Sequence[str]) -> dict[str, Final]:
        """Orders that another transaction owns: final when it is, otherwise to be looked at again."""
        if not order_ids:
            return {}
        rows = await self._db.run(lambda tx: self._store.find(tx, order_ids))
        finals: dict[str, Final] = {}
        for order_id, row in rows.items():
            final = row.final or await self.confirm_if_succeeded(row)
            if final is not None:
                finals[order_id] = final
        return finals

    async def confirm_if_succeeded(self, row: Row) -> Final | None:
        """Confirms a claimed order whose transaction succeeded, though its own placer did not live to write it."""
        if row.state != "claimed":
            return None
        outcome = await self._sagas.outcome(row.gid)
        if outcome is None or outcome.status != "succeed":
            return None
        await self._db.run(lambda tx: self._store.confirm(tx, row.gid))
        return Final(True)


async def cancel(db: Transactions, store: Orders, gid: str, refused: Sequence[tuple[NewOrder, Fault]]) -> set[str]:
    """Makes refused orders final, and notes with them the flash-sale units that go back.

    Returns the ids of those that are cancelled now; the others were claimed by somebody else since `gid` gave them up.
    """

    async def write(tx: Tx) -> set[str]:
        cancelled = await store.cancel(tx, gid, refused)
        for order, fault in refused:
            if order.flash_taken and order.order_id in cancelled:
                await store.note_return(tx, order, resell=fault.code != table.OUT_OF_STOCK.short)
        return cancelled

    return await db.run(write)


def request_id(headers: Headers) -> dict[str, str]:
    """The request id among branch headers, as a fact for the log."""
    return {"request_id": headers["x-request-id"]} if "x-request-id" in headers else {}


class _Pause:
    """Waits a little longer each time."""

    def __init__(self) -> None:
        self._tries = 0

    async def again(self) -> None:
        await asyncio.sleep(LOOK_AGAIN_SECONDS[min(self._tries, len(LOOK_AGAIN_SECONDS) - 1)])
        self._tries += 1
