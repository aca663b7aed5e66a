"""Orders that are buffered: they are in the queue when their buyers are answered."""

import asyncio
from collections.abc import Sequence

from eshop_chassis.kafka import KafkaProducer, QueueMessage
from eshop_contract import QueueSeal
from eshop_order.orders import NewOrder
from eshop_order.queue import message as queue_message
from protoc_gen_fastapi.runtime import REQUEST_ID, Unavailable

SLICE = 50


class BufferedOrders:
    """Writes orders to the queue, from which they are placed."""

    def __init__(self, producer: KafkaProducer, seal: QueueSeal, topic: str) -> None:
        self._producer = producer
        self._seal = seal
        self._topic = topic

    async def write(self, orders: Sequence[NewOrder], request_ids: Sequence[str]) -> Sequence[Unavailable | None]:
        """Writes orders; returns for each None once the queue has it, or why it can't be told that it has."""
        messages: list[QueueMessage] = []
        for order, request_id in zip(orders, request_ids, strict=True):
            value = queue_message.write(order)
            headers = self._seal.headers(value, {REQUEST_ID: request_id})
            messages.append(QueueMessage(order.order_id, value, headers))
            if len(messages) % SLICE == 0:
                await asyncio.sleep(0)  # sagas are placed by the same event loop, and each of their steps waits for it
        errors = await self._producer.send_each(self._topic, messages)
        await asyncio.sleep(0)
        return errors
