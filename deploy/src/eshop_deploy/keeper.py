"""Keeps one part alive: waits for what it needs, starts or adopts it, watches it, starts it when it dies."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eshop_deploy import process
from eshop_deploy.backoff import BackOff
from eshop_deploy.failures import BringUpError
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part, State
from eshop_deploy.ports import require_free
from eshop_deploy.process import Record
from eshop_deploy.status import PartStatus
from eshop_deploy.tools.running import last_line

TICK_SECONDS = 0.2
WATCH_SECONDS = 0.5


@dataclass
class _Life:
    """One process from its start, or from when it was found running, to its end."""

    record: Record
    child: subprocess.Popen[bytes] | None

    def over(self) -> bool:
        """poll() also clears away the child that has ended; an adopted process is not ours to wait for."""
        return self.child.poll() is not None if self.child else not self.record.alive()

    def how(self) -> str:
        code = self.child.returncode if self.child else None
        if code is None:
            return "died"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


class Keeper:
    """The state of one part, and the loop that moves it."""

    def __init__(self, stack: StackDir, part: Part, changed: Callable[[], None]) -> None:
        self._stack = stack
        self.part = part
        self._changed = changed
        self._back_off = BackOff()
        self.status = PartStatus(part.name, "waiting", part.ports)

    @property
    def ready(self) -> bool:
        return self.status.state == "ready"

    def _say(self, state: State, **more: Any) -> None:
        self.status = replace(self.status, state=state, **more)
        self._changed()

    async def keep(self, needs: list[Keeper]) -> None:
        """Runs until cancelled; cancelling leaves the process alone."""
        while True:
            began = time.monotonic()
            try:
                why = await self._live(needs)
            except (BringUpError, OSError) as error:
                why = str(error)
            pause = self._back_off.after_life_of(time.monotonic() - began)
            failures = self.status.failures + 1
            again = f"{why}; starting again in {pause:.0f} s"
            self._say("restarting", pid=None, detail=again, failures=failures, restarts=self.status.restarts + 1)
            await asyncio.sleep(pause)

    async def _live(self, needs: list[Keeper]) -> str:
        """One life of the part; returns how it ended."""
        life = await self._adopt()
        if life is None:
            await self._wait_for(needs)
            life = await self._start()
        self._say("starting", pid=life.record.pid)
        why = await self._until_ready(life)
        if why is None:
            self._say("ready", detail="", failures=0)
            while not life.over():  # noqa: ASYNC110 - no event tells of the end of an adopted process
                await asyncio.sleep(WATCH_SECONDS)
            why = f"{self.part.name} {life.how()}"
        return why

    async def _adopt(self) -> _Life | None:
        """A process of ours that still runs is kept, unless it was started with other settings."""
        record = process.read_record(self._stack.record(self.part.name))
        if record is None:
            return None
        if record.fingerprint == self.part.fingerprint:
            return _Life(record, None)
        await asyncio.to_thread(process.stop, record, self.part.stop_seconds)
        return None

    async def _wait_for(self, needs: list[Keeper]) -> None:
        while missing := [other.part.name for other in needs if not other.ready]:
            if self.status.detail != (waits := f"waits for {', '.join(missing)}") or self.status.state != "waiting":
                self._say("waiting", detail=waits)
            await asyncio.sleep(TICK_SECONDS)

    async def _start(self) -> _Life:
        self._say("preparing", detail="")
        await asyncio.to_thread(require_free, [self.part])
        await asyncio.to_thread(self.part.prepare)
        record, child = process.start(self._stack, self.part)
        return _Life(record, child)

    async def _until_ready(self, life: _Life) -> str | None:
        """None when ready; otherwise what is wrong with a process that is gone or was given up."""
        end = time.monotonic() + self.part.start_seconds
        missing: str | None = ""
        while not life.over() and time.monotonic() < end:
            missing = await asyncio.to_thread(self.part.ready)
            if missing is None:
                return await self._settle(life)
            if missing != self.status.detail:
                self._say("starting", detail=missing)
            await asyncio.sleep(TICK_SECONDS)
        if life.over():
            return f"{self.part.name} {life.how()}: {last_line(self._stack.log(self.part.name))}"
        await asyncio.to_thread(process.stop, life.record, self.part.stop_seconds)
        return f"{self.part.name} was not ready after {self.part.start_seconds:.0f} s: {missing}"

    async def _settle(self, life: _Life) -> str | None:
        try:
            await asyncio.to_thread(self.part.settle)
        except Exception as error:  # whatever a client library raises, the part is not ready
            await asyncio.to_thread(process.stop, life.record, self.part.stop_seconds)
            return f"{self.part.name} could not be set up: {error}"
        return None
