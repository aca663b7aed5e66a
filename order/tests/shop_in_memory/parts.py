"""Where the real MySQL and Redis are, and scratch databases in them."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from eshop_chassis import MySQLSettings, RedisSettings
from eshop_chassis.dtm import Fault
from eshop_chassis.mysql import Database, Schema, Tx, apply_schema, fetch, open_mysql, row_counts
from eshop_chassis.redis import open_redis
from shop_in_memory.database import MemoryDatabase


def mysql_settings() -> MySQLSettings:
    """MySQL, from ESHOP_MYSQL_HOST, _PORT, _USER, _PASSWORD."""
    return MySQLSettings(mysql_lock_wait_timeout=1, mysql_apply_schema=False)


def skip_without(part: str, host: str, port: int) -> None:
    """Skips the test where a part is absent, as on a machine without servers."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((host, port)):
            pytest.skip(f"no {part} at {host}:{port}")


@contextmanager
def scratch_schema(package: str) -> Generator[str]:
    """A database of this run alone, with the tables of a service; it goes at the end."""
    skip_without("MySQL", mysql_settings().mysql_host, mysql_settings().mysql_port)
    name = f"{package.replace('eshop_', 'eshop_unittest_')}_{os.getpid()}"
    asyncio.run(_with_server(lambda bare: apply_schema(bare, name, Schema(package))))
    try:
        yield name
    finally:
        asyncio.run(_with_server(lambda bare: _drop(bare, name)))


async def _with_server(work: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    async with open_mysql(mysql_settings(), "mysql", "") as db:
        await work(db.engine)


async def _drop(engine: AsyncEngine, name: str) -> None:
    async with engine.begin() as tx:
        await tx.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")


@asynccontextmanager
async def scratch_database(name: str) -> AsyncGenerator[Database]:
    """The scratch database of this run, without rows."""
    async with open_mysql(mysql_settings(), name, "") as db:
        async with db.engine.begin() as tx:
            tables = [row[0] for row in await tx.exec_driver_sql("SHOW TABLES")]
            for table in tables:
                await tx.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - the names of our own tables
        yield db


async def refusing(db: Database | MemoryDatabase, work: Callable[[Any], Awaitable[list[Fault]]]) -> dict[str, str]:
    """Runs a write that may refuse, and rolls it back when it does, as a branch does. The codes by order."""
    faults: list[Fault] = []

    async def work_or_refuse(tx: Any) -> None:
        faults[:] = await work(tx)
        if faults:
            raise _RolledBackError

    with suppress(_RolledBackError):
        await db.run(work_or_refuse)
    return {fault.order_id: fault.code for fault in faults}


class _RolledBackError(Exception):
    pass


@asynccontextmanager
async def real_redis() -> AsyncGenerator[Redis]:
    """A client of the real Redis, from ESHOP_REDIS_HOST, _PORT, _PASSWORD, as the services have it."""
    settings = RedisSettings()
    skip_without("Redis", settings.redis_host, settings.redis_port)
    async with open_redis(settings) as client:
        yield client


async def kept_and_counted(db: Database, table: str) -> tuple[int, int]:
    """(total that is kept, rows that are shown) of a table."""

    async def look(tx: Tx) -> tuple[int, int]:
        [(kept,)] = await fetch(tx, row_counts.TOTAL, (table,))
        [(counted,)] = await fetch(tx, f"SELECT COUNT(*) FROM {table} WHERE deleted_at IS NULL")  # noqa: S608 - our own names
        return kept, counted

    return await db.run(look)


async def keep_total(db: Database, table: str) -> None:
    """Gives a table of a scratch database its total, which a service does when it starts."""
    async with db.engine.connect() as connection:
        await row_counts.fill(connection, table)
