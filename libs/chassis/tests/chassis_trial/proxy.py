"""A proxy in front of a part, so that a test can take the part away, freeze it and bring it back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Forwards from `port` to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._asking, self._answering = asyncio.Event(), asyncio.Event()
        self.thaw()
        self.connections = 0
        self.port = 0

    async def come(self) -> None:
        """Accepts connections, on the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go(self) -> None:
        """Refuses connections, and cuts those there are."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cuts the connections there are."""
        for writer in list(self._writers):
            writer.transport.abort()

    def freeze(self) -> None:
        """Forwards nothing any more; accepts connections all the same."""
        self._asking.clear()
        self._answering.clear()

    def hold_replies(self) -> None:
        """Lets requests through, and no reply back."""
        self._answering.clear()

    def thaw(self) -> None:
        self._asking.set()
        self._answering.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await self._asking.wait()
        there = await asyncio.open_connection(*self._target)
        pumps = [
            asyncio.create_task(self._pump(reader, there[1], self._asking)),
            asyncio.create_task(self._pump(there[0], writer, self._answering)),
        ]
        self._pumps |= set(pumps)
        self._writers |= {writer, there[1]}
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there[1]):
            end.transport.abort()
            self._writers.discard(end)
        await asyncio.wait(pumps)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open_: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await open_.wait()
                writer.write(data)
                await writer.drain()

    async def close(self) -> None:
        self.thaw()
        await self.go()
        if self._pumps:
            await asyncio.wait(self._pumps)
        await asyncio.sleep(0)


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncGenerator[Proxy]:
    proxy = Proxy(host, port)
    await proxy.come()
    try:
        yield proxy
    finally:
        await proxy.close()
