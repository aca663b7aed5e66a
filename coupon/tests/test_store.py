"""The coupon store, and its fake: the same tests for both."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop_in_memory.coupons import MemoryCoupons, coupons
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.parts import refusing, scratch_database

from eshop_chassis.mysql import Database
from eshop_coupon.coupons import EXPIRED, UNUSED, USED, Use
from eshop_coupon.store import CouponStore

Row = tuple[int, int, str, str]


class FakeBooks:
    def __init__(self) -> None:
        self.db, self.store = MemoryDatabase(), MemoryCoupons()

    async def put(self, user_id: int, status: int = UNUSED) -> int:
        coupon_id = len(coupons(self.db.data)) + 1
        await self.db.run(lambda tx: self.store.put(tx, coupon_id, user_id, status))
        return coupon_id

    async def coupon(self, coupon_id: int) -> Row:
        found = coupons(self.db.data)[coupon_id]
        return found.user_id, found.status, found.order_id, found.gid


class RealBooks:
    def __init__(self, db: Database) -> None:
        self.db, self.store = db, CouponStore()

    async def put(self, user_id: int, status: int = UNUSED) -> int:
        values = {"user_id": user_id, "amount": 100, "status": status}
        return await self.db.run_core(lambda tx: self.store.create(tx, values))

    async def coupon(self, coupon_id: int) -> Row:
        sql = "SELECT user_id, status, order_id, gid FROM coupon WHERE id = %s"
        async with self.db.engine.begin() as tx:
            return tuple((await tx.exec_driver_sql(sql, (coupon_id,))).one())


Books = FakeBooks | RealBooks


@pytest.fixture
async def books(backend: str | None) -> AsyncIterator[Books]:
    if backend is None:
        yield FakeBooks()
        return
    async with scratch_database(backend) as db:
        yield RealBooks(db)


async def use(books: Books, *uses: Use, gid: str = "g1") -> dict[str, str]:
    """Uses coupons in one transaction; the codes by order where it refuses."""
    return await refusing(books.db, lambda tx: books.store.use(tx, gid, uses))


async def give_back(books: Books, gid: str = "g1", branch_id: str = "") -> None:
    await books.db.run(lambda tx: books.store.give_back(tx, gid, branch_id))


async def test_use_marks_the_coupon_with_order_and_transaction(books):
    coupon = await books.put(user_id=7)
    assert await use(books, Use(coupon, 7, "order-a"), gid="g3") == {}
    assert await books.coupon(coupon) == (7, USED, "order-a", "g3")


async def test_use_without_a_user_skips_the_owner_check(books):
    coupon = await books.put(user_id=7)
    assert await use(books, Use(coupon, 0, "order-a")) == {}


@pytest.mark.parametrize(
    ("owner", "status", "code"),
    [
        (7, USED, "COUPON_ALREADY_USED"),
        (7, EXPIRED, "COUPON_EXPIRED"),
        (8, UNUSED, "COUPON_OF_ANOTHER_USER"),
        (8, USED, "COUPON_OF_ANOTHER_USER"),
    ],
)
async def test_use_refuses(books, owner, status, code):
    coupon = await books.put(owner, status)
    before = await books.coupon(coupon)
    assert await use(books, Use(coupon, 7, "order-a")) == {"order-a": code}
    assert await books.coupon(coupon) == before


async def test_use_refuses_a_coupon_that_does_not_exist(books):
    assert await use(books, Use(999, 7, "order-a")) == {"order-a": "UNKNOWN_COUPON"}


async def test_use_names_every_order_at_fault_and_uses_no_coupon(books):
    good, used, foreign = await books.put(7), await books.put(7, USED), await books.put(8)
    codes = await use(books, Use(good, 7, "a"), Use(used, 7, "b"), Use(foreign, 7, "c"))
    assert codes == {"b": "COUPON_ALREADY_USED", "c": "COUPON_OF_ANOTHER_USER"}
    assert (await books.coupon(good))[1] == UNUSED


async def test_one_coupon_serves_one_order_of_a_batch(books):
    coupon = await books.put(7)
    assert await use(books, Use(coupon, 7, "a"), Use(coupon, 7, "b")) == {"b": "COUPON_ALREADY_USED"}


async def test_check_says_what_use_would_and_changes_nothing(books):
    coupon = await books.put(user_id=7)
    uses = [Use(coupon, 7, "a"), Use(coupon, 7, "b"), Use(999, 7, "c")]
    faults = await books.db.run(lambda tx: books.store.check(tx, uses))
    assert {fault.order_id: fault.code for fault in faults} == {"b": "COUPON_ALREADY_USED", "c": "UNKNOWN_COUPON"}
    assert await use(books, Use(coupon, 7, "a")) == {}


async def test_give_back_makes_the_coupon_as_new(books):
    coupon = await books.put(7)
    await use(books, Use(coupon, 7, "a"))
    await give_back(books)
    assert await books.coupon(coupon) == (7, UNUSED, "", "")
    assert await use(books, Use(coupon, 7, "b"), gid="g2") == {}


async def test_give_back_leaves_a_coupon_alone_that_another_transaction_used(books):
    coupon = await books.put(7)
    await use(books, Use(coupon, 7, "a"), gid="g1")
    await give_back(books, gid="g2")
    assert await books.coupon(coupon) == (7, USED, "a", "g1")


async def test_give_back_returns_all_coupons_of_its_branch_and_no_other(books):
    one, two, other = [await books.put(7) for _ in range(3)]
    await books.db.run(lambda tx: books.store.use(tx, "g1", [Use(one, 7, "a"), Use(two, 7, "b")], "01"))
    await books.db.run(lambda tx: books.store.use(tx, "g1", [Use(other, 7, "c")], "03"))
    await give_back(books, "g1", "01")
    assert [(await books.coupon(c))[1] for c in (one, two, other)] == [UNUSED, UNUSED, USED]


async def test_give_back_leaves_an_expired_coupon_expired(books):
    coupon = await books.put(7, EXPIRED)
    await give_back(books, gid="")
    assert (await books.coupon(coupon))[1] == EXPIRED


async def test_of_many_at_once_one_gets_the_coupon(books):
    coupon = await books.put(7)
    codes = await asyncio.gather(*(use(books, Use(coupon, 7, f"o{n}"), gid=f"g{n}") for n in range(8)))
    assert sum(not c for c in codes) == 1
