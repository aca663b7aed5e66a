"""The short way over HTTP: generated endpoints are called by uvicorn's protocol itself, without ASGI in between.

uvicorn parses, keeps connections alive and drains as ever; any request that is not plain (pipelined, upgraded, chunked,
too large, refused, of another origin, of a path that is no generated endpoint) goes the long way through an
application: no scope, no receive and send events, no middleware, one write instead of two. ADR 0022 has the figures.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from eshop_chassis.logs import get_logger
from eshop_chassis.serving.http_connection import LimitedProtocol, Limits
from eshop_chassis.serving.http_guard import Guard
from protoc_gen_fastapi.runtime import JSON, Answer, Endpoint, crashed

log = get_logger(__name__)
Table = Mapping[tuple[bytes, bytes], Endpoint]
"""(verb, path as it stands in the request line) -> endpoint"""
_CONTENT_TYPE = b"content-type: " + JSON.encode() + b"\r\ncontent-length: "
_CLOSE = b"connection: close\r\n"


class DirectProtocol(LimitedProtocol):
    """One HTTP connection."""

    def __init__(self, *args: Any, direct: Table, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._direct = direct
        self._guard = guard

    def begin_request(self) -> None:
        found = self._guard.judge(self)
        if found is not None:
            self._begin_elsewhere(found)
            return
        endpoint = self._endpoint()
        if endpoint is None:
            self.begin_asgi()
        else:
            self.cycle = _DirectCycle(self, endpoint)  # pyright: ignore[reportAttributeAccessIssue] - has what uvicorn uses of it

    def on_body(self, body: bytes) -> None:
        if isinstance(self.cycle, _DirectCycle):
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if isinstance(self.cycle, _DirectCycle):
            self.message_completed()
            self.cycle.start()
        else:
            super().on_message_complete()

    def _begin_elsewhere(self, app: ASGIApp) -> None:
        """Lets another application answer: the request is refused, or needs headers of its own."""
        kept: Any = self.app
        self.app = cast("Any", app)
        try:
            self.begin_asgi()
        finally:
            self.app = kept

    def _endpoint(self) -> Endpoint | None:
        """The endpoint of a plain request; None where it must go the long way."""
        path, _, _ = self.url.partition(b"?")
        endpoint = self._direct.get((self.reading.get_method(), path))
        if endpoint is None or not self._is_plain(endpoint.max_body):
            return None
        return endpoint

    def _is_plain(self, max_body: int) -> bool:
        notes = self.notes
        if self.busy or b"transfer-encoding" in notes or b"expect" in notes or self.reading.should_upgrade():
            return False
        length = notes.get(b"content-length")
        return length is None or (length.isdigit() and len(length) < 16 and int(length) <= max_body)


class _DirectCycle:
    """One request and its answer. uvicorn's protocol asks a cycle for the attributes without an underscore."""

    def __init__(self, connection: DirectProtocol, endpoint: Endpoint) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._headers = connection.headers
        self._query = connection.url.partition(b"?")[2]
        self.keep_alive = connection.reading.get_http_version() != "1.0" and connection.reading.should_keep_alive()
        self.body = bytearray()
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS

    def start(self) -> None:
        """Answers; the body is there."""
        connection = self._connection
        task = connection.loop.create_task(self._run())
        connection.tasks.add(task)
        task.add_done_callback(connection.tasks.discard)

    async def _run(self) -> None:
        try:
            answer = await self._endpoint.answer(self._headers, self._query, bytes(self.body))
        except Exception as error:  # an endpoint answers errors itself: this one is a bug
            log.error("an endpoint failed", exc_info=error)
            answer = crashed()
        flow = self._connection.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if not self.disconnected:
            self._write(answer)

    def _write(self, answer: Answer) -> None:
        connection = self._connection
        head, closes = _HEADS.of(connection.server_state.default_headers)
        parts = [STATUS_LINE[answer.status], head]
        parts += [f"{name}: {value}\r\n".encode("latin-1") for name, value in answer.headers.items()]
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            parts.append(_CLOSE)
        parts += [_CONTENT_TYPE, b"%d\r\n\r\n" % len(answer.body), answer.body]
        connection.transport.write(b"".join(parts))
        self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()


class _Heads:
    """uvicorn's default headers as bytes. It makes the list anew every second, and a drain adds to it."""

    def __init__(self) -> None:
        self._list: list[tuple[bytes, bytes]] = []
        self._length = -1
        self._found = (b"", False)

    def of(self, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bool]:
        """The lines, and whether they say that the connection closes."""
        if headers is not self._list or len(headers) != self._length:
            self._list, self._length = headers, len(headers)
            self._found = (
                b"".join(name + b": " + value + b"\r\n" for name, value in headers),
                any(name.lower() == b"connection" and b"close" in value.lower() for name, value in headers),
            )
        return self._found


class _Nobody(asyncio.Event):
    """Replaces the event by which uvicorn wakes an application that waits for a body: this one has it already."""

    def set(self) -> None: ...


_HEADS = _Heads()
_NOBODY_WAITS = _Nobody()


def direct_protocol(direct: Table, guard: Guard, limits: Limits, config: Config, **kwargs: Any) -> DirectProtocol:
    """A connection's protocol, as uvicorn asks for one."""
    return DirectProtocol(config, direct=direct, guard=guard, limits=limits, **kwargs)
