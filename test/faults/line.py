"""TCP lines in front of the parts that services and DTM talk to, so that replies can be lost and calls delayed.

A line listens on 127.0.0.2 at the port that its part has on 127.0.0.1; the stack is started with those addresses.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import psutil

HOST = "127.0.0.2"


class _Wire:
    """One connection through a line."""

    def __init__(self, client: asyncio.StreamWriter, part: asyncio.StreamWriter) -> None:
        self.client_port: int = client.get_extra_info("peername")[1]
        self.asking, self.answering = asyncio.Event(), asyncio.Event()
        self._ends = (client, part)
        self.flow()

    def flow(self) -> None:
        self.asking.set()
        self.answering.set()

    def cut(self) -> None:
        for end in self._ends:
            end.transport.abort()


class Line:
    """Forwards connections, until told otherwise. What is held is forwarded later, even when its caller has gone."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._target = ("127.0.0.1", port)
        self._server: asyncio.Server | None = None
        self._wires: set[_Wire] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def close(self) -> None:
        """Refuses connections, and cuts those there are."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for wire in self._wires:
            wire.flow()
        if self._serving:
            await asyncio.wait(self._serving)

    def lead_to(self, port: int) -> None:
        """Leads to another port of 127.0.0.1 from now on; cuts the connections there are."""
        self._target = ("127.0.0.1", port)
        self.cut()

    def cut(self, of: int | None = None) -> int:
        """Cuts the connections there are, or those of the process `of`; returns how many."""
        wires = self._chosen(of)
        for wire in wires:
            wire.cut()
        return len(wires)

    def hold(self, of: int | None = None) -> None:
        """Lets nothing through on the connections there are."""
        self._stop(of, lambda wire: [wire.asking, wire.answering])

    def hold_replies(self, of: int | None = None) -> None:
        """Lets no reply back on the connections there are."""
        self._stop(of, lambda wire: [wire.answering])

    def flow(self) -> None:
        for wire in self._wires:
            wire.flow()

    def _stop(self, of: int | None, events: Callable[[_Wire], Sequence[asyncio.Event]]) -> None:
        for wire in self._chosen(of):
            for event in events(wire):
                event.clear()

    def _chosen(self, of: int | None) -> list[_Wire]:
        if of is None:
            return list(self._wires)
        ports = {c.laddr.port for c in psutil.Process(of).net_connections("tcp") if c.laddr}
        return [wire for wire in self._wires if wire.client_port in ports]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        wire = _Wire(writer, there[1])
        self._wires.add(wire)
        pumps = {
            asyncio.create_task(_pump(reader, there[1], wire.asking)),
            asyncio.create_task(_pump(there[0], writer, wire.answering)),
        }
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        wire.cut()
        wire.flow()
        await asyncio.wait(pumps)
        self._wires.discard(wire)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            await allowed.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def open_lines(ports: dict[str, int]) -> AsyncGenerator[dict[str, Line]]:
    """Opens a line for each named port."""
    lines = {name: Line(port) for name, port in ports.items()}
    for line in lines.values():
        await line.open()
    try:
        yield lines
    finally:
        for line in lines.values():
            await line.close()
