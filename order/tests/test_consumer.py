"""The queue's consumer: what arrives at an idle queue is placed at once, a trickle shares sagas."""

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from eshop_order.queue import consumer
from eshop_order.queue.dead_letters import Queued
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

    async def place(self, messages: list[str]) -> None:
        self.polls.append((asyncio.get_running_loop().time(), len(messages)))


async def watch(queue: Trickle, monkeypatch: pytest.MonkeyPatch, seconds: float) -> float:
    """Lets the consumer work on the queue for a while; returns when it began."""
    monkeypatch.setattr(consumer, "KafkaBatches", lambda *_: queue)
    monkeypatch.setattr(Queued, "of", lambda message: message)
    settings = Settings(order_poll_every=EVERY, order_poll_messages=10)
    began = asyncio.get_running_loop().time()
    tasks = [asyncio.create_task(queue.fill()), asyncio.create_task(consumer.OrderConsumer(settings, queue).run())]
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
