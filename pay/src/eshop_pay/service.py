"""The rpcs of the pay service."""

from collections.abc import Sequence

from eshop_chassis.dtm import Branch, BranchRefusal, stored_refusals
from eshop_chassis.mysql import Transactions, Tx
from eshop_pay.crud import PayCrud
from eshop_pay.payments import Payment, Payments
from eshop_protos.pay.v1 import pay_pb2 as pb
from eshop_protos.pay.v1.pay_api import PayApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, shares_replies


class PayService(PayApi):
    """Payments, and the branches that open them."""

    def __init__(self, db: Transactions, store: Payments, crud: PayCrud) -> None:
        self._db = db
        self._store = store
        self._crud = crud

    async def create(self, request: pb.CreatePayRequest, call: Call) -> pb.CreatePayReply:
        await self._open(Branch(call), [request])
        pay_id = await self._db.run(lambda tx: self._store.of_orders(tx, request.orderID))
        return pb.CreatePayReply(id=pay_id or 0)

    async def create_revert(self, request: pb.CreatePayRevertRequest, call: Call) -> pb.CreatePayRevertReply:
        await self._revert(Branch(call, undo=True))
        return pb.CreatePayRevertReply()

    async def create_many(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._open(Branch(call), request.payments)
        return pb.CreateManyReply()

    async def create_many_revert(self, request: pb.CreateManyRequest, call: Call) -> pb.CreateManyReply:
        await self._revert(Branch(call, undo=True))
        return pb.CreateManyReply()

    async def get_refusals(self, request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
        return await stored_refusals(self._db, request.gid)

    async def delete_by_id(self, request: pb.DeletePayByIDRequest, call: Call) -> pb.DeletePayByIDReply:
        await self._crud.delete(request.id)
        return pb.DeletePayByIDReply()

    async def update_by_id(self, request: pb.UpdatePayByIDRequest, call: Call) -> pb.UpdatePayByIDReply:
        await self._crud.update(request)
        return pb.UpdatePayByIDReply()

    async def get_by_id(self, request: pb.GetPayByIDRequest, call: Call) -> pb.GetPayByIDReply:
        return pb.GetPayByIDReply(pay=await self._crud.get(request.id))

    @shares_replies
    async def list(self, request: pb.ListPayRequest, call: Call) -> pb.ListPayReply:
        return await self._crud.list(request.params)

    async def _open(self, branch: Branch, requests: Sequence[pb.CreatePayRequest]) -> None:
        async def open_payments(tx: Tx) -> None:
            faults = await self._store.open(tx, branch.gid, _payments(requests), branch.branch_id)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, open_payments)

    async def _revert(self, branch: Branch) -> None:
        await branch.once(self._db, lambda tx: self._store.revert(tx, branch.gid, branch.branch_id))


def _payments(requests: Sequence[pb.CreatePayRequest]) -> list[Payment]:
    return [Payment(r.userID, r.orderID, r.amount) for r in requests]
