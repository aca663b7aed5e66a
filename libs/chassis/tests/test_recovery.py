"""Recovery: what waits at DTM is woken once everything is back, and once more a little later."""

from typing import Any

import pytest

from aiodtm import DtmNotReached
from eshop_chassis.dtm import recovery
from eshop_chassis.dtm.recovery import Recovery
from eshop_chassis.readiness import MissingError


class Clerk:
    """Counts how often it is woken."""

    def __init__(self) -> None:
        self.woken: list[int] = []
        self.away = False

    async def wake(self, *, young: int) -> None:
        if self.away:
            raise DtmNotReached("away")
        self.woken.append(young)


class Part:
    def __init__(self) -> None:
        self.away = False

    async def check(self) -> None:
        if self.away:
            raise MissingError("away")


@pytest.fixture
def dtm() -> Clerk:
    return Clerk()


@pytest.fixture
def parts() -> list[Part]:
    return [Part(), Part()]


@pytest.fixture
def watch(dtm: Any, parts: list[Part], monkeypatch: pytest.MonkeyPatch) -> Recovery:
    monkeypatch.setattr(recovery, "ONCE_MORE_SECONDS", 1000.0)
    return Recovery(dtm, {str(number): part.check for number, part in enumerate(parts)}, young=10)


async def looks(watch: Recovery, times: int = 3) -> None:
    for _ in range(times):
        await watch.look()


async def test_it_wakes_at_the_start_for_this_process_may_have_been_away(watch: Recovery, dtm: Clerk):
    await looks(watch)
    assert dtm.woken == [10]


async def test_it_wakes_once_when_the_last_of_all_parts_is_back(watch: Recovery, dtm: Clerk, parts: list[Part]):
    await looks(watch)
    parts[0].away = parts[1].away = True
    await looks(watch)
    parts[0].away = False
    await looks(watch)
    assert len(dtm.woken) == 1
    parts[1].away = False
    await looks(watch)
    assert len(dtm.woken) == 2


async def test_a_dtm_that_is_away_itself_is_woken_when_it_answers(watch: Recovery, dtm: Clerk):
    dtm.away = True
    await looks(watch)
    dtm.away = False
    await looks(watch)
    assert len(dtm.woken) == 1


async def test_what_failed_in_that_very_moment_is_woken_a_little_later(watch: Recovery, dtm: Clerk, monkeypatch):
    monkeypatch.setattr(recovery, "ONCE_MORE_SECONDS", 0.0)
    await looks(watch, 10)
    assert len(dtm.woken) == 2
