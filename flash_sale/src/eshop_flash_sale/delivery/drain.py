"""Whether the order queue has been worked off up to where it was when Redis restarted.

Orders whose units Redis has forgotten may still be in the queue: until they are placed, MySQL's stock does not know of
them, and Redis must not be set from it.
"""

import asyncio
from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from eshop_chassis import KafkaSettings
from eshop_chassis.kafka import client_settings
from protoc_gen_fastapi.runtime import Unavailable

KAFKA_SECONDS = 3.0
Offsets = Mapping[int, int]


class QueueDrain:
    """Remembers for each run of Redis how far the queue reached when it was first asked about."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.delivering: set[object] = set()
        """One object for each delivery under way: it may bring an order whose unit the last run had sold."""
        self._before: dict[str, Collection[object]] = {}
        self._reach: dict[str, Offsets] = {}

    async def done(self, run_id: str) -> bool:
        """Whether every order that the queue had by then is final. Raises Unavailable while Kafka does not answer."""
        before = self._before.setdefault(run_id, frozenset(self.delivering))
        if run_id not in self._reach and not self.delivering.isdisjoint(before):
            return False
        try:
            ends, placed = await asyncio.to_thread(self._look)
        except KafkaException as error:
            raise Unavailable("the order queue does not answer") from error
        reach = self._reach.setdefault(run_id, ends)
        return all(placed.get(partition, 0) >= end for partition, end in reach.items() if end)

    def _look(self) -> tuple[Offsets, Offsets]:
        """(end, committed) offsets by partition. The consumer joins no group, as it does not subscribe."""
        topic = self._settings.kafka_order_topic
        group = {"group.id": self._settings.kafka_order_group, "enable.auto.commit": False}
        consumer = Consumer(client_settings(self._settings) | group)
        try:
            partitions = consumer.list_topics(topic, timeout=KAFKA_SECONDS).topics[topic].partitions
            places = [TopicPartition(topic, number) for number in partitions]
            ends = {p.partition: consumer.get_watermark_offsets(p, timeout=KAFKA_SECONDS)[1] for p in places}
            committed = {p.partition: p.offset for p in consumer.committed(places, timeout=KAFKA_SECONDS)}
        finally:
            consumer.close()
        return ends, committed
