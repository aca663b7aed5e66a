"""The CRUD of orders: what clients may look at, change and delete."""

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.mysql import Database
from eshop_order.orders import CANCELLED, DONE
from eshop_order.store import OrderStore
from eshop_protos.order.v1 import order_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Conflict

_NEXT_STATUS = {1: 2, 2: 3, 3: 4}


class OrderCrud:
    """The rows of orders, as clients may touch them."""

    def __init__(self, db: Database, store: OrderStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("order", db, pb.ListOrderReply)

    async def delete(self, row_id: int) -> None:
        await self._db.run_core(lambda tx: self._delete(tx, row_id))

    async def update(self, request: pb.UpdateOrderByIDRequest) -> None:
        await self._db.run_core(lambda tx: self._update(tx, request))

    async def get(self, row_id: int) -> pb.Order:
        return self._store.to_message(await self._db.run_core(lambda tx: self._store.get(tx, row_id)))

    async def list(self, params: types_pb2.Params) -> pb.ListOrderReply:
        return await self._lists(self._store.list, params)

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
