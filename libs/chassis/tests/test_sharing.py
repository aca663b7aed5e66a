"""Identical reads share a run, and nobody is told what was true only before it asked."""

import asyncio
import random

import pytest

from eshop_chassis.calls.coalescer import BusyError
from eshop_chassis.calls.shared_reads import SharedReads, Turns
from protoc_gen_fastapi.runtime import Unavailable


class Source:
    """Something that changes: a read tells the value that it had when the read began."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.at_once = 0
        self.stopped = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def read(self) -> int:
        self.reads += 1
        self.at_once += 1
        assert self.at_once == 1, "reads of one key run one after the other"
        found = self.value
        try:
            await self.free.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return found


async def steps(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def shared() -> SharedReads[int]:
    return SharedReads("trial")


def ask(shared: SharedReads[int], source: Source, count: int = 1) -> list["asyncio.Task[int]"]:
    return [asyncio.create_task(shared("key", source.read)) for _ in range(count)]


async def test_a_call_that_finds_nothing_running_goes_at_once(shared, source):
    assert await shared("key", source.read) == 0
    source.value = 1
    assert await shared("key", source.read) == 1
    assert source.reads == 2
    await steps()
    assert shared.idle


async def test_calls_that_arrive_together_share_one_run(shared, source):
    assert await asyncio.gather(*ask(shared, source, 50)) == [0] * 50
    assert source.reads == 1


async def test_calls_that_arrive_while_one_runs_share_the_next_and_see_what_happened_meanwhile(shared, source):
    source.free.clear()
    [first] = ask(shared, source)
    await steps()
    source.value = 7
    later = ask(shared, source, 20)
    await steps()
    assert source.reads == 1
    source.free.set()
    assert await first == 0
    assert await asyncio.gather(*later) == [7] * 20
    assert source.reads == 2


async def test_different_keys_do_not_wait_for_each_other(shared, source):
    source.free.clear()
    [held] = ask(shared, source)
    await steps()
    assert await shared("another key", Source().read) == 0
    source.free.set()
    await held


async def test_an_error_reaches_every_caller_and_the_next_run_is_free_of_it(shared, source):
    source.error = Unavailable("the database does not answer")
    answers = await asyncio.gather(*ask(shared, source, 10), return_exceptions=True)
    assert answers == [source.error] * 10
    source.error = None
    assert await shared("key", source.read) == 0


async def test_a_cancelled_caller_harms_no_other_not_even_the_first(shared, source):
    source.free.clear()
    first, second = ask(shared, source, 2)
    await steps()
    third, fourth = ask(shared, source, 2)
    await steps()
    first.cancel()
    third.cancel()
    await steps()
    source.free.set()
    assert await asyncio.gather(second, fourth) == [0, 0]
    assert first.cancelled()
    assert third.cancelled()
    assert (source.reads, source.stopped) == (2, 0)


async def test_a_run_that_nobody_waits_for_makes_way_for_the_next(shared, source):
    source.free.clear()
    gone = ask(shared, source, 3)
    await steps()
    stays = ask(shared, source)[0]
    await steps()
    for task in gone:
        task.cancel()
    await steps()
    assert (source.reads, source.stopped) == (2, 1)
    source.free.set()
    assert await stays == 0


async def test_a_group_that_was_left_before_its_turn_is_not_run(shared, source):
    source.free.clear()
    [first] = ask(shared, source)
    await steps()
    waiting = ask(shared, source, 2)
    await steps()
    for task in waiting:
        task.cancel()
    await steps()
    source.free.set()
    await first
    await steps()
    assert source.reads == 1
    assert shared.idle


async def test_beyond_the_bound_a_call_is_refused_at_once(source):
    shared = SharedReads[int]("trial", max_waiting=3)
    source.free.clear()
    held = ask(shared, source, 3)
    await steps()
    with pytest.raises(BusyError):
        await shared("key", source.read)
    source.free.set()
    await asyncio.gather(*held)
    assert await shared("key", source.read) == 0


async def test_callers_are_told_when_the_process_ends(shared, source):
    source.free.clear()
    first = ask(shared, source)
    await steps()
    later = ask(shared, source)
    await steps()
    own = {asyncio.current_task(), *first, *later}
    for task in asyncio.all_tasks() - own:
        task.cancel()
    answers = await asyncio.gather(*first, *later, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert source.reads == 1


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_comes_when_nobody_reads_what_was_true_only_before_it_asked(seed):
    """Callers, changes, errors and cancellations in a random order, over three keys."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    shared, sources = SharedReads[int]("trial"), {key: Source() for key in "abc"}
    asked = 0

    async def caller(key: str) -> None:
        nonlocal asked
        source = sources[key]
        asked += 1
        before = source.value
        try:
            found = await shared(key, source.read)
        except Unavailable:
            return
        assert before <= found <= source.value

    callers: list[asyncio.Task[None]] = []
    for _ in range(400):
        source = sources[rng.choice("abc")]
        match rng.randrange(8):
            case 0:
                source.value += 1
            case 1:
                source.free.set()
            case 2:
                source.free.clear()
            case 3:
                source.error = rng.choice([None, Unavailable("away")])
            case 4 if callers:
                rng.choice(callers).cancel()
            case _:
                callers += [asyncio.create_task(caller(rng.choice("abc"))) for _ in range(rng.randrange(4))]
        await steps(rng.randrange(4))
    for source in sources.values():
        source.free.set()
    done = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 5)

    assert [d for d in done if isinstance(d, Exception)] == []
    assert 0 < sum(source.reads for source in sources.values()) < asked
    await steps()
    assert shared.idle


class TestTurns:
    """While runs answer several calls, only some begin at a time."""

    def lists(self, turns: Turns, count: int) -> tuple[list[SharedReads[int]], list[Source]]:
        return [SharedReads(f"list-{n}", turns=turns) for n in range(count)], [Source() for _ in range(count)]

    def busy(self, most: int, seconds: float = 60) -> Turns:
        turns = Turns(most, seconds)
        for _ in range(100):
            turns.answered(5)
        return turns

    async def test_runs_that_answer_one_call_each_never_wait(self):
        shared, sources = self.lists(Turns(1), 5)
        for source in sources:
            source.free.clear()
        tasks = [task for pair in zip(shared, sources, strict=True) for task in ask(*pair)]
        await steps()
        assert [source.reads for source in sources] == [1] * 5
        for source in sources:
            source.free.set()
        await asyncio.gather(*tasks)

    async def test_no_more_begin_at_a_time_than_there_are_turns_and_those_who_wait_are_joined(self):
        shared, sources = self.lists(self.busy(2), 5)
        for source in sources:
            source.free.clear()
        tasks = [task for pair in zip(shared, sources, strict=True) for task in ask(*pair)]
        await steps()
        tasks += [task for pair in zip(shared, sources, strict=True) for task in ask(*pair, 3)]
        assert [source.reads for source in sources] == [1, 1, 0, 0, 0]
        for source in sources:
            source.free.set()
        await asyncio.gather(*tasks)
        assert [source.reads for source in sources] == [2, 2, 1, 1, 1]

    async def test_a_slow_run_gives_its_turn_to_the_next(self):
        shared, sources = self.lists(self.busy(1, seconds=0.01), 2)
        sources[0].free.clear()
        [slow] = ask(shared[0], sources[0])
        await steps()
        [quick] = ask(shared[1], sources[1])
        assert await asyncio.wait_for(quick, 5) == 0
        assert not slow.done()
        sources[0].free.set()
        await slow

    async def test_who_gives_up_waiting_takes_no_turn_away(self):
        shared, sources = self.lists(self.busy(1), 3)
        sources[0].free.clear()
        [first] = ask(shared[0], sources[0])
        await steps()
        [left] = ask(shared[1], sources[1])
        await steps()
        left.cancel()
        sources[0].free.set()
        await first
        assert await asyncio.wait_for(ask(shared[2], sources[2])[0], 5) == 0
        assert sources[1].reads == 0

    async def test_a_run_that_fails_gives_its_turn_back(self):
        shared, sources = self.lists(self.busy(1), 2)
        sources[0].error = ValueError("no")
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await ask(shared[0], sources[0])[0]
        assert await asyncio.wait_for(ask(shared[1], sources[1])[0], 5) == 0
