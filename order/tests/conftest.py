"""Fixtures of the order service's tests."""

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
from shop_in_memory.parts import scratch_database, scratch_schema  # noqa: E402
from shop_in_memory.shop import Shop  # noqa: E402

from aiodtm.testing import Plan, short_waits  # noqa: E402
from eshop_chassis.mysql import Database  # noqa: E402


@pytest.fixture(scope="session")
def schema() -> Iterator[str]:
    """A scratch database of the real MySQL, with this service's tables."""
    with scratch_schema("eshop_order") as name:
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


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Thousands of orders are placed here; what went well need not be told."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waits that are made for real networks are short here."""
    monkeypatch.setattr("eshop_order.placing.placer.LOOK_AGAIN_SECONDS", (0.001, 0.002, 0.005))
    monkeypatch.setattr("eshop_order.placing.placer.SUBMIT_SECONDS", 0.5)
    with short_waits():
        yield


@pytest.fixture(autouse=True)
async def buried() -> AsyncIterator[None]:
    """Ends what died in a test."""
    yield
    bury()


@pytest.fixture
async def shops() -> AsyncIterator[Callable[..., Shop]]:
    """Makes shops in memory."""
    made: list[Shop] = []

    def make(plan: Plan | None = None) -> Shop:
        made.append(Shop(plan))
        return made[-1]

    yield make
    for shop in made:
        await shop.close()


@pytest.fixture
def shop(shops: Callable[..., Shop]) -> Shop:
    """A shop in memory where nothing goes wrong."""
    return shops()
