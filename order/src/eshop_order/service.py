"""The rpcs of the order service."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.batch_rpc import answer_each
from eshop_chassis.branch import Branch, BranchRefusal
from eshop_chassis.coalescer import BusyError
from eshop_chassis.crud import changed_fields, client_names, sent_fields
from eshop_chassis.dtm import branch_headers
from eshop_chassis.kafka import KafkaProducer
from eshop_chassis.lists import SharedLists
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql import Database
from eshop_chassis.order_ids import OrderIds
from eshop_order import queue
from eshop_order.lanes import OrderLanes
from eshop_order.orders import Final, NewOrder
from eshop_order.outcome import Outcomes
from eshop_order.place_orders import Placer
from eshop_order.store import CANCELLED, DONE, OrderStore
from eshop_protos.order.v1 import order_pb2 as pb
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call, Conflict, Refused, RpcError, Unavailable

log = get_logger(__name__)
SOLD_OUT_CODE = 30023
_NEXT_STATUS = {1: 2, 2: 3, 3: 4}


class OrderService(OrderApi):
    """Orders: placed at once or through the queue, claimed by sagas, kept."""

    def __init__(
        self,
        db: Database,
        store: OrderStore,
        placer: Placer,
        lanes: OrderLanes,
        outcomes: Outcomes,
        producer: KafkaProducer,
        ids: OrderIds,
        *,
        topic: str,
        wait_seconds: float,
    ) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("order", db, pb.ListOrderReply)
        self._placer = placer
        self._lanes = lanes
        self._outcomes = outcomes
        self._producer = producer
        self._ids = ids
        self._topic = topic
        self._wait_seconds = wait_seconds
        self._placing: set[asyncio.Task[Final]] = set()

    async def submit(self, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        order = _new_order(self._ids.new("o"), request)
        final = await self._place(order, call)
        if final is None:
            return pb.SubmitOrderReply(orderID=order.order_id, status="running")
        if not final.confirmed:
            raise _refused(order.order_id, final)
        return pb.SubmitOrderReply(orderID=order.order_id, status="confirmed")

    async def send_submit_order_notify(
        self, request: pb.SendSubmitOrderNotifyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyReply:
        order = _new_order(self._ids.new("b"), request)
        await self._producer.send(self._topic, order.order_id, queue.write(order), branch_headers(call))
        return pb.SendSubmitOrderNotifyReply(orderID=order.order_id)

    async def submit_many(self, request: pb.SubmitManyRequest, call: Call) -> pb.SubmitManyReply:
        results = await answer_each(request.orders, request.requestIDs, call, self.submit, pb.SubmitManyResult)
        return pb.SubmitManyReply(results=results)

    async def send_submit_order_notify_many(
        self, request: pb.SendSubmitOrderNotifyManyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyManyReply:
        results = await answer_each(
            request.orders,
            request.requestIDs,
            call,
            self.send_submit_order_notify,
            pb.SendSubmitOrderNotifyManyResult,
        )
        return pb.SendSubmitOrderNotifyManyReply(results=results)

    async def create(self, request: pb.CreateOrderRequest, call: Call) -> pb.CreateOrderReply:
        await self._claim(Branch(call), [NewOrder.from_message(request)], suite=False)
        return pb.CreateOrderReply()

    async def create_revert(self, request: pb.CreateOrderRevertRequest, call: Call) -> pb.CreateOrderRevertReply:
        await self._revert(Branch(call, undo=True), [request.orderID])
        return pb.CreateOrderRevertReply()

    async def create_many(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._claim(Branch(call), [NewOrder.from_message(o) for o in request.orders], suite=True)
        return pb.CreateManyReply()

    async def create_many_revert(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._revert(Branch(call, undo=True), [o.orderID for o in request.orders])
        return pb.CreateManyReply()

    async def get_outcome(self, request: pb.GetOutcomeRequest, call: Call) -> pb.GetOutcomeReply:
        return await self._outcomes.of(request.orderID)

    async def delete_by_id(self, request: pb.DeleteOrderByIDRequest, call: Call) -> pb.DeleteOrderByIDReply:
        await self._db.run(lambda tx: self._delete(tx, request.id))
        return pb.DeleteOrderByIDReply()

    async def update_by_id(self, request: pb.UpdateOrderByIDRequest, call: Call) -> pb.UpdateOrderByIDReply:
        await self._db.run(lambda tx: self._update(tx, request))
        return pb.UpdateOrderByIDReply()

    async def get_by_id(self, request: pb.GetOrderByIDRequest, call: Call) -> pb.GetOrderByIDReply:
        row = await self._db.run(lambda tx: self._store.get(tx, request.id))
        return pb.GetOrderByIDReply(order=self._store.to_message(row))

    async def list(self, request: pb.ListOrderRequest, call: Call) -> pb.ListOrderReply:
        return await self._lists(self._store.list, request.params)

    async def _place(self, order: NewOrder, call: Call) -> Final | None:
        """Places an order and waits a few seconds for its outcome; None while it runs on, without us."""
        task = asyncio.create_task(self._lanes.place(order, branch_headers(call)))
        self._placing.add(task)
        task.add_done_callback(self._placed)
        done, _ = await asyncio.wait([task], timeout=self._wait_seconds)
        if done and (task.exception() is None or isinstance(task.exception(), BusyError)):
            return task.result()
        await self._note_running(order)
        return None

    async def _note_running(self, order: NewOrder) -> None:
        gid = self._placer.gid_of.get(order.order_id, "")
        try:
            await self._db.run(lambda tx: self._store.note_running(tx, gid, order))
        except Exception as error:
            raise Unavailable("the shop can't tell what became of this order; look at your orders later") from error

    def _placed(self, task: "asyncio.Task[Final]") -> None:
        self._placing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, RpcError)
            log.warning("an order is left to the sweeper", why=str(error), exc_info=None if known else error)

    async def _claim(self, branch: Branch, orders: Sequence[NewOrder], *, suite: bool) -> None:
        async def claim(tx: AsyncConnection) -> None:
            faults = await self._store.claim(tx, branch.gid, orders, suite=suite)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, claim)

    async def _revert(self, branch: Branch, order_ids: Sequence[str]) -> None:
        await branch.once(self._db, lambda tx: self._store.revert(tx, branch.gid, order_ids))

    async def _update(self, tx: AsyncConnection, request: pb.UpdateOrderByIDRequest) -> None:
        """Lets an order take its next step; what was ordered stays as it is."""
        row = await self._store.get(tx, request.id, lock=True)
        changed = changed_fields(row, sent_fields(request))
        if changed - {"status"}:
            raise Conflict(f"{client_names(pb.Order, changed - {'status'})}: a placed order can't be changed")
        if "status" in changed and (row.state != "confirmed" or _NEXT_STATUS.get(row.status) != request.status):
            raise Conflict(f"status: an order of status {row.status} can't go to {request.status}")
        await self._store.update(tx, request.id, sent_fields(request))

    async def _delete(self, tx: AsyncConnection, row_id: int) -> None:
        row = await self._store.get(tx, row_id, lock=True)
        if row.status not in (DONE, CANCELLED):
            raise Conflict(f"order {row_id} is live; only done and cancelled orders can be deleted")
        await self._store.delete(tx, row_id)


def _new_order(order_id: str, request: pb.SubmitOrderRequest | pb.SendSubmitOrderNotifyRequest) -> NewOrder:
    return NewOrder(order_id, request.userID, request.productID, request.productCount, request.amount, request.couponID)


def _refused(order_id: str, final: Final) -> Refused:
    code = SOLD_OUT_CODE if final.code in ("OUT_OF_STOCK", "SOLD_OUT") else None
    return Refused(final.reason, code=code, short=final.code, data={"orderID": order_id, "status": "refused"})
