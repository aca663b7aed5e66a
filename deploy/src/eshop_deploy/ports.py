"""Ports that are taken: by whom, and which setting moves ours out of the way; and how ours are kept for us."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Collection, Generator, Iterable
from typing import cast

import psutil

from eshop_deploy.failures import BadSetting, PortTaken
from eshop_deploy.part import Part
from eshop_deploy.process import MARK
from eshop_deploy.settings import Settings, variable

# An outgoing connection that has ended keeps its port for a minute (TIME_WAIT), and a server can't have it meanwhile.
LINGER_SECONDS = 65.0


def require_free(parts: Iterable[Part], own: Collection[int] = ()) -> None:
    """Raises PortTaken for the first port of these parts that another process holds; `own` are held by us.

    Waits for ports that nobody listens on: they will be free by themselves.
    """
    for part in parts:
        for name, port in part.ports.items():
            if port not in own and not _free_soon(part.host, port):
                raise PortTaken(*clash(name, port, part.name, holder(port)))


def _free_soon(host: str, port: int) -> bool:
    end = time.monotonic() + LINGER_SECONDS
    while not is_free(host, port):
        if _listeners(port, (host, "0.0.0.0", "::")) or time.monotonic() > end:  # noqa: S104 - compared, not bound
            return False
        time.sleep(0.2)
    return True


def require_distinct(settings: Settings) -> None:
    seen: dict[int, str] = {}
    for name, port in settings.ports.items():
        if (other := seen.setdefault(port, name)) != name:
            raise BadSetting(f"{variable(other)} and {variable(name)} are both {port}", "Change one of them in .env")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen here. SO_REUSEADDR, as servers set it, ignores their own old connections."""
    with _reusing_socket() as trial:
        try:
            trial.bind((host, port))
        except OSError as error:
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


class Reservations:
    """Ports bound and not listened on.

    DTM's ports lie where the kernel takes ports for outgoing connections from, and one of those in the wrong place
    would keep DTM from coming back. The kernel passes over bound ports; a server with SO_REUSEADDR may still listen.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], socket.socket] = {}

    def add(self, host: str, port: int) -> None:
        """Does nothing when the port is listened on already, by an adopted part or by somebody else."""
        if (host, port) in self._held:
            return
        holding = _reusing_socket()
        try:
            holding.bind((host, port))
        except OSError:
            holding.close()
        else:
            self._held[host, port] = holding

    def release(self) -> None:
        for holding in self._held.values():
            holding.close()
        self._held.clear()


@contextlib.contextmanager
def reserved(settings: Settings) -> Generator[None]:
    """Holds all ports of these settings for servers that start, die and start again meanwhile.

    Waits for those that an outgoing connection has. Raises PortTaken for one that is listened on.
    """
    held = Reservations()
    try:
        for name, port in settings.ports.items():
            if not _free_soon(settings.host, port):
                raise PortTaken(*clash(name, port, "the suite", holder(port)))
            held.add(settings.host, port)
        yield
    finally:
        held.release()


def _reusing_socket() -> socket.socket:
    fresh = socket.socket()
    fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return fresh


def _listeners(port: int, hosts: Collection[str] = ()) -> list[int | None]:
    """The pids that listen on a port, of these addresses or of any; None for those that this user may not see."""
    links = [link for link in psutil.net_connections(kind="tcp") if link.status == psutil.CONN_LISTEN and link.laddr]
    return [link.pid for link in links if _is_at(cast("tuple[str, int]", link.laddr), port, hosts)]


def _is_at(address: tuple[str, int], port: int, hosts: Collection[str]) -> bool:
    return address[1] == port and (not hosts or address[0] in hosts)


def holder(port: int) -> str:
    """The process that listens on a port, as far as this user may see it."""
    with contextlib.suppress(psutil.Error):
        for pid in _listeners(port):
            if pid:
                return _named(psutil.Process(pid))
    return "a process that this user can't see"


def _named(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        stack, _, part = process.environ().get(MARK, "").rpartition(":")
        if part:
            return f"{part} of another stack (pid {process.pid}, {stack})"
    return f"{process.name()} (pid {process.pid})"


def clash(name: str, port: int, part: str, who: str) -> tuple[str, str]:
    """The fact and the fix for a taken port."""
    fact = f"Port {port}, which {part} needs, is held by {who}"
    return fact, f"Stop that process, or set {variable(name)} in .env, or give --port-offset 1100 to move every port"
