"""The consumer of the order queue: places what it polls, and moves on only when every order polled is final."""

import asyncio

from eshop_chassis.kafka import KafkaBatches
from eshop_order.queue.dead_letters import Queued
from eshop_order.queue.placing import QueuePlacing
from eshop_order.settings import Settings


class OrderConsumer:
    """Reads buffered orders from Kafka, a batch at a time."""

    def __init__(self, settings: Settings, placing: QueuePlacing) -> None:
        self._settings = settings
        self._placing = placing

    async def run(self) -> None:
        """Consumes until cancelled, then leaves the group.

        What arrives at an idle queue is placed at once. After that polls keep a distance, so that a trickle of orders
        makes a few sagas instead of one for each: nobody waits for them, and the orders that somebody waits for need
        the machine.
        """
        loop = asyncio.get_running_loop()
        s = self._settings
        batches = KafkaBatches(s, s.kafka_order_topic, s.kafka_order_group, s.order_poll_messages)
        await batches.open()
        try:
            while True:
                messages = await batches.next()
                began = loop.time()
                async with batches.kept_alive():
                    await self._placing.place([Queued.of(message) for message in messages])
                await batches.done()
                if len(messages) < s.order_poll_messages:
                    await asyncio.sleep(began + s.order_poll_every - loop.time())
        finally:
            await asyncio.shield(batches.close())
