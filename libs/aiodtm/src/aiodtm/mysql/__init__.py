"""The barrier on MySQL 8 or MariaDB: a row in the same transaction as the business's own writes.

Round trips of `once`, each statement being one: an action INSERT, work, COMMIT; a duplicate INSERT, two
SELECTs, COMMIT; an undo INSERT, SELECT, work, COMMIT; an empty one INSERT, SELECT, INSERT, COMMIT; a refusal INSERT,
work, ROLLBACK, two INSERTs, record, COMMIT. BEGIN is implicit.

The engine should use isolation_level="READ COMMITTED" and pool_reset_on_return=None: every connection that is
given back has just been committed or rolled back, and SQLAlchemy's own ROLLBACK costs a round trip.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Protocol, TypeVar, cast

try:
    from sqlalchemy.exc import DBAPIError, IntegrityError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
except ImportError as missing:
    raise ImportError(f'aiodtm.mysql needs an extra: pip install "aiodtm[mysql]" ({missing})') from missing

from aiodtm._barrier import Barrier
from aiodtm._errors import CommitUnknown
from aiodtm._guard import BarrierStore
from aiodtm._one_transaction import one_transaction, watch_engine

__all__ = [
    "BARRIER_SCHEMA",
    "BARRIER_TABLE",
    "DUPLICATE",
    "BarrierStore",
    "MySQLBarriers",
    "SqlBarriers",
    "Statements",
    "barrier_schema",
    "commit",
    "error_number",
    "was_rolled_back",
]

T = TypeVar("T")

BARRIER_TABLE = "dtm_barrier.barrier"
BARRIER_SCHEMA = files("aiodtm").joinpath("barrier.sql").read_text("utf-8")

DUPLICATE = 1062
# Lock wait timeout, deadlock, MariaDB's "record has changed since last read", rolled back by Group Replication.
_REDO = {1205, 1213, 1020, 3101}
# "Got error 149 during COMMIT": with several primaries a conflict shows itself only there. 149 is InnoDB's deadlock.
_AT_COMMIT, _DEADLOCK = 1180, "error 149 "
ATTEMPTS = 5
# DTM stops listening after 3 s and calls again: an attempt that begins later stands in the way of the next
# call's.
NO_NEW_ATTEMPT_AFTER = 3.0


def barrier_schema(table: str) -> str:
    """BARRIER_SCHEMA for another table, given as "database.table"."""
    database = table.partition(".")[0]
    return BARRIER_SCHEMA.replace(BARRIER_TABLE, table).replace("EXISTS dtm_barrier ", f"EXISTS {database} ")


class Statements(Protocol):
    """A transaction that statements with the driver's %s marks can be run in."""

    async def exec_driver_sql(self, statement: str, parameters: Any = ..., /) -> Any:
        """Runs a statement; a list of parameters runs it for each. The result has `rowcount` and `scalar()`, and
        iterating over it gives the rows. Raises SQLAlchemy's DBAPIError.
        """
        ...


class Committable(Protocol):
    async def commit(self) -> None: ...


S = TypeVar("S", bound=Statements)


class SqlBarriers(BarrierStore[S]):
    """Barrier rows in MySQL, in transactions of any kind: `transaction` says which."""

    table: str = BARRIER_TABLE

    async def insert(self, tx: S, barrier: Barrier, op: str, reason: str) -> bool:
        # A plain INSERT and error 1062, not INSERT IGNORE: IGNORE lets through what is no duplicate (a
        # cut-off gid, say), and aiomysql answers each duplicate with a SHOW WARNINGS of its own and a Python
        # warning. With ON DUPLICATE KEY UPDATE the row count says 1 for a duplicate, because SQLAlchemy sets
        # the driver's FOUND_ROWS flag.
        try:
            await tx.exec_driver_sql(
                f"INSERT INTO {self.table} (trans_type, gid, branch_id, op, barrier_id, reason) "  # noqa: S608
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (barrier.trans_type, barrier.gid, barrier.branch_id, op, barrier.barrier_id, reason),
            )
        except IntegrityError as error:
            if error_number(error) != DUPLICATE:
                raise
            return False
        return True

    async def reason(self, tx: S, barrier: Barrier, op: str, *, lock: bool = False) -> str | None:
        rows = await tx.exec_driver_sql(
            f"SELECT reason FROM {self.table} WHERE gid = %s AND branch_id = %s AND op = %s "  # noqa: S608
            f"AND barrier_id = %s{' FOR UPDATE' if lock else ''}",
            (barrier.gid, barrier.branch_id, op, barrier.barrier_id),
        )
        return cast("str | None", rows.scalar())

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Up to five times while InnoDB rolls it back for the sake of another one, or the connection is lost.

        DTM's own retry comes after 20 s. When it was in COMMIT that the connection was lost, the next attempt finds
        the row of the one before, or does not. A MySQL that is away refuses the new connection: that is final.
        """
        start = time.monotonic()
        for again in range(1, ATTEMPTS):
            try:
                return await attempt()
            except (DBAPIError, CommitUnknown) as error:
                final = isinstance(error, DBAPIError) and not was_rolled_back(error)
                if final or time.monotonic() - start > NO_NEW_ATTEMPT_AFTER:
                    raise
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.005 * 2**again)  # noqa: S311 - 10, 20, 40, 80 ms
        return await attempt()


class MySQLBarriers(SqlBarriers[AsyncConnection]):
    """Barrier rows by SQLAlchemy's connections: `await MySQLBarriers(engine).once(barrier, work)`.

    `table` is "database.table": a message's sender and its check-back, an action and its undo have to name the same.
    Raises NotOneTransaction where the engine is on AUTOCOMMIT, before anything is written.
    """

    def __init__(self, engine: AsyncEngine, table: str = BARRIER_TABLE) -> None:
        self._engine = engine
        self.table = table
        watch_engine(engine)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        async with self._engine.connect() as connection:
            with one_transaction(connection):
                yield connection
            await commit(connection)


def was_rolled_back(error: DBAPIError) -> bool:
    """Whether the transaction is gone without a trace although nothing is wrong with it: run it again.

    Where the connection was lost before COMMIT, too. (After it: `commit` raises CommitUnknown.)
    """
    return error.connection_invalidated or _is_redo(error)


def _is_redo(error: Exception) -> bool:
    number = error_number(error)
    return number in _REDO or (number == _AT_COMMIT and _DEADLOCK in str(error))


async def commit(connection: Committable) -> None:
    """Commits. Raises CommitUnknown where the connection was lost on the way."""
    try:
        await connection.commit()
    except Exception as error:
        number = error_number(error)
        # No answer of the server, or its last word on this connection, as when it is killed.
        unknown = number is None or number >= 2000 or getattr(error, "connection_invalidated", False)
        if unknown and not _is_redo(error):
            raise CommitUnknown(repr(error)) from error
        raise


def error_number(error: Exception) -> int | None:
    """MySQL's number of an error (2000 and above: the driver's own), None when it has none."""
    args: tuple[object, ...] = getattr(getattr(error, "orig", None), "args", ())
    return args[0] if args and isinstance(args[0], int) else None
