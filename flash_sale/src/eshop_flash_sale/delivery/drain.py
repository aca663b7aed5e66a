"""Whether the order queue has been worked off up to where it was when Redis restarted.

Orders whose units Redis has forgotten may still be in the queue: until they are placed, MySQL's stock does not know of
them, and Redis must not be set from it.
"""

import asyncio
from collections.abc import Collection, Mapping

from confluent_kafka import KafkaException

from eshop_chassis import KafkaSettings
from eshop_chassis.kafka import standings
from protoc_gen_fastapi.runtime import Unavailable

Offsets = Mapping[int, int]


class QueueDrain:
    """Remembers for each run of Redis how far the queue reached when it was first asked about."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str) -> None:
        self._where = (settings, topic, group)
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
            found = await asyncio.to_thread(standings, *self._where)
        except KafkaException as error:
            raise Unavailable("the order queue does not answer") from error
        reach = self._reach.setdefault(run_id, {partition: place.end for partition, place in found.items()})
        return all(found[partition].done >= end for partition, end in reach.items() if end and partition in found)
