"""I7 and half of I3: the order queue is drained, what it held became orders, dead letters are accounted for.

Offsets are read before the snapshot of MySQL: below them every message must be a final order there, or a dead letter.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from eshop_contract import OrderIds, OrderIdSettings, QueuedOrder
from eshop_deploy.failures import PartFailed
from eshop_deploy.settings import Settings
from eshop_deploy.verify.findings import Finding, OnItsWay
from eshop_deploy.verify.stores import Snapshot, chunks

SECONDS = 10.0
# Messages that are looked at again for each partition, the newest; --deep looks at all that Kafka keeps.
NEWEST = 20_000
FINAL = ("confirmed", "cancelled")


@dataclass(frozen=True)
class Names:
    """Topics and group of the order queue, out of a stack's variables."""

    topic: str
    dead_letters: str
    group: str
    ids: OrderIds

    @classmethod
    def of(cls, settings: Settings) -> Names:
        extra = settings.extra
        key = extra.get("ESHOP_ORDER_ID_KEY") or "eshop-lab-key"
        return cls(
            extra.get("ESHOP_KAFKA_ORDER_TOPIC") or "flash-sale-order",
            extra.get("ESHOP_KAFKA_DEAD_LETTER_TOPIC") or "flash-sale-order-dead-letter",
            extra.get("ESHOP_KAFKA_ORDER_GROUP") or "activity-order-group",
            OrderIds(OrderIdSettings(order_id_key=key)),
        )


@dataclass(frozen=True)
class Span:
    """A partition: its oldest message, the first that is not placed, and its end."""

    partition: int
    low: int
    done: int
    end: int


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


class OrderQueue:
    """The order queue, read without joining its group."""

    def __init__(self, consumer: Consumer, names: Names) -> None:
        self._consumer = consumer
        self.names = names

    def spans(self) -> list[Span]:
        """Where the group stands in each partition. Committed offsets are read first: then lag is never understated."""
        topic = self.names.topic
        known = self._consumer.list_topics(topic, timeout=SECONDS).topics[topic]
        places = [TopicPartition(topic, number) for number in sorted(known.partitions)]
        done = {place.partition: place.offset for place in self._consumer.committed(places, timeout=SECONDS)}
        spans: list[Span] = []
        for place in places:
            low, end = self._consumer.get_watermark_offsets(place, timeout=SECONDS)
            spans.append(Span(place.partition, low, max(done[place.partition], low), end))
        return spans

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


def headers_of(message: Message) -> dict[str, str]:
    """A message's headers as text."""
    pairs: Any = message.headers() or []
    return {name: (value or b"").decode("utf-8", "replace") for name, value in pairs}


def lag(spans: list[Span]) -> list[OnItsWay]:
    """Messages that are not placed yet."""
    behind = sum(span.end - span.done for span in spans)
    return [OnItsWay("messages in the order queue", behind)] if behind else []


def unaccounted(letters: list[Letter]) -> Iterator[Finding]:
    """Dead letters that do not tell why they are there, or where they came from."""
    for letter in letters:
        if missing := [name for name in ("reason", "position") if not letter.headers.get(name)]:
            yield Finding("I7", "dead letter", str(letter.offset), f"has no header {' and no '.join(missing)}")


def order_id_of(names: Names, position: str, value: bytes | None) -> str | None:
    """The order that a message is to become; None where it can't be one."""
    try:
        queued = QueuedOrder.model_validate_json(value or b"")
    except ValidationError:
        return None
    order_id = queued.orderID or names.ids.derived("b", position)
    return order_id if names.ids.kind(order_id) in ("b", "f") else None


def _position(message: Message) -> str:
    """Where a message first was; one that was replayed bears that."""
    return headers_of(message).get("position") or f"{message.topic()}/{message.partition()}/{message.offset()}"


class QueueBooks:
    """Compares the messages that are done with the orders in MySQL."""

    def __init__(self, queue: OrderQueue, spans: list[Span], letters: list[Letter], seen: Seen, *, deep: bool) -> None:
        self._queue = queue
        self._spans = spans
        self._aside = {letter.position for letter in letters}
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

    def _of_partition(self, db: Snapshot, span: Span, start: int) -> Iterator[Finding]:
        messages = self._queue.read(self._queue.names.topic, span.partition, start, span.done)
        for some in chunks(messages):
            self.looked_at += len(some)
            yield from self._lost(
                db, [(_position(m), order_id_of(self._queue.names, _position(m), m.value())) for m in some]
            )

    def _lost(self, db: Snapshot, messages: list[tuple[str, str | None]]) -> Iterator[Finding]:
        sql = "SELECT order_id, state FROM eshop_order.order_record WHERE order_id IN ({})"
        states = dict(db.among(sql, [order_id for _, order_id in messages if order_id]))
        for position, order_id in messages:
            if states.get(order_id or "") in FINAL or position in self._aside:
                continue
            if order_id is None:
                yield Finding("I7", "message", position, "can't be placed, and is not among the dead letters")
            else:
                state = f"is {states[order_id]}" if order_id in states else "is not there"
                yield Finding("I3", "order", order_id, f"left the queue at {position}, and {state}")
