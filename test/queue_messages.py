"""The order queue, written to and read from as Kafka clients see it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition
from running_stack import RunningStack

from eshop_chassis.kafka import headers_of
from eshop_contract import Kind, OrderIds, OrderIdSettings, OrderQueueSettings, QueueSeal

GROUP = OrderQueueSettings.of({}).kafka_order_group
Headers = Sequence[tuple[str, str | bytes | None]]


@dataclass(frozen=True)
class Raw:
    """A message as anybody may write it."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()


@dataclass(frozen=True)
class DeadLetter:
    """A message that was put aside."""

    value: bytes
    headers: Mapping[str, str]


class OrderQueue:
    """The topic of buffered orders and the topic of its dead letters."""

    def __init__(self, stack: RunningStack) -> None:
        self._servers = stack.address("KAFKA")
        self._topic = stack["ESHOP_KAFKA_ORDER_TOPIC"]
        self._dead_letters = stack["ESHOP_KAFKA_DEAD_LETTER_TOPIC"]
        secret = OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"])
        self._ids, self._seal = OrderIds(secret), QueueSeal(secret)

    def new_id(self, kind: Kind = "b") -> str:
        """An order id as the shop makes them."""
        return self._ids.new(kind)

    def sealed(self, value: bytes | None, *more: tuple[str, str | bytes | None]) -> Raw:
        """A message as the shop itself writes it, with more headers."""
        return Raw(value, headers=[*self._seal.headers(value or b"", {}).items(), *more])

    async def write(self, *values: bytes | None) -> None:
        """Puts messages of the shop into the queue, in this order; returns when Kafka has them."""
        await self.write_raw(*(self.sealed(value) for value in values))

    async def write_raw(self, *messages: Raw) -> None:
        """Puts any messages into the queue."""
        await asyncio.to_thread(self._write, messages)

    def _write(self, messages: Sequence[Raw]) -> None:
        producer = Producer({"bootstrap.servers": self._servers, "acks": "all", "message.max.bytes": 4 << 20})
        for raw in messages:
            producer.produce(self._topic, raw.value, raw.key, headers=list(raw.headers))
        assert producer.flush(10) == 0

    async def dead_letters(self, values: set[bytes]) -> list[DeadLetter]:
        """The dead letters with these values, as far as there are any."""
        return [letter for letter in await asyncio.to_thread(self._read_dead_letters) if letter.value in values]

    async def dead_letters_starting(self, start: bytes) -> list[DeadLetter]:
        """The dead letters that begin so: those that were cut, say."""
        return [letter for letter in await asyncio.to_thread(self._read_dead_letters) if letter.value.startswith(start)]

    def _read_dead_letters(self) -> list[DeadLetter]:
        consumer = self._consumer("reader of dead letters")
        found: list[DeadLetter] = []
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(self._dead_letters, 0), timeout=5)
            consumer.assign([TopicPartition(self._dead_letters, 0, low)])
            while low < high:
                message = consumer.poll(5)
                assert message is not None, "the dead-letter topic ends early"
                low = (message.offset() or 0) + 1
                found.append(DeadLetter(message.value() or b"", headers_of(message)))
        finally:
            consumer.close()
        return found

    async def lag(self) -> int:
        """Messages that the order service has not finished."""
        return await asyncio.to_thread(self._lag)

    def _lag(self) -> int:
        consumer = self._consumer(GROUP)
        try:
            partitions = consumer.list_topics(self._topic, timeout=5).topics[self._topic].partitions
            places = [TopicPartition(self._topic, number) for number in partitions]
            ends = [consumer.get_watermark_offsets(place, timeout=5)[1] for place in places]
            done = [max(place.offset, 0) for place in consumer.committed(places, timeout=5)]
        finally:
            consumer.close()
        return sum(ends) - sum(done)

    def _consumer(self, group: str) -> Consumer:
        """A consumer that joins no group as long as it does not subscribe."""
        return Consumer({"bootstrap.servers": self._servers, "group.id": group, "enable.auto.commit": False})


def order_message(user: int, product: int, order_id: str = "", **changes: object) -> bytes:
    """The value of an order's message; without an id, as the original writes it."""
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100, "couponID": 0}
    return json.dumps(order | ({"orderID": order_id} if order_id else {}) | changes).encode()
