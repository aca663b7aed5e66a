"""MySQL: transactions that count once, connections that are found dead, and a server that goes and comes back."""

import asyncio
import time
import warnings
from typing import cast

import pytest
import sqlalchemy.exc as sa
from chassis_trial import parts
from chassis_trial.processes import until
from chassis_trial.proxy import Proxy, proxy_to
from sqlalchemy import QueuePool

from aiodtm import CommitUnknown, drained
from eshop_chassis.hooks import translate
from eshop_chassis.mysql import leases
from eshop_chassis.mysql.database import Database, execute, fetch, marks, open_mysql
from eshop_chassis.mysql.migrations import statements
from eshop_chassis.mysql.schema import TURN
from eshop_chassis.readiness import MissingError
from protoc_gen_fastapi.runtime import Unavailable

pytestmark = pytest.mark.parts


async def add(tx, row_id: int, num: int = 1) -> int:
    return await execute(tx, "INSERT INTO trial (id, num) VALUES (%s, %s)", (row_id, num))


async def num(db: Database, row_id: int) -> int | None:
    rows = await db.run(lambda tx: fetch(tx, "SELECT num FROM trial WHERE id = %s", (row_id,)))
    return rows[0][0] if rows else None


def idle(db: Database) -> bool:
    return cast("QueuePool", db.engine.pool).checkedout() == 0


async def test_a_transaction_is_committed_as_a_whole_or_not_at_all(db):
    async def half(tx):
        await add(tx, 2)
        raise ValueError("half")

    assert await db.run(lambda tx: add(tx, 1)) == 1
    with pytest.raises(ValueError, match="half"):
        await db.run(half)
    assert (await num(db, 1), await num(db, 2)) == (1, None)
    assert idle(db)


async def test_sessions_are_read_committed_strict_utf8mb4_and_in_utc(db):
    ask = "SELECT @@tx_isolation, @@time_zone, @@sql_mode, @@character_set_client, @@innodb_lock_wait_timeout, '🛒'"
    [(level, zone, mode, charset, wait, cart)] = await db.run(lambda tx: fetch(tx, ask))
    assert (level, zone, charset, wait, cart) == ("READ-COMMITTED", "+00:00", "utf8mb4", 1, "🛒")
    assert "STRICT_TRANS_TABLES" in mode
    with pytest.raises(sa.DataError):
        await db.run(lambda tx: add(tx, 1, -1))


async def test_a_cancelled_caller_leaves_no_half_transaction_and_no_connection_behind(db):
    begun = asyncio.Event()

    async def slow(tx):
        await add(tx, 1)
        begun.set()
        await asyncio.sleep(0.1)
        await add(tx, 2)

    caller = asyncio.create_task(db.run(slow))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not idle(db)
    await drained()
    assert idle(db)
    assert (await num(db, 1), await num(db, 2)) == (1, 1)


async def test_closing_waits_for_the_transactions_of_callers_that_went_away(database_name):
    begun = asyncio.Event()

    async def slow(tx):
        await add(tx, 1)
        begun.set()
        await asyncio.sleep(0.1)

    async with open_mysql(parts.mysql(), database_name, "chassis_trial") as db:
        await db.check()
        caller = asyncio.create_task(db.run(slow))
        await begun.wait()
        caller.cancel()
    async with open_mysql(parts.mysql(), database_name, "chassis_trial") as db:
        assert await num(db, 1) == 1


async def test_two_that_lock_each_other_both_get_through(db):
    tries, both = [], asyncio.Barrier(2)
    await db.run(lambda tx: execute(tx, "INSERT INTO trial (id, num) VALUES (%s, 0)", [(1,), (2,)]))

    def crossing(first: int, second: int):
        async def work(tx):
            tries.append(first)
            await execute(tx, "UPDATE trial SET num = num + 1 WHERE id = %s", (first,))
            if len(tries) <= 2:
                await both.wait()
            await execute(tx, "UPDATE trial SET num = num + 1 WHERE id = %s", (second,))

        return work

    await asyncio.gather(db.run(crossing(1, 2)), db.run(crossing(2, 1)))
    assert len(tries) >= 3
    assert (await num(db, 1), await num(db, 2)) == (2, 2)


async def test_a_lock_that_is_held_for_a_moment_too_long_is_waited_for_again(db):
    await db.run(lambda tx: add(tx, 1))
    async with db.engine.connect() as holder:
        await execute(holder, "UPDATE trial SET num = 5 WHERE id = 1")
        waiting = asyncio.create_task(db.run(lambda tx: execute(tx, "UPDATE trial SET num = num + 1 WHERE id = 1")))
        await asyncio.sleep(1.2)  # innodb_lock_wait_timeout is 1 s here
        await holder.commit()
    await waiting
    assert await num(db, 1) == 6


async def test_a_connection_lost_in_the_middle_redoes_the_transaction(db):
    tries = []

    async def work(tx):
        tries.append(1)
        await add(tx, 1)
        if len(tries) == 1:
            await kill(db, tx)
        await add(tx, 2)

    await db.run(work)
    assert len(tries) == 2
    assert (await num(db, 1), await num(db, 2)) == (1, 1)
    assert idle(db)


async def test_a_connection_lost_in_commit_is_not_redone_because_the_transaction_may_have_counted(db):
    tries = []

    async def work(tx):
        tries.append(1)
        await add(tx, 1)
        await kill(db, tx)

    with pytest.raises(CommitUnknown):
        await db.run(work)
    assert len(tries) == 1
    assert idle(db)


async def kill(db: Database, tx) -> None:
    [(number,)] = await fetch(tx, "SELECT CONNECTION_ID()")
    async with db.engine.connect() as other:
        await other.exec_driver_sql(f"KILL {number}")
    await asyncio.sleep(0.05)


async def test_a_list_of_params_is_one_round_trip_an_empty_list_none_and_nothing_is_in_no_marks(db):
    assert await db.run(lambda tx: execute(tx, "INSERT INTO trial (id, num) VALUES (%s, %s)", [])) == 0
    rows = [(i, i) for i in range(1000)]

    async def statements(tx) -> int:
        return int((await fetch(tx, "SHOW SESSION STATUS LIKE 'Questions'"))[0][1])

    async def insert(tx) -> int:
        before = await statements(tx)
        assert await execute(tx, "INSERT INTO trial (id, num) VALUES (%s, %s)", rows) == 1000
        return await statements(tx) - before

    assert await db.run(insert) == 2  # the rows, and the question itself
    found = f"SELECT COUNT(*) FROM trial WHERE id IN ({marks([1, 2])})"  # noqa: S608 - marks only
    none = f"SELECT COUNT(*) FROM trial WHERE id IN ({marks([])})"  # noqa: S608 - marks only
    assert await db.run(lambda tx: fetch(tx, found, (1, 2))) == [(2,)]
    assert await db.run(lambda tx: fetch(tx, none)) == [(0,)]


async def test_ignored_duplicates_cause_neither_a_warning_nor_another_round_trip(db):
    again = "INSERT IGNORE INTO trial (id, num) VALUES (%s, 1)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert await db.run(lambda tx: execute(tx, again, (1,))) == 1
        assert await db.run(lambda tx: execute(tx, again, (1,))) == 0


async def test_many_processes_may_create_the_tables_at_once(database_name):
    async def check() -> None:
        async with open_mysql(parts.mysql(), database_name, "chassis_trial") as db:
            await checked(db)
            assert await num(db, 1) is None

    async def checked(db: Database) -> None:
        """Whose turn has not come within the time of one check asks again."""
        while True:
            try:
                return await db.check()
            except MissingError as error:
                if "still being created" not in str(error):
                    raise

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await asyncio.gather(*(check() for _ in range(12)))
        await check()


async def test_the_tables_are_created_by_one_process_at_a_time_and_the_check_says_that_it_waits(database_name):
    async with open_mysql(parts.mysql(), "mysql", "chassis_trial") as other, other.engine.connect() as holder:
        for statement in (f"CREATE DATABASE {database_name}", f"USE {database_name}", leases.SCHEMA):
            await holder.exec_driver_sql(statement)
        assert await leases.take(holder, TURN, "another", 60)
        await holder.commit()
        async with open_mysql(parts.mysql(), database_name, "chassis_trial") as db:
            with pytest.raises(MissingError, match="its tables are still being created or changed"):
                await db.check()
            with pytest.raises(sa.ProgrammingError, match="trial"):
                await num(db, 1)
            assert await leases.give_up(holder, TURN, "another")
            await holder.commit()
            await db.check()
            assert await num(db, 1) is None


def test_a_schema_is_read_statement_by_statement_without_comments():
    assert statements("-- one; two\nA;\n  -- three\nB\nC;\n\n") == ["A", "B\nC"]


@pytest.fixture
async def proxy():
    settings = parts.mysql()
    async with proxy_to(settings.mysql_host, settings.mysql_port) as running:
        yield running


@pytest.fixture
async def far(proxy: Proxy, database_name: str):
    """A database behind the proxy."""
    settings = parts.mysql(mysql_port=proxy.port, mysql_pool_size=4)
    async with open_mysql(settings, database_name, "chassis_trial") as opened:
        await opened.check()
        yield opened


async def test_connections_that_a_restart_has_closed_are_replaced_before_they_fail_anybody(far, proxy):
    async def hold(tx):
        await asyncio.sleep(0.05)

    await asyncio.gather(*(far.run(hold) for _ in range(4)))
    assert far.engine.pool.checkedin() == 4
    await proxy.go()
    await proxy.come()
    await asyncio.sleep(0.05)

    async def read() -> None:
        async with far.engine.connect() as connection:
            await asyncio.sleep(0.05)
            await fetch(connection, "SELECT 1")

    await asyncio.gather(*(read() for _ in range(8)))


async def test_finding_out_whether_a_connection_lives_costs_no_round_trip(far):
    ask = "SHOW SESSION STATUS LIKE 'Questions'"
    before, after = [int((await far.run(lambda tx: fetch(tx, ask)))[0][1]) for _ in range(2)]
    assert after - before == 2  # COMMIT, and the question itself


async def test_a_refused_connection_fails_at_once_and_calls_go_on_when_mysql_is_back(far, proxy):
    await proxy.go()
    begin = time.monotonic()
    with pytest.raises(sa.OperationalError):
        await far.run(lambda tx: fetch(tx, "SELECT 1"))
    with pytest.raises(MissingError, match=rf"127.0.0.1:{proxy.port}: .*Connection refused; see ESHOP_MYSQL_HOST"):
        await far.check()
    with pytest.raises(Unavailable):
        await far.run(lambda tx: fetch(tx, "SELECT 1"))
    assert time.monotonic() - begin < 5
    await proxy.come()
    await far.check()
    assert await far.run(lambda tx: fetch(tx, "SELECT 1")) == [(1,)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_mysql_that_hangs_is_noticed_and_then_holds_nobody_up(far, proxy):
    await far.run(lambda tx: fetch(tx, "SELECT 1"))
    proxy.freeze()
    stuck = asyncio.create_task(far.run(lambda tx: fetch(tx, "SELECT 1")))
    begin = time.monotonic()
    with pytest.raises(MissingError, match="no answer within 2 s"):
        await far.check()
    assert 1.5 < time.monotonic() - begin < 10
    begin = time.monotonic()
    with pytest.raises(Unavailable):
        await far.run(lambda tx: fetch(tx, "SELECT 1"))
    assert time.monotonic() - begin < 1.5
    proxy.thaw()
    await far.check()
    assert await stuck == [(1,)]
    assert await far.run(lambda tx: fetch(tx, "SELECT 1")) == [(1,)]


async def test_a_read_finds_what_is_committed_and_costs_one_round_trip(far):
    ask = "SHOW SESSION STATUS LIKE 'Questions'"
    before, after = [int((await far.read(ask))[0][1]) for _ in range(2)]
    assert after - before == 1
    await far.run(lambda tx: execute(tx, "INSERT INTO trial (id, num) VALUES (1, 5)"))
    assert list(await far.read("SELECT num FROM trial WHERE id = %s", (1,))) == [(5,)]


async def test_a_read_goes_on_over_a_new_connection_after_a_restart(far, proxy):
    assert list(await far.read("SELECT 1")) == [(1,)]
    await proxy.go()
    await proxy.come()
    assert list(await far.read("SELECT 1")) == [(1,)]


async def test_a_read_whose_connection_is_cut_in_the_middle_is_run_again(far, proxy):
    reading = asyncio.create_task(far.read("SELECT SLEEP(0.5), 7"))
    await asyncio.sleep(0.2)
    await proxy.go()
    await proxy.come()
    assert [row[1] for row in await reading] == [7]


async def test_a_read_fails_with_the_same_errors_as_a_transaction(far, proxy):
    with pytest.raises(sa.ProgrammingError, match="nowhere"):
        await far.read("SELECT 1 FROM nowhere")
    assert list(await far.read("SELECT 1")) == [(1,)]
    await proxy.go()
    with pytest.raises(sa.OperationalError):
        await far.read("SELECT 1")
    with pytest.raises(MissingError):
        await far.check()
    with pytest.raises(Unavailable):
        await far.read("SELECT 1")


async def test_a_reader_that_goes_away_leaves_a_sound_connection(far):
    for _ in range(6):
        reading = asyncio.create_task(far.read("SELECT SLEEP(0.05)"))
        await asyncio.sleep(0.01)
        reading.cancel()
    assert [list(await far.read("SELECT %s", (n,))) for n in range(4)] == [[(n,)] for n in range(4)]


async def test_a_busy_pool_does_not_make_the_check_fail(database_name):
    async with open_mysql(parts.mysql(mysql_pool_size=1), database_name, "chassis_trial") as db:
        await db.check()
        free = asyncio.Event()
        busy = asyncio.create_task(db.run(lambda tx: free.wait()))
        await until(lambda: not idle(db))
        await asyncio.wait_for(db.check(), 1)
        free.set()
        await busy


async def test_a_missing_right_or_a_wrong_password_says_which_settings_to_look_at(database_name):
    async with open_mysql(parts.mysql(mysql_password="wrong"), database_name, "chassis_trial") as db:
        with pytest.raises(MissingError, match=r"Access denied for user.*; see ESHOP_MYSQL_HOST, _PORT, _USER"):
            await db.check()
        for ask in (lambda: db.run(lambda tx: fetch(tx, "SELECT 1")), lambda: db.read("SELECT 1")):
            with pytest.raises(sa.OperationalError) as refused:
                await ask()
            assert isinstance(translate(refused.value), Unavailable)


async def test_tables_are_not_created_where_the_setting_says_so(database_name):
    async with open_mysql(parts.mysql(mysql_apply_schema=False), database_name, "chassis_trial") as db:
        with pytest.raises(MissingError, match="Unknown database"):
            await db.check()
