"""Group commit of orders that are submitted at the same time: one saga for all of them."""

from collections.abc import Sequence

from eshop_chassis.coalescer import Coalescer, Pending
from eshop_order.orders import Final, NewOrder
from eshop_order.place_orders import Headers, Placer

# 500 orders stay well below the 65,535 bytes that DTM stores of a branch's payload (75 bytes an order at most).
MOST_ORDERS = 500


class OrderLanes:
    """Places submitted orders in batches; each buyer gets the outcome of their own order, as soon as it is known."""

    def __init__(self, placer: Placer, lanes: int) -> None:
        self._placer = placer
        self._coalescer: Coalescer[tuple[NewOrder, Headers], Final] = Coalescer(
            "order", self._place, lanes=lanes, max_items=MOST_ORDERS
        )

    async def place(self, order: NewOrder, headers: Headers) -> Final:
        """Places one order with whatever others come at the same time."""
        self._placer.gid_of[order.order_id] = ""  # not in a saga yet, but not left behind either
        try:
            return await self._coalescer.call((order, headers))
        finally:
            self._placer.gid_of.pop(order.order_id, None)

    async def _place(self, batch: Sequence[Pending[tuple[NewOrder, Headers], Final]]) -> None:
        waiting = {pending.item[0].order_id: pending for pending in batch}
        orders = [pending.item[0] for pending in batch]
        await self._placer.place(orders, batch[0].item[1], lambda order_id, final: waiting[order_id].resolve(final))
