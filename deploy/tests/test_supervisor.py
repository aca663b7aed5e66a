"""The supervisor over two tiny processes, from plan to take-down."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from eshop_deploy import process, supervisor
from eshop_deploy.environment import write_env
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part
from eshop_deploy.plan import Plan, write_plan
from eshop_deploy.settings import read_settings
from eshop_deploy.status import PartStatus, StackStatus, read_status
from eshop_deploy.supervisor import Supervisor
from eshop_deploy.take_down import running, take_down

pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
    pytest.mark.usefixtures("left_behind"),
]

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def sleeper(name: str, *needs: str) -> Part:
    return Part(name=name, argv=SLEEP, host="127.0.0.1", ports={}, ready=lambda: None, needs=needs)


class Suite:
    """A stack whose parts the test decides."""

    def __init__(self, stack: StackDir) -> None:
        self.stack = stack
        self.parts = [sleeper("mysql"), sleeper("order", "mysql")]
        self._number = 0
        write_env(stack, read_settings({}))

    def plan(self) -> None:
        self._number += 1
        write_plan(self.stack, Plan("all", self._number, 0))

    def status(self) -> StackStatus:
        status = read_status(self.stack.status_file)
        return status or StackStatus("all", 0)

    def ready(self) -> bool:
        return self.status().ready and self.status().plan == self._number

    def part(self, name: str) -> PartStatus:
        return next(part for part in self.status().parts if part.name == name)


@pytest.fixture
def suite(stack: StackDir, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    made = Suite(stack)
    monkeypatch.setattr(supervisor, "parts_of", lambda *_: made.parts)
    made.plan()
    yield made
    take_down(stack)


async def supervised(suite: Suite, story: Callable[[Supervisor], None], then: Callable[[], bool]) -> None:
    """Runs a supervisor until the suite is ready, lets the story happen, and waits for what it leads to."""
    ended = asyncio.Event()
    works = Supervisor(suite.stack)
    task = asyncio.create_task(works.run(ended))
    async with asyncio.timeout(60):
        await until(suite.ready)
        story(works)
        await until(then)
    ended.set()
    await task


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is awaited happens in other processes
        await asyncio.sleep(0.02)


async def test_the_status_file_tells_when_everything_is_ready(suite: Suite) -> None:
    await supervised(suite, lambda _: None, suite.ready)
    assert {part.name for part in suite.status().parts} == {"mysql", "order"}
    assert all(part.pid for part in suite.status().parts)


async def test_a_supervisor_that_ends_leaves_its_parts_running(suite: Suite) -> None:
    await supervised(suite, lambda _: None, suite.ready)
    assert {record.name for record in running(suite.stack)} == {"mysql", "order"}


async def test_the_port_of_an_adopted_part_is_kept_for_it_when_it_dies(suite: Suite, free_port: int) -> None:
    listen = f"import socket, time; s = socket.create_server(('127.0.0.1', {free_port})); time.sleep(60)"
    there = replace(suite.parts[0], argv=(sys.executable, "-c", listen), ports={"mysql": free_port})
    suite.parts[0] = replace(there, ready=lambda: None if _listens(free_port) else "not yet")
    await supervised(suite, lambda _: None, suite.ready)
    suite.plan()

    def kill(_: Supervisor) -> None:
        pid = suite.part("mysql").pid or 0
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def is_kept() -> bool:
        return suite.part("mysql").state == "restarting" and not _is_free(free_port)

    await supervised(suite, kill, is_kept)


def _listens(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    """Whether a connection that goes out could have the port."""
    with socket.socket() as link:
        try:
            link.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def test_a_new_plan_restarts_what_it_changes_and_nothing_else(suite: Suite) -> None:
    before: dict[str, int | None] = {}

    def change(works: Supervisor) -> None:
        before.update({part.name: part.pid for part in suite.status().parts})
        suite.parts[1] = replace(suite.parts[1], env={"ESHOP_LOG_LEVEL": "debug"})
        suite.plan()
        works.reload()

    await supervised(suite, change, suite.ready)
    assert suite.part("mysql").pid == before["mysql"]
    assert suite.part("order").pid != before["order"]


async def test_a_plan_can_add_parts(suite: Suite) -> None:
    def add(works: Supervisor) -> None:
        suite.parts.append(sleeper("gw"))
        suite.plan()
        works.reload()

    await supervised(suite, add, suite.ready)
    assert suite.part("gw").state == "ready"


async def test_what_a_dead_supervisor_had_started_unnoted_is_stopped(suite: Suite) -> None:
    stray, child = process.start(suite.stack, sleeper("mysql"))
    suite.stack.record("mysql").unlink()
    await supervised(suite, lambda _: None, suite.ready)
    child.wait()
    assert suite.part("mysql").pid != stray.pid


async def test_down_works_without_a_supervisor_and_stops_the_services_first(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    await supervised(suite, lambda _: None, suite.ready)
    capsys.readouterr()
    assert take_down(suite.stack)
    told = capsys.readouterr().out
    assert told.index("Stopping order") < told.index("Stopping mysql")
    assert running(suite.stack) == []
    assert not take_down(suite.stack)
