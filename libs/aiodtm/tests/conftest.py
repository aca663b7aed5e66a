"""Fixtures: a DTM (in memory, on MySQL, on Redis) and branches for it that are plain functions."""

import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import httpx
import pymysql
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from aiodtm import Dtm, branch_status, drained, open_dtm, random_gid
from aiodtm.mysql import barrier_schema
from aiodtm.testing import InMemoryDtm

Handler = Callable[[bytes, dict[str, str]], Awaitable[object]]

DTM = {
    "mysql": (
        os.environ.get("ESHOP_DTM_MYSQL_GRPC", "127.0.0.1:36790"),
        os.environ.get("ESHOP_DTM_MYSQL_HTTP", "127.0.0.1:36789"),
    ),
    "redis": (
        os.environ.get("ESHOP_DTM_REDIS_GRPC", "127.0.0.1:35790"),
        os.environ.get("ESHOP_DTM_REDIS_HTTP", "127.0.0.1:35789"),
    ),
}
MYSQL: dict[str, Any] = {
    "host": os.environ.get("ESHOP_MYSQL_HOST", "127.0.0.1"),
    "port": int(os.environ.get("ESHOP_MYSQL_PORT", "3306")),
    "user": os.environ.get("ESHOP_MYSQL_USER", "root"),
    "password": os.environ.get("ESHOP_MYSQL_PASSWORD", "123456"),
}
real = pytest.mark.parts


@dataclass
class Branches:
    """Branch handlers by name. `arrived` holds "NAME/op" of every call, `metadata` and `payloads` what came with it."""

    address: str
    handlers: dict[str, Handler] = field(default_factory=dict)
    arrived: list[str] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    memory: InMemoryDtm | None = None

    def url(self, name: str, handler: Handler | None = None) -> str:
        """The address of a branch; it succeeds unless `handler` does otherwise."""
        url = f"{self.address}/aiodtm.test.Branch/{name}"
        self.handlers[name] = handler or _succeed
        if self.memory:
            self.memory.branch(url, lambda payload, metadata: self.call(name, payload, metadata))
        return url

    async def call(self, name: str, payload: bytes, metadata: dict[str, str]) -> None:
        self.arrived.append(f"{name}/{metadata['dtm-op']}")
        self.metadata.append(metadata)
        self.payloads.append(payload)
        await self.handlers[name](payload, metadata)


async def _succeed(payload: bytes, metadata: dict[str, str]) -> None:
    pass


class _BranchServer(grpc.GenericRpcHandler):
    def __init__(self, branches: Branches) -> None:
        self._branches = branches

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        name = handler_call_details.method.rpartition("/")[2]

        async def answer(payload: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            metadata = {str(k): str(v) for k, v in context.invocation_metadata() or ()}
            try:
                await self._branches.call(name, payload, metadata)
            except Exception as error:
                code, details = branch_status(error)
                await context.abort(code, details)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


_used_ports: set[int] = set()


def _fresh_port(server: grpc.aio.Server) -> int:
    """A port that no branch server of this run has had: DTM keeps its connection to each address, and where the server
    has gone meanwhile that connection refuses calls for a while, whoever listens there by then.
    """
    while (port := server.add_insecure_port("127.0.0.1:0")) in _used_ports:
        pass
    _used_ports.add(port)
    return port


@asynccontextmanager
async def branch_server() -> AsyncGenerator[Branches]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    branches = Branches("")
    server.add_generic_rpc_handlers((_BranchServer(branches),))
    branches.address = f"127.0.0.1:{_fresh_port(server)}"
    await server.start()
    try:
        yield branches
    finally:
        await server.stop(None)


@dataclass
class Stage:
    """A DTM and branches that it can reach."""

    dtm: Dtm
    branches: Branches
    kind: str
    grpc: str = ""  # addresses of a real one
    http: str = ""


async def stop_unfinished(dtm: Dtm, gids: set[str], http: str) -> None:
    """Has DTM give up what a test left behind: it would go on calling branches that are gone."""
    async with httpx.AsyncClient() as client:
        for gid in gids:
            found = await dtm.query(gid)
            if found and not found.finished:
                await client.post(f"http://{http}/api/dtmsvr/forceStop", json={"gid": gid})


@asynccontextmanager
async def memory_stage() -> AsyncGenerator[Stage]:
    memory = InMemoryDtm()
    yield Stage(memory, Branches("127.0.0.1:1", memory=memory), "memory")
    await memory.aclose()


@asynccontextmanager
async def open_stage(kind: str) -> AsyncGenerator[Stage]:
    grpc_address, http_address = DTM[kind]
    async with branch_server() as branches, open_dtm(grpc_address, http_address) as dtm:
        yield Stage(dtm, branches, kind, grpc_address, http_address)
        await stop_unfinished(dtm, {m["dtm-gid"] for m in branches.metadata}, http_address)


@pytest.fixture(params=["memory", pytest.param("mysql", marks=real), pytest.param("redis", marks=real)])
async def stage(request: pytest.FixtureRequest) -> AsyncGenerator[Stage]:
    """Every DTM there is."""
    async with memory_stage() if request.param == "memory" else open_stage(request.param) as stage:
        yield stage


@pytest.fixture(params=[pytest.param("mysql", marks=real), pytest.param("redis", marks=real)])
async def real_stage(request: pytest.FixtureRequest) -> AsyncGenerator[Stage]:
    """The real ones only."""
    async with open_stage(request.param) as stage:
        yield stage


@pytest.fixture(scope="session")
def mysql_database() -> Iterator[str]:
    """A database of this run's own, with the barrier's table and a table `stock(id, num)`."""
    name = f"aiodtm_test_{random_gid()[:8]}"
    with closing(pymysql.connect(**MYSQL)) as connection, connection.cursor() as cursor:
        for statement in barrier_schema(f"{name}.barrier").split(";"):
            if sql := re.sub(r"(?m)^--.*$", "", statement).strip():
                cursor.execute(sql)
        cursor.execute(f"CREATE TABLE {name}.stock (id VARCHAR(64) PRIMARY KEY, num INT NOT NULL) ENGINE = InnoDB")
        yield name
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
async def engine(mysql_database: str) -> AsyncGenerator[AsyncEngine]:
    engine = create_async_engine(
        URL.create("mysql+aiomysql", MYSQL["user"], MYSQL["password"], MYSQL["host"], MYSQL["port"], mysql_database),
        isolation_level="READ COMMITTED",
        pool_size=12,
        pool_reset_on_return=None,
        connect_args={"init_command": "SET innodb_lock_wait_timeout = 1"},
    )
    yield engine
    await drained()
    await engine.dispose()


@pytest.fixture
async def redis() -> AsyncGenerator[Redis]:
    client = Redis(
        host=os.environ.get("ESHOP_REDIS_HOST", "127.0.0.1"),
        port=int(os.environ.get("ESHOP_REDIS_PORT", "6379")),
        password=os.environ.get("ESHOP_REDIS_PASSWORD", "123456") or None,
        retry=Retry(NoBackoff(), 0),
    )
    yield client
    await client.aclose()


@pytest.fixture
def mysql_url() -> Iterator[str]:
    """For the example, whose database is dropped afterwards."""
    url = URL.create("mysql+aiomysql", MYSQL["user"], MYSQL["password"], MYSQL["host"], MYSQL["port"])
    yield url.render_as_string(hide_password=False)
    with closing(pymysql.connect(**MYSQL)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS aiodtm_bank")


@pytest.fixture
def dtm_on_mysql() -> tuple[str, str]:
    """Its gRPC and HTTP address."""
    return DTM["mysql"]
