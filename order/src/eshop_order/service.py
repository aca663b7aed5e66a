"""The rpcs of the order service."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis import fingerprint, get_logger, key_of
from eshop_chassis.calls import BusyError, answer_many
from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.dtm import Branch, BranchRefusal, branch_headers
from eshop_chassis.kafka import KafkaProducer, QueueMessage
from eshop_chassis.mysql import Database, Tx
from eshop_contract import OrderIds, QueueSeal
from eshop_order.idempotency.requests import KeyedRequests
from eshop_order.idempotency.store import Claim
from eshop_order.orders import Final, NewOrder
from eshop_order.outcome import Outcomes
from eshop_order.placing.lanes import OrderLanes
from eshop_order.placing.placer import Placer
from eshop_order.queue import message as queue_message
from eshop_order.replies import submit_reply
from eshop_order.store import CANCELLED, DONE, OrderStore
from eshop_protos.order.v1 import order_pb2 as pb
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call, Conflict, Refused, Unavailable, shares_replies
from protoc_gen_fastapi.runtime.call import REQUEST_ID

log = get_logger(__name__)
SLICE = 50
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
        keyed: KeyedRequests,
        producer: KafkaProducer,
        ids: OrderIds,
        seal: QueueSeal,
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
        self._keyed = keyed
        self._producer = producer
        self._ids = ids
        self._seal = seal
        self._topic = topic
        self._wait_seconds = wait_seconds

    async def submit(self, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        order_id, key = self._ids.new("o"), key_of(call)
        if key is None:
            return await self._submit(order_id, request, call)
        claim = Claim("submit", request.userID, key, fingerprint(request), order_id)
        return await self._keyed.submit(claim, lambda known_id: self._submit(known_id, request, call))

    async def _submit(self, order_id: str, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        [answer] = await self._place([_new_order(order_id, request)], [call.request_id])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def send_submit_order_notify(
        self, request: pb.SendSubmitOrderNotifyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyReply:
        order_id, key = self._ids.new("b"), key_of(call)
        if key is None:
            return await self._notify(order_id, request, call)
        claim = Claim("notify", request.userID, key, fingerprint(request), order_id)
        return await self._keyed.notify(claim, lambda known_id: self._notify(known_id, request, call))

    async def _notify(
        self, order_id: str, request: pb.SendSubmitOrderNotifyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyReply:
        value = queue_message.write(_new_order(order_id, request))
        await self._producer.send(self._topic, order_id, value, self._seal.headers(value, branch_headers(call)))
        return pb.SendSubmitOrderNotifyReply(orderID=order_id)

    async def submit_many(self, request: pb.SubmitManyRequest, call: Call) -> pb.SubmitManyReply:
        result = pb.SubmitManyResult
        results = await answer_many(
            request, request.orders, call, result, together=self._submit_all, single=self.submit
        )
        return pb.SubmitManyReply(results=results)

    async def _submit_all(
        self, requests: Sequence[pb.SubmitOrderRequest], request_ids: Sequence[str]
    ) -> Sequence[pb.SubmitOrderReply | Exception]:
        return await self._place([_new_order(self._ids.new("o"), request) for request in requests], request_ids)

    async def send_submit_order_notify_many(
        self, request: pb.SendSubmitOrderNotifyManyRequest, call: Call
    ) -> pb.SendSubmitOrderNotifyManyReply:
        result, single = pb.SendSubmitOrderNotifyManyResult, self.send_submit_order_notify
        results = await answer_many(request, request.orders, call, result, together=self._notify_all, single=single)
        return pb.SendSubmitOrderNotifyManyReply(results=results)

    async def _notify_all(
        self, requests: Sequence[pb.SendSubmitOrderNotifyRequest], request_ids: Sequence[str]
    ) -> Sequence[pb.SendSubmitOrderNotifyReply | Exception]:
        orders = [_new_order(self._ids.new("b"), request) for request in requests]
        messages: list[QueueMessage] = []
        for order, request_id in zip(orders, request_ids, strict=True):
            value = queue_message.write(order)
            headers = self._seal.headers(value, {REQUEST_ID: request_id})
            messages.append(QueueMessage(order.order_id, value, headers))
            if len(messages) % SLICE == 0:
                await asyncio.sleep(0)  # sagas are placed by the same event loop, and each of their steps waits for it
        errors = await self._producer.send_each(self._topic, messages)
        await asyncio.sleep(0)
        return [error or _accepted(order) for order, error in zip(orders, errors, strict=True)]

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

    async def note_running_many(self, request: pb.NoteRunningManyRequest, call: Call) -> pb.NoteRunningManyReply:
        orders = [NewOrder.from_message(o) for o in request.orders]
        await self._db.run(lambda tx: self._store.note_running(tx, "", orders))
        return pb.NoteRunningManyReply()

    async def delete_by_id(self, request: pb.DeleteOrderByIDRequest, call: Call) -> pb.DeleteOrderByIDReply:
        await self._db.run_core(lambda tx: self._delete(tx, request.id))
        return pb.DeleteOrderByIDReply()

    async def update_by_id(self, request: pb.UpdateOrderByIDRequest, call: Call) -> pb.UpdateOrderByIDReply:
        await self._db.run_core(lambda tx: self._update(tx, request))
        return pb.UpdateOrderByIDReply()

    async def get_by_id(self, request: pb.GetOrderByIDRequest, call: Call) -> pb.GetOrderByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetOrderByIDReply(order=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListOrderRequest, call: Call) -> pb.ListOrderReply:
        return await self._lists(self._store.list, request.params)

    async def _place(
        self, orders: Sequence[NewOrder], request_ids: Sequence[str]
    ) -> Sequence[pb.SubmitOrderReply | Exception]:
        """Places orders and waits a few seconds for their outcomes; those that take longer run on without us."""
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
                by_gid[self._placer.gid_of.get(order.order_id, "")].append(order)
        try:
            for gid, running in by_gid.items():
                await self._db.run(lambda tx, gid=gid, running=running: self._store.note_running(tx, gid, running))
        except Exception as error:
            log.warning("running orders could not be written down", why=str(error))
            return Unavailable("the shop can't tell what became of this order; look at your orders later")
        return None

    async def _claim(self, branch: Branch, orders: Sequence[NewOrder], *, suite: bool) -> None:
        async def claim(tx: Tx) -> None:
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


def _accepted(order: NewOrder) -> pb.SendSubmitOrderNotifyReply:
    return pb.SendSubmitOrderNotifyReply(orderID=order.order_id)


def _told(order_id: str, answer: Final | BusyError | None) -> pb.SubmitOrderReply | Exception:
    if isinstance(answer, BusyError):
        return answer
    try:
        return submit_reply(order_id, answer)
    except Refused as refusal:
        return refusal
