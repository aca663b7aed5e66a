"""Creating the databases and tables of a service where they are missing."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import aiodtm.mysql
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql import row_counts
from eshop_chassis.readiness import MissingError

log = get_logger(__name__)
LOCK_NAME = "eshop_schema"
LOCK_SECONDS = 30


async def apply_schema(bare: AsyncEngine, database: str, schema: str, counted: Sequence[str] = ()) -> None:
    """Creates `database`, the barrier's database and all tables that are missing, one process at a time, and gives the
    `counted` tables their totals.

    `bare` is an engine without a database. Servers differ in what happens when the same table is created twice at once.
    """
    async with bare.connect() as connection:
        await _take_turn(connection)
        try:
            for statement in _all_statements(database, schema):
                await connection.exec_driver_sql(statement)
            for table in counted:
                await row_counts.fill(connection, table)
        finally:
            await connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (LOCK_NAME,))
    await bare.dispose()
    log.info("schema is in place", database=database)


async def _take_turn(connection: AsyncConnection) -> None:
    rows = await connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (LOCK_NAME, LOCK_SECONDS))
    if rows.scalar() != 1:
        raise MissingError(f"another process has been creating tables for {LOCK_SECONDS} s; trying again")


def _all_statements(database: str, schema: str) -> list[str]:
    return [
        *statements(aiodtm.mysql.BARRIER_SCHEMA),
        f"CREATE DATABASE IF NOT EXISTS {database} DEFAULT CHARSET utf8mb4",
        f"USE {database}",
        row_counts.SCHEMA,
        *statements(schema),
    ]


def statements(sql: str) -> list[str]:
    """The statements of a schema file, without its comment lines."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return [s.strip() for s in "\n".join(lines).split(";") if s.strip()]
