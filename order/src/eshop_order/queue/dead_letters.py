"""Dead letters: messages of the queue that can't be placed, put aside with their reason so that nothing is skipped.

A message goes to the dead-letter topic, cut where Kafka would not take it whole, and where it names an order that was
handed out, that order's outcome is noted in MySQL, for whoever asks. `make dead-letters` lists them and writes them
into the queue again. Headers of a letter: `place`, where it was read; `position`, where it first was; `reason`; `cut`,
the bytes that the message had before it was cut.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from sqlalchemy.exc import SQLAlchemyError

from aiodtm import CommitUnknown
from eshop_chassis import get_logger
from eshop_chassis.kafka import KafkaProducer, MessageRefused, QueueMessage
from eshop_chassis.mysql import Transactions, Tx
from eshop_order.orders import Orders
from eshop_order.queue.burials import Burials
from eshop_order.queue.message import Queued
from eshop_order.queue.written_letters import WrittenLetters
from protoc_gen_fastapi.runtime import Unavailable

log = get_logger(__name__)
TRY_AGAIN_SECONDS = 1.0
MAX_REASON = 500
# Bytes of a letter, first as much as a broker takes by default (1 MiB with what Kafka adds), then what any takes.
SIZES = (1_000_000, 8_000)
MOST_KEY = 1_000
MOST_HEADERS = 16_000


@dataclass(frozen=True)
class Burial:
    """A message to put aside; `order_id` is the order that it is about, if that was handed out."""

    message: Queued
    reason: str
    order_id: str = ""


class DeadLetters:
    """The dead-letter topic, and the notes about it."""

    def __init__(
        self,
        db: Transactions,
        store: Orders,
        burials: Burials,
        written: WrittenLetters,
        producer: KafkaProducer,
        topic: str,
    ) -> None:
        self._db = db
        self._store = store
        self._burials = burials
        self._written = written
        self._producer = producer
        self._topic = topic

    async def bury(self, letters: Sequence[Burial]) -> None:
        """Puts messages aside, each once, even if a process that died had begun it before.

        Returns when Kafka has them, however long that takes. The notes come first: an outcome that somebody asks for
        must never lag behind.
        """
        for letter in letters:
            log.error("dead letter", position=letter.message.place, order_id=letter.order_id, why=letter.reason)
        while letters:
            try:
                await self._bury(letters)
                break
            except (Unavailable, SQLAlchemyError, CommitUnknown, KafkaException) as error:
                log.warning("dead letters can't be put aside yet", number=len(letters), why=str(error))
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _bury(self, letters: Sequence[Burial]) -> None:
        by_place = {letter.message.place: letter for letter in letters}
        known = await self._db.run(lambda tx: self._begin(tx, by_place))
        doubtful = {place for place, written in known.items() if not written}
        there = {place for place, written in known.items() if written}
        if doubtful:
            there |= await self._written.among(doubtful)
        todo = [letter for place, letter in by_place.items() if place not in there]
        unwritten = await self._write(todo)
        await self._db.run(lambda tx: self._burials.end(tx, by_place.keys() - unwritten, unwritten))

    async def _begin(self, tx: Tx, by_place: dict[str, Burial]) -> dict[str, bool]:
        """Notes what is about to be written; returns what was noted before, and whether it is known to be written."""
        known = await self._burials.begin(tx, {place: letter.reason[:MAX_REASON] for place, letter in by_place.items()})
        for letter in by_place.values():
            if letter.order_id:
                reason = letter.reason[:MAX_REASON]
                await self._store.note_dead_letter(tx, letter.order_id, letter.message.position, reason)
        return known

    async def _write(self, letters: Sequence[Burial]) -> set[str]:
        """Writes letters, shorter where they are refused; returns the places of those that are refused all the same."""
        for size in SIZES:
            errors = await self._producer.send_each(self._topic, [_letter(letter, size) for letter in letters])
            letters = [letter for letter, error in zip(letters, errors, strict=True) if _refused(error)]
            if not letters:
                return set()
        for letter in letters:
            log.error("Kafka takes no letter of a message; MySQL has its place", position=letter.message.place)
        return {letter.message.place for letter in letters}


def _refused(error: Unavailable | None) -> bool:
    """Raises where Kafka is away."""
    if error is not None and not isinstance(error, MessageRefused):
        raise error
    return error is not None


def _letter(letter: Burial, size: int) -> QueueMessage:
    """The letter of a message, in at most `size` bytes."""
    message = letter.message
    own = {"place": message.place, "position": message.position, "reason": letter.reason[:MAX_REASON]}
    room = min(MOST_HEADERS, size // 2)
    headers = {name: text for name, text in message.headers.items() if name not in ("replayed", "cut", *own)}
    while headers and _size({**headers, **own}) > room:
        headers.popitem()
    key = message.key.encode()[:MOST_KEY].decode(errors="ignore")
    value = message.value[: size - _size({**headers, **own}) - len(key.encode())]
    cut = {} if len(value) == len(message.value) else {"cut": str(len(message.value))}
    return QueueMessage(key, value, {**headers, **own, **cut})


def _size(headers: dict[str, str]) -> int:
    return sum(len(name) + len(text.encode()) for name, text in headers.items())
