"""The short way over HTTP answers as the long way does, and leaves everything that is not plain to it."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eshop_chassis import ChassisHooks, ServiceSettings
from eshop_chassis.readiness import Readiness
from eshop_chassis.serving.http_app import build_app
from eshop_chassis.serving.http_server import HttpServer, listen
from eshop_chassis.serving.short_way import DirectProtocol
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb
from protoc_gen_fastapi.runtime import Conflict

CHUNKED = b"POST /api/v1/stock HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BODY = b'{"productID": 7, "stock": 3}'


class Stock(stock_api.StockApi):
    def __init__(self) -> None:
        self.hold = asyncio.Event()
        self.hold.set()
        self.begun = asyncio.Event()

    async def create(self, request: pb.CreateStockRequest, call: Any) -> pb.CreateStockReply:
        self.begun.set()
        await self.hold.wait()
        if request.productID == 409:
            raise Conflict("taken")
        if request.productID == 500:
            raise ZeroDivisionError
        return pb.CreateStockReply(id=request.productID)


class Site:
    """A server, and whether its requests go the short way."""

    def __init__(self, port: int, stock: Stock, server: HttpServer) -> None:
        self.port, self.stock, self.server = port, stock, server

    async def send(self, request: bytes, answers: int = 1) -> list[tuple[int, dict[str, str], Any]]:
        """Sends bytes over a connection of its own and reads that many answers."""
        async with self.connection() as (reader, writer):
            writer.write(request)
            return [await read(reader) for _ in range(answers)]

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    status, *lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status.split()[1]), headers, json.loads(body)


def post(body: bytes = BODY, *headers: bytes, path: bytes = b"/api/v1/stock", version: bytes = b"1.1") -> bytes:
    lines = [
        b"POST %s HTTP/%s" % (path, version),
        b"host: localhost",
        b"x-request-id: r-1",
        b"content-length: %d" % len(body),
    ]
    return b"\r\n".join([*lines, *headers]) + b"\r\n\r\n" + body


@pytest.fixture(params=["short", "long"])
async def site(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    if request.param == "long":
        monkeypatch.setattr(DirectProtocol, "_endpoint", lambda _self: None)
    async with _site() as made:
        yield made


@pytest.fixture
async def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way each request goes."""
    taken: list[str] = []
    choose = DirectProtocol._endpoint

    def note(self: DirectProtocol) -> Any:
        found = choose(self)
        taken.append("long" if found is None else "short")
        return found

    monkeypatch.setattr(DirectProtocol, "_endpoint", note)
    return taken


class _site:  # noqa: N801 - a context manager
    async def __aenter__(self) -> Site:
        hooks = ChassisHooks(ServiceSettings(max_body_bytes=1000))
        stock = Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call

        async def nothing(_ready: bool) -> None: ...

        app = build_app("stock", [stock_api.stock_router(stock, hooks)], hooks, Readiness({}, nothing))
        self._server, listener = HttpServer(app), listen("127.0.0.1", 0, "ESHOP_X")
        await self._server.start(listener)
        return Site(listener.getsockname()[1], stock, self._server)

    async def __aexit__(self, *_: object) -> None:
        await self._server.drain(0.1)


@pytest.mark.parametrize(
    ("body", "status", "data"),
    [
        (BODY, 200, {"id": 7}),
        (b'{"productID": 409}', 409, {}),
        (b'{"productID": 500}', 500, {}),
        (b'{"productID": -1}', 400, {}),
        (b"{", 400, {}),
        (b"[]", 400, {}),
        (b" " * 1001, 413, {}),
    ],
)
async def test_both_ways_give_the_same_answers(site: Site, body: bytes, status: int, data: Any):
    [(found, headers, envelope)] = await site.send(post(body))
    assert (found, envelope["data"]) == (status, data)
    assert (envelope["code"] == 0) == (status == 200)
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == "r-1"
    assert "date" in headers


async def test_a_connection_is_kept_and_serves_one_request_after_the_other(site: Site):
    async with site.connection() as (reader, writer):
        for number in range(1, 6):
            writer.write(post(b'{"productID": %d}' % number))
            status, headers, envelope = await read(reader)
            assert (status, envelope["data"], headers.get("connection")) == (200, {"id": number}, None)


async def test_requests_sent_at_once_are_answered_in_their_order(site: Site):
    answers = await site.send(post(b'{"productID": 1}') + post(b'{"productID": 2}') + post(b'{"productID": 3}'), 3)
    assert [envelope["data"]["id"] for _, _, envelope in answers] == [1, 2, 3]


async def test_a_request_in_pieces_is_one_request(site: Site):
    async with site.connection() as (reader, writer):
        for piece in (post()[:20], post()[20:60], post()[60:-5], post()[-5:]):
            writer.write(piece)
            await asyncio.sleep(0.01)
        assert (await read(reader))[2]["data"] == {"id": 7}


@pytest.mark.parametrize("request_", [post(BODY, b"connection: close"), post(version=b"1.0")])
async def test_a_connection_that_is_not_to_be_kept_is_closed(site: Site, request_: bytes):
    async with site.connection() as (reader, writer):
        writer.write(request_)
        assert (await read(reader))[1]["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_client_that_goes_away_harms_no_other(site: Site):
    site.stock.hold.clear()
    async with site.connection() as (_, writer):
        writer.write(post())
        await asyncio.wait_for(site.stock.begun.wait(), 5)
    await asyncio.sleep(0.02)
    site.stock.hold.set()
    assert (await site.send(post()))[0][0] == 200


async def test_a_drain_waits_for_a_request_in_flight_and_says_that_the_connection_closes(site: Site):
    site.stock.hold.clear()
    async with site.connection() as (reader, writer):
        writer.write(post())
        await asyncio.wait_for(site.stock.begun.wait(), 5)
        draining = asyncio.create_task(site.server.drain(10))
        await asyncio.sleep(0.05)
        site.stock.hold.set()
        status, headers, _ = await read(reader)
        assert (status, headers["connection"]) == (200, "close")
        await draining


@pytest.mark.parametrize(
    ("request_", "way"),
    [
        (post(), "short"),
        (post(path=b"/api/v1/stock?stock=4"), "short"),
        (post(b" " * 1001), "long"),
        (post(path=b"/api/v1/st%6fck"), "long"),
        (b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n", "long"),
        (b"GET /api/v1/stock/7 HTTP/1.1\r\nhost: localhost\r\n\r\n", "long"),
        (
            b"POST /api/v1/stock HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1c\r\n"
            + BODY
            + b"\r\n0\r\n\r\n",
            "long",
        ),
    ],
)
async def test_only_plain_requests_of_generated_paths_go_the_short_way(ways: list[str], request_: bytes, way: str):
    async with _site() as site:
        [(status, _, _)] = await site.send(request_)
    assert status < 500 or request_.startswith(b"GET /api")
    assert ways == [way]
