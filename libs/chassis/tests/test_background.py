"""Background tasks: started once, started again when they fail, and ended before anything is closed."""

import asyncio

import pytest
import structlog

from eshop_chassis.process import background
from eshop_chassis.process.background import Background


@pytest.fixture
def told():
    with structlog.testing.capture_logs() as logs:
        yield logs


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(background, "PAUSE_SECONDS", 0.001)


async def test_a_task_that_fails_starts_again_and_the_failure_is_told(told):
    starts, running = [], asyncio.Event()

    async def fails_twice() -> None:
        starts.append(1)
        if len(starts) == 1:
            raise RuntimeError("not today")
        if len(starts) == 2:
            raise asyncio.CancelledError  # a call that it made was cancelled; nobody cancelled the task
        running.set()
        await asyncio.sleep(3600)

    beside = Background([fails_twice])
    beside.start()
    await asyncio.wait_for(running.wait(), 5)
    await beside.stop(1)
    assert len(starts) == 3
    assert [line["event"] for line in told] == [
        "a background task failed and starts again",
        "a background task was cancelled from within and starts again",
    ]
    assert "fails_twice" in told[0]["task"]


async def test_stopping_waits_until_a_task_has_tidied_up():
    begun, tidied = asyncio.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            tidied.append(1)

    beside = Background([work, work])
    beside.start()
    beside.start()
    await begun.wait()
    await beside.stop(1)
    assert len(tidied) == 2


async def test_stopping_does_not_wait_for_ever(told):
    begun, free = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await free.wait()

    beside = Background([stubborn])
    beside.start()
    await begun.wait()
    await asyncio.wait_for(beside.stop(0.05), 1)
    assert [line["event"] for line in told] == ["background tasks did not end in time"]
    free.set()
    await asyncio.sleep(0)


async def test_a_task_that_returns_has_ended_and_nothing_starts_after_the_stop():
    runs = []

    async def once() -> None:
        runs.append(1)

    beside = Background([once])
    beside.start()
    await asyncio.sleep(0.02)
    await beside.stop(1)
    late = Background([once])
    await late.stop(1)
    late.start()
    await asyncio.sleep(0.02)
    assert len(runs) == 1
