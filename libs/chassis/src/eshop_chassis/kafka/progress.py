"""Where a consumer group stands in a topic, and for how long it has not moved on though there is work."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from eshop_chassis.kafka.connection import client_settings
from eshop_chassis.settings import KafkaSettings

LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Standing:
    """One partition: its oldest message, the first that the group has not committed, and its end."""

    partition: int
    low: int
    done: int
    end: int


def standings(settings: KafkaSettings, topic: str, group: str) -> dict[int, Standing]:
    """The group in each partition of the topic; blocks. Raises KafkaException while Kafka does not answer.

    The consumer joins no group, as it does not subscribe.
    """
    consumer = Consumer(client_settings(settings) | {"group.id": group, "enable.auto.commit": False})
    try:
        return {standing.partition: standing for standing in standings_of(consumer, topic, LOOK_SECONDS)}
    finally:
        consumer.close()


def standings_of(consumer: Consumer, topic: str, seconds: float) -> list[Standing]:
    """The same as a consumer of the group asks, each question within `seconds`.

    Committed offsets are read first: then lag is never understated.
    """
    known = consumer.list_topics(topic, timeout=seconds).topics[topic]
    places = [TopicPartition(topic, number) for number in sorted(known.partitions)]
    done = {place.partition: place.offset for place in consumer.committed(places, timeout=seconds)} if places else {}
    found: list[Standing] = []
    for place in places:
        low, end = consumer.get_watermark_offsets(place, timeout=seconds)
        found.append(Standing(place.partition, low, max(done[place.partition], low), end))
    return found


class GroupProgress:
    """Tells a group that works from one that stands still. `look` has to be called again and again."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str) -> None:
        self._where = (settings, topic, group)
        self._seen: dict[int, Standing] = {}
        self._moved: dict[int, float] = {}

    async def look(self) -> None:
        """Asks Kafka where the group is. Raises KafkaException while it does not answer."""
        self.note(await asyncio.to_thread(standings, *self._where), time.monotonic())

    def note(self, found: Mapping[int, Standing], now: float) -> None:
        """Takes note of where the group was at `now`, a time of the monotonic clock."""
        for partition, standing in found.items():
            before = self._seen.get(partition)
            if before is None or before.done != standing.done or before.done >= before.end:
                self._moved[partition] = now
        self._seen = dict(found)

    @property
    def lag(self) -> int:
        """Messages that the group has not done, as far as the last look saw."""
        return sum(max(standing.end - standing.done, 0) for standing in self._seen.values())

    @property
    def stalled_seconds(self) -> float:
        """For how long a partition has had messages, and none of them was done; 0 where all move on."""
        behind = [partition for partition, standing in self._seen.items() if standing.end > standing.done]
        return max((time.monotonic() - self._moved[partition] for partition in behind), default=0.0)
