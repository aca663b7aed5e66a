"""uvicorn beside gRPC in one process: it is given an open socket, and stops without breaking connections."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Generator
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from eshop_chassis.serving.http_connection import LimitedProtocol, Limits
from eshop_chassis.serving.http_guard import Guard
from eshop_chassis.serving.short_way import Table, direct_protocol
from eshop_chassis.settings import ServiceSettings, UnusableSettingError
from protoc_gen_fastapi.runtime import direct_endpoints

LAST_WORDS_SECONDS = 1.0
BACKLOG = 16_384
TICKS_PER_SECOND = 10
# Open files that a process needs beside its HTTP connections.
SPARE_FILES = 256
_CLOSE = (b"connection", b"close")


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the process and drains without dropping a request."""

    def __init__(self, app: FastAPI, settings: ServiceSettings | None = None, limits: Limits | None = None) -> None:
        settings = settings or ServiceSettings()
        limits = limits or Limits(connections=_most_connections(settings.http_connections))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=cast("Any", partial(direct_protocol, _table(app), Guard(settings, app), limits)),
            ws="none",
            server_header=False,
            backlog=BACKLOG,
        )
        super().__init__(config)
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """The process handles signals: by default uvicorn would raise them again and the exit code would be -15."""
        yield

    async def start(self, listener: socket.socket) -> None:
        """Starts to serve; returns once connections are accepted."""
        self._listener = listener
        self._serving = asyncio.create_task(self.serve(sockets=[listener]))
        while not self.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the HTTP server ended while it started")
            await asyncio.sleep(0.01)

    async def on_tick(self, counter: int) -> bool:
        """uvicorn calls it ten times a second."""
        if counter % TICKS_PER_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                cast("LimitedProtocol", connection).end_if_overdue(now)
        return await super().on_tick(counter)

    async def drain(self, seconds: float) -> None:
        """Stops within about `seconds`: takes no new connection, says `Connection: close` on every answer for a moment
        so that nobody sends on a connection that is about to go, then waits for the requests in flight.
        """
        end = time.monotonic() + seconds
        # Both: uvicorn rebuilds the first from the second every second, and requests in flight hold the first.
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers.append(_CLOSE)
        await self._stop_listening()
        last_words = min(end, time.monotonic() + LAST_WORDS_SECONDS)
        while self.server_state.connections and time.monotonic() < last_words:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.02)
        # asyncio takes fractions of a second, whatever the annotation says.
        self.config.timeout_graceful_shutdown = max(0.1, end - time.monotonic())  # pyright: ignore[reportAttributeAccessIssue]
        self.should_exit = True
        if self._serving is not None:
            await self._serving

    async def _stop_listening(self) -> None:
        """Closes the listener, after taking the connections that wait in it: closing it would reset those."""
        waiting: list[socket.socket] = []
        if self._listener is not None:
            with contextlib.suppress(OSError):  # BlockingIOError: none is left
                while True:
                    waiting.append(self._listener.accept()[0])
        for server in self.servers:
            server.close()
        for connection in waiting:
            with contextlib.suppress(OSError):  # it went away again
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        state, app_state = self.server_state, self.lifespan.state
        return self.config.http_protocol_class(config=self.config, server_state=state, app_state=app_state)  # pyright: ignore[reportCallIssue] - as uvicorn itself does


def _table(app: FastAPI) -> Table:
    return {(verb.encode(), path.encode()): endpoint for (verb, path), endpoint in direct_endpoints(app).items()}


def _most_connections(wanted: int) -> int:
    """As many as are configured, but no more than the process's limit on open files allows."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < wanted + SPARE_FILES and (most == resource.RLIM_INFINITY or most > files):
        files = wanted + SPARE_FILES if most == resource.RLIM_INFINITY else min(most, wanted + SPARE_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return max(1, min(wanted, files - SPARE_FILES))


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Opens a listening socket. Raises UnusableSettingError, which says what to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        problem = f"cannot listen on {host}:{port} ({error.strerror})"
        raise UnusableSettingError(f"{problem}; free the port or set {setting} to another one") from error
    listener.setblocking(False)
    return listener
