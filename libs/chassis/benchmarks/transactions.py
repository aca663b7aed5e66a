"""Measures one small transaction by each way into MySQL. Prints a line for each; takes about 20 s.

    python libs/chassis/benchmarks/transactions.py

Addresses come from ESHOP_MYSQL_... variables, with the defaults of `make up`. It has a database of its own, which goes
at the end.
"""

# ruff: noqa: T201 - it prints

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import count

import uvloop

from eshop_chassis import MySQLSettings
from eshop_chassis.mysql.database import Tx, execute, open_mysql

DATABASE = "eshop_chassis_bench"
TIMES = 400
PAUSE_SECONDS = 0.003
numbers = count()


async def three_statements(tx: Tx) -> None:
    """As a branch has them: a barrier's row, the business's, a counter."""
    number = next(numbers)
    await execute(tx, "INSERT INTO barrier (gid) VALUES (%s)", (f"g{number}",))
    await execute(tx, "INSERT IGNORE INTO placed (order_id, amount) VALUES (%s, %s)", [(f"o{number}", 100)])
    await execute(tx, "INSERT INTO counted (slot, n) VALUES (1, 1) ON DUPLICATE KEY UPDATE n = n + 1")


async def timed(name: str, call: Callable[[], Awaitable[object]]) -> None:
    """A pause after each, so that they are measured as they come to an idle service."""
    for _ in range(30):
        await call()
    taken: list[float] = []
    used = time.process_time()
    for _ in range(TIMES):
        start = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - start) * 1e3)
        await asyncio.sleep(PAUSE_SECONDS)
    used = (time.process_time() - used) / TIMES * 1e3
    print(f"{name:40} {statistics.median(taken):6.2f} ms median {used:6.2f} ms CPU", flush=True)


def settings() -> MySQLSettings:
    found = MySQLSettings()
    return found.model_copy(update={"mysql_apply_schema": False})


async def main() -> None:
    async with open_mysql(settings(), "", "eshop_chassis") as server:
        async with server.engine.connect() as tx:
            await tx.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        try:
            await measure()
        finally:
            async with server.engine.connect() as tx:
                await tx.exec_driver_sql(f"DROP DATABASE {DATABASE}")


async def measure() -> None:
    async with open_mysql(settings(), DATABASE, "eshop_chassis") as db:
        async with db.engine.connect() as tx:
            await tx.exec_driver_sql("CREATE TABLE barrier (gid varchar(64) PRIMARY KEY)")
            await tx.exec_driver_sql("CREATE TABLE placed (order_id varchar(64) PRIMARY KEY, amount int)")
            await tx.exec_driver_sql("CREATE TABLE counted (slot int PRIMARY KEY, n bigint)")
        for _ in range(3):
            await timed("three statements, run_core (SQLAlchemy)", lambda: db.run_core(three_statements))
            await timed("three statements, run (the driver)", lambda: db.run(three_statements))
            await timed("a query, run", lambda: db.run(lambda tx: execute(tx, "SELECT 1")))
            await timed("a query, read", lambda: db.read("SELECT 1"))


if __name__ == "__main__":
    uvloop.run(main())
