"""The rpcs of the pay service."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.dtm import Branch, BranchRefusal, stored_refusals
from eshop_chassis.mysql import Database, Tx
from eshop_pay.store import AWAITING_PAYMENT, PAID, REVERTED, Payment, PayStore
from eshop_protos.pay.v1 import pay_pb2 as pb
from eshop_protos.pay.v1.pay_api import PayApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Conflict, shares_replies


class PayService(PayApi):
    """Payments, and the branches that open them."""

    def __init__(self, db: Database, store: PayStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("pay", db, pb.ListPayReply)

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
        await self._db.run_core(lambda tx: self._delete(tx, request.id))
        return pb.DeletePayByIDReply()

    async def update_by_id(self, request: pb.UpdatePayByIDRequest, call: Call) -> pb.UpdatePayByIDReply:
        await self._db.run_core(lambda tx: self._update(tx, request.id, sent_fields(request)))
        return pb.UpdatePayByIDReply()

    async def get_by_id(self, request: pb.GetPayByIDRequest, call: Call) -> pb.GetPayByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetPayByIDReply(pay=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListPayRequest, call: Call) -> pb.ListPayReply:
        return await self._lists(self._store.list, request.params)

    async def _open(self, branch: Branch, requests: Sequence[pb.CreatePayRequest]) -> None:
        async def open_payments(tx: Tx) -> None:
            faults = await self._store.open(tx, branch.gid, _payments(requests), branch.branch_id)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, open_payments)

    async def _revert(self, branch: Branch) -> None:
        await branch.once(self._db, lambda tx: self._store.revert(tx, branch.gid, branch.branch_id))

    async def _update(self, tx: AsyncConnection, pay_id: int, values: dict[str, Any]) -> None:
        """Lets a payment be paid; everything else about it follows its order."""
        row = await self._store.get(tx, pay_id, lock=True)
        changed = changed_fields(row, values)
        if changed - {"status"}:
            raise Conflict(f"{client_names(pb.Pay, changed - {'status'})}: a payment keeps what its order says")
        if "status" in changed and (row.status, values["status"]) != (AWAITING_PAYMENT, PAID):
            raise Conflict(f"status: a payment goes from {AWAITING_PAYMENT} to {PAID} and no other way")
        await self._store.update(tx, pay_id, values)

    async def _delete(self, tx: AsyncConnection, pay_id: int) -> None:
        row = await self._store.get(tx, pay_id, lock=True)
        if row.status != REVERTED:
            raise Conflict(f"payment {pay_id} belongs to a live order; it can't be deleted")
        await self._store.delete(tx, pay_id)


def _payments(requests: Sequence[pb.CreatePayRequest]) -> list[Payment]:
    return [Payment(r.userID, r.orderID, r.amount) for r in requests]
