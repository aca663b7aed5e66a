"""The tables of a service: created if they are missing, changed if they are from an earlier release.

A new database gets `schema.sql`, which is what all revisions together lead to. Kept tables get the revisions that they
lack. One process at a time does so: the one that holds the lease (see `leases`).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aiodtm.mysql import BARRIER_SCHEMA, BARRIER_TABLE
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql import leases, row_counts
from eshop_chassis.mysql.engine import open_engine
from eshop_chassis.mysql.errors import error_number, was_rolled_back
from eshop_chassis.mysql.migrations import VERSION_TABLE, Revisions, statements
from eshop_chassis.mysql.transaction import Tx
from eshop_chassis.readiness import MissingError
from eshop_chassis.settings import MySQLSettings

log = get_logger(__name__)
TURN, TURN_SECONDS = "schema", 30
ASK_SECONDS = 0.1
ATTEMPTS = 5
_NOTHING_THERE = {1049, 1146}  # no such database, no such table
# Servers differ in what happens when the same thing is created twice at once.
_CREATED_AT_ONCE = {1007, 1050, 1062, 1684}


class Tables(NamedTuple):
    """Where a service's tables are: the database, the package with their `schema.sql` and `migrations`, and the tables
    whose row counts are kept (see `row_counts`).
    """

    database: str
    package: str
    counted: Sequence[str] = ()


class Schema:
    """What a service needs in its database. `counted` names the tables whose row counts are kept."""

    def __init__(self, package: str, counted: Sequence[str] = ()) -> None:
        self.statements = statements(files(package).joinpath("schema.sql").read_text("utf-8"))
        self.tables = [found[1] for s in self.statements if (found := re.match(r"CREATE TABLE IF NOT EXISTS (\w+)", s))]
        self.revisions = Revisions(package)
        self.counted = counted


async def migrate(settings: MySQLSettings, database: str, package: str, counted: Sequence[str] = ()) -> None:
    """Creates what is missing of `database`, and brings kept tables to this release."""
    bare = open_engine(settings, None, size=3)
    try:
        await apply_schema(bare, database, Schema(package, counted))
    finally:
        await bare.dispose()


async def apply_schema(bare: AsyncEngine, database: str, schema: Schema) -> None:
    """Creates `database`, the barrier's database and all tables that are missing, and brings kept tables to this
    release. `bare` is an engine without a database. Raises MissingError where another process takes too long.
    """
    bare = bare.execution_options(isolation_level="AUTOCOMMIT")
    if await _is_in_place(bare, database, schema):
        return
    async with bare.connect() as connection:
        for statement in _groundwork(database):
            await _create(connection, statement)
    end = asyncio.get_running_loop().time() + TURN_SECONDS
    while True:
        async with leases.held(partial(_run, bare, database), TURN, TURN_SECONDS) as mine:
            if mine:
                await _put_in_place(bare, database, schema)
                return
        await asyncio.sleep(ASK_SECONDS)
        if await _is_in_place(bare, database, schema):
            return
        if asyncio.get_running_loop().time() > end:
            raise MissingError(f"another process has been changing tables for {TURN_SECONDS} s; trying again")


async def _put_in_place(bare: AsyncEngine, database: str, schema: Schema) -> None:
    async with bare.connect() as connection:
        await connection.exec_driver_sql(f"USE {database}")
        await _bring_up(connection, database, schema)
        for table in schema.counted:
            await row_counts.fill(connection, table)
    log.info("schema is in place", database=database)


async def _run(bare: AsyncEngine, database: str, work: Callable[[Tx], Awaitable[bool]]) -> bool:
    """Runs the work of a lease; False where another node of a cluster was faster."""
    async with bare.connect() as connection:
        await connection.exec_driver_sql(f"USE {database}")
        try:
            return await work(connection)
        except DBAPIError as error:
            if not was_rolled_back(error):
                raise
            return False


async def _is_in_place(bare: AsyncEngine, database: str, schema: Schema) -> bool:
    """Whether there is nothing to do, found with one statement. It names every table, for one that is missing fails."""
    tables = [f"{database}.{table}" for table in (*schema.tables, "lease")] + [BARRIER_TABLE]
    there = [f"(SELECT 1 FROM {table} LIMIT 0)" for table in tables]  # noqa: S608 - our own names
    counts = [_total(database, table) for table in schema.counted]
    version = f"(SELECT MAX(version_num) FROM {database}.alembic_version)"  # noqa: S608 - our own names
    async with bare.connect() as connection:
        try:
            found = (await connection.exec_driver_sql(f"SELECT {', '.join([version, *counts, *there])}")).one()
        except DBAPIError as error:
            if error_number(error) not in _NOTHING_THERE:
                raise
            return False
    return (found[0] or "") == schema.revisions.head and None not in found[1 : 1 + len(counts)]


def _total(database: str, table: str) -> str:
    total = row_counts.TOTAL.replace("%s", f"'{table}'").replace(" shown_rows ", f" {database}.shown_rows ")
    return f"({total})"


def _groundwork(database: str) -> list[str]:
    return [
        *statements(BARRIER_SCHEMA),
        f"CREATE DATABASE IF NOT EXISTS {database} DEFAULT CHARSET utf8mb4",
        leases.SCHEMA.replace(" lease ", f" {database}.lease "),
    ]


async def _create(connection: AsyncConnection, statement: str) -> None:
    for attempt in range(ATTEMPTS):
        try:
            await connection.exec_driver_sql(statement)
        except DBAPIError as error:
            at_once = was_rolled_back(error) or error_number(error) in _CREATED_AT_ONCE
            if not at_once or attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(ASK_SECONDS)
        else:
            return


async def _bring_up(connection: AsyncConnection, database: str, schema: Schema) -> None:
    revisions = schema.revisions
    kept = await _kept(connection, schema)
    for statement in (VERSION_TABLE, row_counts.SCHEMA):
        await connection.exec_driver_sql(statement)
    version = (await connection.exec_driver_sql("SELECT MAX(version_num) FROM alembic_version")).scalar() or ""
    if version and version not in revisions.known:
        # A replica of this release that restarts while a later one is being rolled out.
        log.warning("the tables are of a later release", version=version, known=revisions.head)
        return
    if (kept or version) and version != revisions.head:
        await revisions.upgrade(connection, database)
    for statement in schema.statements:
        await connection.exec_driver_sql(statement)
    if revisions.head and not (kept or version):
        await connection.exec_driver_sql("INSERT INTO alembic_version (version_num) VALUES (%s)", (revisions.head,))


async def _kept(connection: AsyncConnection, schema: Schema) -> bool:
    """Whether some table of the service is there: of an earlier release, or of a first start that was cut off."""
    tables = {row[0] for row in await connection.exec_driver_sql("SHOW TABLES")}
    return not tables.isdisjoint(schema.tables)
