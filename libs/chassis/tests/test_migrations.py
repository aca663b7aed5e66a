"""Kept tables become those of this release: for every service, with rows of the release before, by one process of many.

The tables of the release before are those of each first revision; a server's default collation is played by a suffix.
"""
# ruff: noqa: S608 - the names are our own

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chassis_trial import parts
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from eshop_chassis.mysql.engine import open_engine
from eshop_chassis.mysql.migrations import statements
from eshop_chassis.mysql.row_counts import SCHEMA as ROW_COUNTS
from eshop_chassis.mysql.schema import Schema, apply_schema

COUNTED = {name: name for name in ("user", "product", "stock", "coupon", "pay")} | {"order": "order_record"}
SERVICES = sorted(COUNTED)
ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.parts


@pytest.fixture
async def server() -> AsyncIterator[AsyncEngine]:
    engine = open_engine(parts.mysql(), None, size=8, isolation="AUTOCOMMIT")
    yield engine
    await engine.dispose()


def schema_of(service: str) -> Schema:
    return Schema(f"eshop_{service}", (COUNTED[service],))


async def make_old(connection: AsyncConnection, database: str, service: str) -> None:
    """The database as the release before left it."""
    first = ROOT / service / "src" / f"eshop_{service}" / "migrations" / "0001_first_tables.sql"
    old_counts = ROW_COUNTS.replace(" COLLATE=utf8mb4_bin", "")
    collation = "utf8mb4_general_ci"
    await connection.exec_driver_sql(f"CREATE DATABASE {database} DEFAULT CHARSET utf8mb4 COLLATE {collation}")
    await connection.exec_driver_sql(f"USE {database}")
    for statement in [old_counts, *statements(first.read_text())]:
        await connection.exec_driver_sql(statement)


async def tables_of(connection: AsyncConnection, database: str) -> dict[str, str]:
    """Each table as MySQL writes it, without what comes of the rows."""
    names = [row[0] for row in await connection.exec_driver_sql(f"SHOW TABLES FROM {database}")]
    found = {n: (await connection.exec_driver_sql(f"SHOW CREATE TABLE {database}.{n}")).scalars(1).one() for n in names}
    return {
        name: " ".join(w for w in text.split() if not w.startswith("AUTO_INCREMENT=")) for name, text in found.items()
    }


async def rows_of(connection: AsyncConnection, table: str, columns: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY id")]


@pytest.mark.parametrize("service", SERVICES)
async def test_kept_tables_become_those_of_a_new_database(server, database_name, service):
    fresh = f"{database_name}_fresh"
    async with server.connect() as connection:
        await make_old(connection, database_name, service)
        try:
            await apply_schema(server, fresh, schema_of(service))
            await apply_schema(server, database_name, schema_of(service))
            assert await tables_of(connection, database_name) == await tables_of(connection, fresh)
            for database in (database_name, fresh):
                found = await connection.exec_driver_sql(f"SELECT version_num FROM {database}.alembic_version")
                assert found.scalars().all() == [schema_of(service).revisions.head]
        finally:
            await connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {fresh}")


async def test_rows_are_kept_and_many_replicas_that_start_at_once_change_the_tables_once(server, database_name):
    async with server.connect() as connection:
        await make_old(connection, database_name, "order")
        insert = (
            "INSERT INTO order_record (order_id, user_id, product_id, product_count, amount, state)"
            " VALUES (%s, 1, 2, 3, 4, 'confirmed')"
        )
        await connection.exec_driver_sql(insert, [(f"order-of-before-{n}",) for n in range(50)])
        columns = "order_id, user_id, product_id, product_count, amount, state"
        before = await rows_of(connection, "order_record", columns)
        engines = [open_engine(parts.mysql(), None, size=3) for _ in range(4)]
        await asyncio.gather(*(apply_schema(engine, database_name, schema_of("order")) for engine in engines))
        await apply_schema(server, database_name, schema_of("order"))
        assert await rows_of(connection, "order_record", columns) == before
        assert len((await connection.exec_driver_sql("SELECT * FROM alembic_version")).all()) == 1
        for engine in engines:
            await engine.dispose()


async def test_a_migration_that_was_cut_off_is_finished_by_the_next(server, database_name):
    async with server.connect() as connection:
        await make_old(connection, database_name, "user")
        await connection.exec_driver_sql("INSERT INTO user (email) VALUES ('Ann@example.com')")
        await apply_schema(server, database_name, schema_of("user"))
        whole = await tables_of(connection, database_name)
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        await apply_schema(server, database_name, schema_of("user"))
        assert await tables_of(connection, database_name) == whole
        assert await rows_of(connection, "user", "email, email_folded") == [("Ann@example.com", "ann@example.com")]


async def test_addresses_that_an_earlier_server_told_apart_stay_apart(server, database_name):
    emails = ["ann@example.com", "ANN@example.com", "İ@x", "Д@x", "é@x", "e@x", "😀@x"]
    async with server.connect() as connection:
        await make_old(connection, database_name, "user")
        await connection.exec_driver_sql("ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        await connection.exec_driver_sql("INSERT INTO user (email) VALUES (%s)", [(email,) for email in emails])
        await apply_schema(server, database_name, schema_of("user"))
        assert [row[0] for row in await rows_of(connection, "user", "email")] == emails
        folded = [row[0] for row in await rows_of(connection, "user", "email_folded")]
        assert folded == ["ann@example.com", "ANN@example.com", "İ@x", "д@x", "é@x", "e@x", "😀@x"]


async def test_tables_of_a_later_release_are_left_alone(server, database_name):
    async with server.connect() as connection:
        await apply_schema(server, database_name, schema_of("pay"))
        await connection.exec_driver_sql(f"UPDATE {database_name}.alembic_version SET version_num = '9999'")
        before = await tables_of(connection, database_name)
        await apply_schema(server, database_name, schema_of("pay"))
        assert await tables_of(connection, database_name) == before


async def test_a_table_that_somebody_dropped_comes_back(server, database_name):
    async with server.connect() as connection:
        await apply_schema(server, database_name, schema_of("pay"))
        before = await tables_of(connection, database_name)
        await connection.exec_driver_sql(f"DROP TABLE {database_name}.refusal")
        await apply_schema(server, database_name, schema_of("pay"))
        assert await tables_of(connection, database_name) == before


@pytest.mark.parametrize("service", SERVICES)
async def test_every_text_names_how_it_is_compared(server, database_name, service):
    async with server.connect() as connection:
        await apply_schema(server, database_name, schema_of(service))
        found = await connection.exec_driver_sql(
            "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns"
            " WHERE table_schema = %s AND collation_name NOT IN ('utf8mb4_bin', 'ascii_bin')",
            (database_name,),
        )
        assert found.scalars().all() == []
