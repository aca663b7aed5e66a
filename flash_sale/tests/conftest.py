"""Fixtures of the flash-sale service's tests."""

import logging
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog

# The shop in memory lies beside the order service's tests; this folder is no package, so it is found by path.
sys.path.append(str(Path(__file__).parents[2] / "order" / "tests"))
pytest.register_assert_rewrite("shop_in_memory")

from shop_in_memory.crash import bury  # noqa: E402
from shop_in_memory.parts import real_redis  # noqa: E402 - after the path is set
from shop_in_memory.sales import MemoryRedis, MemorySales  # noqa: E402

from aiodtm.testing import Plan, short_waits  # noqa: E402
from eshop_flash_sale.buying import buy  # noqa: E402

from .shelf import MemoryShelf, RedisShelf, Shelf  # noqa: E402
from .stall import Stall  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What went well need not be told."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.parts)])
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    """The sales: their model in Python, and the Lua scripts on the real Redis."""
    if request.param == "memory":
        sales = MemorySales()
        yield MemoryShelf(sales, MemoryRedis(sales))
        return
    async with real_redis() as redis:
        shelf = RedisShelf(redis)
        yield shelf
        await shelf.clear()


@pytest.fixture
def product() -> int:
    """A product of this test alone; such large numbers no real product has."""
    return 2**63 + secrets.randbelow(2**62)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(buy, "CLOSED_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(buy, "LOOK_AGAIN_SECONDS", 0.001)
    with short_waits():
        yield


@pytest.fixture
async def stalls(shelf: Shelf) -> AsyncIterator[Callable[..., Stall]]:
    made: list[Stall] = []

    def make(plan: Plan | None = None, on: Shelf = shelf) -> Stall:
        made.append(Stall(on, plan))
        return made[-1]

    yield make
    bury()
    for stall in made:
        await stall.dtm.aclose()


@pytest.fixture
def stall(stalls: Callable[..., Stall]) -> Stall:
    return stalls()
