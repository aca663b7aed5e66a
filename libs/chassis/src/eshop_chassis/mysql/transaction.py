"""A transaction that gives its statements to the driver itself, on a connection of SQLAlchemy's pool.

Hand-written SQL needs nothing of what SQLAlchemy does for each statement and each COMMIT: three statements and their
COMMIT take about a third less CPU without it (`benchmarks/transactions.py`). The pool, and the errors with
what they say about the connection, are its own.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import aiomysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from aiodtm.mysql import Statements

Row = tuple[Any, ...]
Tx = Statements
"""A transaction that hand-written SQL can run in: a `Transaction`, or SQLAlchemy's AsyncConnection."""


class Result:
    """What a statement found, and how many rows it matched or inserted."""

    def __init__(self, rows: Sequence[Row], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def scalar(self) -> Any:
        """The first value of the first row; None without one."""
        return self._rows[0][0] if self._rows else None


class Transaction:
    """One transaction. Whoever opens it commits; `open_transaction` rolls back what was not committed."""

    def __init__(self, engine: AsyncEngine, borrowed: PoolProxiedConnection) -> None:
        self._engine = engine
        self._borrowed = borrowed
        self._driver = cast("Any", borrowed.driver_connection)  # aiomysql has no annotations
        self._is_open = False
        # The driver's own asks for warnings after each ignored duplicate, which is a round trip.
        self._cursor = cast("Any", engine.dialect.dbapi).Cursor

    async def exec_driver_sql(self, statement: str, parameters: Row | list[Row] = (), /) -> Result:
        """Runs a statement; a list of parameters runs it for each. Raises DBAPIError, as SQLAlchemy would."""
        self._is_open = True
        try:
            async with self._driver.cursor(self._cursor) as cursor:
                if isinstance(parameters, list):
                    await cursor.executemany(statement, parameters)
                else:
                    await cursor.execute(statement, parameters)
                return Result(await cursor.fetchall() if cursor.description else (), cursor.rowcount)
        except aiomysql.Error as error:
            raise self._told(error, statement, parameters) from error
        except BaseException as error:
            self._borrowed.invalidate(error)  # it may be in the middle of something
            raise

    async def commit(self) -> None:
        """Commits. Raises DBAPIError; whether it was committed is unknown where the connection was lost."""
        try:
            await self._driver.commit()
        except aiomysql.Error as error:
            raise self._told(error) from error
        except BaseException as error:
            self._borrowed.invalidate(error)
            raise
        self._is_open = False

    async def end(self) -> None:
        """Rolls back what is not committed; a connection that can't be rolled back is given up, which does the same."""
        if not (self._is_open and self._borrowed.is_valid):
            return
        try:
            await self._driver.rollback()
        except BaseException as error:
            self._borrowed.invalidate(error)
            if not isinstance(error, Exception):
                raise

    def _told(self, error: aiomysql.Error, statement: str | None = None, parameters: Any = None) -> DBAPIError:
        """SQLAlchemy's error for this one. Where the connection is lost, those that are as old are lost, too."""
        told = as_sqlalchemy(self._engine, error, statement, parameters)
        if told.connection_invalidated:
            pool = cast("Any", self._engine.pool)
            pool._invalidate(self._borrowed, error)
        return told


@asynccontextmanager
async def open_transaction(engine: AsyncEngine) -> AsyncGenerator[Transaction]:
    """Borrows a connection of the engine's pool. What is not committed when the block ends is rolled back."""
    try:
        borrowed = await engine.raw_connection()
    except aiomysql.Error as error:
        raise as_sqlalchemy(engine, error) from error
    tx = Transaction(engine, borrowed)
    try:
        yield tx
    finally:
        try:
            await tx.end()
        finally:
            borrowed.close()


def as_sqlalchemy(
    engine: AsyncEngine, error: aiomysql.Error, statement: str | None = None, parameters: Any = None
) -> DBAPIError:
    """The error that SQLAlchemy would raise for one of the driver's."""
    lost = engine.dialect.is_disconnect(cast("Any", error), None, None)
    told = DBAPIError.instance(
        statement, parameters, error, aiomysql.Error, connection_invalidated=lost, dialect=engine.dialect
    )
    return cast("DBAPIError", told)
