"""Looks up in the dead-letter topic whether a letter was written, where a process died or Kafka did not answer."""

import asyncio
from collections.abc import Collection

from confluent_kafka import Consumer, KafkaException, TopicPartition

from eshop_chassis import KafkaSettings
from eshop_chassis.kafka import client_settings, headers_of

# Letters follow their notes at once: one that was written is among the newest.
NEWEST = 2_000
SECONDS = 5.0


class WrittenLetters:
    """The newest letters of the dead-letter topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic

    async def among(self, places: Collection[str]) -> set[str]:
        """Those of these places that have a letter. Raises KafkaException while the topic can't be read."""
        return await asyncio.to_thread(self._look, frozenset(places))

    def _look(self, places: frozenset[str]) -> set[str]:
        # The topic is read without a group: nothing is subscribed to or committed.
        settings = {"group.id": "dead-letters", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        consumer = Consumer(client_settings(self._settings) | settings)
        try:
            known = consumer.list_topics(self._topic, timeout=SECONDS).topics[self._topic]
            return {place for number in known.partitions for place in self._places(consumer, number)} & places
        finally:
            consumer.close()

    def _places(self, consumer: Consumer, partition: int) -> list[str]:
        low, end = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=SECONDS)
        start, found = max(low, end - NEWEST), list[str]()
        consumer.assign([TopicPartition(self._topic, partition, start)])
        while start < end:
            message = consumer.poll(SECONDS)
            if message is None:
                raise KafkaException(f"{self._topic}/{partition} gives no message at {start}")
            if (error := message.error()) is not None:
                raise KafkaException(error)
            found.append(headers_of(message).get("place", ""))
            start = (message.offset() or 0) + 1
        return found
