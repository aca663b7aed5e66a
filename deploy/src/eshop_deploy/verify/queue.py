"""I7 and half of I3: the order queue is drained, what it held became orders, dead letters are accounted for.

Offsets are read before the snapshot of MySQL: below them every message must be a final order there, or a dead letter.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from eshop_chassis.kafka import Standing, headers_of, standings_of
from eshop_contract import OrderIds, OrderIdSettings, OrderQueueSettings, QueueSeal, read_order
from eshop_deploy.failures import BadSetting, PartFailed
from eshop_deploy.settings import Settings
from eshop_deploy.verify.findings import Finding, OnItsWay
from eshop_deploy.verify.stores import Snapshot, chunks

SECONDS = 10.0
# Messages that are looked at again for each partition, the newest; --deep looks at all that Kafka keeps.
NEWEST = 20_000
FINAL = ("confirmed", "cancelled")
# A queue whose oldest message is so old and that does not move between two looks stands still.
STALLED_SECONDS = 60.0


@dataclass(frozen=True)
class Names:
    """Topics and group of the order queue, and what tells its own messages from others'."""

    topic: str
    dead_letters: str
    group: str
    ids: OrderIds
    seal: QueueSeal

    @classmethod
    def of(cls, settings: Settings) -> Names:
        queue = OrderQueueSettings.of(settings.extra)
        given = {name: settings.extra.get(f"ESHOP_{name.upper()}", "") for name in OrderIdSettings.model_fields}
        try:
            secret = OrderIdSettings(**given)
        except ValidationError as error:
            raise BadSetting(error.errors()[0]["msg"], "Run: make up (it makes one for the stack)") from None
        names = queue.kafka_order_topic, queue.kafka_dead_letter_topic, queue.kafka_order_group
        return cls(*names, OrderIds(secret), QueueSeal(secret))


@dataclass
class Seen:
    """How far each partition has been looked at, for a watch that goes on."""

    until: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True)
class Letter:
    """A message in the dead-letter topic; `since` is when it was put there, in seconds since 1970."""

    partition: int
    offset: int
    since: float
    key: str
    headers: Mapping[str, str]
    value: bytes

    @property
    def position(self) -> str:
        """Where the message first was: "topic/partition/offset"."""
        return self.headers.get("position", "")

    @property
    def place(self) -> str:
        """Where the message was read; letters of older releases tell only where it first was."""
        return self.headers.get("place") or self.position


class OrderQueue:
    """The order queue, read without joining its group."""

    def __init__(self, consumer: Consumer, names: Names) -> None:
        self._consumer = consumer
        self.names = names

    def spans(self) -> list[Standing]:
        """Where the group stands in each partition."""
        return standings_of(self._consumer, self.names.topic, SECONDS)

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        """The messages from `start` up to `end`, or as many of them as there still are."""
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        try:
            while start < end:
                batch = self._consumer.consume(min(1_000, end - start), SECONDS)
                if not batch:
                    raise PartFailed(f"Kafka gives no message of {topic}/{partition} from {start} on")
                yield from (message for message in batch if message.error() is None)
                start = (batch[-1].offset() or 0) + 1
        finally:
            self._consumer.unassign()

    def letters(self) -> list[Letter]:
        """The dead letters, all that Kafka keeps."""
        topic = self.names.dead_letters
        known = self._consumer.list_topics(topic, timeout=SECONDS).topics[topic]
        if known.error is not None:
            return []
        found: list[Letter] = []
        for partition in known.partitions:
            low, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=SECONDS)
            found += [_letter(message) for message in self.read(topic, partition, low, end)]
        return found


@contextmanager
def open_queue(settings: Settings) -> Generator[OrderQueue]:
    """A reader of the queue; it subscribes to nothing and commits nothing."""
    names = Names.of(settings)
    consumer = Consumer(
        {
            "bootstrap.servers": settings.address("kafka"),
            "group.id": names.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # A fetch that waits for messages holds up the questions behind it.
            "fetch.wait.max.ms": 20,
            "log_level": 2,
        }
    )
    try:
        yield OrderQueue(consumer, names)
    except KafkaException as error:
        raise PartFailed(f"Kafka can't be read: {error.args[0]}", "See: eshop status") from error
    finally:
        consumer.close()


def _letter(message: Message) -> Letter:
    key = (message.key() or b"").decode("utf-8", "replace")
    since = message.timestamp()[1] / 1000
    place = message.partition() or 0, message.offset() or 0
    return Letter(*place, since, key, headers_of(message), message.value() or b"")


def lag(spans: list[Standing]) -> list[OnItsWay]:
    """Messages that are not placed yet."""
    behind = sum(span.end - span.done for span in spans)
    return [OnItsWay("messages in the order queue", behind)] if behind else []


def unaccounted(letters: list[Letter]) -> Iterator[Finding]:
    """Dead letters that do not tell why they are there, or where they came from."""
    for letter in letters:
        if missing := [name for name in ("reason", "position") if not letter.headers.get(name)]:
            yield Finding("I7", "dead letter", str(letter.offset), f"has no header {' and no '.join(missing)}")


def stalled(queue: OrderQueue, spans: list[Standing]) -> Iterator[Finding]:
    """Partitions whose oldest message that is not placed is old. The name changes when the queue moves on."""
    for span in spans:
        if span.end <= span.done:
            continue
        [oldest, *_] = queue.read(queue.names.topic, span.partition, span.done, span.done + 1)
        seconds = time.time() - oldest.timestamp()[1] / 1000
        if seconds > STALLED_SECONDS:
            name = f"{queue.names.topic}/{span.partition}/{span.done}"
            told = f"{span.end - span.done} messages wait, the first of them for {seconds:.0f} s, and none is finished"
            yield Finding("I7", "queue", name, told)


def order_id_of(position: str, value: bytes | None) -> str | None:
    """The order that a message names; None where it names none.

    A message of the Go original bears no id; releases that sealed nothing placed it under one made of its position.
    """
    try:
        queued = read_order(value)
    except ValueError:
        return None
    return queued.orderID or OrderIds.of_older_releases().derived("b", position)


def places_of(message: Message) -> tuple[str, str]:
    """Where a message is, and where it first was: one that was replayed bears that."""
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    return place, headers_of(message).get("position") or place


class QueueBooks:
    """Compares the messages that are done with the orders in MySQL."""

    def __init__(
        self, queue: OrderQueue, spans: list[Standing], letters: list[Letter], seen: Seen, *, deep: bool
    ) -> None:
        self._queue = queue
        self._spans = spans
        self._aside = {letter.place for letter in letters}
        self._seen = seen
        self._deep = deep
        self.looked_at = 0

    def wrong(self, db: Snapshot) -> Iterator[Finding]:
        """Messages that are done and are no final order. `db` was taken after the spans."""
        for span in self._spans:
            start = span.low if self._deep else max(span.low, span.done - NEWEST)
            start = max(start, self._seen.until.get(span.partition, 0))
            found = list(self._of_partition(db, span, start))
            if not found:
                self._seen.until[span.partition] = span.done
            yield from found

    def _of_partition(self, db: Snapshot, span: Standing, start: int) -> Iterator[Finding]:
        messages = self._queue.read(self._queue.names.topic, span.partition, start, span.done)
        for some in chunks(messages):
            self.looked_at += len(some)
            yield from self._lost(db, [(m, *places_of(m)) for m in some])

    def _lost(self, db: Snapshot, messages: list[tuple[Message, str, str]]) -> Iterator[Finding]:
        named = {place: order_id_of(position, m.value()) for m, place, position in messages}
        sql = "SELECT order_id, state FROM eshop_order.order_record WHERE order_id IN ({})"
        states = dict(db.among(sql, [order_id for order_id in named.values() if order_id]))
        # Kafka takes no letter of some messages: MySQL alone knows where they were.
        sql = "SELECT place FROM eshop_order.buried WHERE state = 'refused' AND place IN ({})"
        refused = {row[0] for row in db.among(sql, list(named))}
        for message, place, position in messages:
            order_id = named[place] or ""
            if states.get(order_id) in FINAL or place in refused or not self._aside.isdisjoint((place, position)):
                continue
            if self._accepted(message, order_id):
                state = f"is {states[order_id]}" if order_id in states else "is not there"
                yield Finding("I3", "order", order_id, f"left the queue at {place}, and {state}")
            else:
                yield Finding("I7", "message", place, "can't be placed, and is not among the dead letters")

    def _accepted(self, message: Message, order_id: str) -> bool:
        """Whether a message is an order that a buyer was told of."""
        names = self._queue.names
        sealed = names.seal.fits(message.value() or b"", headers_of(message))
        return sealed and names.ids.kind(order_id) in ("b", "f")
