"""Group commit: what comes together goes together, nothing waits for a timer, and each caller gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from eshop_chassis.calls.coalescer import Coalescer, Pending
from protoc_gen_fastapi.runtime import Unavailable


class Work:
    """Answers each item with itself; holds a batch while `free` is not set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.error: BaseException | None = None
        self.forgets: set[int] = set()

    async def __call__(self, batch: Sequence[Pending[int, int]]) -> None:
        self.batches.append([pending.item for pending in batch])
        await self.free.wait()
        for pending in batch:
            if pending.item < 0:
                pending.fail(ValueError(pending.item))
            elif pending.item not in self.forgets:
                if self.error:
                    raise self.error
                pending.resolve(pending.item)


def calls(coalescer: Coalescer[int, int], *items: int) -> list["asyncio.Task[int]"]:
    return [asyncio.create_task(coalescer.call(item)) for item in items]


async def test_a_call_that_finds_nothing_in_flight_goes_at_once():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=10)
    assert await asyncio.wait_for(coalescer.call(1), 0.1) == 1
    assert await coalescer.call(2) == 2
    assert work.batches == [[1], [2]]
    await asyncio.sleep(0)
    assert coalescer.idle


async def test_calls_that_arrive_while_one_is_in_flight_form_the_next_batch():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=3)
    work.free.clear()
    first = calls(coalescer, 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = calls(coalescer, 2, 3, 4, 5)
    await asyncio.sleep(0.01)
    assert work.batches == [[1]]
    work.free.set()
    assert await asyncio.gather(*first, *rest) == [1, 2, 3, 4, 5]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_each_call_gets_its_own_error():
    coalescer = Coalescer("trial", Work(), max_items=10)
    answers = await asyncio.gather(*calls(coalescer, 1, -2, 3), return_exceptions=True)
    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], ValueError)


async def test_an_error_of_the_work_is_the_error_of_those_not_answered_and_later_calls_go_on():
    work = Work()
    work.error, work.forgets = RuntimeError("broken"), {9}
    coalescer = Coalescer("trial", work, max_items=10)
    answers = await asyncio.gather(*calls(coalescer, -1, 2, 3), return_exceptions=True)
    assert [type(a) for a in answers] == [ValueError, RuntimeError, RuntimeError]
    work.error = None
    with pytest.raises(RuntimeError, match="forgot"):
        await coalescer.call(9)
    assert await coalescer.call(4) == 4


async def test_a_caller_that_goes_away_harms_no_other_and_is_left_out_when_it_has_not_begun():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=10)
    work.free.clear()
    first = calls(coalescer, 1)[0]
    await asyncio.sleep(0.01)
    gone, stays = calls(coalescer, 2, 3)
    await asyncio.sleep(0.01)
    first.cancel()
    gone.cancel()
    await asyncio.sleep(0.01)
    work.free.set()
    assert await stays == 3
    assert work.batches == [[1], [3]]


async def test_several_lanes_work_at_the_same_time():
    work = Work()
    coalescer = Coalescer("trial", work, lanes=2, max_items=1)
    work.free.clear()
    waiting = calls(coalescer, 1, 2, 3)
    await asyncio.sleep(0.01)
    assert sorted(work.batches) == [[1], [2]]
    work.free.set()
    assert await asyncio.gather(*waiting) == [1, 2, 3]


async def test_a_batch_weighs_no_more_than_it_may_but_always_has_one_call():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=10, weigh=lambda item: item, max_weight=10)
    await asyncio.gather(*calls(coalescer, 50, 4, 6, 1))
    assert work.batches == [[50], [4, 6], [1]]


async def test_too_many_waiting_calls_are_refused_at_once():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=10, max_waiting=2)
    work.free.clear()
    first = calls(coalescer, 1)
    await asyncio.sleep(0.01)
    waiting = calls(coalescer, 2, 3)
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await coalescer.call(4)
    work.free.set()
    assert await asyncio.gather(*first, *waiting) == [1, 2, 3]


async def test_a_lane_that_is_cancelled_leaves_nobody_waiting():
    work = Work()
    coalescer = Coalescer("trial", work, max_items=10)
    work.free.clear()
    [waiting] = calls(coalescer, 1)
    await asyncio.sleep(0.01)
    for task in list(coalescer._running):
        task.cancel()
    with pytest.raises(Unavailable):
        await waiting
    work.free.set()
    await asyncio.sleep(0)
    assert await coalescer.call(2) == 2


async def test_a_call_that_comes_in_the_very_moment_a_lane_ends_does_not_wait_for_ever():
    coalescer = Coalescer("trial", Work(), max_items=10)
    for number in range(10):
        assert await asyncio.wait_for(_two_in_a_row(coalescer, number), 1) == (number, number)


async def _two_in_a_row(coalescer: Coalescer[int, int], number: int) -> tuple[int, int]:
    return await coalescer.call(number), await coalescer.call(number)
