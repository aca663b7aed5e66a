"""The CRUD of coupons: what clients may create, look at, change and delete."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.mysql import Database
from eshop_coupon.coupons import UNUSED, USED
from eshop_coupon.store import CouponStore
from eshop_protos.coupon.v1 import coupon_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Conflict, InvalidArgument


class CouponCrud:
    """The rows of coupons, as clients may touch them."""

    def __init__(self, db: Database, store: CouponStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("coupon", db, pb.ListCouponReply)

    async def create(self, request: pb.CreateCouponRequest) -> int:
        """Creates an unused coupon and returns its id."""
        if request.status not in (0, UNUSED):
            raise InvalidArgument("status", f"is set by the server, {UNUSED} (unused) for a new coupon; leave it out")
        values = sent_fields(request) | {"status": UNUSED}
        return await self._db.run_core(lambda tx: self._store.create(tx, values))

    async def delete(self, coupon_id: int) -> None:
        await self._db.run_core(lambda tx: self._delete(tx, coupon_id))

    async def update(self, request: pb.UpdateCouponByIDRequest) -> None:
        await self._db.run_core(lambda tx: self._update(tx, request.id, sent_fields(request)))

    async def get(self, coupon_id: int) -> pb.Coupon:
        return self._store.to_message(await self._db.run_core(lambda tx: self._store.get(tx, coupon_id)))

    async def list(self, params: types_pb2.Params) -> pb.ListCouponReply:
        return await self._lists(self._store.list, params)

    async def _update(self, tx: AsyncConnection, coupon_id: int, values: dict[str, Any]) -> None:
        row = await self._store.get(tx, coupon_id, lock=True)
        changed = changed_fields(row, values)
        if _is_held(row) and changed:
            raise Conflict(
                f"{client_names(pb.Coupon, changed)}: coupon {coupon_id} is used; it can't be changed any more"
            )
        if values.get("status") == USED and "status" in changed:
            raise Conflict("status: only an order uses a coupon")
        await self._store.update(tx, coupon_id, values)

    async def _delete(self, tx: AsyncConnection, coupon_id: int) -> None:
        row = await self._store.get(tx, coupon_id, lock=True)
        if _is_held(row):
            raise Conflict(f"coupon {coupon_id} is used by an order; it can't be deleted")
        await self._store.delete(tx, coupon_id)


def _is_held(row: sa.Row[Any]) -> bool:
    """Whether an order has the coupon. Earlier releases let clients create used coupons, which no order has."""
    return row.status == USED and row.order_id != ""
