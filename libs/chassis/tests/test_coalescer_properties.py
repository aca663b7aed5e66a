"""What holds of the coalescer whatever comes: any mix of arrivals, failures, callers that go away, lanes and bounds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from eshop_chassis.calls.coalescer import BusyError, Coalescer, Pending


@dataclass(frozen=True)
class Arrival:
    """Calls that come together, after `pause` turns of the event loop; their caller may leave after some more."""

    items: tuple[int, ...]
    pause: int
    leaves: int | None


@dataclass
class Work:
    """Takes `turns` per batch. Answers 2 * item; fails multiples of 5, forgets those of 7, dies of those of 11."""

    turns: int
    running: int = 0
    most_running: int = 0
    batches: list[list[int]] = field(default_factory=list)

    async def __call__(self, batch: Sequence[Pending[int, int]]) -> None:
        self.batches.append([pending.item for pending in batch])
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if any(pending.item % 11 == 0 for pending in batch):
                raise LookupError
            for pending in batch:
                if pending.item % 5 == 0:
                    pending.fail(ValueError(pending.item))
                elif pending.item % 7:
                    pending.resolve(2 * pending.item)
        finally:
            self.running -= 1


ITEMS = st.lists(st.integers(1, 200), min_size=1, max_size=8).map(tuple)
ARRIVALS = st.lists(
    st.builds(Arrival, ITEMS, st.integers(0, 3), st.none() | st.integers(0, 5)), min_size=1, max_size=12
)


@settings(max_examples=150, deadline=None)
@given(
    arrivals=ARRIVALS,
    turns=st.integers(0, 4),
    lanes=st.integers(1, 3),
    most=st.integers(1, 6),
    weight=st.integers(1, 300),
    waiting=st.integers(1, 20),
)
def test_every_call_gets_its_own_answer_once_and_no_bound_is_passed(arrivals, turns, lanes, most, weight, waiting):
    work = Work(turns)
    answered, coalescer = asyncio.run(_play(work, arrivals, lanes, most, weight, waiting))
    tried = [item for batch in work.batches for item in batch]
    for item, answer in answered:
        _check(item, answer, work.batches)
    shed = sum(isinstance(answer, BusyError) for _, answer in answered)
    assert len(answered) - shed <= len(tried), "an answer without work"
    assert len(tried) <= sum(len(a.items) for a in arrivals), "done twice"
    assert work.most_running <= lanes
    assert all(len(batch) <= most and (len(batch) == 1 or sum(batch) <= weight) for batch in work.batches)
    assert coalescer.idle


async def _play(work: Work, arrivals: list[Arrival], lanes: int, most: int, weight: int, waiting: int):
    coalescer: Coalescer[int, int] = Coalescer(
        "trial",
        work,
        lanes=lanes,
        max_items=most,
        max_waiting=waiting,
        weigh=lambda item: item,
        max_weight=weight,
    )
    answered: list[tuple[int, int | Exception]] = []
    callers = []
    for arrival in arrivals:
        for _ in range(arrival.pause):
            await asyncio.sleep(0)
        assert len(coalescer._queue) <= waiting
        callers.append(asyncio.create_task(_call(coalescer, arrival, answered)))
    await asyncio.wait_for(asyncio.gather(*callers), 5)
    await asyncio.wait_for(_idle(coalescer), 5)
    return answered, coalescer


async def _idle(coalescer: Coalescer[int, int]) -> None:
    while not coalescer.idle:  # noqa: ASYNC110 - the lanes of callers who left have no event
        await asyncio.sleep(0)


async def _call(coalescer: Coalescer[int, int], arrival: Arrival, answered: list[tuple[int, int | Exception]]) -> None:
    call = asyncio.create_task(coalescer.call_many(arrival.items))
    if arrival.leaves is None:
        answered += zip(arrival.items, await call, strict=True)
        return
    for _ in range(arrival.leaves):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])


def _check(item: int, answer: int | Exception, batches: list[list[int]]) -> None:
    if isinstance(answer, BusyError):
        return
    died = any(item in batch and any(other % 11 == 0 for other in batch) for batch in batches)
    if isinstance(answer, LookupError):
        assert died
    elif item % 5 == 0:
        assert isinstance(answer, ValueError)
        assert answer.args == (item,)
    elif item % 7 == 0:
        assert isinstance(answer, RuntimeError)
    else:
        assert answer == 2 * item


@settings(max_examples=50, deadline=None)
@given(arrivals=ARRIVALS)
def test_calls_are_served_in_the_order_of_their_arrival(arrivals):
    work = Work(2)
    stay = [Arrival(a.items, a.pause, None) for a in arrivals]
    asyncio.run(_play(work, stay, 1, 4, 10_000, 10_000))
    assert [item for batch in work.batches for item in batch] == [item for a in stay for item in a.items]
