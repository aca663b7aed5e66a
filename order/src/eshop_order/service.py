"""The rpcs of the order service."""

from collections.abc import Sequence

from eshop_chassis import fingerprint, key_of
from eshop_chassis.calls import answer_many
from eshop_chassis.dtm import Branch, BranchRefusal
from eshop_chassis.mysql import Transactions, Tx
from eshop_contract import SHOP, OrderIds
from eshop_order.crud import OrderCrud
from eshop_order.idempotency.keys import Claim
from eshop_order.idempotency.requests import KeyedRequests
from eshop_order.orders import NewOrder, Orders
from eshop_order.outcome import Outcomes
from eshop_order.placing.direct import DirectOrders
from eshop_order.queue.buffered import BufferedOrders
from eshop_protos.order.v1 import order_pb2 as pb
from eshop_protos.order.v1.order_api import OrderApi
from protoc_gen_fastapi.runtime import Call, shares_replies


class OrderService(OrderApi):
    """Orders: placed at once or through the queue, claimed by sagas, kept."""

    def __init__(
        self,
        db: Transactions,
        store: Orders,
        crud: OrderCrud,
        direct: DirectOrders,
        buffered: BufferedOrders,
        keyed: KeyedRequests,
        outcomes: Outcomes,
        ids: OrderIds,
    ) -> None:
        self._db = db
        self._store = store
        self._crud = crud
        self._direct = direct
        self._buffered = buffered
        self._keyed = keyed
        self._outcomes = outcomes
        self._ids = ids

    async def submit(self, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        order_id, key = self._ids.new("o"), key_of(call)
        if key is None:
            return await self._submit(order_id, request, call)
        claim = Claim("submit", request.userID, key, fingerprint(request), order_id)
        return await self._keyed.submit(claim, lambda known_id: self._submit(known_id, request, call))

    async def _submit(self, order_id: str, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderReply:
        [answer] = await self._direct.place([_new_order(order_id, request)], [call.request_id])
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
        [error] = await self._buffered.write([_new_order(order_id, request)], [call.request_id])
        if error is not None:
            raise error
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
        return await self._direct.place([_new_order(self._ids.new("o"), request) for request in requests], request_ids)

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
        errors = await self._buffered.write(orders, request_ids)
        return [error or _accepted(order) for order, error in zip(orders, errors, strict=True)]

    async def create(self, request: pb.CreateOrderRequest, call: Call) -> pb.CreateOrderReply:
        await self._claim(Branch(call), [NewOrder.from_message(request)], suite=False)
        return pb.CreateOrderReply()

    async def create_revert(self, request: pb.CreateOrderRevertRequest, call: Call) -> pb.CreateOrderRevertReply:
        await self._revert(Branch(call, undo=True))
        return pb.CreateOrderRevertReply()

    async def create_many(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._claim(Branch(call), [NewOrder.from_message(o) for o in request.orders], suite=True)
        return pb.CreateManyReply()

    async def create_many_revert(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._revert(Branch(call, undo=True))
        return pb.CreateManyReply()

    async def get_outcome(self, request: pb.GetOutcomeRequest, call: Call) -> pb.GetOutcomeReply:
        return await self._outcomes.of(request.orderID, call.prefers(SHOP.languages))

    async def note_running_many(self, request: pb.NoteRunningManyRequest, call: Call) -> pb.NoteRunningManyReply:
        orders = [NewOrder.from_message(o) for o in request.orders]
        await self._db.run(lambda tx: self._store.note_running(tx, "", orders))
        return pb.NoteRunningManyReply()

    async def delete_by_id(self, request: pb.DeleteOrderByIDRequest, call: Call) -> pb.DeleteOrderByIDReply:
        await self._crud.delete(request.id)
        return pb.DeleteOrderByIDReply()

    async def update_by_id(self, request: pb.UpdateOrderByIDRequest, call: Call) -> pb.UpdateOrderByIDReply:
        await self._crud.update(request)
        return pb.UpdateOrderByIDReply()

    async def get_by_id(self, request: pb.GetOrderByIDRequest, call: Call) -> pb.GetOrderByIDReply:
        return pb.GetOrderByIDReply(order=await self._crud.get(request.id))

    @shares_replies
    async def list(self, request: pb.ListOrderRequest, call: Call) -> pb.ListOrderReply:
        return await self._crud.list(request.params)

    async def _claim(self, branch: Branch, orders: Sequence[NewOrder], *, suite: bool) -> None:
        async def claim(tx: Tx) -> None:
            faults = await self._store.claim(tx, branch.gid, orders, suite=suite, branch_id=branch.branch_id)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, claim)

    async def _revert(self, branch: Branch) -> None:
        await branch.once(self._db, lambda tx: self._store.undo(tx, branch.gid, branch.branch_id))


def _new_order(order_id: str, request: pb.SubmitOrderRequest | pb.SendSubmitOrderNotifyRequest) -> NewOrder:
    return NewOrder(order_id, request.userID, request.productID, request.productCount, request.amount, request.couponID)


def _accepted(order: NewOrder) -> pb.SendSubmitOrderNotifyReply:
    return pb.SendSubmitOrderNotifyReply(orderID=order.order_id)
