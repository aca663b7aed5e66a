"""What the order service cleans up, and what it must not touch, in a real MySQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from eshop_chassis.mysql import Database, Housekeeping, Tx, execute, fetch
from eshop_order.housekeeping import OrderHousekeepingSettings, expiring

pytestmark = pytest.mark.parts
OLD, YOUNG = 40, 2  # days
AGO = "UTC_TIMESTAMP() - INTERVAL %s DAY"
# DTM and the barrier have one place in a server: this test's rows are found by their gid.
GID = "housekeeping-"
# The rows that a running shop has there are young: older ones come before them.
IDS = itertools.count(-1_000_000)
TABLES = ("refusal", "dtm.trans_global", "dtm.trans_branch_op", "dtm_barrier.barrier")


@pytest.fixture
async def rows(db: Database) -> AsyncIterator[Database]:
    """The scratch database, with no rows of this test elsewhere either, before and after."""
    await _clear(db)
    yield db
    await _clear(db)


async def _clear(db: Database) -> None:
    for table in TABLES:
        sql = f"DELETE FROM {table} WHERE gid LIKE %s"  # noqa: S608 - constants
        await db.run(lambda tx, sql=sql: execute(tx, sql, (f"{GID}%",)))


async def _transaction(db: Database, name: str, status: str, age: int) -> None:
    """A transaction with two branches, their barriers and a refusal, all of this age."""
    gid = GID + name
    transaction = (
        "INSERT INTO dtm.trans_global (id, gid, trans_type, status, query_prepared, protocol, create_time, update_time)"  # noqa: S608
        f" VALUES (%s, %s, 'saga', %s, '', 'grpc', {AGO}, {AGO})"
    )
    refusal = (
        "INSERT INTO refusal (gid, branch_id, order_id, code, reason, created_at)"  # noqa: S608
        f" VALUES (%s, '01', 'x', '', '', {AGO})"
    )
    branch = (
        "INSERT INTO dtm.trans_branch_op (id, gid, url, branch_id, op, status, create_time)"  # noqa: S608
        f" VALUES (%s, %s, '', %s, 'action', 'succeed', {AGO})"
    )
    barrier = (
        "INSERT INTO dtm_barrier.barrier (id, trans_type, gid, branch_id, op, barrier_id, reason, create_time)"  # noqa: S608
        f" VALUES (%s, 'saga', %s, %s, 'action', '01', 'action', {AGO})"
    )

    async def write(tx: Tx) -> None:
        await execute(tx, transaction, (next(IDS), gid, status, age, age))
        await execute(tx, refusal, (gid, age))
        for number in ("01", "02"):
            await execute(tx, branch, (next(IDS), gid, number, age))
            await execute(tx, barrier, (next(IDS), gid, number, age))

    await db.run(write)


async def _left(db: Database) -> dict[str, list[str]]:
    """The names of the transactions that still have rows, by table."""
    found: dict[str, list[str]] = {}
    for table in TABLES:
        sql = f"SELECT DISTINCT gid FROM {table} WHERE gid LIKE %s ORDER BY gid"  # noqa: S608 - constants
        names = await db.run(lambda tx, sql=sql: fetch(tx, sql, (f"{GID}%",)))
        found[table] = [row[0].removeprefix(GID) for row in names]
    return found


def _everywhere(*names: str) -> dict[str, list[str]]:
    return {table: list(names) for table in TABLES}


def _housekeeping(db: Database, **settings: object) -> Housekeeping:
    chosen = OrderHousekeepingSettings(housekeeping_rows=3, housekeeping_pause=0, **settings)  # pyright: ignore
    return Housekeeping(db, chosen, "test_of_order", expiring(chosen))


async def test_old_rows_of_ended_transactions_go_and_young_ones_stay(rows: Database) -> None:
    for number in range(5):
        await _transaction(rows, f"old-{number}", "succeed" if number % 2 else "failed", OLD)
    await _transaction(rows, "young", "succeed", YOUNG)

    gone = await _housekeeping(rows).clean()

    assert await _left(rows) == _everywhere("young")
    assert gone["refusal"] == 5
    assert gone["dtm.trans_global"] >= 5
    assert gone["dtm_barrier.barrier"] >= 10


@pytest.mark.parametrize("status", ["prepared", "submitted", "aborting"])
async def test_rows_of_a_transaction_that_has_not_ended_stay_however_old(rows: Database, status: str) -> None:
    await _transaction(rows, "open", status, OLD)
    await _transaction(rows, "ended", "succeed", OLD)

    await _housekeeping(rows).clean()

    assert await _left(rows) == _everywhere("open")


@pytest.mark.parametrize(("state", "stays"), [("claimed", True), ("reverted", True), ("confirmed", False)])
async def test_what_an_unfinished_order_rests_on_stays(rows: Database, state: str, stays: bool) -> None:
    await _transaction(rows, "owner", "succeed", OLD)
    order = (
        "INSERT INTO order_record (order_id, user_id, product_id, product_count, amount, state, gid)"
        " VALUES ('o', 1, 1, 1, 1, %s, %s)"
    )
    await rows.run(lambda tx: execute(tx, order, (state, f"{GID}owner")))

    await _housekeeping(rows).clean()

    assert await _left(rows) == _everywhere(*["owner"] * stays)


async def test_rows_that_stay_do_not_hide_those_that_may_go(rows: Database) -> None:
    for number in range(8):
        await _transaction(rows, f"open-{number}", "aborting", OLD)
    await _transaction(rows, "ended", "failed", OLD)

    await _housekeeping(rows).clean()

    assert "ended" not in (await _left(rows))["dtm.trans_global"]


async def test_of_two_processes_one_cleans(rows: Database) -> None:
    await _transaction(rows, "old", "succeed", OLD)

    both = await asyncio.gather(_housekeeping(rows).clean(), _housekeeping(rows).clean())

    assert sorted(bool(gone) for gone in both) == [False, True]
    assert await _left(rows) == _everywhere()


async def test_without_the_store_of_dtm_nothing_is_deleted(rows: Database) -> None:
    await _transaction(rows, "old", "succeed", OLD)

    gone = await _housekeeping(rows, dtm_database="no_such_database").clean()

    assert set(gone.values()) == {0}
    assert (await _left(rows))["dtm_barrier.barrier"] == ["old"]
