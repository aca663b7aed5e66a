"""Fixtures of the product service's tests."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

# Scratch databases are made by the helpers beside the order service's tests; that folder is no package.
sys.path.append(str(Path(__file__).parents[2] / "order" / "tests"))
pytest.register_assert_rewrite("shop_in_memory")

from shop_in_memory.parts import scratch_database, scratch_schema  # noqa: E402 - after the path is set

from eshop_chassis.mysql import Database  # noqa: E402


@pytest.fixture(scope="session")
def schema() -> Iterator[str]:
    """A scratch database of the real MySQL, with this service's tables."""
    with scratch_schema("eshop_product") as name:
        yield name


@pytest.fixture
async def db(schema: str) -> AsyncIterator[Database]:
    """The scratch database, without rows."""
    async with scratch_database(schema) as database:
        yield database
