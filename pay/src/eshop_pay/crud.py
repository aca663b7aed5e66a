"""The CRUD of payments: what clients may look at, change and delete."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.mysql import Database
from eshop_pay.payments import AWAITING_PAYMENT, PAID, REVERTED
from eshop_pay.store import PayStore
from eshop_protos.pay.v1 import pay_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Conflict


class PayCrud:
    """The rows of payments, as clients may touch them."""

    def __init__(self, db: Database, store: PayStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("pay", db, pb.ListPayReply)

    async def delete(self, pay_id: int) -> None:
        await self._db.run_core(lambda tx: self._delete(tx, pay_id))

    async def update(self, request: pb.UpdatePayByIDRequest) -> None:
        await self._db.run_core(lambda tx: self._update(tx, request.id, sent_fields(request)))

    async def get(self, pay_id: int) -> pb.Pay:
        return self._store.to_message(await self._db.run_core(lambda tx: self._store.get(tx, pay_id)))

    async def list(self, params: types_pb2.Params) -> pb.ListPayReply:
        return await self._lists(self._store.list, params)

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
