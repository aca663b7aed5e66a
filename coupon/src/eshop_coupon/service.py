"""The rpcs of the coupon service."""

from collections.abc import Sequence

from eshop_chassis.dtm import Branch, BranchRefusal, refusals_reply, stored_refusals
from eshop_chassis.mysql import Transactions, Tx
from eshop_coupon.coupons import Coupons, Use
from eshop_coupon.crud import CouponCrud
from eshop_protos.coupon.v1 import coupon_pb2 as pb
from eshop_protos.coupon.v1.coupon_api import CouponApi
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, shares_replies


class CouponService(CouponApi):
    """Coupons, and the branches that use them."""

    def __init__(self, db: Transactions, store: Coupons, crud: CouponCrud) -> None:
        self._db = db
        self._store = store
        self._crud = crud

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
        return pb.CreateCouponReply(id=await self._crud.create(request))

    async def delete_by_id(self, request: pb.DeleteCouponByIDRequest, call: Call) -> pb.DeleteCouponByIDReply:
        await self._crud.delete(request.id)
        return pb.DeleteCouponByIDReply()

    async def update_by_id(self, request: pb.UpdateCouponByIDRequest, call: Call) -> pb.UpdateCouponByIDReply:
        await self._crud.update(request)
        return pb.UpdateCouponByIDReply()

    async def get_by_id(self, request: pb.GetCouponByIDRequest, call: Call) -> pb.GetCouponByIDReply:
        return pb.GetCouponByIDReply(coupon=await self._crud.get(request.id))

    @shares_replies
    async def list(self, request: pb.ListCouponRequest, call: Call) -> pb.ListCouponReply:
        return await self._crud.list(request.params)

    async def _use(self, branch: Branch, requests: Sequence[pb.CouponUseRequest]) -> None:
        async def use(tx: Tx) -> None:
            faults = await self._store.use(tx, branch.gid, _uses(branch, requests), branch.branch_id)
            if faults:
                raise BranchRefusal(faults)

        await branch.once(self._db, use)

    async def _give_back(self, branch: Branch) -> None:
        await branch.once(self._db, lambda tx: self._store.give_back(tx, branch.gid, branch.branch_id))


def _uses(branch: Branch, requests: Sequence[pb.CouponUseRequest]) -> list[Use]:
    return [Use(r.couponID, r.userID, r.orderID or branch.reference[:64]) for r in requests]
