"""The order store, and its fake: the same tests for both."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.orders import MemoryOrders
from shop_in_memory.parts import refusing, scratch_database

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Database
from eshop_order.orders import ALREADY_FINAL, AWAITING_PAYMENT, CANCELLED, CLAIMED_ELSEWHERE, Final, NewOrder
from eshop_order.store import OrderStore


class FakeBooks:
    def __init__(self) -> None:
        self.db, self.store = MemoryDatabase(), MemoryOrders()

    async def pass_time(self, seconds: int) -> None:
        self.store.now += seconds


class RealBooks:
    def __init__(self, db: Database) -> None:
        self.db, self.store = db, OrderStore()

    async def pass_time(self, seconds: int) -> None:
        sql = "UPDATE order_record SET updated_at = updated_at - INTERVAL %s SECOND"
        async with self.db.engine.begin() as tx:
            await tx.exec_driver_sql(sql, (seconds,))


Books = FakeBooks | RealBooks


@pytest.fixture
async def books(backend: str | None) -> AsyncIterator[Books]:
    if backend is None:
        yield FakeBooks()
        return
    async with scratch_database(backend) as db:
        yield RealBooks(db)


def order(order_id: str, **values: int) -> NewOrder:
    return NewOrder(order_id, **{"user_id": 7, "product_id": 1, "product_count": 2, "amount": 100, **values})


async def claim(books: Books, gid: str, *ids: str, suite: bool = True) -> dict[str, str]:
    """Claims orders in one transaction; the codes by order where it refuses."""
    return await refusing(books.db, lambda tx: books.store.claim(tx, gid, [order(i) for i in ids], suite=suite))


async def run(books: Books, what: str, *args, **kwargs):
    run_it = books.db.run_core if what == "by_order_id" else books.db.run
    return await run_it(lambda tx: getattr(books.store, what)(tx, *args, **kwargs))


async def states(books: Books, *ids: str) -> dict[str, tuple[str, str]]:
    return {k: (row.state, row.gid) for k, row in (await run(books, "find", ids)).items()}


async def cancel(books: Books, gid: str, order_id: str, code: str = "OUT_OF_STOCK") -> set[str]:
    return await run(books, "cancel", gid, [(order(order_id), Fault(order_id, code, "only 1 is left"))])


async def reverted(books: Books, gid: str, *ids: str) -> None:
    await claim(books, gid, *ids)
    await run(books, "revert", gid, ids)


async def test_absent_rows_can_be_claimed(books):
    assert await claim(books, "g1", "b", "a") == {}
    assert await states(books, "a", "b", "c") == {"a": ("claimed", "g1"), "b": ("claimed", "g1")}


async def test_a_claimed_row_keeps_what_was_ordered(books):
    new = order("a", product_count=3, amount=999, coupon_id=5)
    await books.db.run(lambda tx: books.store.claim(tx, "g1", [new], suite=True))
    row = (await run(books, "find", ["a"]))["a"]
    assert (row.order, row.suite, row.final) == (new, True, None)


async def test_reverted_rows_can_be_claimed_by_another_transaction(books):
    await reverted(books, "g1", "a")
    assert await claim(books, "g2", "a", "b") == {}
    assert await states(books, "a", "b") == {"a": ("claimed", "g2"), "b": ("claimed", "g2")}


async def test_a_row_that_is_claimed_again_says_what_is_ordered_now(books):
    await reverted(books, "g1", "a")
    changed = order("a", product_id=5, product_count=9, amount=7, coupon_id=3)
    await books.db.run(lambda tx: books.store.claim(tx, "g2", [changed], suite=False))
    row = (await run(books, "find", ["a"]))["a"]
    assert (row.order, row.suite, row.gid) == (changed, False, "g2")


async def test_a_claim_that_is_repeated_changes_nothing(books):
    await claim(books, "g1", "a")
    before = await run(books, "find", ["a"])
    again = order("a", amount=999)
    assert await books.db.run(lambda tx: books.store.claim(tx, "g1", [again], suite=False)) == []
    assert await run(books, "find", ["a"]) == before


async def test_a_row_that_bears_this_gid_already_can_be_claimed(books):
    await run(books, "note_running", "g1", [order("a")])
    assert await states(books, "a") == {"a": ("placing", "g1")}
    assert await claim(books, "g1", "a", "b") == {}
    assert await states(books, "a", "b") == {"a": ("claimed", "g1"), "b": ("claimed", "g1")}


async def test_rows_of_another_transaction_cannot_be_claimed_and_then_none_is(books):
    await claim(books, "g1", "a")
    assert await claim(books, "g2", "a", "b") == {"a": CLAIMED_ELSEWHERE}
    assert await states(books, "a", "b") == {"a": ("claimed", "g1")}


async def test_a_row_that_was_only_noted_as_running_belongs_to_nobody(books):
    await run(books, "note_running", "g1", [order("a")])
    assert await claim(books, "g2", "a") == {}
    assert await states(books, "a") == {"a": ("claimed", "g2")}


async def test_final_rows_cannot_be_claimed(books):
    await claim(books, "g1", "done")
    await run(books, "confirm", "g1")
    await reverted(books, "g2", "gone")
    await cancel(books, "g2", "gone")
    assert await claim(books, "g1", "done") == {"done": ALREADY_FINAL}
    assert await claim(books, "g3", "done", "gone", "new") == {"done": ALREADY_FINAL, "gone": ALREADY_FINAL}


async def test_note_running_leaves_a_row_alone_that_is_there(books):
    await claim(books, "g1", "a")
    await run(books, "note_running", "g2", [order("a")])
    assert await states(books, "a") == {"a": ("claimed", "g1")}


async def test_revert_touches_only_rows_of_its_own_gid(books):
    await claim(books, "g1", "a")
    await claim(books, "g2", "b")
    await run(books, "revert", "g1", ["a", "b"])
    assert await states(books, "a", "b") == {"a": ("reverted", "g1"), "b": ("claimed", "g2")}


async def test_undo_frees_all_orders_of_its_branch_and_no_other(books):
    for branch_id, ids in (("01", "ab"), ("03", "c")):
        orders = [order(i) for i in ids]
        await books.db.run(lambda tx, o=orders, b=branch_id: books.store.claim(tx, "g1", o, suite=True, branch_id=b))
    await run(books, "undo", "g1", "01")
    assert await states(books, "a", "b", "c") == {
        "a": ("reverted", "g1"),
        "b": ("reverted", "g1"),
        "c": ("claimed", "g1"),
    }


async def test_revert_does_not_touch_final_rows(books):
    await claim(books, "g1", "a")
    await run(books, "confirm", "g1")
    await run(books, "revert", "g1", ["a"])
    assert await states(books, "a") == {"a": ("confirmed", "g1")}


async def test_confirm_makes_only_claimed_rows_of_its_gid_final(books):
    await claim(books, "g1", "a")
    await claim(books, "g2", "b")
    await reverted(books, "g1", "c")
    await run(books, "confirm", "g1")
    rows = await run(books, "find", ["a", "b", "c"])
    assert {k: row.final for k, row in rows.items()} == {"a": Final(True), "b": None, "c": None}


async def test_cancel_stores_the_reason(books):
    await reverted(books, "g1", "a")
    await cancel(books, "g1", "a")
    assert (await run(books, "find", ["a"]))["a"].final == Final(False, "OUT_OF_STOCK", "only 1 is left")


async def test_cancel_tells_which_orders_are_cancelled(books):
    await reverted(books, "g1", "mine", "taken")
    await claim(books, "g2", "taken")
    faults = [(order(i), Fault(i, "OUT_OF_STOCK", "")) for i in ("taken", "mine", "absent")]
    assert await run(books, "cancel", "g1", faults) == {"mine", "absent"}
    assert {k: state for k, (state, _) in (await states(books, "mine", "taken", "absent")).items()} == {
        "mine": "cancelled",
        "taken": "claimed",
        "absent": "cancelled",
    }


async def test_cancel_gives_a_row_to_an_order_that_had_none(books):
    await cancel(books, "g1", "a", "REFUSED")
    row = (await run(books, "find", ["a"]))["a"]
    assert (row.order, row.final) == (order("a"), Final(False, "REFUSED", "only 1 is left"))


async def test_cancel_takes_an_order_that_was_only_noted_as_running(books):
    await run(books, "note_running", "", [order("a")])
    assert await cancel(books, "g1", "a") == {"a"}


@pytest.mark.parametrize("then", ["claimed", "reverted", "confirmed", "cancelled"])
async def test_cancel_leaves_rows_alone_that_somebody_else_had_since(books, then):
    await reverted(books, "g1", "a")
    await claim(books, "g2", "a")
    if then == "confirmed":
        await run(books, "confirm", "g2")
    if then in ("reverted", "cancelled"):
        await run(books, "revert", "g2", ["a"])
    if then == "cancelled":
        await cancel(books, "g2", "a", "UNKNOWN_COUPON")
    assert await cancel(books, "g1", "a") == set()
    assert await states(books, "a") == {"a": (then, "g2")}


async def test_cancel_does_not_touch_claimed_rows(books):
    await claim(books, "g1", "a")
    assert await cancel(books, "g1", "a") == set()
    assert await states(books, "a") == {"a": ("claimed", "g1")}


async def test_buyers_see_claimed_and_cancelled_orders_and_no_reverted_ones(books):
    await claim(books, "g1", "live")
    await reverted(books, "g2", "free")
    await reverted(books, "g3", "gone")
    await cancel(books, "g3", "gone")
    seen = {i: await run(books, "by_order_id", i) for i in ("live", "free", "gone", "never")}
    assert {i: found and found.status for i, found in seen.items()} == {
        "live": AWAITING_PAYMENT,
        "free": None,
        "gone": CANCELLED,
        "never": None,
    }
    assert (seen["live"].userID, seen["live"].productCount, seen["live"].amount) == (7, 2, 100)


async def test_an_order_that_is_claimed_again_is_shown_again(books):
    await reverted(books, "g1", "a")
    await claim(books, "g2", "a")
    assert (await run(books, "by_order_id", "a")).status == AWAITING_PAYMENT


async def test_left_behind_are_unfinished_orders_of_a_certain_age(books):
    await claim(books, "g1", "claimed")
    await reverted(books, "g2", "reverted")
    await run(books, "note_running", "g3", [order("placing")])
    await claim(books, "g4", "done")
    await run(books, "confirm", "g4")
    await reverted(books, "g5", "gone")
    await cancel(books, "g5", "gone")
    assert await run(books, "left_behind", 15) == []
    await books.pass_time(20)
    await claim(books, "g6", "young")
    found = {row.order.order_id: row.gid for row in await run(books, "left_behind", 15)}
    assert found == {"claimed": "g1", "reverted": "g2", "placing": "g3"}


async def test_an_order_that_moved_is_not_left_behind(books):
    await claim(books, "g1", "a")
    await books.pass_time(20)
    await run(books, "revert", "g1", ["a"])
    assert await run(books, "left_behind", 15) == []


async def test_a_foreign_order_is_remembered_as_such(books):
    await claim(books, "g1", "a", suite=False)
    assert (await run(books, "find", ["a"]))["a"].suite is False


async def test_a_return_is_noted_once_and_forgotten_once_it_is_there(books):
    await run(books, "note_return", order("a"), resell=True)
    await run(books, "note_return", order("a"), resell=False)
    await run(books, "note_return", order("b", product_id=3), resell=False)
    assert sorted(await run(books, "returns")) == [("a", 1, True), ("b", 3, False)]
    await run(books, "returned", ["a"])
    assert await run(books, "returns") == [("b", 3, False)]


async def test_of_many_at_once_one_claims_the_order(books):
    await reverted(books, "g0", "a")
    codes = await asyncio.gather(*(claim(books, f"g{n}", "a", "b") for n in range(1, 9)))
    assert sum(not c for c in codes) == 1
    [(state, gid)] = set((await states(books, "a", "b")).values())
    assert state == "claimed"
    assert codes[int(gid[1:]) - 1] == {}


async def test_an_order_that_was_put_aside_keeps_the_latest_reason(books: Books):
    assert await run(books, "dead_letter", "a") is None
    await run(books, "note_dead_letter", "a", "queue/0/7", "first")
    await run(books, "note_dead_letter", "a", "queue/0/7", "second")
    assert await run(books, "dead_letter", "a") == "second"
    assert await run(books, "dead_letter", "b") is None
