"""Fixtures of the gateway's tests: real gRPC servers as upstreams, and the gateway before them on HTTP and gRPC."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
import structlog
from fastapi import FastAPI

import eshop_gw

# pytest names test modules by their folders, and so takes this project's folder for the package of the same name.
eshop_gw.__path__ = [*eshop_gw.__path__, str(Path(__file__).parents[1] / "src" / "eshop_gw")]

from eshop_chassis import ChassisHooks, ServiceSettings  # noqa: E402 - after the path is set
from eshop_gw.settings import Settings  # noqa: E402
from eshop_gw.wiring import open_service  # noqa: E402
from eshop_protos.eshop_gw.v1 import eshop_gw_api  # noqa: E402
from protoc_gen_fastapi.runtime import install  # noqa: E402

from .upstreams import KINDS, Upstream  # noqa: E402


class Gateway:
    """A running gateway: `http` is a client of its HTTP side, `grpc` one of its gRPC side."""

    def __init__(self, http: httpx.AsyncClient, grpc_client: eshop_gw_api.EshopClient) -> None:
        self.http, self.grpc = http, grpc_client


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What went well need not be told."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes at the end of the test what it opened."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def upstreams(stack: AsyncExitStack) -> dict[str, Upstream]:
    """One running upstream of each kind, by name."""
    return {name: await stack.enter_async_context(_serving(kind())) for name, kind in KINDS.items()}


@pytest.fixture
def start(stack: AsyncExitStack) -> Callable[[Upstream], Awaitable[Upstream]]:
    """Starts another upstream."""

    async def started(upstream: Upstream) -> Upstream:
        return await stack.enter_async_context(_serving(upstream))

    return started


@pytest.fixture
def open_gateway(stack: AsyncExitStack, upstreams: dict[str, Upstream]) -> Callable[..., Awaitable[Gateway]]:
    """Opens a gateway before the upstreams; settings can be given."""

    async def opened(**settings: Any) -> Gateway:
        addresses = {f"{name}_address": upstream.address for name, upstream in upstreams.items()}
        chosen: dict[str, Any] = {**addresses, **settings}
        hooks = ChassisHooks(ServiceSettings())
        service = await stack.enter_async_context(open_service(Settings(**chosen), hooks))
        [api] = service.apis
        app = FastAPI()
        install(app, hooks)
        app.include_router(api.router)
        transport = httpx.ASGITransport(app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://gw"))
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((api.handlers,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop, None)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        return Gateway(http, eshop_gw_api.EshopClient(channel))

    return opened


@pytest.fixture
async def gw(open_gateway: Callable[..., Awaitable[Gateway]]) -> Gateway:
    """A gateway before upstreams that all answer."""
    return await open_gateway()


@asynccontextmanager
async def _serving(upstream: Upstream) -> AsyncGenerator[Upstream]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((upstream.handlers(),))
    upstream.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    upstream.server = server
    await server.start()
    try:
        yield upstream
    finally:
        await server.stop(None)
