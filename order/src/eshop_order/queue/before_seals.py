"""The messages of releases without seals: those below the ends of the queue when the first release with seals started.

An upgraded installation may have accepted orders in its queue, which must be placed. Where they end is noted once for
each topic, and never again: a later message without a seal is not ours.
"""

import asyncio
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException
from sqlalchemy.exc import SQLAlchemyError

from aiodtm import CommitUnknown
from eshop_chassis import KafkaSettings, get_logger
from eshop_chassis.kafka import standings
from eshop_chassis.mysql import Database, Tx, execute, fetch
from protoc_gen_fastapi.runtime import Unavailable

log = get_logger(__name__)
TRY_AGAIN_SECONDS = 1.0
# Marks a topic as looked at, even if it had no partition yet.
LOOKED_AT = -1


class BeforeSeals:
    """Knows which messages are older than the seals of this installation. It knows of none before it was opened."""

    def __init__(self, db: Database, kafka: KafkaSettings, group: str, topics: Sequence[str]) -> None:
        self._db = db
        self._kafka = kafka
        self._group = group
        self._topics = topics
        self._reach: dict[tuple[str, int], int] = {}

    def covers(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the message at this place was written before the suite sealed its messages."""
        return offset < self._reach.get((topic, partition), 0)

    async def open(self) -> None:
        """Reads how far each topic reached, or notes it; waits for MySQL and Kafka."""
        for topic in self._topics:
            while True:
                try:
                    found = await self._db.run(lambda tx, topic=topic: _read(tx, topic))
                    if LOOKED_AT in found:
                        break
                    ends = await asyncio.to_thread(standings, self._kafka, topic, self._group)
                    past = {number: place.end for number, place in ends.items()}
                    await self._db.run(lambda tx, topic=topic, past=past: _write(tx, topic, past))
                except (KafkaException, Unavailable, SQLAlchemyError, CommitUnknown) as error:
                    log.warning("the past of the queue is read later", why=str(error))
                    await asyncio.sleep(TRY_AGAIN_SECONDS)
            self._reach |= {(topic, partition): until for partition, until in found.items()}


async def _read(tx: Tx, topic: str) -> dict[int, int]:
    rows = await fetch(tx, "SELECT kafka_partition, until_offset FROM before_seals WHERE topic = %s", (topic,))
    return {row[0]: row[1] for row in rows}


async def _write(tx: Tx, topic: str, ends: Mapping[int, int]) -> None:
    """A new installation has no past: it has no order yet. Of several processes the first one counts."""
    upgraded = bool(await fetch(tx, "SELECT 1 FROM order_record LIMIT 1"))
    past = ends if upgraded else dict[int, int]()
    first = await execute(
        tx,
        "INSERT IGNORE INTO before_seals (topic, kafka_partition, until_offset) VALUES (%s, %s, 0)",
        (topic, LOOKED_AT),
    )
    if first and past:
        await execute(
            tx,
            "INSERT IGNORE INTO before_seals (topic, kafka_partition, until_offset) VALUES (%s, %s, %s)",
            [(topic, partition, end) for partition, end in past.items()],
        )
