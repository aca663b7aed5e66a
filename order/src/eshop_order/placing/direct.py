"""Orders that are placed at once: their buyers wait for the outcome, for some seconds."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from eshop_chassis import get_logger
from eshop_chassis.calls import BusyError
from eshop_chassis.mysql import Transactions
from eshop_order.orders import Final, NewOrder, Orders
from eshop_order.placing.in_flight import InFlightOrders
from eshop_order.placing.lanes import OrderLanes
from eshop_order.replies import submit_reply
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import REQUEST_ID, Refused, Unavailable

log = get_logger(__name__)
Answer = pb.SubmitOrderReply | Exception


class DirectOrders:
    """Places orders and tells their buyers what became of them."""

    def __init__(
        self, db: Transactions, store: Orders, lanes: OrderLanes, in_flight: InFlightOrders, *, wait_seconds: float
    ) -> None:
        """`wait_seconds`: for so long a buyer waits before being told that the order runs."""
        self._db = db
        self._store = store
        self._lanes = lanes
        self._in_flight = in_flight
        self._wait_seconds = wait_seconds

    async def place(self, orders: Sequence[NewOrder], request_ids: Sequence[str]) -> Sequence[Answer]:
        """Places orders and waits a while for their outcomes; those that take longer run on without us."""
        headers = [{REQUEST_ID: request_id} for request_id in request_ids]
        answers = await self._lanes.place(orders, headers, self._wait_seconds)
        known = [(order, a) for order, a in zip(orders, answers, strict=True) if isinstance(a, (Final, BusyError))]
        untold = await self._note_running(orders, {order.order_id for order, _ in known})
        told = {order.order_id: _told(order.order_id, answer) for order, answer in known}
        return [told.get(o.order_id) or untold or _told(o.order_id, None) for o in orders]

    async def _note_running(self, orders: Sequence[NewOrder], known: Collection[str]) -> Exception | None:
        """Writes down the orders whose outcome is not known; returns why where that can't be done."""
        by_gid: dict[str, list[NewOrder]] = defaultdict(list)
        for order in orders:
            if order.order_id not in known:
                by_gid[self._in_flight.gid_of(order.order_id)].append(order)
        try:
            for gid, running in by_gid.items():
                await self._db.run(lambda tx, gid=gid, running=running: self._store.note_running(tx, gid, running))
        except Exception as error:
            log.warning("running orders could not be written down", why=str(error))
            return Unavailable("the shop can't tell what became of this order; look at your orders later")
        return None


def _told(order_id: str, answer: Final | BusyError | None) -> Answer:
    if isinstance(answer, BusyError):
        return answer
    try:
        return submit_reply(order_id, answer)
    except Refused as refusal:
        return refusal
