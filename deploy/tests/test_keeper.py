"""The keeper with tiny processes: a part is "ready" once its process has written a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eshop_deploy import backoff, keeper
from eshop_deploy.keeper import Keeper
from eshop_deploy.layout import StackDir
from eshop_deploy.part import Part

pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
    pytest.mark.usefixtures("left_behind"),
]

WRITES = "import sys, time; open(sys.argv[1], 'a').write('.'); time.sleep(60)"


def written(path: Path) -> Callable[[], str | None]:
    return lambda: None if path.exists() else "no file yet"


def writer(stack: StackDir, name: str = "trial") -> Part:
    file = stack.path / f"{name}.ready"
    return Part(
        name=name,
        argv=(sys.executable, "-c", WRITES, str(file)),
        host="127.0.0.1",
        ports={},
        ready=written(file),
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(keeper, "WATCH_SECONDS", 0.01)


@contextlib.asynccontextmanager
async def keeping(stack: StackDir, part: Part, *needs: Keeper) -> AsyncGenerator[Keeper]:
    """A keeper at work; its process is killed at the end."""
    kept = Keeper(stack, part, lambda: None)
    task = asyncio.create_task(kept.keep(list(needs)))
    try:
        yield kept
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is awaited happens in other processes
            await asyncio.sleep(0.01)


async def test_a_part_is_ready_once_its_probe_says_so(stack: StackDir) -> None:
    async with keeping(stack, writer(stack)) as kept:
        await until(lambda: kept.ready)
        assert kept.status.pid is not None
        assert kept.status.restarts == 0


async def test_a_part_that_is_killed_is_started_again(stack: StackDir) -> None:
    async with keeping(stack, writer(stack)) as kept:
        await until(lambda: kept.ready)
        first = kept.status.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: kept.ready and kept.status.pid != first)
        assert kept.status.restarts == 1


async def test_a_part_waits_for_what_it_needs(stack: StackDir) -> None:
    store = Keeper(stack, writer(stack, "store"), lambda: None)
    async with keeping(stack, writer(stack), store) as kept:
        await until(lambda: kept.status.detail == "waits for store")
        assert kept.status.pid is None
        task = asyncio.create_task(store.keep([]))
        await until(lambda: kept.ready)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_process_that_outlived_its_supervisor_is_adopted(stack: StackDir) -> None:
    async with keeping(stack, writer(stack)) as first:
        await until(lambda: first.ready)
    async with keeping(stack, writer(stack)) as second:
        await until(lambda: second.ready)
        assert second.status.pid == first.status.pid


async def test_an_adopted_process_that_dies_is_started_again(stack: StackDir) -> None:
    async with keeping(stack, writer(stack)) as first:
        await until(lambda: first.ready)
    async with keeping(stack, writer(stack)) as second:
        await until(lambda: second.ready)
        assert first.status.pid is not None
        os.kill(first.status.pid, signal.SIGKILL)
        await until(lambda: second.ready and second.status.pid != first.status.pid)


async def test_a_running_part_with_other_settings_is_started_anew(stack: StackDir) -> None:
    async with keeping(stack, writer(stack)) as first:
        await until(lambda: first.ready)
    async with keeping(stack, replace(writer(stack), env={"ESHOP_LOG_LEVEL": "debug"})) as second:
        await until(lambda: second.ready)
        assert second.status.pid != first.status.pid


async def test_a_part_that_ends_at_once_says_what_it_said_last(stack: StackDir) -> None:
    broken = replace(writer(stack), argv=(sys.executable, "-c", "import sys; sys.exit('no such database')"))
    async with keeping(stack, broken) as kept:
        await until(lambda: kept.status.failures >= 2)
        assert "ended with exit code 1: no such database" in kept.status.detail


async def test_a_part_whose_port_is_taken_names_the_holder(stack: StackDir) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        async with keeping(stack, replace(writer(stack), ports={"mysql": port})) as kept:
            await until(lambda: kept.status.failures >= 1)
            assert f"Port {port}, which trial needs, is held by" in kept.status.detail


async def test_a_part_that_never_gets_ready_is_given_up_with_the_reason(stack: StackDir) -> None:
    mute = replace(writer(stack), ready=lambda: "it is loading", start_seconds=0.2)
    async with keeping(stack, mute) as kept:
        await until(lambda: kept.status.failures >= 1)
        assert "not ready after 0 s: it is loading" in kept.status.detail


async def test_a_part_is_not_ready_before_it_is_settled(stack: StackDir) -> None:
    def settle() -> None:
        raise OSError("the topic could not be made")

    async with keeping(stack, replace(writer(stack), settle=settle)) as kept:
        await until(lambda: kept.status.failures >= 1)
        assert "could not be set up: the topic could not be made" in kept.status.detail
