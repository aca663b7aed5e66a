"""Group commit of orders that are submitted at the same time: one saga for all of them."""

import asyncio
from collections.abc import Sequence

from eshop_chassis import get_logger
from eshop_chassis.calls import BusyError, Coalescer, Pending
from eshop_order.orders import Final, NewOrder
from eshop_order.placing.in_flight import InFlightOrders
from eshop_order.placing.placer import Headers, Placer
from protoc_gen_fastapi.runtime import RpcError

log = get_logger(__name__)
Answer = Final | Exception | None
"""How an order ended, or why nobody here can tell; None while it runs on."""

# 500 orders stay well below the 65,535 bytes that DTM stores of a branch's payload (75 bytes an order at most).
MOST_ORDERS = 500


class OrderLanes:
    """Places submitted orders in batches; each buyer gets the outcome of their own order, as soon as it is known."""

    def __init__(self, placer: Placer, in_flight: InFlightOrders, lanes: int) -> None:
        self._placer = placer
        self._in_flight = in_flight
        self._coalescer: Coalescer[tuple[NewOrder, Headers], Final] = Coalescer(
            "order", self._place, lanes=lanes, max_items=MOST_ORDERS
        )

    async def place(self, orders: Sequence[NewOrder], headers: Sequence[Headers], seconds: float) -> list[Answer]:
        """Places orders together with others that come at the same time; returns what is known of each after so long.

        The orders go on beyond that time, without their caller.
        """
        group = self._coalescer.begin(list(zip(orders, headers, strict=True)))
        for order, answer in zip(orders, group.so_far(), strict=True):
            if answer is None:
                self._in_flight.enter(order.order_id)
        group.done.add_done_callback(lambda _: self._ended(orders, group.so_far()))
        await asyncio.wait([group.done], timeout=seconds)
        return group.so_far()

    def _ended(self, orders: Sequence[NewOrder], answers: Sequence[Answer]) -> None:
        self._in_flight.leave(order.order_id for order in orders)
        for error in {id(answer): answer for answer in answers if isinstance(answer, Exception)}.values():
            if not isinstance(error, BusyError):
                known = isinstance(error, RpcError)
                log.warning("orders are left to the sweeper", why=str(error), exc_info=None if known else error)

    async def _place(self, batch: Sequence[Pending[tuple[NewOrder, Headers], Final]]) -> None:
        waiting = {pending.item[0].order_id: pending for pending in batch}
        orders = [pending.item[0] for pending in batch]
        await self._placer.place(orders, batch[0].item[1], lambda order_id, final: waiting[order_id].resolve(final))
