"""The coupon service: branches that use a coupon once, and the books that CRUD may not break."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_in_memory.coupons import MemoryCoupons, coupons
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.parts import scratch_database

from aiodtm import BranchRefused, random_gid
from eshop_chassis.mysql import Database, execute
from eshop_coupon.coupons import EXPIRED, UNUSED, USED
from eshop_coupon.crud import CouponCrud
from eshop_coupon.service import CouponService
from eshop_coupon.store import CouponStore
from eshop_protos.coupon.v1 import coupon_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Conflict, InvalidArgument, NotFound, Refused, RpcError

REFUSED = (Refused, BranchRefused)


def call(op: str, gid: str) -> Call:
    return Call.local({"dtm-gid": gid, "dtm-trans_type": "saga", "dtm-branch_id": "02", "dtm-op": op})


def use_request(*uses: tuple[int, int, str]) -> pb.UseManyRequest:
    return pb.UseManyRequest(coupons=[pb.CouponUseRequest(couponID=c, userID=u, orderID=o) for c, u, o in uses])


class Desk:
    """A coupon service over a fake store or a real one."""

    def __init__(self, db: Any, store: Any) -> None:
        self.db, self.service, self.store = db, CouponService(db, store, CouponCrud(db, store)), store

    async def put(self, user_id: int, status: int = UNUSED) -> int:
        if isinstance(self.store, MemoryCoupons):
            coupon_id = len(coupons(self.db.data)) + 1
            await self.db.run(lambda tx: self.store.put(tx, coupon_id, user_id, status))
            return coupon_id
        values = {"user_id": user_id, "amount": 100, "status": status}
        return await self.db.run_core(lambda tx: self.store.create(tx, values))

    async def used_by(self, coupon_id: int) -> str:
        """The order that used a coupon; "" for an unused one."""
        if isinstance(self.store, MemoryCoupons):
            return coupons(self.db.data)[coupon_id].order_id
        async with self.db.engine.begin() as tx:
            found = await tx.exec_driver_sql("SELECT order_id FROM coupon WHERE id = %s", (coupon_id,))
            return found.scalar_one()

    async def refusals(self, gid: str) -> list[tuple[str, str]]:
        found = await self.service.get_refusals(types_pb2.GetRefusalsRequest(gid=gid), Call.local())
        return [(refusal.orderID, refusal.code) for refusal in found.refusals]


@pytest.fixture
async def desk(backend: str | None) -> AsyncIterator[Desk]:
    if backend is None:
        yield Desk(MemoryDatabase(), MemoryCoupons())
        return
    async with scratch_database(backend) as db:
        yield Desk(db, CouponStore())


@pytest.fixture
def g() -> str:
    return random_gid("unittest")


class TestBranches:
    async def test_coupons_are_used_once_however_often_the_branch_comes(self, desk: Desk, g: str):
        coupon = await desk.put(7)
        for _ in range(3):
            await desk.service.use_many(use_request((coupon, 7, "a")), call("action", g))
        assert await desk.used_by(coupon) == "a"

    async def test_they_are_given_back_once_and_not_after_another_order_used_them(self, desk: Desk, g: str):
        coupon = await desk.put(7)
        await desk.service.use_many(use_request((coupon, 7, "a")), call("action", g))
        await desk.service.use_many_revert(use_request((coupon, 7, "a")), call("compensate", g))
        assert await desk.used_by(coupon) == ""
        await desk.service.use_many(use_request((coupon, 7, "b")), call("action", g + "-2"))
        await desk.service.use_many_revert(use_request((coupon, 7, "a")), call("compensate", g))
        assert await desk.used_by(coupon) == "b"

    async def test_an_undo_before_its_action_keeps_the_action_out(self, desk: Desk, g: str):
        coupon = await desk.put(7)
        await desk.service.use_many_revert(use_request((coupon, 7, "a")), call("compensate", g))
        with pytest.raises(REFUSED, match="undone"):
            await desk.service.use_many(use_request((coupon, 7, "a")), call("action", g))
        assert await desk.used_by(coupon) == ""

    async def test_a_refusal_is_stored_with_every_order_at_fault_and_repeated(self, desk: Desk, g: str):
        good, used, foreign = await desk.put(7), await desk.put(7, USED), await desk.put(8)
        request = use_request((good, 7, "a"), (used, 7, "b"), (foreign, 7, "c"))
        for _ in range(2):
            with pytest.raises(REFUSED) as caught:
                await desk.service.use_many(request, call("action", g))
            assert caught.value.short == "COUPON_ALREADY_USED"
        assert sorted(await desk.refusals(g)) == [("b", "COUPON_ALREADY_USED"), ("c", "COUPON_OF_ANOTHER_USER")]
        assert await desk.refusals("another gid") == []
        await desk.service.use_many_revert(request, call("compensate", g))
        assert await desk.used_by(good) == ""

    async def test_a_client_that_names_neither_user_nor_order_is_served(self, desk: Desk, g: str):
        coupon = await desk.put(7)
        await desk.service.coupon_use(pb.CouponUseRequest(couponID=coupon), call("action", g))
        assert await desk.used_by(coupon) == f"{g}/02"[:64]
        await desk.service.coupon_use_revert(pb.couponUseRevertRequest(couponID=coupon), call("compensate", g))
        assert await desk.used_by(coupon) == ""

    async def test_what_does_not_come_from_dtm_is_no_branch(self, desk: Desk):
        with pytest.raises(RpcError, match="DTM transaction"):
            await desk.service.coupon_use(pb.CouponUseRequest(couponID=1), Call.local())


@pytest.mark.parts
class TestCoupons:
    @pytest.fixture
    def service(self, db: Database) -> CouponService:
        store = CouponStore()
        return CouponService(db, store, CouponCrud(db, store))

    async def create(self, service: CouponService, **values: int) -> int:
        request = pb.CreateCouponRequest(**{"userID": 7, "amount": 100, **values})
        return (await service.create(request, Call.local())).id

    async def status(self, service: CouponService, coupon_id: int) -> int:
        return (await service.get_by_id(pb.GetCouponByIDRequest(id=coupon_id), Call.local())).coupon.status

    async def used(self, service: CouponService) -> int:
        coupon = await self.create(service)
        await service.use_many(use_request((coupon, 7, "a")), call("action", random_gid("unittest")))
        return coupon

    async def update(self, service: CouponService, coupon_id: int, **values: int) -> None:
        await service.update_by_id(pb.UpdateCouponByIDRequest(id=coupon_id, **values), Call.local())

    async def test_a_new_coupon_is_unused(self, service: CouponService):
        assert await self.status(service, await self.create(service)) == UNUSED

    @pytest.mark.parametrize("status", [USED, EXPIRED])
    async def test_the_status_of_a_new_coupon_is_the_server_s(self, service: CouponService, status: int):
        with pytest.raises(InvalidArgument, match=r"^status: "):
            await self.create(service, status=status)
        assert await self.status(service, await self.create(service, status=UNUSED)) == UNUSED

    async def test_a_coupon_marked_as_used_that_no_order_has_can_be_set_free_or_deleted(
        self, service: CouponService, db: Database
    ):
        coupon = await self.create(service)
        await db.run(lambda tx: execute(tx, "UPDATE coupon SET status = 2"))
        await self.update(service, coupon, status=UNUSED, amount=50)
        assert await self.status(service, coupon) == UNUSED
        await db.run(lambda tx: execute(tx, "UPDATE coupon SET status = 2"))
        await service.delete_by_id(pb.DeleteCouponByIDRequest(id=coupon), Call.local())

    async def test_a_user_may_have_many(self, service: CouponService):
        await self.create(service)
        await self.create(service)
        request = pb.ListCouponRequest(params=types_pb2.Params(page=0, limit=10))
        assert (await service.list(request, Call.local())).total == 2

    async def test_a_coupon_can_expire_and_come_back(self, service: CouponService):
        coupon = await self.create(service)
        for status in (EXPIRED, UNUSED):
            await self.update(service, coupon, status=status)
            assert await self.status(service, coupon) == status

    async def test_only_an_order_uses_a_coupon(self, service: CouponService):
        coupon = await self.create(service)
        with pytest.raises(Conflict, match="only an order uses a coupon"):
            await self.update(service, coupon, status=USED)
        assert await self.status(service, coupon) == UNUSED

    @pytest.mark.parametrize("change", [{"status": UNUSED}, {"amount": 1}, {"userID": 8}])
    async def test_a_used_coupon_stays_as_it_is(self, service: CouponService, change: dict[str, int]):
        coupon = await self.used(service)
        with pytest.raises(Conflict, match="is used"):
            await self.update(service, coupon, **change)
        assert await self.status(service, coupon) == USED

    async def test_an_update_that_changes_nothing_is_no_conflict(self, service: CouponService):
        coupon = await self.used(service)
        await self.update(service, coupon, status=USED, amount=100)

    async def test_a_used_coupon_can_not_be_deleted(self, service: CouponService):
        coupon = await self.used(service)
        with pytest.raises(Conflict, match="used by an order"):
            await service.delete_by_id(pb.DeleteCouponByIDRequest(id=coupon), Call.local())

    async def test_a_deleted_coupon_can_not_be_used(self, service: CouponService):
        coupon = await self.create(service)
        await service.delete_by_id(pb.DeleteCouponByIDRequest(id=coupon), Call.local())
        with pytest.raises(NotFound):
            await self.status(service, coupon)
        with pytest.raises(Refused, match="does not exist"):
            await service.use_many(use_request((coupon, 7, "a")), call("action", random_gid("unittest")))
