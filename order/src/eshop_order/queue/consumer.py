"""The consumer of the order queue: places what it polls, and commits only what is final."""

import asyncio

from eshop_chassis import get_logger
from eshop_chassis.kafka import KafkaBatches
from eshop_order.queue.before_seals import BeforeSeals
from eshop_order.queue.fitness import Fitness
from eshop_order.queue.message import Queued
from eshop_order.queue.placing import QueuePlacing, Sound
from eshop_order.settings import Settings

log = get_logger(__name__)
# Orders that failed alone are tried again beside the polls: so many at a time, and while more of them wait, no poll.
INSISTING = 16
MOST_WAITING = 200


class OrderConsumer:
    """Reads buffered orders from Kafka, a batch at a time."""

    def __init__(self, settings: Settings, placing: QueuePlacing, past: BeforeSeals, fitness: Fitness) -> None:
        self._settings = settings
        self._placing = placing
        self._past = past
        self._fitness = fitness

    async def run(self) -> None:
        """Consumes until cancelled, then leaves the group, as it does while this process is unfit to place."""
        await self._past.open()
        while True:
            await self._fitness.regained()
            consuming, lost = asyncio.create_task(self._consume()), asyncio.create_task(self._fitness.lost())
            try:
                await asyncio.wait({consuming, lost}, return_when=asyncio.FIRST_COMPLETED)
                if not consuming.done():
                    log.warning("leaves the order queue to others", missing=lost.result())
            finally:
                lost.cancel()
                consuming.cancel()
                await asyncio.wait({consuming})
            if not consuming.cancelled():
                consuming.result()

    async def _consume(self) -> None:
        """Consumes until cancelled. What was polled and is not final stays uncommitted, for the next consumer.

        What arrives at an idle queue is placed at once. After that there is a pause between polls, so that a trickle of
        orders makes a few sagas instead of one for each: no buyer waits for them, and the orders that a buyer waits for
        need the CPU.
        """
        loop = asyncio.get_running_loop()
        s = self._settings
        batches = KafkaBatches(s, s.kafka_order_topic, s.kafka_order_group, s.order_poll_messages)
        await batches.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = _Beside(self._placing, batches, tasks)
                while True:
                    messages = await batches.next()
                    began = loop.time()
                    async with batches.kept_alive():
                        for sound in await self._placing.place([Queued.of(message) for message in messages]):
                            beside.insist(sound)
                        await beside.room()
                    await batches.done()
                    if len(messages) < s.order_poll_messages:
                        await asyncio.sleep(began + s.order_poll_every - loop.time())
        finally:
            await asyncio.shield(batches.close())


class _Beside:
    """Orders that failed alone, tried again while the polls go on. Their offsets are not committed before they end."""

    def __init__(self, placing: QueuePlacing, batches: KafkaBatches, tasks: asyncio.TaskGroup) -> None:
        self._placing = placing
        self._batches = batches
        self._tasks = tasks
        self._slots = asyncio.Semaphore(INSISTING)
        self._waiting: set[asyncio.Task[None]] = set()

    def insist(self, sound: Sound) -> None:
        self._batches.hold(sound.message.partition, sound.message.offset)
        task = self._tasks.create_task(self._insist(sound))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _insist(self, sound: Sound) -> None:
        async with self._slots:
            await self._placing.insist(sound)
        await self._batches.release(sound.message.partition, sound.message.offset)

    async def room(self) -> None:
        """Waits while too many are being retried: when everything fails, no single order is at fault."""
        while len(self._waiting) > MOST_WAITING:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
