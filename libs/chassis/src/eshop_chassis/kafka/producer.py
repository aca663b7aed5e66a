"""Writing to Kafka."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eshop_chassis.crash_points import crash_point
from eshop_chassis.kafka.connection import LOOK_SECONDS, LOST_SECONDS, client_settings
from eshop_chassis.logs import get_logger
from eshop_chassis.readiness import MissingError
from eshop_chassis.settings import KafkaSettings
from protoc_gen_fastapi.runtime import Unavailable

log = get_logger(__name__)
Headers = Mapping[str, str]
POLL_SECONDS = 0.1
# What is wrong with the message itself: it is refused however often it is sent.
_NEVER = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD)


class MessageRefused(Unavailable):
    """Kafka will not take this message as it is: it is too large, or not a message."""


@dataclass(frozen=True)
class QueueMessage:
    """A message to write."""

    key: str
    value: bytes
    headers: Headers


class KafkaProducer:
    """Writes messages; `send` returns when all in-sync replicas have the message.

    A thread polls it. While Kafka is away, `send` says so at once: a call that waits for a time-out holds up others.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._doubtful = self._away = self._broken = False
        self._lost_since: float | None = None
        self._stopped = threading.Event()
        self._producer = self._new_producer()
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def send(self, topic: str, key: str, value: bytes, headers: Headers) -> None:
        """Writes one message and waits for its acknowledgement.

        Raises Unavailable where Kafka did not acknowledge it in time: it may or may not have been written;
        MessageRefused where Kafka will never take it.
        """
        await self.send_many(topic, [QueueMessage(key, value, headers)])

    async def send_many(self, topic: str, messages: Sequence[QueueMessage]) -> None:
        """Writes messages and waits until all are acknowledged. Errors as in `send`."""
        for error in await self.send_each(topic, messages):
            if error is not None:
                raise error

    async def send_each(self, topic: str, messages: Sequence[QueueMessage]) -> Sequence[Unavailable | None]:
        """Writes messages; returns for each None once it is acknowledged, or the error that `send` would raise."""
        if self._away:
            return [Unavailable("the queue does not answer; try again")] * len(messages)
        crash_point("before_produce")
        acknowledged = _Acknowledgements(len(messages), self._doubt)
        for index, message in enumerate(messages):
            count = partial(acknowledged.count, index)
            try:
                headers: list[tuple[str, str | bytes | None]] = [(k, v.encode()) for k, v in message.headers.items()]
                self._producer.produce(topic, message.value, message.key, headers=headers, on_delivery=count)
            except (BufferError, KafkaException, ValueError) as error:
                log.warning("Kafka's producer refuses a message", why=str(error))
                acknowledged.refuse(index, _refusal(error))
        await acknowledged.future
        crash_point("after_produce")
        return acknowledged.errors

    async def check(self) -> None:
        """Raises while Kafka does not answer."""
        await asyncio.to_thread(self._look)

    async def close(self) -> None:
        """Waits until everything handed over was acknowledged or failed, and gives up the connection."""
        self._stopped.set()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, self._settings.kafka_ack_timeout + LOOK_SECONDS)

    def _new_producer(self) -> Producer:
        patience_ms = int(self._settings.kafka_ack_timeout * 1000)
        return Producer(
            client_settings(self._settings)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 1,
                "delivery.timeout.ms": patience_ms,
                "request.timeout.ms": patience_ms,
                "queue.buffering.max.messages": 200_000,
                "message.max.bytes": 4 << 20,
                "error_cb": self._on_error,
            }
        )

    def _poll(self) -> None:
        while not self._stopped.is_set():
            self._producer.poll(POLL_SECONDS)
            if self._broken:
                self._renew()
            if self._doubtful:
                self._make_sure()

    def _on_error(self, error: KafkaError) -> None:
        """librdkafka's events. All brokers being down may as well be a connection that was idle for too long."""
        if error.fatal():
            self._broken = True
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._doubt()

    def _doubt(self) -> None:
        self._doubtful = True

    def _make_sure(self) -> None:
        try:
            self._look()
        except MissingError:
            self._away = True
        else:
            self._away = self._doubtful = False

    def _look(self) -> None:
        try:
            self._producer.list_topics(timeout=LOOK_SECONDS)
        except KafkaException as error:
            self._give_up_when_lost()
            where = self._settings.kafka_bootstrap
            raise MissingError(f"no answer at {where}; see ESHOP_KAFKA_BOOTSTRAP") from error
        self._lost_since = None

    def _give_up_when_lost(self) -> None:
        now = time.monotonic()
        self._lost_since = self._lost_since or now
        if now - self._lost_since > LOST_SECONDS:
            self._broken, self._lost_since = True, None

    def _renew(self) -> None:
        """An idempotent producer that has lost its sequence refuses everything from then on; another takes over."""
        log.error("Kafka's producer has failed for good or finds no broker, and is replaced")
        broken, self._producer = self._producer, self._new_producer()
        self._broken = False
        broken.purge()
        broken.flush(LOOK_SECONDS)


def _refusal(error: Exception) -> Unavailable:
    """Why `produce` did not even take a message. ValueError: a header or key that is no text."""
    if isinstance(error, BufferError):
        return Unavailable("the queue is full; try again")
    if isinstance(error, KafkaException) and error.args[0].code() not in _NEVER:
        return Unavailable("the queue is full; try again")
    return MessageRefused(str(error))


class _Acknowledgements:
    """Waits for the acknowledgements of several messages."""

    def __init__(self, count: int, doubt: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self._loop.create_future()
        self.errors: list[Unavailable | None] = [None] * count
        self._missing = count
        self._counting = threading.Lock()
        self._doubt = doubt
        if not count:
            self.future.set_result(None)

    def count(self, index: int, error: KafkaError | None, _message: Message) -> None:
        """Called by the thread that polls; it wakes the event loop once, for the last message."""
        if error is not None and error.code() in _NEVER:
            self.errors[index] = MessageRefused(error.str())
        elif error is not None:
            self._doubt()
            log.warning("Kafka did not acknowledge a message", why=error.str())
            self.errors[index] = Unavailable("the queue does not answer; try again")
        self._one_less()

    def refuse(self, index: int, error: Unavailable) -> None:
        """Notes a message that was not even handed over."""
        self.errors[index] = error
        self._one_less()

    def _one_less(self) -> None:
        with self._counting:
            self._missing -= 1
            last = self._missing == 0
        if last:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


@asynccontextmanager
async def open_producer(settings: KafkaSettings) -> AsyncGenerator[KafkaProducer]:
    """Opens a producer; closing it waits for the messages in flight."""
    producer = KafkaProducer(settings)
    try:
        yield producer
    finally:
        await producer.close()


_checking: dict[str, KafkaProducer] = {}


async def check_kafka(settings: KafkaSettings) -> None:
    """Raises while Kafka does not answer. A service that has a producer asks that instead: `producer.check`."""
    if settings.kafka_bootstrap not in _checking:
        _checking[settings.kafka_bootstrap] = KafkaProducer(settings)
    await _checking[settings.kafka_bootstrap].check()
