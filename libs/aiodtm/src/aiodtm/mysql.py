"""The barrier on MySQL 8 or MariaDB: a row in the same transaction as the business's own writes.

Round trips of `Barrier.once`, each statement being one: an action INSERT, work, COMMIT; a duplicate INSERT, two
SELECTs, COMMIT; an undo INSERT, SELECT, work, COMMIT; an empty one INSERT, SELECT, INSERT, COMMIT; a refusal INSERT,
work, ROLLBACK, INSERT, record, COMMIT. BEGIN is implicit.

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

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aiodtm.barrier import BARRIER_TABLE, Barrier
from aiodtm.errors import CommitUnknown
from aiodtm.guard import BarrierStore

T = TypeVar("T")

BARRIER_SCHEMA = files("aiodtm").joinpath("barrier.sql").read_text("utf-8")

DUPLICATE = 1062
# Lock wait timeout, deadlock, MariaDB's "record has changed since last read": InnoDB wants the whole
# transaction again.
REDO = {1205, 1213, 1020}
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

    async def insert(self, tx: S, barrier: Barrier, op: str, reason: str) -> bool:
        # A plain INSERT and error 1062, not INSERT IGNORE: IGNORE lets through what is no duplicate (a
        # cut-off gid, say), and aiomysql answers each duplicate with a SHOW WARNINGS of its own and a Python
        # warning. With ON DUPLICATE KEY UPDATE the row count says 1 for a duplicate, because SQLAlchemy sets
        # the driver's FOUND_ROWS flag.
        try:
            await tx.exec_driver_sql(
                f"INSERT INTO {barrier.table} (trans_type, gid, branch_id, op, barrier_id, reason) "  # noqa: S608
                "VALUES (%s, %s, %s, %s, '01', %s)",
                (barrier.trans_type, barrier.gid, barrier.branch_id, op, reason),
            )
        except IntegrityError as error:
            if error_number(error) != DUPLICATE:
                raise
            return False
        return True

    async def reason(self, tx: S, barrier: Barrier, op: str, *, lock: bool = False) -> str | None:
        rows = await tx.exec_driver_sql(
            f"SELECT reason FROM {barrier.table} WHERE gid = %s AND branch_id = %s AND op = %s "  # noqa: S608
            f"AND barrier_id = '01'{' FOR UPDATE' if lock else ''}",
            (barrier.gid, barrier.branch_id, op),
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
                if not _worth_another(error) or time.monotonic() - start > NO_NEW_ATTEMPT_AFTER:
                    raise
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.005 * 2**again)  # noqa: S311 - 10, 20, 40, 80 ms
        return await attempt()


class MySQLBarriers(SqlBarriers[AsyncConnection]):
    """Barrier rows by SQLAlchemy's connections. `Barrier.once(engine, ...)` makes one by itself."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection
            await commit(connection)


def _worth_another(error: DBAPIError | CommitUnknown) -> bool:
    if isinstance(error, CommitUnknown):
        return True
    return error_number(error) in REDO or error.connection_invalidated


async def commit(connection: Committable) -> None:
    """Commits. Raises CommitUnknown where the connection was lost on the way."""
    try:
        await connection.commit()
    except Exception as error:
        number = error_number(error)
        # No answer of the server, or its last word on this connection, as when it is killed.
        if number is None or number >= 2000 or getattr(error, "connection_invalidated", False):
            raise CommitUnknown(repr(error)) from error
        raise


def error_number(error: Exception) -> int | None:
    """MySQL's number of an error (2000 and above: the driver's own), None when it has none."""
    args: tuple[object, ...] = getattr(getattr(error, "orig", None), "args", ())
    return args[0] if args and isinstance(args[0], int) else None
