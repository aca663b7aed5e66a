"""Fixtures of the end-to-end tests: they use the suite through its public ports and check its books in the stores."""

import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

HERE = Path(__file__).parent
# This folder is no package (a package named `test` would hide Python's own), so its modules are found by path.
sys.path[:0] = [str(HERE)]
sys.path.append(str(HERE / "clients"))

import fresh  # noqa: E402 - after the path is set
from books import Books  # noqa: E402
from databases import Databases  # noqa: E402
from gateway_client import Gateway  # noqa: E402
from running_stack import SERVICES, SKIP_REASON, RunningStack, named_stack  # noqa: E402
from sql_log import sql_log  # noqa: E402
from transports import GrpcTransport, HttpTransport, Transport  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here shares one event loop, for channels live in it; what needs the stack is marked so."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session", autouse=True)
def logged_sql() -> Iterator[None]:
    """What is sent to MySQL is kept where ESHOP_SQL_LOG says; see sql_log.py."""
    with sql_log(named_stack()):
        yield


@pytest.fixture(scope="session")
def stack() -> RunningStack:
    """The stack under test; without one, tests that need it are skipped."""
    found = named_stack()
    if found is None:
        pytest.skip(SKIP_REASON)
    silent = [name for name in SERVICES if not _listens(found.grpc(name))]
    if silent:
        pytest.exit(f"nothing listens at {', '.join(f'{name} ({found.grpc(name)})' for name in silent)}", 1)
    return found


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, int(port))) == 0


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def over_grpc(stack: RunningStack) -> AsyncIterator[Transport]:
    transport = GrpcTransport(stack)
    yield transport
    await transport.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def over_http(stack: RunningStack) -> AsyncIterator[Transport]:
    transport = HttpTransport(stack)
    yield transport
    await transport.close()


@pytest.fixture(params=["grpc", "http"])
def on(request: pytest.FixtureRequest, over_grpc: Transport, over_http: Transport) -> Transport:
    """Calls an rpc: `await on("stock", "Create", productID=1, stock=5)`. The test runs once per transport."""
    return over_grpc if request.param == "grpc" else over_http


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gw(stack: RunningStack) -> AsyncIterator[Gateway]:
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=stack.url("gw"), timeout=30, trust_env=False, limits=limits) as http:
        yield Gateway(http)


@pytest.fixture(scope="session")
def db(stack: RunningStack) -> Iterator[Databases]:
    databases = Databases(stack)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def books(db: Databases) -> Books:
    return Books(db)


@pytest.fixture
def product() -> int:
    """A product id of this test alone."""
    return fresh.product_id()


@pytest.fixture
def user() -> int:
    """A user id of this test alone."""
    return fresh.user_id()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clients(stack: RunningStack) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Plain HTTP clients, by service."""
    async with AsyncExitStack() as opened:
        made = {name: httpx.AsyncClient(base_url=stack.url(name), timeout=20, trust_env=False) for name in SERVICES}
        for client in made.values():
            await opened.enter_async_context(client)
        yield made
