"""What a client may send to an HTTP port, how long it may take, and who may ask: over real sockets."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast

import pytest
from fastapi import FastAPI

from eshop_chassis import ChassisHooks, ServiceSettings
from eshop_chassis.readiness import Readiness
from eshop_chassis.serving.http_app import build_app
from eshop_chassis.serving.http_connection import Limits
from eshop_chassis.serving.http_server import HttpServer, listen
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb

SHORT = "POST /api/v1/stock"
LONG = "GET /ping"
BODY = b'{"productID": 7}'
QUICK = Limits(head_seconds=0.3, body_seconds=0.3, idle_seconds=0.6, leave_seconds=0.5, unread_seconds=0.5)


class Stock(stock_api.StockApi):
    def __init__(self) -> None:
        self.seconds = 0.0
        self.placed = 0

    async def create(self, request: pb.CreateStockRequest, call: Any) -> pb.CreateStockReply:
        await asyncio.sleep(self.seconds)
        self.placed += 1
        return pb.CreateStockReply(id=request.productID)


class Site:
    def __init__(self, port: int, stock: Stock, server: HttpServer) -> None:
        self.port, self.stock, self.server = port, stock, server

    async def ask(self, line: str, *headers: str, host: str | None = "127.0.0.1", version: str = "1.1") -> "Answer":
        """Sends one request on a connection of its own."""
        lines = [f"{line} HTTP/{version}", *([f"Host: {host}"] if host is not None else []), *headers]
        body = BODY if line.startswith("POST") else b""
        lines.append(f"Content-Length: {len(body)}")
        return await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def send(self, *pieces: bytes, half_close: bool = False) -> "Answer":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.01)
            if half_close:
                writer.write_eof()
            return await read(reader)
        finally:
            writer.close()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body!r}"


async def read(reader: asyncio.StreamReader, *, head: bool = False) -> Answer:
    raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    status, *lines = raw.decode().strip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    body = b"" if head else await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status.split()[1]), headers, body)


@cache
def _built() -> tuple[FastAPI, Stock]:
    """The application; making it takes longer than a test."""

    async def nothing(_ready: bool) -> None: ...

    hooks = ChassisHooks(ServiceSettings())
    stock = Stock()  # pyright: ignore[reportAbstractUsage] - only what the tests call
    return build_app("stock", [stock_api.stock_router(stock, hooks)], hooks, Readiness({}, nothing)), stock


@asynccontextmanager
async def serving(limits: Limits | None = None, **settings: Any) -> AsyncGenerator[Site]:
    app, stock = _built()
    stock.seconds, stock.placed = 0.0, 0
    server = HttpServer(app, ServiceSettings(**settings), limits)
    listener = listen("127.0.0.1", 0, "ESHOP_X")
    await server.start(listener)
    try:
        yield Site(listener.getsockname()[1], stock, server)
    finally:
        await server.drain(0)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as made:
        yield made


@pytest.fixture
async def quick() -> AsyncIterator[Site]:
    async with serving(QUICK) as made:
        yield made


class TestHeads:
    @pytest.mark.parametrize("line", [SHORT, LONG])
    async def test_one_within_the_limit_is_served_and_one_above_it_is_431(self, site: Site, line: str):
        assert (await site.ask(line, f"X-Long: {'a' * 15_000}")).status == 200
        refused = await site.ask(line, f"X-Long: {'a' * 17_000}")
        assert (refused.status, refused.envelope["code"], refused.headers["connection"]) == (431, 10001, "close")
        assert (await site.ask(line, *(f"X-{n}: {'a' * 100}" for n in range(200)))).status == 431

    async def test_an_endless_head_is_refused_while_it_is_sent(self, site: Site):
        endless = [b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX: ", *[b"a" * 65_536] * 40]
        assert (await site.send(*endless)).status == 431

    async def test_a_long_target_counts(self, site: Site):
        assert (await site.send(b"GET /" + b"a" * 20_000, b"a" * 20_000)).status == 431

    async def test_a_large_body_is_no_large_head(self, site: Site):
        body = b" " * 200_000 + BODY
        head = b"POST /api/v1/stock HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert (await site.send(head + body)).status == 200

    async def test_many_requests_in_one_packet_are_no_large_head(self, site: Site):
        one = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(one * 1000 + one[:20])
        assert [(await read(reader)).status for _ in range(1000)] == [200] * 1000
        writer.write(one[20:])
        assert (await read(reader)).status == 200
        writer.close()

    async def test_a_chunked_body_may_not_have_an_endless_trailer(self, site: Site):
        head = b"POST /api/v1/stock HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%b\r\n" % (len(BODY), BODY)
        assert (await site.send(head, chunk, b"0\r\n\r\n")).status == 200
        assert (await site.send(head, chunk, b"0\r\nX: ", *[b"a" * 65_536] * 4)).status == 431

    async def test_what_is_not_http_is_400_in_the_envelope(self, site: Site):
        refused = await site.send(b"\x16\x03\x01 hello\r\n\r\n")
        assert (refused.status, refused.envelope["code"]) == (400, 10001)


class TestTimes:
    async def ended(self, site: Site, *pieces: bytes) -> bytes:
        """All that the server says until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        for piece in pieces:
            writer.write(piece)
        try:
            return await asyncio.wait_for(reader.read(), 4)
        finally:
            writer.close()

    async def test_a_silent_connection_is_closed(self, quick: Site):
        assert await self.ended(quick) == b""

    async def test_half_a_head_is_408(self, quick: Site):
        assert (await self.ended(quick, b"GET /ping HTTP/1.1\r\nHo")).startswith(b"HTTP/1.1 408 ")

    @pytest.mark.parametrize("path", [b"/api/v1/stock", b"/api/v1/st%6fck"])
    async def test_half_a_body_is_408_and_places_nothing(self, quick: Site, path: bytes):
        half = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{" % path
        told = await self.ended(quick, half)
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b'"code":10006' in told
        assert quick.stock.placed == 0

    async def test_an_idle_connection_is_closed(self, quick: Site):
        assert (await self.ended(quick, b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")).endswith(b'{"msg":"pong"}')

    async def test_a_slow_answer_is_waited_for(self, quick: Site):
        quick.stock.seconds = 2.0
        assert (await quick.ask(SHORT)).status == 200

    async def test_a_client_that_does_not_read_its_answers_is_cut_off(self, quick: Site):
        reader, writer = await asyncio.open_connection("127.0.0.1", quick.port, limit=1024)
        cast("asyncio.Transport", writer.transport).pause_reading()
        writer.write(b"GET /apis/swagger/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if not quick.server.server_state.connections:
                break
        assert not quick.server.server_state.connections
        writer.close()
        assert reader is not None


class TestHalfClosed:
    @pytest.mark.parametrize("target", ["/api/v1/stock", "/api/v1/st%6fck"])
    async def test_a_client_that_sends_no_more_gets_its_answer(self, site: Site, target: str):
        site.stock.seconds = 0.2
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
        answer = await site.send(head + BODY, half_close=True)
        assert (answer.status, answer.headers["connection"], site.stock.placed) == (200, "close", 1)

    async def test_all_that_it_asked_for_is_answered(self, site: Site):
        site.stock.seconds = 0.1
        head = b"POST /api/v1/stock HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write((head + BODY) * 3 + head)
        writer.write_eof()
        assert [(await read(reader)).status for _ in range(3)] == [200] * 3
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert site.stock.placed == 3
        writer.close()

    async def test_half_a_request_is_not_waited_for(self, site: Site):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"POST /api/v1/stock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 3) == b""
        assert site.stock.placed == 0
        writer.close()


async def test_connections_beyond_the_bound_are_told_503_and_closed():
    async with serving(Limits(connections=3)) as site:
        held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(3)]
        answer = refused = await site.ask(LONG)
        assert (refused.status, refused.envelope["code"], refused.headers["connection"]) == (503, 10013, "close")
        assert refused.headers["retry-after"] == "1"
        held[0][1].close()
        await asyncio.sleep(0.1)
        for _ in range(50):
            if (answer := await site.ask(LONG)).status == 200:
                break
            await asyncio.sleep(0.1)
        assert answer.status == 200
        for _, writer in held:
            writer.close()


ALL_WAYS = [SHORT, LONG, "GET /metrics", "GET /readyz", "GET /apis/swagger/index.html", "GET /nothing"]


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "LocalHost:8080", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:80", "localhost."]
    )
    async def test_loopback_is_served_by_any_name_and_port(self, site: Site, host: str):
        assert [(await site.ask(line, host=host)).status for line in (SHORT, LONG)] == [200, 200]

    @pytest.mark.parametrize("line", ALL_WAYS)
    async def test_a_foreign_name_is_refused_everywhere(self, site: Site, line: str):
        refused = await site.ask(line, host="rebind.example:30380")
        assert (refused.status, refused.envelope["code"]) == (403, 10008)
        assert "rebind.example" in refused.envelope["msg"]
        assert "ESHOP_ALLOWED_HOSTS" in refused.envelope["msg"]
        assert site.stock.placed == 0

    @pytest.mark.parametrize(
        "host", ["evil.example", "10.0.0.1", "gw", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil"]
    )
    async def test_only_loopback_is_ours_on_a_loopback_port(self, site: Site, host: str):
        assert [(await site.ask(line, host=host)).status for line in (SHORT, LONG)] == [403, 403]

    async def test_a_target_with_a_name_of_its_own_is_judged_by_it(self, site: Site):
        assert (await site.ask("GET http://localhost/ping")).status == 200
        assert (await site.ask("GET http://evil.example/ping")).status == 403

    async def test_http_1_0_needs_no_host_and_1_1_needs_one(self, site: Site):
        assert (await site.ask(LONG, host=None, version="1.0")).status == 200
        assert (await site.ask(SHORT, host=None, version="1.0")).status == 200
        assert (await site.ask(LONG, host=None)).status == 400
        assert (await site.ask(LONG, "Host: evil.example")).status == 400

    async def test_what_others_reach_takes_addresses_names_without_a_dot_and_those_of_the_setting(self):
        names = "shop.example.com, .svc.cluster.local"
        async with serving(host="0.0.0.0", allow_remote_access=True, allowed_hosts=names) as site:  # noqa: S104 - only said
            for host in ("10.1.2.3:30380", "[fd00::1]", "gw:8080", "shop.example.com", "stock.eshop.svc.cluster.local"):
                assert (await site.ask(SHORT, host=host)).status == 200, host
            for host in ("evil.example", "example.com", "xsvc.cluster.local", "a.shop.example.com"):
                assert (await site.ask(SHORT, host=host)).status == 403, host

    async def test_any_name_can_be_allowed(self):
        async with serving(allowed_hosts="*") as site:
            assert (await site.ask(SHORT, host="any.example")).status == 200


class TestPages:
    @pytest.mark.parametrize("line", ALL_WAYS)
    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
    async def test_a_page_of_another_origin_is_refused(self, site: Site, line: str, origin: str):
        refused = await site.ask(line, f"Origin: {origin}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")
        assert (refused.status, refused.envelope["code"]) == (403, 10008)
        assert "ESHOP_CORS_ORIGINS" in refused.envelope["msg"]
        assert "access-control-allow-origin" not in refused.headers
        assert site.stock.placed == 0

    @pytest.mark.parametrize("line", [SHORT, LONG])
    async def test_what_a_page_sends_without_an_origin_is_refused_too(self, site: Site, line: str):
        for mode in ("no-cors", "navigate") if line == SHORT else ("no-cors",):
            refused = await site.ask(line, "Sec-Fetch-Site: cross-site", f"Sec-Fetch-Mode: {mode}")
            assert (refused.status, refused.envelope["code"]) == (403, 10008)

    async def test_a_link_from_elsewhere_works_and_a_frame_does_not(self, site: Site):
        link = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
        page = "GET /apis/swagger/index.html"
        assert (await site.ask(page, *link, "Sec-Fetch-Dest: document")).status == 200
        assert (await site.ask(page, *link, "Sec-Fetch-Dest: iframe")).status == 403

    @pytest.mark.parametrize("line", [SHORT, LONG])
    async def test_our_own_pages_notice_nothing(self, site: Site, line: str):
        answer = await site.ask(
            line, "Origin: http://127.0.0.1:8080", "Sec-Fetch-Site: same-origin", host="127.0.0.1:8080"
        )
        assert answer.status == 200
        assert "access-control-allow-origin" not in answer.headers
        for where in ("none", "same-site", "same-origin"):
            assert (await site.ask(line, f"Sec-Fetch-Site: {where}")).status == 200

    @pytest.mark.parametrize("line", [SHORT, LONG])
    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173", "https://[::1]"])
    async def test_pages_of_this_machine_may_ask_and_read(self, site: Site, line: str, origin: str):
        answer = await site.ask(line, f"Origin: {origin}", "Sec-Fetch-Site: cross-site")
        assert answer.status == 200
        assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (origin, "origin")
        assert "retry-after" in answer.headers["access-control-expose-headers"]

    async def test_a_preflight_is_answered_for_those_who_may(self, site: Site):
        wish = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,idempotency-key")
        allowed = await site.ask("OPTIONS /api/v1/stock", "Origin: http://localhost:3000", *wish)
        assert allowed.status == 200
        assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert "post" in allowed.headers["access-control-allow-methods"]
        assert "idempotency-key" in allowed.headers["access-control-allow-headers"]
        assert (await site.ask("OPTIONS /api/v1/stock", "Origin: https://evil.example", *wish)).status == 403

    async def test_origins_are_a_setting(self):
        async with serving(cors_origins="https://shop.example.com") as site:
            assert (await site.ask(SHORT, "Origin: https://shop.example.com")).status == 200
            assert (await site.ask(SHORT, "Origin: http://localhost:3000")).status == 403
        async with serving(cors_origins="*") as site:
            assert (await site.ask(SHORT, "Origin: https://evil.example")).headers["access-control-allow-origin"] == "*"
            assert (await site.ask(LONG, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")).status == 200


async def test_head_sends_what_get_does_without_the_body(site: Site):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    for path in ("/ping", "/metrics", "/readyz", "/openapi.json", "/apis/swagger/index.html", "/no"):
        get = await site.ask(f"GET {path}")
        writer.write(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await read(reader, head=True)
        assert head.status == get.status, path
        assert head.headers["content-type"] == get.headers["content-type"]
    writer.close()


async def test_a_trailing_slash_leads_nowhere(site: Site):
    for path in ("/ping/", "/api/v1/stock/", "/metrics/", "/apis/swagger/assets"):
        answer = await site.ask(f"GET {path}")
        assert (answer.status, answer.envelope["code"]) == (404, 10004)
        assert "location" not in answer.headers


@pytest.mark.parametrize("target", ["/api/v1/stock", "/api/v1/st%6fck"])
async def test_a_compressed_body_is_415_both_ways(site: Site, target: str):
    refused = await site.ask(f"POST {target}", "Content-Encoding: gzip")
    assert (refused.status, refused.envelope["code"]) == (415, 10001)
