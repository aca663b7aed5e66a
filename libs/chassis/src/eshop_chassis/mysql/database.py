"""MySQL: one database of one service, and one transaction at a time."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

import aiomysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aiodtm import drained, shielded
from aiodtm.mysql import BarrierStore, SqlBarriers, commit
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql import leases, row_counts
from eshop_chassis.mysql.engine import open_engine
from eshop_chassis.mysql.errors import is_unreachable, was_rolled_back
from eshop_chassis.mysql.landmarks import Landmarks
from eshop_chassis.mysql.schema import migrate
from eshop_chassis.mysql.transaction import Transaction, Tx, as_sqlalchemy, open_transaction
from eshop_chassis.readiness import MissingError, describe
from eshop_chassis.settings import MySQLSettings
from protoc_gen_fastapi.runtime import Unavailable

__all__ = ["Database", "Transactions", "Tx", "execute", "fetch", "marks", "open_mysql"]

T = TypeVar("T")
Opened = TypeVar("Opened", Transaction, AsyncConnection)
Work = Callable[[Transaction], Awaitable[T]]
CoreWork = Callable[[AsyncConnection], Awaitable[T]]
Params = tuple[Any, ...]
Rows = Sequence[tuple[Any, ...]]
MOST_READS = 4
log = get_logger(__name__)
PAUSES_SECONDS = (0.01, 0.02, 0.04, 0.08)
CHECK_SECONDS = 2.0
LEASE_SECONDS = 10
LAST_TRANSACTIONS_SECONDS = 5.0


class Transactions(Protocol):
    """A database as the stories of a service see it: they run transactions and hold leases, and nothing else.

    `Database` is the real one; the shop in memory of the tests has one of its own.
    """

    @property
    def barriers(self) -> BarrierStore[Any]:
        """Where the barrier rows of branches are written."""
        ...

    async def run(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Runs `work` in one transaction; see `Database.run`."""
        ...

    async def run_core(self, work: CoreWork[T]) -> T:
        """The same for work with statements of SQLAlchemy Core."""
        ...

    def refuse_while_away(self) -> None:
        """Raises Unavailable while it is known that the database is away."""
        ...

    def lease(self, name: str, seconds: int = ...) -> AbstractAsyncContextManager[bool]:
        """Holds the lease of this name while the body runs; see `leases.held`."""
        ...


class Database:
    """One database of one service: its engine (READ COMMITTED) and the schema it needs."""

    def __init__(
        self,
        engine: AsyncEngine,
        reads: AsyncEngine,
        probe: AsyncEngine,
        apply: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self.engine = engine
        self.barriers = Barriers(engine)
        self._reads = reads
        self._probe = probe
        self._apply = apply
        self._applying: asyncio.Task[None] | None = None
        self._away = False
        self._landmarks: dict[str, Landmarks] = {}

    def landmarks(self, table: str) -> Landmarks:
        """What is known of where the rows of a table are."""
        if table not in self._landmarks:
            self._landmarks[table] = Landmarks(table)
        return self._landmarks[table]

    async def run(self, work: Work[T]) -> T:
        """Runs `work` in one transaction, shielded: a caller that goes away leaves nothing half-done.

        A deadlock, a lock wait timeout or a connection lost before COMMIT redoes the whole transaction, so `work` may
        run several times; it counts once. A connection lost in COMMIT raises CommitUnknown. Raises Unavailable at once
        while it is known that MySQL is away.
        """
        self.refuse_while_away()
        return await shielded(self._redone(lambda: _once(open_transaction(self.engine), work)))

    async def run_core(self, work: CoreWork[T]) -> T:
        """The same for work with statements of SQLAlchemy Core, as the CRUD has. `run` costs a third less, but it takes
        hand-written SQL only.
        """
        self.refuse_while_away()
        return await shielded(self._redone(lambda: _once(self.engine.connect(), work)))

    async def read(self, sql: str, params: Params = ()) -> Rows:
        """Runs one query outside any transaction and returns its rows, at four fifths of what `run` costs.

        The driver is asked itself, without SQLAlchemy in between. Where that fails the query is run again by `run`,
        whose errors these are.
        """
        self.refuse_while_away()
        rows = await shielded(self._read(sql, params))
        return await self.run(lambda tx: fetch(tx, sql, params)) if rows is None else rows

    def refuse_while_away(self) -> None:
        """Raises Unavailable while the last check found no MySQL: a call that hangs would hold up others."""
        if self._away:
            raise Unavailable("the database does not answer; try again")

    def lease(self, name: str, seconds: int = LEASE_SECONDS) -> AbstractAsyncContextManager[bool]:
        """Holds the lease of this name while the body runs; see `leases.held`."""
        return leases.held(self.run, name, seconds)

    async def check(self) -> None:
        """Raises while MySQL does not answer; creates what is missing in the schema on first contact.

        It has a connection of its own: under load it must not wait for one of the pool's.
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._ask()
        except (DBAPIError, OSError) as error:
            if self._applying is not None:
                raise MissingError("its tables are still being created or changed") from error
            self._away = is_unreachable(error)
            raise MissingError(_explained(error, self.engine)) from error
        self._away = False

    async def _ask(self) -> None:
        if self._apply is not None:
            # Beside the check, which has a limit: tables may take longer on a slow disk.
            self._applying = self._applying or asyncio.ensure_future(self._apply())
            try:
                await asyncio.shield(self._applying)
            finally:
                if self._applying.done():
                    self._applying = None
            self._apply = None
        async with self._probe.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Waits a while for transactions whose callers went away, then gives up the connections."""
        if self._applying is not None:
            self._applying.cancel()
        for landmarks in self._landmarks.values():
            await landmarks.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TRANSACTIONS_SECONDS):
                await drained()
        for engine in (self.engine, self._reads, self._probe):
            await engine.dispose()

    async def _read(self, sql: str, params: Params) -> Rows | None:
        try:
            connection = await self._reads.raw_connection()
        except aiomysql.Error as error:
            raise as_sqlalchemy(self._reads, error) from error
        try:
            driver = cast("Any", connection.driver_connection)  # aiomysql has no annotations
            async with driver.cursor() as cursor:
                await cursor.execute(sql, params)
                return await cursor.fetchall()
        except Exception as error:  # whatever it was, the connection may be in the middle of something
            log.info("a query is run again", why=describe(error))
            connection.invalidate()
            return None
        finally:
            connection.close()

    async def _redone(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for pause in PAUSES_SECONDS:
            try:
                return await attempt()
            except DBAPIError as error:
                if not was_rolled_back(error):
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
        return await attempt()


async def _once(opened: AbstractAsyncContextManager[Opened], work: Callable[[Opened], Awaitable[T]]) -> T:
    async with opened as tx:
        result = await work(tx)
        await row_counts.write(tx)
        await commit(tx)
        return result


class Barriers(SqlBarriers[Transaction]):
    """Barrier rows beside the business's, in transactions that give their statements to the driver."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        async with open_transaction(self._engine) as tx:
            yield tx
            await commit(tx)


async def fetch(tx: Tx, sql: str, params: Params = ()) -> Rows:
    """Runs a query and returns its rows. `params` fill the %s of `sql`; nothing else may be spliced into it."""
    return [tuple(row) for row in await tx.exec_driver_sql(sql, params)]


async def execute(tx: Tx, sql: str, params: Params | list[Params] = ()) -> int:
    """Runs a statement and returns how many rows it matched or inserted. A list of params runs it for each; an empty
    list runs nothing.
    """
    if params == []:
        return 0
    return int((await tx.exec_driver_sql(sql, params)).rowcount)


def marks(values: Collection[object]) -> str:
    """As many %s as there are values, for IN (...); NULL, which nothing is in, where there are none."""
    return ", ".join(["%s"] * len(values)) or "NULL"


@asynccontextmanager
async def open_mysql(
    settings: MySQLSettings, database: str, package: str, counted: Sequence[str] = ()
) -> AsyncGenerator[Database]:
    """Opens `database`, whose tables are in `schema.sql` of the Python package `package`. Connects lazily.

    `counted` names the tables whose totals are kept (see `row_counts`).
    """

    async def apply() -> None:
        await migrate(settings, database, package, counted)

    engine = open_engine(settings, database, size=settings.mysql_pool_size)
    reads = open_engine(settings, database, size=min(MOST_READS, settings.mysql_pool_size), isolation="AUTOCOMMIT")
    db = Database(
        engine, reads, open_engine(settings, database, size=1), apply if settings.mysql_apply_schema else None
    )
    try:
        yield db
    finally:
        await db.close()


def _explained(error: DBAPIError | OSError, engine: AsyncEngine) -> str:
    why = f"no answer within {CHECK_SECONDS:g} s" if isinstance(error, TimeoutError) else describe(error)
    where = f"{engine.url.host}:{engine.url.port}"
    return f"{where}: {why}; see ESHOP_MYSQL_HOST, _PORT, _USER and _PASSWORD"
