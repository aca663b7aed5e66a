"""The pay service: one payment per live order, which is paid once, and books that CRUD may not break."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.parts import scratch_database
from shop_in_memory.payments import MemoryPayments, kept_payments

from aiodtm import BranchRefused, random_gid
from eshop_chassis.mysql import Database
from eshop_pay.crud import PayCrud
from eshop_pay.payments import AWAITING_PAYMENT, PAID, REVERTED
from eshop_pay.service import PayService
from eshop_pay.store import PayStore
from eshop_protos.pay.v1 import pay_pb2 as pb
from eshop_protos.types import types_pb2
from protoc_gen_fastapi.runtime import Call, Conflict, Refused

REFUSED = (Refused, BranchRefused)
ORDER = "o" * 26


def call(op: str, gid: str) -> Call:
    return Call.local({"dtm-gid": gid, "dtm-trans_type": "saga", "dtm-branch_id": "03", "dtm-op": op})


def payments(*orders: str) -> pb.CreateManyRequest:
    return pb.CreateManyRequest(payments=[pb.CreatePayRequest(userID=7, orderID=o, amount=100) for o in orders])


class Desk:
    """A pay service over a fake store or a real one."""

    def __init__(self, db: Any, store: Any) -> None:
        self.db, self.service, self.store = db, PayService(db, store, PayCrud(db, store)), store

    async def statuses(self) -> dict[str, int]:
        if isinstance(self.store, MemoryPayments):
            return {order: kept.status for order, kept in kept_payments(self.db.data).items()}
        async with self.db.engine.begin() as tx:
            return {row[0]: row[1] for row in await tx.exec_driver_sql("SELECT order_id, status FROM pay")}


@pytest.fixture
async def desk(backend: str | None) -> AsyncIterator[Desk]:
    if backend is None:
        yield Desk(MemoryDatabase(), MemoryPayments())
        return
    async with scratch_database(backend) as db:
        yield Desk(db, PayStore())


@pytest.fixture
def g() -> str:
    return random_gid("unittest")


class TestBranches:
    async def test_a_payment_is_opened_once_however_often_the_branch_comes(self, desk: Desk, g: str):
        for _ in range(3):
            await desk.service.create_many(payments("a", "b"), call("action", g))
        assert await desk.statuses() == {"a": AWAITING_PAYMENT, "b": AWAITING_PAYMENT}

    async def test_it_is_reverted_once_and_not_when_another_transaction_opened_it(self, desk: Desk, g: str):
        await desk.service.create_many(payments("a"), call("action", g))
        await desk.service.create_many_revert(payments("a"), call("compensate", g))
        assert await desk.statuses() == {"a": REVERTED}
        await desk.service.create_many(payments("a"), call("action", g + "-2"))
        await desk.service.create_many_revert(payments("a"), call("compensate", g))
        assert await desk.statuses() == {"a": AWAITING_PAYMENT}

    async def test_an_undo_before_its_action_keeps_the_action_out(self, desk: Desk, g: str):
        await desk.service.create_many_revert(payments("a"), call("compensate", g))
        with pytest.raises(REFUSED, match="undone"):
            await desk.service.create_many(payments("a"), call("action", g))
        assert await desk.statuses() == {}

    async def test_a_second_payment_of_a_live_order_is_refused_and_the_refusal_stored(self, desk: Desk, g: str):
        await desk.service.create_many(payments("a"), call("action", g))
        for _ in range(2):
            with pytest.raises(REFUSED) as caught:
                await desk.service.create_many(payments("a", "b"), call("action", g + "-2"))
            assert caught.value.short == "PAYMENT_EXISTS"
        found = await desk.service.get_refusals(types_pb2.GetRefusalsRequest(gid=g + "-2"), Call.local())
        assert [(r.orderID, r.code) for r in found.refusals] == [("a", "PAYMENT_EXISTS")]
        assert await desk.statuses() == {"a": AWAITING_PAYMENT}

    async def test_create_tells_the_id_and_the_same_one_when_it_comes_again(self, desk: Desk, g: str):
        request = pb.CreatePayRequest(userID=7, orderID=ORDER, amount=100)
        ids = [(await desk.service.create(request, call("action", g))).id for _ in range(2)]
        assert ids[0] == ids[1] > 0
        revert = pb.CreatePayRevertRequest(userID=7, orderID=ORDER, amount=100)
        await desk.service.create_revert(revert, call("compensate", g))
        assert await desk.statuses() == {ORDER: REVERTED}


@pytest.mark.parts
class TestPayments:
    @pytest.fixture
    def service(self, db: Database) -> PayService:
        store = PayStore()
        return PayService(db, store, PayCrud(db, store))

    async def opened(self, service: PayService, g: str) -> int:
        request = pb.CreatePayRequest(userID=7, orderID=ORDER, amount=100)
        return (await service.create(request, call("action", g))).id

    async def update(self, service: PayService, pay_id: int, **values: Any) -> None:
        await service.update_by_id(pb.UpdatePayByIDRequest(id=pay_id, **values), Call.local())

    async def status(self, service: PayService, pay_id: int) -> int:
        return (await service.get_by_id(pb.GetPayByIDRequest(id=pay_id), Call.local())).pay.status

    async def test_a_payment_is_paid_once(self, service: PayService, g: str):
        pay_id = await self.opened(service, g)
        await self.update(service, pay_id, status=PAID)
        assert await self.status(service, pay_id) == PAID
        await self.update(service, pay_id, status=PAID)
        for status in (AWAITING_PAYMENT, REVERTED):
            with pytest.raises(Conflict, match="status"):
                await self.update(service, pay_id, status=status)
        assert await self.status(service, pay_id) == PAID

    @pytest.mark.parametrize("status", [REVERTED, 0, 9])
    async def test_no_other_way_leads_from_awaiting(self, service: PayService, g: str, status: int):
        pay_id = await self.opened(service, g)
        with pytest.raises(Conflict, match="status"):
            await self.update(service, pay_id, status=status)

    async def test_a_reverted_payment_can_not_be_paid(self, service: PayService, g: str):
        pay_id = await self.opened(service, g)
        await service.create_many_revert(payments(ORDER), call("compensate", g))
        with pytest.raises(Conflict, match="status"):
            await self.update(service, pay_id, status=PAID)

    @pytest.mark.parametrize("change", [{"amount": 1}, {"userID": 8}, {"orderID": "x" * 26}])
    async def test_a_payment_keeps_what_its_order_says(self, service: PayService, g: str, change: dict[str, Any]):
        pay_id = await self.opened(service, g)
        with pytest.raises(Conflict, match="keeps what its order says"):
            await self.update(service, pay_id, **change)

    async def test_the_payment_of_a_live_order_can_not_be_deleted(self, service: PayService, g: str):
        pay_id = await self.opened(service, g)
        with pytest.raises(Conflict, match="live order"):
            await service.delete_by_id(pb.DeletePayByIDRequest(id=pay_id), Call.local())

    async def test_a_reverted_one_can_be_deleted_and_is_there_again_when_its_order_is_placed(
        self, service: PayService, g: str
    ):
        pay_id = await self.opened(service, g)
        await service.create_many_revert(payments(ORDER), call("compensate", g))
        await service.delete_by_id(pb.DeletePayByIDRequest(id=pay_id), Call.local())
        await service.create_many(payments(ORDER), call("action", g + "-2"))
        assert await self.status(service, pay_id) == AWAITING_PAYMENT
