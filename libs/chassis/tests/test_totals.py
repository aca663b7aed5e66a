"""Totals that are kept instead of counted, and the pages that rely on them, against a real MySQL."""

import asyncio
import random

import pytest

from eshop_chassis.crud.pages import DEEP
from eshop_chassis.crud.store import CrudStore, table_of
from eshop_chassis.mysql import row_counts
from eshop_chassis.mysql.database import execute, fetch
from eshop_protos.types.types_pb2 import Column, Params
from eshop_protos.user.v1 import user_pb2 as pb

pytestmark = pytest.mark.parts
STORE = CrudStore(table_of("thing", pb.User), pb.User, "user")


async def create(db, number: int) -> int:
    return await db.run_core(lambda tx: STORE.create(tx, {"email": f"{number}@x", "login_at": number}))


async def add(db, first: int, count: int) -> None:
    rows = [(f"{n}@x", n) for n in range(first, first + count)]

    async def insert(tx):
        row_counts.note_shown(
            tx, "thing", await execute(tx, "INSERT INTO thing (email, login_at) VALUES (%s, %s)", rows)
        )

    await db.run_core(insert)


async def kept_and_counted(db) -> tuple[int, int]:
    async def look(tx):
        [(kept,)] = await fetch(tx, row_counts.TOTAL, ("thing",))
        [(counted,)] = await fetch(tx, "SELECT COUNT(*) FROM thing WHERE deleted_at IS NULL")
        return kept, counted

    return await db.run_core(look)


async def test_rows_that_come_and_go_are_counted(db):
    ids = [await create(db, n) for n in range(5)]
    await db.run_core(lambda tx: STORE.delete(tx, ids[1]))
    await db.run_core(lambda tx: STORE.update(tx, ids[2], {"age": 3}))
    assert await kept_and_counted(db) == (4, 4)


async def test_what_is_rolled_back_is_not_counted(db):
    async def create_and_fail(tx):
        await STORE.create(tx, {"email": "a@x", "login_at": 1})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await db.run_core(create_and_fail)
    assert await kept_and_counted(db) == (0, 0)


async def test_a_transaction_that_is_redone_is_counted_once(db):
    attempts = 0

    async def create_and_be_cut_off_once(tx):
        nonlocal attempts
        attempts += 1
        await STORE.create(tx, {"email": "a@x", "login_at": 1})
        if attempts == 1:
            [(me,)] = await fetch(tx, "SELECT CONNECTION_ID()")
            await db.run(lambda other, me=me: execute(other, f"KILL {me}"))
            await fetch(tx, "SELECT 1")

    await db.run_core(create_and_be_cut_off_once)
    assert attempts == 2
    assert await kept_and_counted(db) == (1, 1)


async def test_a_counter_that_somebody_holds_too_long_makes_the_whole_transaction_wait_for_it(db, monkeypatch):
    monkeypatch.setattr(row_counts, "SLOTS", 1)
    await create(db, 1)
    async with db.engine.connect() as holder:
        await holder.exec_driver_sql("SELECT * FROM shown_rows FOR UPDATE")
        waiting = asyncio.create_task(create(db, 2))
        await asyncio.sleep(1.3)  # longer than innodb_lock_wait_timeout
        await holder.rollback()
    await waiting
    assert await kept_and_counted(db) == (2, 2)


async def test_a_database_that_has_rows_and_no_total_gets_one(db):
    for n in range(3):
        await create(db, n)
    await db.run(lambda tx: execute(tx, "DELETE FROM shown_rows"))
    await create(db, 3)  # somebody who is at work before the total is there
    async with db.engine.connect() as connection:
        for _ in range(2):
            await row_counts.fill(connection, "thing")
    assert await kept_and_counted(db) == (4, 4)


async def test_without_a_total_rows_are_counted(db):
    for n in range(3):
        await create(db, n)
    await db.run(lambda tx: execute(tx, "DELETE FROM shown_rows"))
    total, found = await STORE.list(db, Params(limit=2, page=1))
    assert (total, len(found)) == (3, 1)


async def test_a_total_that_is_filled_while_others_write_is_right(db):
    await add(db, 0, 500)
    await db.run(lambda tx: execute(tx, "DELETE FROM shown_rows"))
    stop = asyncio.Event()

    async def writer(first: int) -> None:
        while not stop.is_set():
            row_id = await create(db, first)
            await db.run_core(lambda tx, row_id=row_id: STORE.delete(tx, row_id))
            await create(db, first + 1)
            first += 2

    writers = [asyncio.create_task(writer(10_000 * n)) for n in (1, 2, 3)]
    await asyncio.sleep(0.05)
    async with db.engine.connect() as connection:
        await row_counts.fill(connection, "thing")
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*writers)
    kept, counted = await kept_and_counted(db)
    assert kept == counted > 500


@pytest.mark.parametrize("seed", range(3))
async def test_the_total_is_right_whatever_happens_at_once(db, seed):
    """Creates and deletes in transactions of one to three steps that commit, fail or lose their connection."""
    rng = random.Random(seed)  # noqa: S311 - not a secret

    async def one(number: int) -> None:
        steps = rng.choices(("create", "delete", "fail", "kill"), (6, 4, 1, 1), k=rng.randrange(1, 4))
        victim = rng.randrange(1, 60)

        async def work(tx):
            for step, what in enumerate(steps):
                if what == "create":
                    await STORE.create(tx, {"email": f"{number}.{step}@x", "login_at": 10 * number + step})
                elif what == "delete":
                    await STORE.delete(tx, victim + step)
                elif what == "kill" and rng.random() < 0.5:
                    [(me,)] = await fetch(tx, "SELECT CONNECTION_ID()")
                    await db.run(lambda other, me=me: execute(other, f"KILL {me}"))
                else:
                    raise ZeroDivisionError

        await db.run_core(work)

    done = await asyncio.gather(*(one(n) for n in range(60)), return_exceptions=True)
    kept, counted = await kept_and_counted(db)
    assert kept == counted
    assert 0 < sum(d is None for d in done) < 60, "some went well and some did not"


@pytest.mark.parametrize("sort", ["", "-id", "id"])
async def test_deep_pages_are_those_that_a_walk_from_the_front_finds(db, sort):
    await add(db, 0, 3007)
    for victim in (1, 5, 1500, 1501, 2900, 3007):
        await db.run_core(lambda tx, victim=victim: STORE.delete(tx, victim))
    shown = [r[0] for r in await db.run(lambda tx: fetch(tx, "SELECT id FROM thing WHERE deleted_at IS NULL"))]
    expected = sorted(shown, reverse=sort != "id")
    for limit, page in [(7, 0), (7, 143), (7, 214), (7, 300), (7, 428), (7, 429), (1000, 1), (1000, 2), (1000, 3)]:
        total, found = await STORE.list(db, Params(page=page, limit=limit, sort=sort))
        assert total == 3001
        assert [user.id for user in found] == expected[page * limit : (page + 1) * limit]


async def test_a_deep_page_is_right_while_rows_come_and_go(db):
    """Every page is one that the table had at some moment: ids without a gap, as many as the total says."""
    await add(db, 0, 3000)
    stop = asyncio.Event()

    async def writer() -> None:
        number = 3000
        while not stop.is_set():
            await add(db, number, 3)
            number += 3

    writing = asyncio.create_task(writer())
    assert DEEP < 2500
    total = 0
    for _ in range(60):
        total, found = await STORE.list(db, Params(page=250, limit=10))
        first = total - 2500
        assert [user.id for user in found] == list(range(first, first - 10, -1))
    stop.set()
    await writing
    assert total > 3000


async def test_a_page_behind_the_last_is_empty_and_has_the_total(db):
    await add(db, 0, 1200)
    for page in (120, 121, 2**31 - 1):
        total, found = await STORE.list(db, Params(page=page, limit=10))
        assert (total, found) == (1200, [])


async def test_filtered_totals_are_counted_and_sorted_ones_are_not(db):
    await add(db, 0, 20)
    await db.run(lambda tx: execute(tx, "UPDATE shown_rows SET shown = shown + 100 WHERE slot = 0"))
    some = Params(limit=5, columns=[Column(name="loginAt", exp="<", value="7")])
    assert [(await STORE.list(db, p))[0] for p in (some, Params(limit=5, sort="email"))] == [
        7,
        120,
    ]
