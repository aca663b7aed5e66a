"""The barrier on a real MySQL: deadlocks, cancelled callers, lost connections, recorded refusals."""

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Any, cast

import pymysql
import pytest
from sqlalchemy import QueuePool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

import aiodtm.mysql
from aiodtm import (
    Barrier,
    BarrierPassed,
    BranchRefused,
    CommitUnknown,
    NotOneTransaction,
    UndoRefused,
    drained,
    random_gid,
)
from aiodtm.mysql import MySQLBarriers, commit, was_rolled_back

pytestmark = pytest.mark.parts


class OutOfStock(Exception):  # noqa: N818
    short = "OUT_OF_STOCK"


@dataclass
class Shop:
    engine: AsyncEngine
    table: str

    def barrier(self, gid: str, op: str = "action", branch_id: str = "01") -> Barrier:
        return Barrier(gid, "saga", branch_id, op)

    @property
    def store(self) -> MySQLBarriers:
        return MySQLBarriers(self.engine, self.table)

    async def rows(self, gid: str) -> dict[str, str]:
        async with self.engine.begin() as tx:
            sql = f"SELECT op, reason FROM {self.table} WHERE gid = %s"  # noqa: S608
            found: Any = await tx.exec_driver_sql(sql, (gid,))
            return dict(found.all())

    async def write(self, tx: AsyncConnection, id: str, num: int = 1) -> None:
        await tx.exec_driver_sql(
            "INSERT INTO stock (id, num) VALUES (%s, %s) ON DUPLICATE KEY UPDATE num = num + 1", (id, num)
        )

    async def num(self, id: str) -> int | None:
        async with self.engine.begin() as tx:
            return (await tx.exec_driver_sql("SELECT num FROM stock WHERE id = %s", (id,))).scalar()

    def idle(self) -> bool:
        return cast("QueuePool", self.engine.pool).checkedout() == 0


@pytest.fixture
def shop(engine: AsyncEngine, mysql_database: str) -> Shop:
    return Shop(engine, f"{mysql_database}.barrier")


async def test_once_returns_what_work_returned_and_then_none(shop):
    gid = random_gid()

    async def work(tx):
        return 42

    assert await shop.store.once(shop.barrier(gid), work) == 42
    assert await shop.store.once(shop.barrier(gid), work) is None
    assert await shop.rows(gid) == {"action": "action"}


async def test_a_refusal_rolls_back_and_is_recorded_in_its_own_transaction(shop):
    gid = random_gid()

    async def refuse(tx):
        await shop.write(tx, f"{gid}-w")
        raise OutOfStock("only 3 left")

    async def record(tx, error):
        await shop.write(tx, f"{gid}-r")
        assert str(error) == "only 3 left"

    with pytest.raises(OutOfStock):
        await shop.store.once(shop.barrier(gid), refuse, refuse_on=(OutOfStock,), record=record)
    with pytest.raises(BranchRefused) as repeated:
        await shop.store.once(shop.barrier(gid), refuse, refuse_on=(OutOfStock,), record=record)
    assert repeated.value.short == "OUT_OF_STOCK"
    assert (await shop.num(f"{gid}-w"), await shop.num(f"{gid}-r")) == (None, 1)
    assert await shop.rows(gid) == dict.fromkeys(("action", "compensate"), "refused:OUT_OF_STOCK")


async def test_a_refusal_whose_record_fails_is_not_stored(shop):
    gid = random_gid()

    async def refuse(tx):
        raise OutOfStock

    async def fail(tx, error):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.store.once(shop.barrier(gid), refuse, refuse_on=(OutOfStock,), record=fail)
    assert await shop.rows(gid) == {}


async def test_another_error_leaves_no_trace(shop):
    gid = random_gid()

    async def fail(tx):
        await shop.write(tx, gid)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.store.once(shop.barrier(gid), fail)
    assert await shop.rows(gid) == {}
    assert await shop.num(gid) is None
    assert shop.idle()


async def test_an_undo_that_refuses_is_an_error_and_can_be_repeated(shop):
    gid = random_gid()

    async def work(tx):
        return "done"

    async def refuse(tx):
        raise BranchRefused

    await shop.store.once(shop.barrier(gid), work)
    with pytest.raises(UndoRefused):
        await shop.store.once(shop.barrier(gid, "compensate"), refuse)
    assert await shop.store.once(shop.barrier(gid, "compensate"), work) == "done"


async def test_an_undo_waits_for_an_action_that_is_still_running(shop):
    gid, order, begun = random_gid(), [], asyncio.Event()

    async def act(tx):
        begun.set()
        await asyncio.sleep(0.3)
        order.append("action")

    async def undo(tx):
        order.append("undo")

    action = asyncio.create_task(shop.store.once(shop.barrier(gid), act))
    await begun.wait()
    await shop.store.once(shop.barrier(gid, "compensate"), undo)
    await action
    assert order == ["action", "undo"]


async def test_an_action_that_refuses_while_its_undo_waits_is_told_so(shop):
    gid, begun = random_gid(), asyncio.Event()

    async def act(tx):
        begun.set()
        await asyncio.sleep(0.2)
        raise OutOfStock

    async def undo(tx):
        raise AssertionError

    action = asyncio.create_task(shop.store.once(shop.barrier(gid), act, refuse_on=(OutOfStock,)))
    await begun.wait()
    await shop.store.once(shop.barrier(gid, "compensate"), undo)
    with pytest.raises((BranchRefused, OutOfStock)):
        await action
    with pytest.raises(BranchRefused):
        await shop.store.once(shop.barrier(gid), act, refuse_on=(OutOfStock,))


async def test_two_that_lock_each_other_both_get_through(shop):
    one, two, both, tries = random_gid(), random_gid(), asyncio.Barrier(2), []

    def crossing(first: str, second: str):
        async def work(tx):
            tries.append(first)
            await shop.write(tx, first)
            if len(tries) <= 2:
                await both.wait()
            await shop.write(tx, second)

        return work

    await asyncio.gather(
        shop.store.once(shop.barrier(random_gid()), crossing(one, two)),
        shop.store.once(shop.barrier(random_gid()), crossing(two, one)),
    )
    assert len(tries) >= 3
    assert (await shop.num(one), await shop.num(two)) == (2, 2)
    assert shop.idle()


async def test_a_lock_that_is_held_too_long_is_waited_for_again(shop):
    gid, row = random_gid(), random_gid()
    async with shop.engine.connect() as holder:
        await shop.write(holder, row)
        waiting = asyncio.create_task(shop.store.once(shop.barrier(gid), lambda tx: shop.write(tx, row)))
        await asyncio.sleep(1.3)  # innodb_lock_wait_timeout is 1 s here
        await holder.commit()
    await waiting
    assert await shop.num(row) == 2


async def test_a_cancelled_caller_leaves_the_transaction_to_finish(shop):
    gid, begun = random_gid(), asyncio.Event()

    async def work(tx):
        await shop.write(tx, gid)
        begun.set()
        await asyncio.sleep(0.2)
        await shop.write(tx, gid)

    call = asyncio.create_task(shop.store.once(shop.barrier(gid), work))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not shop.idle()
    await drained()
    assert shop.idle()
    assert await shop.num(gid) == 2
    assert await shop.store.once(shop.barrier(gid), work) is None


async def test_a_connection_lost_at_work_redoes_the_transaction(shop):
    gid, tries = random_gid(), []

    async def work(tx):
        tries.append(1)
        await shop.write(tx, gid)
        if len(tries) == 1:
            await kill_connection(shop, tx)
        await shop.write(tx, gid)

    await shop.store.once(shop.barrier(gid), work)
    assert len(tries) == 2
    assert await shop.num(gid) == 2
    assert shop.idle()


async def test_a_connection_lost_before_commit_redoes_the_transaction(shop):
    gid, tries = random_gid(), []

    async def work(tx):
        tries.append(1)
        await shop.write(tx, gid)
        if len(tries) == 1:
            await kill_connection(shop, tx)

    await shop.store.once(shop.barrier(gid), work)
    assert len(tries) == 2
    assert await shop.num(gid) == 1


async def test_a_commit_whose_reply_is_lost_counts_once(shop, monkeypatch):
    gid, tries, commit = random_gid(), [], AsyncConnection.commit

    async def commit_and_lose(connection: AsyncConnection) -> None:
        await commit(connection)
        if not lost:
            lost.append(1)
            raise ConnectionResetError

    async def work(tx):
        tries.append(1)
        await shop.write(tx, gid)

    lost: list[int] = []
    monkeypatch.setattr(AsyncConnection, "commit", commit_and_lose)
    assert await shop.store.once(shop.barrier(gid), work) is None
    assert (len(tries), await shop.num(gid)) == (1, 1)


async def test_a_connection_that_is_lost_in_commit_again_and_again_is_reported_as_unknown(shop):
    gid = random_gid()

    async def work(tx):
        await shop.write(tx, gid)
        await kill_connection(shop, tx)

    with pytest.raises(CommitUnknown):
        await shop.store.once(shop.barrier(gid), work)
    await shop.store.once(shop.barrier(gid), lambda tx: shop.write(tx, gid))
    assert await shop.num(gid) == 1
    assert shop.idle()


@pytest.mark.parametrize(("number", "lost"), [(2013, True), (1927, True), (1927, False)])
async def test_a_commit_is_unknown_where_its_connection_is_lost_whatever_number_tells_it(number, lost):
    class Connection:
        async def commit(self):
            raise DBAPIError.instance(
                None, None, pymysql.OperationalError(number, "gone"), pymysql.Error, connection_invalidated=lost
            )

    with pytest.raises(CommitUnknown if lost else DBAPIError):
        await commit(Connection())


async def test_a_mysql_that_is_away_fails_at_once(shop):
    away = create_async_engine(f"mysql+aiomysql://root@127.0.0.1:{free_port()}/x", pool_reset_on_return=None)
    start = time.monotonic()
    with pytest.raises(DBAPIError):
        await MySQLBarriers(away).once(shop.barrier(random_gid()), lambda tx: shop.write(tx, "x"))
    assert time.monotonic() - start < 0.5
    await away.dispose()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


async def kill_connection(shop: Shop, tx: AsyncConnection) -> None:
    number = (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar_one()
    async with shop.engine.begin() as other:
        await other.exec_driver_sql(f"KILL {number}")
    await asyncio.sleep(0.05)


async def test_letter_case_counts_in_a_gid(shop):
    async def work(tx):
        return "done"

    gid = random_gid()
    assert await shop.store.once(shop.barrier(f"{gid}a"), work) == "done"
    assert await shop.store.once(shop.barrier(f"{gid}A"), work) == "done"


async def test_the_schema_can_be_applied_twice(shop, mysql_database):
    async with shop.engine.begin() as tx:
        await tx.exec_driver_sql("SET sql_notes = 0")  # "exists already" is a note, and a note is a Python warning
        sql = aiodtm.mysql.barrier_schema(shop.table)
        assert "dtm_barrier" not in sql
        await tx.exec_driver_sql(sql[sql.index("CREATE TABLE") :].rstrip().rstrip(";"))


async def test_a_second_once_in_one_call_is_an_error_and_a_repeated_call_is_not(shop):
    gid, call = random_gid(), shop.barrier
    barrier = call(gid)
    await shop.store.once(barrier, lambda tx: shop.write(tx, f"{gid}-1"))
    with pytest.raises(BarrierPassed, match="part 01"):
        await shop.store.once(barrier, lambda tx: shop.write(tx, f"{gid}-2"))
    assert await shop.store.once(call(gid), lambda tx: shop.write(tx, f"{gid}-1")) is None
    assert (await shop.num(f"{gid}-1"), await shop.num(f"{gid}-2")) == (1, None)


async def test_two_at_once_in_one_call_are_an_error_too(shop):
    gid, barrier = random_gid(), shop.barrier(random_gid())
    works = (shop.store.once(barrier, lambda tx: shop.write(tx, gid)) for _ in range(2))
    found = await asyncio.gather(*works, return_exceptions=True)
    assert [type(error) for error in found if error] == [BarrierPassed]
    assert await shop.num(gid) == 1


async def test_a_call_whose_work_failed_may_go_through_its_barrier_again(shop):
    gid, barrier = random_gid(), shop.barrier(random_gid())

    async def fail(tx):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.store.once(barrier, fail)
    await shop.store.once(barrier, lambda tx: shop.write(tx, gid))
    assert await shop.num(gid) == 1


async def test_parts_of_a_branch_count_once_each_and_are_undone_each(shop):
    gid = random_gid()

    async def change(tx, part: str, by: int):
        await shop.write(tx, f"{gid}-{part}", 0)
        await tx.exec_driver_sql("UPDATE stock SET num = num + %s WHERE id = %s", (by, f"{gid}-{part}"))

    for op, by in (("action", -6), ("action", -6), ("compensate", 5), ("compensate", 5)):
        barrier = shop.barrier(gid, op)
        for part in ("01", "02"):
            await shop.store.once(barrier.part(part), lambda tx, part=part, by=by: change(tx, part, by))
    assert [await shop.num(f"{gid}-{part}") for part in ("01", "02")] == [0, 0]  # -6, and by write() + 1, + 5


async def test_an_engine_on_autocommit_is_refused_before_anything_is_written(shop, engine):
    gid = random_gid()
    on_autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    always = create_async_engine(engine.url, isolation_level="AUTOCOMMIT")
    by_the_driver = create_async_engine(engine.url, connect_args={"autocommit": True})
    for unsafe in (on_autocommit, always, by_the_driver):
        store = MySQLBarriers(unsafe, shop.table)
        with pytest.raises(NotOneTransaction, match="AUTOCOMMIT"):
            await store.once(shop.barrier(gid), lambda tx: shop.write(tx, gid))
        with pytest.raises(NotOneTransaction, match="AUTOCOMMIT"):
            await store.query_prepared(Barrier.of_message(gid))
    assert (await shop.rows(gid), await shop.num(gid)) == ({}, None)
    await always.dispose()
    await by_the_driver.dispose()


OWN_ENDS = [
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "SET autocommit = 1",
    "ALTER TABLE stock COMMENT 'x'",
    "tx.commit()",
    "tx.rollback()",
]


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("end", OWN_ENDS)
async def test_work_that_ends_its_transaction_by_itself_is_noticed(shop, end, goes_on):
    gid = random_gid()

    async def work(tx):
        await shop.write(tx, gid)
        await {"tx.commit()": tx.commit, "tx.rollback()": tx.rollback}.get(end, lambda: tx.exec_driver_sql(end))()
        if goes_on:
            await shop.write(tx, gid)

    with pytest.raises(NotOneTransaction, match="by itself"):
        await shop.store.once(shop.barrier(gid), work)
    await shop.engine.dispose()  # one of these has changed its connection


@pytest.mark.parametrize("end", ["COMMIT", "tx.commit()"])
async def test_a_refusal_after_a_commit_of_the_works_own_is_no_success(shop, end):
    gid = random_gid()

    async def refuse(tx):
        await (tx.commit() if end == "tx.commit()" else tx.exec_driver_sql(end))
        await shop.write(tx, gid)
        raise OutOfStock

    with pytest.raises(NotOneTransaction, match="then raised"):
        await shop.store.once(shop.barrier(gid), refuse, refuse_on=(OutOfStock,))


async def test_work_may_use_savepoints(shop):
    gid = random_gid()

    async def work(tx):
        async with tx.begin_nested():
            await shop.write(tx, gid)

    await shop.store.once(shop.barrier(gid), work)
    assert await shop.num(gid) == 1


def conflict_at_commit(number: int, text: str) -> DBAPIError:
    error = DBAPIError.instance(None, None, pymysql.OperationalError(number, text), pymysql.Error)
    assert isinstance(error, DBAPIError)
    return error


DEADLOCK = "Got error 149 - 'Lock deadlock; Retry transaction' during COMMIT"


async def test_a_conflict_that_shows_at_commit_redoes_the_transaction(shop, monkeypatch):
    gid, tries, commit = random_gid(), [], AsyncConnection.commit

    async def conflict_once(connection: AsyncConnection) -> None:
        if len(tries) == 1:
            await connection.rollback()
            raise conflict_at_commit(1180, DEADLOCK)
        await commit(connection)

    async def work(tx):
        tries.append(1)
        await shop.write(tx, gid)
        return "done"

    monkeypatch.setattr(AsyncConnection, "commit", conflict_once)
    assert await shop.store.once(shop.barrier(gid), work) == "done"
    assert (len(tries), await shop.num(gid)) == (2, 1)


@pytest.mark.parametrize(
    ("number", "text", "gone"),
    [
        (1180, DEADLOCK, True),
        (1180, "Got error 28 - 'No space left on device' during COMMIT", False),
        (3101, "Plugin instructed the server to rollback the current transaction", True),
        (1213, "Deadlock found", True),
        (1062, "Duplicate entry", False),
    ],
)
async def test_one_rule_says_which_transactions_are_gone_without_a_trace(number, text, gone):
    class Connection:
        async def commit(self):
            raise conflict_at_commit(number, text)

    with pytest.raises(DBAPIError) as raised:
        await commit(Connection())
    assert was_rolled_back(raised.value) == gone


# DTM's clients in other languages write two rows for each call with INSERT IGNORE and look at the counts alone
# (dtmcli's barrier.go, dtmcli-py's barrier.py).


async def another_clients_call(shop: Shop, barrier: Barrier) -> bool:
    """Whether another client would run its work for this call."""
    insert = (
        f"INSERT IGNORE INTO {shop.table} (trans_type, gid, branch_id, op, barrier_id, reason)"  # noqa: S608
        " VALUES ('saga', %s, %s, %s, '01', %s)"
    )
    async with shop.engine.begin() as tx:
        await tx.exec_driver_sql("SET sql_notes = 0")
        written = [
            (await tx.exec_driver_sql(insert, (barrier.gid, barrier.branch_id, op, barrier.op))).rowcount
            for op in (barrier.undoes, barrier.op)
            if op
        ]
        await tx.exec_driver_sql("SET sql_notes = 1")
    origin_is_new = len(written) == 2 and written[0] > 0
    return not origin_is_new and written[-1] > 0


async def refused(shop: Shop, gid: str) -> str:
    async def refuse(tx):
        raise OutOfStock

    with pytest.raises((BranchRefused, OutOfStock)) as error:
        await shop.store.once(shop.barrier(gid), refuse, refuse_on=(OutOfStock,))
    return error.value.short


async def test_another_clients_undo_takes_back_what_was_done_and_not_what_was_refused(shop):
    done, said_no, undone = random_gid(), random_gid(), random_gid()
    await shop.store.once(shop.barrier(done), lambda tx: shop.write(tx, done))
    await refused(shop, said_no)
    await shop.store.once(shop.barrier(undone, "compensate"), lambda tx: shop.write(tx, undone))
    told = [await another_clients_call(shop, shop.barrier(gid, "compensate")) for gid in (done, said_no, undone)]
    assert told == [True, False, False]
    assert await refused(shop, said_no) == "OUT_OF_STOCK"


async def test_an_action_of_ours_reads_another_clients_undo(shop):
    gid = random_gid()
    assert not await another_clients_call(shop, shop.barrier(gid, "compensate"))
    with pytest.raises(BranchRefused, match="undone"):
        await shop.store.once(shop.barrier(gid), lambda tx: shop.write(tx, gid))


async def test_a_refusal_of_the_release_before_is_still_one(shop):
    """It wrote the action's row and none of the undo."""
    gid = random_gid()
    async with shop.engine.begin() as tx:
        await tx.exec_driver_sql(
            f"INSERT INTO {shop.table} (trans_type, gid, branch_id, op, barrier_id, reason)"  # noqa: S608
            " VALUES ('saga', %s, '01', 'action', '01', 'refused:SOLD_OUT')",
            (gid,),
        )
    assert await refused(shop, gid) == "SOLD_OUT"
    await shop.store.once(shop.barrier(gid, "compensate"), lambda tx: shop.write(tx, gid))
    assert await shop.num(gid) is None
