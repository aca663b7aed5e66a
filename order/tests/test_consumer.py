"""The queue's consumer: what arrives at an idle queue is placed at once, a trickle shares sagas."""

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from shop_in_memory.queue import Past, queued

from eshop_order.orders import NewOrder
from eshop_order.queue import consumer, fitness
from eshop_order.queue.fitness import Fitness
from eshop_order.queue.message import Queued
from eshop_order.queue.placing import Sound
from eshop_order.settings import Settings

EVERY = 0.2


class Trickle:
    """A queue that gets a message every 50 ms, or `flood` at once, and a note of when each poll was placed."""

    def __init__(self, flood: int = 0) -> None:
        self.flood = flood
        self.waiting: list[str] = []
        self.came = asyncio.Event()
        self.polls: list[tuple[float, int]] = []

    async def fill(self) -> None:
        while True:
            self.waiting += ["message"] * (self.flood or 1)
            self.came.set()
            await asyncio.sleep(0.05)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def done(self) -> None: ...

    async def next(self) -> list[str]:
        await self.came.wait()
        taken, self.waiting = self.waiting[:10], self.waiting[10:]
        if not self.waiting:
            self.came.clear()
        return taken

    @asynccontextmanager
    async def kept_alive(self):
        yield

    async def place(self, messages: list[str]) -> list[Sound]:
        self.polls.append((asyncio.get_running_loop().time(), len(messages)))
        return []


async def watch(queue: Any, monkeypatch: pytest.MonkeyPatch, seconds: float) -> float:
    """Lets the consumer work on the queue for a while; returns when it began."""
    monkeypatch.setattr(consumer, "KafkaBatches", lambda *_: queue)
    monkeypatch.setattr(Queued, "of", lambda message: message)
    settings = Settings(order_poll_every=EVERY, order_poll_messages=10, order_id_key="a secret for tests")
    began = asyncio.get_running_loop().time()
    tasks = [
        asyncio.create_task(queue.fill()),
        asyncio.create_task(consumer.OrderConsumer(settings, queue, Past(), Fitness({}, 5)).run()),
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return began


async def test_the_first_order_is_placed_at_once_and_those_after_it_together(monkeypatch):
    queue = Trickle()
    began = await watch(queue, monkeypatch, 1.1)
    times = [at for at, _ in queue.polls]
    assert times[0] - began < EVERY
    assert min(later - earlier for earlier, later in pairwise(times)) > EVERY * 0.9
    assert max(count for _, count in queue.polls) > 1


async def test_a_full_poll_is_followed_by_the_next_at_once(monkeypatch):
    queue = Trickle(flood=1000)
    await watch(queue, monkeypatch, EVERY)
    assert len(queue.polls) > 5
    assert {count for _, count in queue.polls} == {10}


class Held:
    """Offsets as the consumer holds and releases them."""

    def __init__(self) -> None:
        self.offsets: set[int] = set()

    def hold(self, partition: int, offset: int) -> None:
        self.offsets.add(offset)

    async def release(self, partition: int, offset: int) -> None:
        self.offsets.discard(offset)


class Insisting:
    """Tries orders for as long as `done` is not set."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def insist(self, sound: Sound) -> None:
        await self.done.wait()


async def test_orders_that_fail_alone_stay_uncommitted_until_they_end_and_too_many_stop_the_polls(monkeypatch):
    monkeypatch.setattr(consumer, "MOST_WAITING", 3)
    held: Any = Held()
    placing: Any = Insisting()
    async with asyncio.TaskGroup() as tasks:
        beside = consumer._Beside(placing, held, tasks)
        for offset in range(3):
            beside.insist(Sound(queued(b"", offset), NewOrder("b", 1, 1, 1, 1)))
        await asyncio.wait_for(beside.room(), 1)
        beside.insist(Sound(queued(b"", 3), NewOrder("b", 1, 1, 1, 1)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(beside.room(), 0.05)
        assert held.offsets == {0, 1, 2, 3}
        placing.done.set()
    assert held.offsets == set()


class Member(Trickle):
    """A queue that notes when its consumer joins and leaves the group."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    async def open(self) -> None:
        self.log.append("joined")

    async def close(self) -> None:
        self.log.append("left")


async def test_a_process_that_misses_a_part_leaves_the_group_and_joins_again_when_it_is_back(monkeypatch):
    """Its partitions go to a consumer that can place their orders."""
    monkeypatch.setattr(fitness, "LOOK_AGAIN_SECONDS", 0.01)
    queue: Any = Member()
    away = [False]

    async def part() -> None:
        if away[0]:
            raise ConnectionError("away")

    monkeypatch.setattr(consumer, "KafkaBatches", lambda *_: queue)
    monkeypatch.setattr(Queued, "of", lambda message: message)
    settings = Settings(order_id_key="a secret for tests")
    task = asyncio.create_task(consumer.OrderConsumer(settings, queue, Past(), Fitness({"MySQL": part}, 0.05)).run())
    for is_away, log in ((False, ["joined"]), (True, ["joined", "left"]), (False, ["joined", "left", "joined"])):
        away[0] = is_away
        async with asyncio.timeout(5):
            while queue.log != log:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert queue.log[-1] == "left"
