"""Looking ahead, while refusals are about: orders that would be refused as things stand need no saga.

A saga with one order at fault is undone as a whole, and its other orders go again. So, once a saga was refused, the
next batches are looked over by the services that refuse, in one read each, and what they name is refused at once. A
refusal takes nothing, so it needs no transaction across services: it only has to be true at some moment after the order
came. What is not named is decided by the saga, as always.
"""

from collections.abc import Awaitable, Callable, Sequence

from eshop_chassis import get_logger
from eshop_chassis.dtm import Fault
from eshop_order.orders import NewOrder
from eshop_order.placing.saga import coupons_of, units_of
from eshop_protos.coupon.v1 import coupon_pb2
from eshop_protos.stock.v1 import stock_pb2
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, RpcError

log = get_logger(__name__)
CheckCoupons = Callable[[coupon_pb2.UseManyRequest, Call], Awaitable[types_pb2.GetRefusalsReply]]
CheckStock = Callable[[stock_pb2.DeductManyRequest, Call], Awaitable[types_pb2.GetRefusalsReply]]
CHECK_SECONDS = 1.0


class Screening:
    """Names the orders of a batch that can't be had. Idle until `refused` is called, and again `batches` later."""

    def __init__(self, coupons: CheckCoupons, stock: CheckStock, batches: int) -> None:
        self._coupons = coupons
        self._stock = stock
        self._batches = batches
        self._batches_left = 0

    def refused(self) -> None:
        """Notes that a saga was refused: the next batches are worth a look."""
        self._batches_left = self._batches

    async def faults(self, orders: Sequence[NewOrder]) -> list[Fault]:
        """The orders that would be refused now, and why; empty where nobody was asked, or a service is away.

        One order alone is not looked at: its saga costs less than a look and a saga. Nor are flash-sale orders, whose
        units are taken already.
        """
        asked = [order for order in orders if not order.flash_taken]
        if not self._batches_left or len(asked) < 2:
            return []
        self._batches_left -= 1
        try:
            found = await self._look(asked)
        except (RpcError, OSError) as error:
            log.info("orders are not looked over", why=str(error))
            return []
        if found:
            self.refused()
        return found

    async def _look(self, orders: Sequence[NewOrder]) -> list[Fault]:
        """Coupons first: an order refused for its coupon does not count against the stock of the other orders."""
        found = await self._bad_coupons(orders)
        bad = {fault.order_id for fault in found}
        good = [order for order in orders if order.order_id not in bad]
        return found + await self._short_of_units(good)

    async def _bad_coupons(self, orders: Sequence[NewOrder]) -> list[Fault]:
        request = coupons_of(orders)
        if not request.coupons:
            return []
        return _faults(await self._coupons(request, Call.local(timeout=CHECK_SECONDS)))

    async def _short_of_units(self, orders: Sequence[NewOrder]) -> list[Fault]:
        if not orders:
            return []
        return _faults(await self._stock(units_of(orders), Call.local(timeout=CHECK_SECONDS)))


def _faults(reply: types_pb2.GetRefusalsReply) -> list[Fault]:
    return [Fault(refusal.orderID, refusal.code, refusal.reason) for refusal in reply.refusals]
