"""Processes of the trial service: started, asked, stopped, and what they logged."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx

from eshop_protos.stock.v1 import stock_pb2 as pb
from eshop_protos.types import types_pb2

HERE = Path(__file__).parent.parent
# For a process that starts, or a call that is answered, while others use the CPU.
PATIENCE_SECONDS = 120.0


class Trial:
    """One running process. `logged` has its log lines as they come, those that aren't JSON as {"text": ...}."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.logged: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            text = line.decode().rstrip("\n")
            self.logged.append(json.loads(text) if text.startswith("{") else {"text": text})

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.logged if line.get("event") == event]

    async def wait_for(self, event: str, number: int = 1) -> dict[str, Any]:
        """The `number`th line with this event."""
        await until(lambda: len(self.events(event)) >= number, lambda: f"{event!r} among {self.logged}")
        return self.events(event)[number - 1]

    async def addresses(self) -> tuple[str, str]:
        """(HTTP base URL, gRPC address)"""
        told = await self.wait_for("listening")
        return f"http://127.0.0.1:{told['http']}", f"127.0.0.1:{told['grpc']}"

    def signal(self, number: int = signal.SIGTERM) -> float:
        """Sends a signal; returns when."""
        self.process.send_signal(number)
        return time.monotonic()

    async def ended(self) -> int:
        """Its exit code, once it has ended and all is read."""
        code = await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)
        await self._reading
        return code


@asynccontextmanager
async def trial(**environment: object) -> AsyncGenerator[Trial]:
    """Starts the trial service on free ports. Names get their ESHOP_, so `drain_seconds=1` sets ESHOP_DRAIN_SECONDS."""
    told = {f"ESHOP_{name.upper()}": str(value) for name, value in environment.items()}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ESHOP_")}
    path = [entry for entry in [os.environ.get("PYTHONPATH")] if entry]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chassis_trial.program",
        env={**kept, "PYTHONPATH": os.pathsep.join([*path, str(HERE)]), **told},
        stderr=asyncio.subprocess.PIPE,
    )
    running = Trial(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.ended()


async def until(holds: Callable[[], bool], what: Callable[[], str] = lambda: "a condition") -> None:
    """Waits for something that takes a moment."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what()}"
        await asyncio.sleep(0.02)


async def http_list(client: httpx.AsyncClient, ms: int = 0) -> httpx.Response:
    """One request that takes `ms` milliseconds."""
    return await client.post("/api/v1/stock/list", json={"params": {"page": ms, "limit": 1}}, timeout=PATIENCE_SECONDS)


async def grpc_list(channel: grpc.aio.Channel, ms: int = 0) -> pb.ListStockReply:
    """One call that takes `ms` milliseconds."""
    stub = channel.unary_unary(
        "/api.stock.v1.stock/List",
        request_serializer=pb.ListStockRequest.SerializeToString,
        response_deserializer=pb.ListStockReply.FromString,
    )
    return await stub(pb.ListStockRequest(params=types_pb2.Params(page=ms, limit=1)), timeout=PATIENCE_SECONDS)
