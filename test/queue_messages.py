"""The order queue, written to and read from as Kafka clients see it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition
from running_stack import RunningStack

from eshop_contract import Kind, OrderIds, OrderIdSettings, QueueSeal

GROUP = "activity-order-group"


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

    async def write(self, *values: bytes | None, sealed: bool = True) -> None:
        """Puts messages into the queue, in this order, as the shop does; returns when Kafka has them. Without the seal
        they are somebody else's.
        """
        await asyncio.to_thread(self._write, values, sealed)

    def seal(self, value: bytes | None) -> dict[str, str]:
        """The headers by which the shop knows a message of its own."""
        return self._seal.headers(value or b"", {})

    def _write(self, values: tuple[bytes | None, ...], sealed: bool) -> None:
        producer = Producer({"bootstrap.servers": self._servers, "acks": "all"})
        for value in values:
            headers = {name: text.encode() for name, text in self.seal(value).items()} if sealed else {}
            producer.produce(self._topic, value, headers=list(headers.items()))
        assert producer.flush(10) == 0

    async def dead_letters(self, values: set[bytes]) -> list[DeadLetter]:
        """The dead letters with these values, as far as there are any."""
        return await asyncio.to_thread(self._read_dead_letters, values)

    def _read_dead_letters(self, values: set[bytes]) -> list[DeadLetter]:
        consumer = self._consumer("reader of dead letters")
        found: list[DeadLetter] = []
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(self._dead_letters, 0), timeout=5)
            consumer.assign([TopicPartition(self._dead_letters, 0, low)])
            while low < high:
                message = consumer.poll(5)
                assert message is not None, "the dead-letter topic ends early"
                low = (message.offset() or 0) + 1
                if (message.value() or b"") in values:
                    found.append(DeadLetter(message.value() or b"", dict(_headers(message.headers()))))
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
    """An order as the queue carries it; without an id, as the original writes it."""
    order = {"userID": user, "productID": product, "productCount": 1, "amount": 100, "couponID": 0}
    return json.dumps(order | ({"orderID": order_id} if order_id else {}) | changes).encode()


def _headers(headers: list[tuple[str, bytes]] | None) -> list[tuple[str, str]]:
    return [(name, (value or b"").decode()) for name, value in headers or []]
