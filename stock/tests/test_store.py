"""The stock store, and its fake: the same tests for both."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_in_memory.database import MemoryDatabase
from shop_in_memory.parts import refusing, scratch_database
from shop_in_memory.stock import MemoryStock, ledger, rows

from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Database
from eshop_stock.store import StockStore
from eshop_stock.units import Stock, Units


class FakeBooks:
    def __init__(self) -> None:
        self.db, self.store = MemoryDatabase(), MemoryStock()

    async def offer(self, product_id: int, stock: int) -> None:
        await self.db.run_core(lambda tx: self.store.create(tx, product_id, stock))

    async def stock(self) -> dict[int, int]:
        return {product_id: row.stock for product_id, row in rows(self.db.data).items()}

    async def ledger(self) -> list[tuple[int, int, str, str, str]]:
        return [(b.product_id, b.delta, b.kind, b.ref, b.gid) for b in ledger(self.db.data)]

    async def pass_time(self, seconds: int) -> None:
        self.store.now += seconds


class RealBooks:
    def __init__(self, db: Database) -> None:
        self.db, self.store = db, StockStore()

    async def offer(self, product_id: int, stock: int) -> None:
        async def create(tx) -> None:
            await self.store.rows.create(tx, {"product_id": product_id, "stock": stock})
            await self.store.write_ledger(tx, product_id, stock, "create")

        await self.db.run_core(create)

    async def stock(self) -> dict[int, int]:
        return dict(await self._rows("SELECT product_id, stock FROM stock WHERE deleted_at IS NULL"))

    async def ledger(self) -> list[tuple[int, int, str, str, str]]:
        return await self._rows("SELECT product_id, delta, kind, ref, gid FROM stock_ledger ORDER BY id")

    async def pass_time(self, seconds: int) -> None:
        await self._rows("UPDATE stock SET updated_at = updated_at - INTERVAL %s SECOND", seconds)

    async def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.db.engine.begin() as tx:
            found = await tx.exec_driver_sql(sql, values)
            return [tuple(row) for row in found] if found.returns_rows else []


Books = FakeBooks | RealBooks


@pytest.fixture
async def books(backend: str | None) -> AsyncIterator[Books]:
    if backend is None:
        yield FakeBooks()
        return
    async with scratch_database(backend) as db:
        yield RealBooks(db)


async def deduct(books: Books, *items: Units, gid: str = "g1", taken: tuple[int, ...] = ()) -> bool:
    """Takes units in one transaction, which is rolled back where it refuses."""

    async def work(tx) -> list[Fault]:
        return [] if await books.store.deduct(tx, gid, items, taken) else [Fault("", "TOO_FEW", "")]

    return not await refusing(books.db, work)


async def assert_ledger_agrees(books: Books) -> None:
    booked: dict[int, int] = {}
    for product_id, delta, *_ in await books.ledger():
        booked[product_id] = booked.get(product_id, 0) + delta
    assert booked == await books.stock()


async def test_deduct_takes_the_units_of_all_orders(books):
    await books.offer(1, 10)
    await books.offer(2, 5)
    assert await deduct(books, Units("a", 1, 2), Units("b", 2, 5), Units("c", 1, 3))
    assert await books.stock() == {1: 5, 2: 0}
    await assert_ledger_agrees(books)


async def test_deduct_books_each_order_under_its_gid(books):
    await books.offer(1, 10)
    await deduct(books, Units("a", 1, 2), Units("b", 1, 3), gid="g7")
    assert (await books.ledger())[1:] == [(1, -2, "order", "a", "g7"), (1, -3, "order", "b", "g7")]


async def test_deduct_takes_nothing_when_one_product_is_short(books):
    await books.offer(1, 10)
    await books.offer(2, 4)
    assert not await deduct(books, Units("a", 1, 2), Units("b", 2, 5))
    assert await books.stock() == {1: 10, 2: 4}
    await assert_ledger_agrees(books)


async def test_deduct_adds_up_the_orders_of_one_product(books):
    await books.offer(1, 5)
    assert not await deduct(books, Units("a", 1, 3), Units("b", 1, 3))
    assert await deduct(books, Units("a", 1, 3), Units("b", 1, 2))
    assert await books.stock() == {1: 0}


async def test_deduct_can_take_the_last_unit_and_no_more(books):
    await books.offer(1, 1)
    assert await deduct(books, Units("a", 1, 1))
    assert not await deduct(books, Units("b", 1, 1))
    assert await books.stock() == {1: 0}


async def test_deduct_refuses_a_product_without_a_row(books):
    await books.offer(1, 1)
    assert not await deduct(books, Units("a", 1, 1), Units("b", 2, 1))
    assert await books.stock() == {1: 1}


async def test_deduct_from_a_flash_sale_needs_units_that_were_taken_there(books):
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 0))
    assert not await deduct(books, Units("a", 1, 1))
    assert await deduct(books, Units("a", 1, 1), taken=(1,))
    assert await books.stock() == {1: 9}


async def test_deduct_of_a_batch_refuses_when_only_another_product_was_taken(books):
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 0))
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 2, 10, 0))
    assert not await deduct(books, Units("a", 1, 1), Units("b", 2, 1), taken=(2,))
    assert await books.stock() == {1: 10, 2: 10}


async def test_put_back_restores_stock_and_books_it(books):
    await books.offer(1, 10)
    items = (Units("a", 1, 2), Units("b", 1, 3))
    await deduct(books, *items)
    await books.db.run(lambda tx: books.store.put_back(tx, "g1"))
    assert await books.stock() == {1: 10}
    assert (await books.ledger())[-2:] == [(1, 2, "revert", "a", "g1"), (1, 3, "revert", "b", "g1")]
    await assert_ledger_agrees(books)


async def test_put_back_takes_each_branch_for_itself_and_each_once(books):
    await books.offer(1, 10)

    async def deduct_and_undo(tx) -> None:
        await books.store.deduct(tx, "g1", [Units("a", 1, 1)], (), "01")
        await books.store.deduct(tx, "g1", [Units("b", 1, 2)], (), "03")
        for _ in range(2):
            await books.store.put_back(tx, "g1", "03")

    await books.db.run(deduct_and_undo)
    assert await books.stock() == {1: 9}
    assert await books.db.run(lambda tx: books.store.placed(tx, ["a", "b"])) == {"a"}
    await assert_ledger_agrees(books)


async def test_find_tells_stock_and_flash_sale_and_leaves_out_the_unknown(books):
    await books.offer(1, 10)
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 2, 7, 0))
    found = await books.db.run(lambda tx: books.store.find(tx, {1, 2, 3}))
    assert found == {1: Stock(1, 10, False), 2: Stock(2, 7, True)}


async def test_set_flash_counts_versions_and_books_the_difference(books):
    await books.offer(1, 3)
    assert await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 0)) == 1
    assert await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 4, 0)) == 2
    assert [(delta, kind) for _, delta, kind, *_ in await books.ledger()] == [
        (3, "create"),
        (7, "flash"),
        (-6, "flash"),
    ]
    await assert_ledger_agrees(books)


async def test_set_flash_creates_the_row_of_a_new_product(books):
    assert await books.db.run_core(lambda tx: books.store.set_flash(tx, 9, 10, 0)) == 1
    assert await books.stock() == {9: 10}


async def test_a_sale_that_was_set_and_not_opened_is_found_after_a_while(books):
    version = await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 3))
    assert await books.db.run(books.store.unopened) == []
    await books.pass_time(12)
    assert await books.db.run(books.store.unopened) == [(1, 10, 3)]
    await books.db.run(lambda tx: books.store.mark_open(tx, 1, version))
    await books.pass_time(12)
    assert await books.db.run(books.store.unopened) == []


async def test_a_sale_that_was_closed_and_not_opened_again_is_found_after_a_while(books):
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 3))
    await books.db.run(lambda tx: books.store.mark_open(tx, 1, 1))
    await books.pass_time(12)
    assert await books.db.run(lambda tx: books.store.mark_closed(tx, 1)) == 1
    assert await books.db.run(books.store.unopened) == []
    await books.pass_time(12)
    assert await books.db.run(books.store.unopened) == [(1, 10, 3)]


async def test_an_older_version_does_not_mark_the_sale_as_open(books):
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 10, 0))
    await books.db.run_core(lambda tx: books.store.set_flash(tx, 1, 5, 0))
    await books.db.run(lambda tx: books.store.mark_open(tx, 1, 1))
    await books.pass_time(12)
    assert await books.db.run(books.store.unopened) == [(1, 5, 0)]


async def test_only_a_product_on_flash_sale_can_wait_to_be_opened(books):
    await books.offer(1, 5)
    assert await books.db.run(lambda tx: books.store.mark_closed(tx, 1)) == 0
    assert await books.db.run(lambda tx: books.store.mark_closed(tx, 2)) == 0
    await books.db.run(lambda tx: books.store.mark_open(tx, 1, 0))
    await books.pass_time(12)
    assert await books.db.run(books.store.unopened) == []


async def test_placed_are_those_whose_units_are_deducted_at_present(books):
    await books.offer(1, 10)
    await deduct(books, Units("kept", 1, 1), gid="g0")
    await deduct(books, Units("undone", 1, 1), gid="g1")
    await books.db.run(lambda tx: books.store.put_back(tx, "g1"))
    assert await books.db.run(lambda tx: books.store.placed(tx, ["kept", "undone", "never"])) == {"kept"}


async def test_placed_again_after_an_undo_counts(books):
    await books.offer(1, 10)
    await deduct(books, Units("a", 1, 1), gid="g1")
    await books.db.run(lambda tx: books.store.put_back(tx, "g1"))
    await deduct(books, Units("a", 1, 1), gid="g2")
    assert await books.db.run(lambda tx: books.store.placed(tx, ["a"])) == {"a"}
    assert await books.db.run(lambda tx: books.store.placed(tx, [])) == set()


async def test_many_at_once_sell_exactly_what_there_is(books):
    await books.offer(1, 10)
    await books.offer(2, 10)
    orders = [(Units(f"a{n}", 1, 1), Units(f"b{n}", 2, 1)) for n in range(8)]
    # Named in both orders: rows are locked by product, so nobody waits in a ring.
    done = await asyncio.gather(*(deduct(books, *(o if n % 2 else o[::-1])) for n, o in enumerate(orders * 2)))
    assert sum(done) == 10
    assert await books.stock() == {1: 0, 2: 0}
    await assert_ledger_agrees(books)
