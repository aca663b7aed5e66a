"""`run()`: one process, one event loop, gRPC and HTTP, from settings to a graceful stop."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NoReturn, TypeVar

import uvloop
from pydantic import ValidationError

from eshop_chassis import crash_points
from eshop_chassis.hooks import ChassisHooks
from eshop_chassis.logs import get_logger, set_up_logs
from eshop_chassis.metrics import READY
from eshop_chassis.process.background import Background
from eshop_chassis.process.workers import run_workers
from eshop_chassis.readiness import MissingError, Readiness, describe
from eshop_chassis.serving.grpc_server import GrpcServer
from eshop_chassis.serving.http_app import build_app
from eshop_chassis.serving.http_server import HttpServer, listen
from eshop_chassis.serving.service import Service
from eshop_chassis.settings import MySQLSettings, ServiceSettings, UnusableSettingError
from eshop_chassis.vocabulary import Vocabulary

if TYPE_CHECKING:
    from eshop_chassis.mysql import Tables

S = TypeVar("S", bound=ServiceSettings)
OpenService = Callable[[S, ChassisHooks], AbstractAsyncContextManager[Service]]
log = get_logger(__name__)
# gRPC messages bear less around their content than JSON does, but batches travel in them.
GRPC_TO_HTTP_SIZE = 4
# timeout(1), a terminal and its shell: many tell a process and then its whole group, which is one wish said twice.
SAME_SIGNAL_SECONDS = 0.5


def run(
    name: str,
    settings_type: type[S],
    open_service: OpenService[S],
    vocabulary: Vocabulary | None = None,
    tables: "Tables | None" = None,
) -> NoReturn:
    """Serves until SIGTERM or SIGINT, then drains and exits with 0. Bad settings end the process with one line.

    `vocabulary` has the codes and the texts of the suite's errors. With the argument `migrate` it brings the tables to
    this release instead, and exits with 0 or says why not.
    """
    try:
        settings = load_settings(settings_type)
        set_up_logs(name, settings.log_level, settings.log_format)
        if sys.argv[1:] == ["migrate"]:
            sys.exit(_migrate(name, settings, tables))
        crash_points.switch_on(name, settings.crash_points)
        listener = _open_ports(name, settings)
        code = 0
        if (workers := _workers(settings)) > 1:
            code = run_workers(workers, lambda: _work(name, settings, open_service, listener, vocabulary))
        else:
            _work(name, settings, open_service, listener, vocabulary)
    except UnusableSettingError as problem:
        sys.exit(f"{name} cannot start: {problem}")
    sys.exit(code)


def _migrate(name: str, settings: ServiceSettings, tables: "Tables | None") -> str | int:
    """The exit code, or what went wrong."""
    if tables is None or not isinstance(settings, MySQLSettings):
        return f"{name} has no tables to migrate"
    # Not at the top: a process without a database loads no SQLAlchemy.
    from sqlalchemy.exc import SQLAlchemyError

    from eshop_chassis.mysql import migrate

    try:
        asyncio.run(migrate(settings, *tables))
    except (MissingError, SQLAlchemyError, OSError) as error:
        return f"{name} could not migrate: {describe(error)}"
    return 0


def _work(
    name: str,
    settings: S,
    open_service: OpenService[S],
    listener: socket.socket,
    vocabulary: Vocabulary | None,
) -> int:
    """Serves in this process until it is told to stop; returns its exit code."""
    loop_factory = uvloop.new_event_loop if settings.event_loop == "uvloop" else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(name, settings, ChassisHooks(settings, vocabulary), open_service, listener))
    return 0


def _workers(settings: ServiceSettings) -> int:
    """How many processes serve. Only services that keep nothing to themselves have such a setting."""
    return int(getattr(settings, "workers", 1))


def load_settings(settings_type: type[S]) -> S:
    """Reads the settings from the environment. Raises UnusableSettingError naming each variable that is wrong."""
    try:
        return settings_type()
    except ValidationError as error:
        raise UnusableSettingError("; ".join(_problem(e["loc"], e["msg"]) for e in error.errors())) from None


def _problem(location: Sequence[int | str], message: str) -> str:
    message = message.removeprefix("Value error, ")
    name = "_".join(str(part) for part in location).upper()
    if not name:
        return message
    return f"{name if name.startswith('ESHOP_') else 'ESHOP_' + name}: {message}"


def _open_ports(name: str, settings: ServiceSettings) -> socket.socket:
    """The HTTP port. gRPC opens its own later, and would say only in a log of its own why it can't."""
    prefix = f"ESHOP_{name.upper()}"
    if _workers(settings) > 1 and not settings.grpc_port:
        raise UnusableSettingError(f"{prefix}_GRPC_PORT: several workers need a port that they can share")
    listener = listen(settings.host, settings.http_port, f"{prefix}_HTTP_PORT")
    if settings.grpc_port:
        listen(settings.host, settings.grpc_port, f"{prefix}_GRPC_PORT").close()
    return listener


async def _serve(
    name: str, settings: S, hooks: ChassisHooks, open_service: OpenService[S], listener: socket.socket
) -> None:
    stop = _stop_signal()
    async with open_service(settings, hooks) as service:
        process = _Process(name, settings, hooks, service)
        await process.start(listener)
        _spare_collections()
        await stop.wait()
        await process.drain()
    log.info("stopped")


def _spare_collections() -> None:
    """Leaves what was made while starting out of garbage collections, and makes those rarer.

    Modules, classes and protos are over 100,000 objects that stay for ever. Looking through them again and again took
    40 % of the gateway's time under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. A later one does not wait for anything any more."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    first = loop.time()

    def on_signal(number: int) -> None:
        nonlocal first
        if not stop.is_set():
            first = loop.time()
            stop.set()
        elif loop.time() - first > SAME_SIGNAL_SECONDS:
            log.warning("stopped at once; what was in flight is cut off")
            os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


class _Process:
    """The servers and tasks of one running service."""

    def __init__(self, name: str, settings: ServiceSettings, hooks: ChassisHooks, service: Service) -> None:
        self._settings = settings
        self._background = Background(service.tasks)
        self._readiness = Readiness(service.checks, self._on_change, service.duties)
        max_bytes = settings.max_body_bytes * GRPC_TO_HTTP_SIZE
        self._grpc = GrpcServer(
            service.apis, max_bytes, settings.grpc_connection_seconds, shares_port=_workers(settings) > 1
        )
        app = build_app(name, [api.router for api in service.apis], hooks, self._readiness)
        self._http = HttpServer(app, settings)
        self._watching: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        """Opens both ports; from then on the process says how it is, ready or not."""
        settings = self._settings
        grpc_port = await self._grpc.start(settings.host, settings.grpc_port)
        await self._http.start(listener)
        log.info("listening", host=settings.host, http=listener.getsockname()[1], grpc=grpc_port)
        self._watching = asyncio.create_task(self._readiness.watch())

    async def drain(self) -> None:
        """Not ready any more; ends the background tasks and the requests in flight, within drain_seconds or so."""
        log.info("draining")
        self._readiness.drain()
        await self._on_change(False)
        if self._watching is not None:
            self._watching.cancel()
        limit = self._settings.drain_seconds
        await asyncio.gather(self._background.stop(limit), self._http.drain(limit), self._grpc.drain(limit))

    async def _on_change(self, ready: bool) -> None:
        READY.set(1 if ready else 0)
        await self._grpc.tell_health(ready)
        if ready:
            self._background.start()
