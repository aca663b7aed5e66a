"""The daemon of a stack: one keeper for each part, a status file, and nothing else.

It is told what to run by the stack's plan and env files and reads them again at SIGHUP. SIGTERM ends it and
leaves the parts running: taking them down in order is take_down.py's, with or without a live supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import sys
from pathlib import Path

from eshop_deploy import process
from eshop_deploy.environment import saved_settings
from eshop_deploy.keeper import Keeper
from eshop_deploy.layout import StackDir, code_version
from eshop_deploy.part import Part
from eshop_deploy.parts import Goal, parts_of
from eshop_deploy.plan import read_plan
from eshop_deploy.ports import Reservations
from eshop_deploy.status import StackStatus, write_status


class Supervisor:
    """Holds the keepers of one stack and writes what they say."""

    def __init__(self, stack: StackDir) -> None:
        self._stack = stack
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reserved = Reservations()
        self._goal: Goal = "all"
        self._plan = 0

    async def run(self, ended: asyncio.Event) -> None:
        self._stop_strays()
        self.reload()
        await ended.wait()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._reserved.release()

    def reload(self) -> None:
        """Takes up the plan: new parts get a keeper, changed ones a new one, which restarts the process."""
        plan = read_plan(self._stack)
        self._goal, self._plan = plan.goal, plan.number
        parts = parts_of(self._stack, saved_settings(self._stack), self._goal)
        for part in parts:
            known = self._keepers.get(part.name)
            if known is None or known.part.fingerprint != part.fingerprint:
                self._replace(part)
        self._changed()

    def _replace(self, part: Part) -> None:
        if (old := self._tasks.pop(part.name, None)) is not None:
            old.cancel()
        keeper = self._keepers[part.name] = Keeper(self._stack, part, self._changed)
        needs = [self._keepers[name] for name in part.needs]
        self._tasks[part.name] = asyncio.create_task(keeper.keep(needs))

    def _stop_strays(self) -> None:
        """What a supervisor started and could not note before it died is stopped, not met as a taken port."""
        for stray in process.strays(self._stack):
            known = process.read_record(self._stack.record(stray.name))
            if stray.name != "supervisor" and (known is None or known.pid != stray.pid):
                process.stop(stray, 10)

    def _reserve(self) -> None:
        """Keeps the ports of all parts from outgoing connections; those of an adopted part once it has died."""
        for keeper in self._keepers.values():
            for port in keeper.part.ports.values():
                self._reserved.add(keeper.part.host, port)

    def _changed(self) -> None:
        """A part has another state, or there are other parts."""
        self._reserve()
        statuses = [keeper.status for keeper in self._keepers.values()]
        write_status(self._stack.status_file, StackStatus(self._goal, self._plan, statuses))


async def _main(stack: StackDir) -> None:
    ended = asyncio.Event()
    supervisor = Supervisor(stack)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.reload)
    process.write_record(stack.supervisor_record, process.own_record("supervisor", code_version()))
    await supervisor.run(ended)


def main() -> None:
    stack = StackDir(Path(sys.argv[1]))
    with (stack.path / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one for each stack, freed by the kernel at any death
        except BlockingIOError:
            return
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_main(stack))


if __name__ == "__main__":
    main()
