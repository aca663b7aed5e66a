"""The payment store, and its fake: the same tests for both."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.parts import refusing, scratch_database
from shop_in_memory.payments import MemoryPayments, kept_payments

from eshop_chassis.mysql import Database
from eshop_pay.payments import AWAITING_PAYMENT, REVERTED, Payment
from eshop_pay.store import PayStore

Row = tuple[int, int, int, str]


class FakeBooks:
    def __init__(self) -> None:
        self.db, self.store = MemoryDatabase(), MemoryPayments()

    async def payments(self) -> dict[str, Row]:
        kept = kept_payments(self.db.data)
        return {o: (k.payment.user_id, k.payment.amount, k.status, k.gid) for o, k in kept.items()}


class RealBooks:
    def __init__(self, db: Database) -> None:
        self.db, self.store = db, PayStore()

    async def payments(self) -> dict[str, Row]:
        sql = "SELECT order_id, user_id, amount, status, gid FROM pay WHERE deleted_at IS NULL"
        async with self.db.engine.begin() as tx:
            return {row[0]: (row[1], row[2], row[3], row[4]) for row in map(tuple, await tx.exec_driver_sql(sql))}


Books = FakeBooks | RealBooks


@pytest.fixture
async def books(backend: str | None) -> AsyncIterator[Books]:
    if backend is None:
        yield FakeBooks()
        return
    async with scratch_database(backend) as db:
        yield RealBooks(db)


async def open_(books: Books, *payments: Payment, gid: str = "g1") -> dict[str, str]:
    """Opens payments in one transaction; the codes by order where it refuses."""
    return await refusing(books.db, lambda tx: books.store.open(tx, gid, payments))


async def revert(books: Books, gid: str = "g1", branch_id: str = "") -> None:
    await books.db.run(lambda tx: books.store.revert(tx, gid, branch_id))


async def test_open_makes_one_payment_per_order(books):
    assert await open_(books, Payment(7, "b", 250), Payment(7, "a", 100), gid="g3") == {}
    assert await books.payments() == {"a": (7, 100, AWAITING_PAYMENT, "g3"), "b": (7, 250, AWAITING_PAYMENT, "g3")}


async def test_open_refuses_a_second_payment_of_a_live_order(books):
    await open_(books, Payment(7, "a", 100), gid="g1")
    assert await open_(books, Payment(7, "a", 100), Payment(7, "b", 100), gid="g2") == {"a": "PAYMENT_EXISTS"}
    assert await books.payments() == {"a": (7, 100, AWAITING_PAYMENT, "g1")}


async def test_open_again_by_the_same_transaction_changes_nothing(books):
    await open_(books, Payment(7, "a", 100), gid="g1")
    assert await open_(books, Payment(7, "a", 100), gid="g1") == {}
    assert await books.payments() == {"a": (7, 100, AWAITING_PAYMENT, "g1")}


async def test_a_reverted_payment_gives_way_to_the_next_try(books):
    await open_(books, Payment(7, "a", 100), gid="g1")
    await revert(books, gid="g1")
    assert (await books.payments())["a"] == (7, 100, REVERTED, "g1")
    assert await open_(books, Payment(7, "a", 120), Payment(7, "b", 50), gid="g2") == {}
    assert await books.payments() == {"a": (7, 120, AWAITING_PAYMENT, "g2"), "b": (7, 50, AWAITING_PAYMENT, "g2")}


async def test_revert_leaves_the_payment_of_another_transaction_alone(books):
    await open_(books, Payment(7, "a", 100), gid="g2")
    await revert(books, gid="g1")
    assert (await books.payments())["a"] == (7, 100, AWAITING_PAYMENT, "g2")


async def test_revert_ends_all_payments_of_its_branch_and_no_other(books):
    await books.db.run(lambda tx: books.store.open(tx, "g1", [Payment(7, "a", 1), Payment(7, "b", 1)], "01"))
    await books.db.run(lambda tx: books.store.open(tx, "g1", [Payment(7, "c", 1)], "03"))
    await revert(books, "g1", "01")
    status = {order: row[2] for order, row in (await books.payments()).items()}
    assert status == {"a": REVERTED, "b": REVERTED, "c": AWAITING_PAYMENT}


async def test_of_orders_finds_the_payment_of_an_order(books):
    await open_(books, Payment(7, "a", 100))
    assert await books.db.run(lambda tx: books.store.of_orders(tx, "a")) is not None
    assert await books.db.run(lambda tx: books.store.of_orders(tx, "b")) is None


async def test_of_many_at_once_one_opens_the_payment(books):
    codes = await asyncio.gather(*(open_(books, Payment(7, "a", 100), gid=f"g{n}") for n in range(8)))
    assert sum(not c for c in codes) == 1
