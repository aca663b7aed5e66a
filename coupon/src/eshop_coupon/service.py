"""The rpcs of the coupon service."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, changed_fields, client_names, sent_fields
from eshop_chassis.dtm import Branch, BranchRefusal, refusals_reply, stored_refusals
from eshop_chassis.mysql import Database, Tx
from eshop_coupon.store import UNUSED, USED, CouponStore, Use
from eshop_protos.coupon.v1 import coupon_pb2 as pb
from eshop_protos.coupon.v1.coupon_api import CouponApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Conflict, InvalidArgument, shares_replies


class CouponService(CouponApi):
    """Coupons, and the branches that use them."""

    def __init__(self, db: Database, store: CouponStore) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("coupon", db, pb.ListCouponReply)

    async def coupon_use(self, request: pb.CouponUseRequest, call: Call) -> pb.CouponUseReply:
        await self._use(Branch(call), [request])
        return pb.CouponUseReply()

    async def coupon_use_revert(self, request: pb.couponUseRevertRequest, call: Call) -> pb.couponUseRevertReply:
        await self._give_back(Branch(call, undo=True))
        return pb.couponUseRevertReply()

    async def use_many(self, request: pb.UseManyRequest, call: Call) -> pb.UseManyReply:
        await self._use(Branch(call), request.coupons)
        return pb.UseManyReply()

    async def use_many_revert(self, request: pb.UseManyRequest, call: Call) -> pb.UseManyReply:
        await self._give_back(Branch(call, undo=True))
        return pb.UseManyReply()

    async def check_many(self, request: pb.UseManyRequest, call: Call) -> types_pb2.GetRefusalsReply:
        uses = [Use(r.couponID, r.userID, r.orderID) for r in request.coupons]
        return refusals_reply(await self._db.run(lambda tx: self._store.check(tx, uses)))

    async def get_refusals(self, request: types_pb2.GetRefusalsRequest, call: Call) -> types_pb2.GetRefusalsReply:
        return await stored_refusals(self._db, request.gid)

    async def create(self, request: pb.CreateCouponRequest, call: Call) -> pb.CreateCouponReply:
        if request.status not in (0, UNUSED):
            raise InvalidArgument("status", f"is set by the server, {UNUSED} (unused) for a new coupon; leave it out")
        values = sent_fields(request) | {"status": UNUSED}
        return pb.CreateCouponReply(id=await self._db.run_core(lambda tx: self._store.create(tx, values)))

    async def delete_by_id(self, request: pb.DeleteCouponByIDRequest, call: Call) -> pb.DeleteCouponByIDReply:
        await self._db.run_core(lambda tx: self._delete(tx, request.id))
        return pb.DeleteCouponByIDReply()

    async def update_by_id(self, request: pb.UpdateCouponByIDRequest, call: Call) -> pb.UpdateCouponByIDReply:
        await self._db.run_core(lambda tx: self._update(tx, request.id, sent_fields(request)))
        return pb.UpdateCouponByIDReply()

    async def get_by_id(self, request: pb.GetCouponByIDRequest, call: Call) -> pb.GetCouponByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetCouponByIDReply(coupon=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListCouponRequest, call: Call) -> pb.ListCouponReply:
        return await self._lists(self._store.list, request.params)

    async def _use(self, branch: Branch, requests: Sequence[pb.CouponUseRequest]) -> None:
        async def use(tx: Tx) -> None:
            faults = await self._store.use(tx, branch.gid, _uses(branch, requests), branch.branch_id)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, use)

    async def _give_back(self, branch: Branch) -> None:
        await branch.once(self._db, lambda tx: self._store.give_back(tx, branch.gid, branch.branch_id))

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


def _uses(branch: Branch, requests: Sequence[pb.CouponUseRequest]) -> list[Use]:
    return [Use(r.couponID, r.userID, r.orderID or branch.reference[:64]) for r in requests]


def _is_held(row: sa.Row[Any]) -> bool:
    """Whether an order has the coupon. Earlier releases let clients create used coupons, which no order has."""
    return row.status == USED and row.order_id != ""
