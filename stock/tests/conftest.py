"""Fixtures of the stock service's tests."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog

# The shop in memory lies beside the order service's tests; this folder is no package, so it is found by path.
sys.path.append(str(Path(__file__).parents[2] / "order" / "tests"))
pytest.register_assert_rewrite("shop_in_memory")

from shop_in_memory.crash import bury  # noqa: E402 - after the path is set
from shop_in_memory.database import MemoryDatabase  # noqa: E402
from shop_in_memory.parts import scratch_database, scratch_schema  # noqa: E402
from shop_in_memory.stock import MemoryStock  # noqa: E402

from aiodtm import random_gid  # noqa: E402
from eshop_chassis.mysql import Database  # noqa: E402
from eshop_stock.store import StockStore  # noqa: E402

from .house import House  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What went well need not be told."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def schema() -> Iterator[str]:
    """A scratch database of the real MySQL, with this service's tables."""
    with scratch_schema("eshop_stock") as name:
        yield name


@pytest.fixture
async def db(schema: str) -> AsyncIterator[Database]:
    """The scratch database, without rows."""
    async with scratch_database(schema) as database:
        yield database


@pytest.fixture(params=["memory", pytest.param("mysql", marks=pytest.mark.parts)])
def backend(request: pytest.FixtureRequest) -> str | None:
    """The name of a real database, or None for the fake."""
    return request.getfixturevalue("schema") if request.param == "mysql" else None


@pytest.fixture(autouse=True)
async def buried() -> AsyncIterator[None]:
    """Ends what died in a test."""
    yield
    bury()


@pytest.fixture
async def house(backend: str | None) -> AsyncIterator[House]:
    """A stock service over the fake store, and over the real one."""
    if backend is None:
        yield House(MemoryDatabase(), MemoryStock())
        return
    async with scratch_database(backend) as db:
        yield House(db, StockStore())


@pytest.fixture
def make_house() -> Callable[[], House]:
    """Makes stock services over fake stores."""
    return lambda: House(MemoryDatabase(), MemoryStock())


@pytest.fixture
def g() -> str:
    """A transaction of this test alone: the barrier's table is shared with others."""
    return random_gid("unittest")
