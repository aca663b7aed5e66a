"""Readiness: what is missing is told when it changes, not at every try."""

import asyncio

import pytest
import structlog
from chassis_trial.processes import until

from eshop_chassis import readiness
from eshop_chassis.readiness import MissingError, Readiness, describe


class Part:
    """A part that can be taken away."""

    def __init__(self) -> None:
        self.problem: BaseException | None = None
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def told():
    with structlog.testing.capture_logs() as logs:
        yield logs


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(readiness, "RETRY_SECONDS", 0.002)
    monkeypatch.setattr(readiness, "WATCH_SECONDS", 0.002)


async def rounds(part: Part, number: int = 5) -> None:
    last = part.asked + number
    await until(lambda: part.asked >= last)


async def test_each_change_is_told_once_however_often_it_is_asked(told):
    mysql, changes = Part(), []

    async def on_change(ready: bool) -> None:
        changes.append(ready)

    mysql.problem = ConnectionRefusedError("refused")
    state = Readiness({"MySQL": mysql.check}, on_change)
    assert not state.ready
    watching = asyncio.create_task(state.watch())
    await rounds(mysql)
    mysql.problem = ConnectionRefusedError("refused in other words")
    await rounds(mysql)
    assert (state.ready, state.missing) == (False, {"MySQL": "refused in other words"})
    mysql.problem = None
    await rounds(mysql)
    assert state.ready
    mysql.problem = TimeoutError()
    await rounds(mysql)
    watching.cancel()
    assert changes == [False, True, False]
    assert [(line["event"], line.get("missing")) for line in told] == [
        ("not ready, keeps trying", {"MySQL": "refused"}),
        ("ready", None),
        ("not ready, keeps trying", {"MySQL": "no answer within 3 s"}),
    ]


async def test_another_missing_part_is_a_change_but_not_a_change_of_readiness(told):
    mysql, kafka, changes = Part(), Part(), []

    async def on_change(ready: bool) -> None:
        changes.append(ready)

    mysql.problem = MissingError("m")
    state = Readiness({"MySQL": mysql.check, "Kafka": kafka.check}, on_change)
    watching = asyncio.create_task(state.watch())
    await rounds(mysql)
    kafka.problem = MissingError("k")
    await rounds(mysql)
    watching.cancel()
    assert changes == [False]
    assert [line["missing"] for line in told] == [{"MySQL": "m"}, {"MySQL": "m", "Kafka": "k"}]


async def test_a_check_that_hangs_is_a_missing_part(monkeypatch, told):
    monkeypatch.setattr(readiness, "CHECK_LIMIT", 0.01)

    async def on_change(ready: bool) -> None: ...

    async def hang() -> None:
        await asyncio.sleep(3600)

    state = Readiness({"MySQL": hang}, on_change)
    watching = asyncio.create_task(state.watch())
    await until(lambda: state.missing == {"MySQL": "no answer within 0.01 s"})
    watching.cancel()
    assert state.missing == {"MySQL": "no answer within 0.01 s"}


async def test_a_draining_service_is_not_ready_and_says_nothing_more(told):
    part, changes = Part(), []

    async def on_change(ready: bool) -> None:
        changes.append(ready)

    state = Readiness({"MySQL": part.check}, on_change)
    watching = asyncio.create_task(state.watch())
    await rounds(part)
    state.drain()
    part.problem = MissingError("gone")
    await rounds(part)
    watching.cancel()
    assert not state.ready
    assert changes == [True]
    assert [line["event"] for line in told] == ["ready"]


def test_an_error_is_described_by_its_innermost_cause_in_one_short_line():
    inner = OSError(111, "Connect call failed ('127.0.0.1', 3306)")
    outer = RuntimeError("wrapped\nin words")
    outer.__cause__ = inner
    assert describe(outer) == "Connection refused"
    told = MissingError("no answer at\nhere")
    told.__cause__ = inner
    assert describe(told) == "no answer at here"
    assert describe(TimeoutError()) == "TimeoutError"
    assert len(describe(ValueError("x" * 1000))) == 300
