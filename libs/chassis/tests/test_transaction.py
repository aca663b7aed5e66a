"""A transaction that gives its statements to the driver: the same outcomes and errors as SQLAlchemy's own."""

import asyncio
from typing import Any

import pytest
from chassis_trial import parts
from sqlalchemy.exc import DBAPIError, OperationalError

from eshop_chassis.mysql.engine import open_engine
from eshop_chassis.mysql.transaction import Tx, open_transaction

pytestmark = pytest.mark.parts

INSERT = "INSERT INTO tried (id, name) VALUES (%s, %s)"


@pytest.fixture
async def engine(db):
    async with db.engine.connect() as tx:
        await tx.exec_driver_sql("CREATE TABLE tried (id int PRIMARY KEY, name varchar(9)) ENGINE=InnoDB")
    return db.engine


async def rows(engine) -> list[tuple[int, str]]:
    async with engine.connect() as other:
        return [tuple(row) for row in await other.exec_driver_sql("SELECT id, name FROM tried ORDER BY id")]


async def kill(engine, tx: Tx) -> None:
    number = (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar()
    async with engine.connect() as other:
        await other.exec_driver_sql(f"KILL {number}")
    await asyncio.sleep(0.05)


async def test_what_is_committed_stays_and_the_result_tells_rows_and_their_number(engine):
    async with open_transaction(engine) as tx:
        assert (await tx.exec_driver_sql(INSERT, (1, "a"))).rowcount == 1
        assert (await tx.exec_driver_sql(INSERT, [(2, "b"), (3, "c%s")])).rowcount == 2
        found = await tx.exec_driver_sql("SELECT id, name FROM tried WHERE id > %s ORDER BY id", (1,))
        assert list(found) == [(2, "b"), (3, "c%s")]
        assert found.scalar() == 2
        assert (await tx.exec_driver_sql("SELECT id FROM tried WHERE id = 9")).scalar() is None
        # FOUND_ROWS: how many rows a statement matches, not how many it changes.
        assert (await tx.exec_driver_sql("UPDATE tried SET name = 'a' WHERE id = 1")).rowcount == 1
        await tx.commit()
    assert await rows(engine) == [(1, "a"), (2, "b"), (3, "c%s")]


async def inserts(engine, error: BaseException) -> None:
    async with open_transaction(engine) as tx:
        await tx.exec_driver_sql(INSERT, (1, "a"))
        raise error


async def is_killed(engine, *, before_commit: bool) -> None:
    async with open_transaction(engine) as tx:
        await tx.exec_driver_sql(INSERT, (1, "a"))
        await kill(engine, tx)
        if not before_commit:
            await tx.exec_driver_sql(INSERT, (2, "b"))
        await tx.commit()


async def ours(engine, sql: str, params: tuple[object, ...]) -> None:
    async with open_transaction(engine) as tx:
        await tx.exec_driver_sql(sql, params)


async def theirs(engine, sql: str, params: tuple[object, ...]) -> None:
    async with engine.connect() as tx:
        await tx.exec_driver_sql(sql, params)


def args_of(raised: pytest.ExceptionInfo[DBAPIError]) -> tuple[Any, ...]:
    """What the driver said."""
    assert raised.value.orig is not None
    return raised.value.orig.args


@pytest.mark.parametrize("error", [KeyError(), asyncio.CancelledError()])
async def test_what_is_not_committed_is_rolled_back_and_the_connection_serves_the_next(engine, error):
    with pytest.raises(type(error)):
        await inserts(engine, error)
    assert engine.pool.checkedout() == 0
    async with open_transaction(engine) as tx:
        assert list(await tx.exec_driver_sql("SELECT * FROM tried")) == []
        await tx.commit()


@pytest.mark.parametrize(
    ("sql", "params"), [(INSERT, (1, "again")), ("SELECT nothing FROM nowhere", ()), (INSERT, (2, "far too long"))]
)
async def test_an_error_is_the_one_that_sqlalchemy_raises(engine, sql, params):
    async with open_transaction(engine) as tx:
        await tx.exec_driver_sql(INSERT, (1, "a"))
        await tx.commit()
    with pytest.raises(DBAPIError) as expected:
        await theirs(engine, sql, params)
    with pytest.raises(DBAPIError) as got:
        await ours(engine, sql, params)
    assert type(got.value) is type(expected.value)
    assert args_of(got) == args_of(expected)
    assert got.value.statement == expected.value.statement
    assert not got.value.connection_invalidated


@pytest.mark.parametrize("before_commit", [False, True])
async def test_a_lost_connection_says_so_and_is_replaced(engine, before_commit):
    with pytest.raises(OperationalError) as lost:
        await is_killed(engine, before_commit=before_commit)
    assert lost.value.connection_invalidated
    assert engine.pool.checkedout() == 0
    assert await rows(engine) == []


async def test_a_statement_that_is_cancelled_takes_its_connection_along(engine):
    """The answer is still on its way: nobody else may read it."""
    task = asyncio.create_task(ours(engine, "SELECT SLEEP(5)", ()))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.pool.checkedout() == 0
    async with open_transaction(engine) as tx:
        assert (await tx.exec_driver_sql("SELECT 'mine'")).scalar() == "mine"
        await tx.commit()


async def test_a_rollback_that_is_cancelled_takes_its_connection_along(engine, monkeypatch):
    begun = asyncio.Event()

    async def hangs(_self):
        begun.set()
        await asyncio.Event().wait()

    async with open_transaction(engine) as tx:
        old = (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar()
        await tx.commit()
    monkeypatch.setattr("aiomysql.Connection.rollback", hangs)
    task = asyncio.create_task(inserts(engine, KeyError()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert engine.pool.checkedout() == 0
    async with open_transaction(engine) as tx:
        assert (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar() != old


async def test_a_server_that_is_away_is_told_as_sqlalchemy_tells_it():
    nowhere = open_engine(parts.mysql(mysql_port=1), None, size=1)
    with pytest.raises(OperationalError) as expected:
        await theirs(nowhere, "SELECT 1", ())
    with pytest.raises(OperationalError) as got:
        await ours(nowhere, "SELECT 1", ())
    assert args_of(got)[0] == args_of(expected)[0]
    assert got.value.connection_invalidated == expected.value.connection_invalidated
    await nowhere.dispose()


async def test_a_block_that_forgets_to_commit_leaves_nothing_behind(engine):
    async with open_transaction(engine) as tx:
        await tx.exec_driver_sql(INSERT, (1, "a"))
    async with open_transaction(engine) as tx:
        await tx.commit()
    assert await rows(engine) == []


async def test_when_one_connection_is_lost_those_that_are_as_old_are_not_used_again(engine):
    async with open_transaction(engine) as first, open_transaction(engine) as second:
        old = {(await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar() for tx in (first, second)}
        await first.commit()
        await second.commit()
    with pytest.raises(OperationalError):
        await is_killed(engine, before_commit=True)
    async with open_transaction(engine) as first, open_transaction(engine) as second:
        new = {(await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar() for tx in (first, second)}
    assert len(new) == 2
    assert not old & new


class _BrokenError(Exception):
    """What a transport raises, not the driver."""


async def test_an_error_that_is_not_the_driver_s_is_raised_as_it_is_and_ends_the_connection(engine, monkeypatch):
    async with open_transaction(engine) as tx:
        old = (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar()
        await tx.commit()

    def broken(*_):
        raise _BrokenError

    monkeypatch.setattr("asyncio.StreamWriter.write", broken)
    with pytest.raises(_BrokenError) as raised:
        await ours(engine, "SELECT 1", ())
    monkeypatch.undo()
    assert raised.value.__cause__ is None
    async with open_transaction(engine) as tx:
        assert (await tx.exec_driver_sql("SELECT CONNECTION_ID()")).scalar() != old
