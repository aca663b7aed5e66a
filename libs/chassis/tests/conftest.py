"""Fixtures of the chassis's tests."""

import sys
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
pytest.register_assert_rewrite("chassis_trial")

from chassis_trial import parts  # noqa: E402 - after the path is set

from eshop_chassis.mysql.database import Database, open_mysql  # noqa: E402
from eshop_chassis.mysql.engine import open_engine  # noqa: E402


@pytest.fixture
async def database_name() -> AsyncIterator[str]:
    """The name of a database that goes at the end of the test."""
    settings = parts.mysql()
    name = f"chassis_test_{uuid.uuid4().hex[:12]}"
    yield name
    bare = open_engine(settings, None, size=1)
    async with bare.connect() as connection:
        await connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
    await bare.dispose()


@pytest.fixture
async def db(database_name: str) -> AsyncGenerator[Database]:
    """A database with the trial service's tables."""
    async with open_mysql(parts.mysql(), database_name, "chassis_trial", ["thing"]) as opened:
        await opened.check()
        yield opened
