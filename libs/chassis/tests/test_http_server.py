"""The HTTP server by itself: how it stops."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from eshop_chassis.serving import http_server
from eshop_chassis.serving.http_server import HttpServer, listen

REQUEST = b"GET /slow/%d HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
async def server() -> AsyncIterator[tuple[HttpServer, int]]:
    app = FastAPI()

    @app.get("/slow/{ms}")
    async def slow(ms: int) -> int:
        await asyncio.sleep(ms / 1000)
        return ms

    made, listener = HttpServer(app), listen("127.0.0.1", 0, "ESHOP_X")
    await made.start(listener)
    yield made, listener.getsockname()[1]
    await made.drain(0)


def connected(port: int, request: bytes) -> socket.socket:
    """A connection that has sent its request; the server's event loop has not seen it yet."""
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(60)
    client.sendall(request)
    return client


async def test_connections_that_wait_in_the_listener_are_served(server):
    http, port = server
    waiting = [connected(port, REQUEST % 10) for _ in range(20)]
    draining = asyncio.create_task(http.drain(60))
    answers = await asyncio.gather(*(asyncio.to_thread(client.recv, 4096) for client in waiting))
    await draining
    assert all(answer.startswith(b"HTTP/1.1 200 OK") and b"connection: close" in answer for answer in answers)
    with pytest.raises(ConnectionRefusedError):
        connected(port, b"")
    for client in waiting:
        client.close()


async def test_answers_say_that_the_connection_closes_even_a_second_after_the_drain_began(server, monkeypatch):
    """uvicorn makes its default headers anew every second."""
    monkeypatch.setattr(http_server, "LAST_WORDS_SECONDS", 30)
    http, port = server
    client = connected(port, b"")
    await asyncio.sleep(0.05)
    draining = asyncio.create_task(http.drain(60))
    await asyncio.sleep(1.3)
    client.sendall(REQUEST % 0)
    assert b"connection: close" in await asyncio.to_thread(client.recv, 4096)
    client.close()
    await draining


async def test_it_ends_as_soon_as_nobody_is_connected_and_no_later_than_it_is_told(server):
    http, port = server
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await client.get("/slow/0")
    begin = time.monotonic()
    hanging = connected(port, REQUEST % 60_000)
    await http.drain(0.5)
    assert 0.4 < time.monotonic() - begin < 20
    hanging.close()
