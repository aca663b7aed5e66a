"""Reading from Kafka, batch by batch."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from eshop_chassis.crash_points import crash_point
from eshop_chassis.kafka.connection import LOOK_SECONDS, LOST_SECONDS, client_settings
from eshop_chassis.kafka.offsets import Offsets
from eshop_chassis.logs import get_logger
from eshop_chassis.settings import KafkaSettings

log = get_logger(__name__)
T = TypeVar("T")
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_MS = 2_000
MAX_POLL_INTERVAL_MS = 300_000
PAUSE_AFTER_SECONDS = 1.0
LOOK_EVERY_SECONDS = 5.0
# Messages may be as large as the broker takes them: what waits to be polled must fit into a small process.
MOST_FETCHED_KB = 16 << 10
# No message, and no reason to tell: the end of a partition, and a topic that its first message will create.
_NO_TROUBLE = (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART)


class KafkaBatches:
    """Polls a topic in a consumer group and hands over batches, one at a time.

    Auto-commit is off. While a batch is being worked on its partitions are paused and polling goes on, so that the
    group keeps this member; `done` commits the batch's offsets. A message that takes longer can be held, and those
    after it need not wait. All calls to the consumer run on one thread of its own. A consumer that has lost sight of
    all brokers is replaced.
    """

    def __init__(self, settings: KafkaSettings, topic: str, group: str, max_messages: int) -> None:
        self._settings = settings
        self._group = group
        self._consumer = self._new_consumer()
        self._topic = topic
        self._max = max_messages
        self._batch: list[Message] = []
        self._offsets = Offsets()
        self._paused = False
        self._to_resume: list[TopicPartition] = []
        self._answered = self._looked = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "kafka-consumer")

    async def open(self) -> None:
        """Joins the group."""
        await self._call(self._consumer.subscribe, [self._topic])

    async def close(self) -> None:
        """Leaves the group, so that its partitions go to others at once."""
        await self._call(self._consumer.close)
        self._thread.shutdown(wait=False)

    async def next(self) -> Sequence[Message]:
        """Waits for messages and returns them, at most `max_messages`, in the order of each partition."""
        while not self._batch:
            self._batch = await self._call(self._poll)
        return self._batch

    def hold(self, partition: int, offset: int) -> None:
        """Keeps a message of the batch from being committed, with all after it, until `release`."""
        self._offsets.hold(partition, offset)

    async def done(self) -> None:
        """Commits the offsets of the batch that `next` returned last, up to the oldest message that is held."""
        self._offsets.read(self._batch)
        self._batch = []
        crash_point("before_offset")
        await self._commit_done()
        crash_point("after_offset")

    async def release(self, partition: int, offset: int) -> None:
        """A message that was held is done; commits as far as may be."""
        self._offsets.release(partition, offset)
        await self._commit_done()

    async def _commit_done(self) -> None:
        try:
            await self._call(self._commit)
        except KafkaException as error:
            # The partitions moved to another member: it reads these messages again, and finds their orders final.
            log.warning("offsets were not committed", why=str(error))

    @asynccontextmanager
    async def kept_alive(self) -> AsyncGenerator[None]:
        """Keeps this member in its group while the body works on a batch, by polling with all partitions paused.

        Pauses only when the work takes longer than a moment: a resumed partition is fetched again up to a second later.
        """
        polling = asyncio.create_task(self._poll_paused())
        try:
            yield
        finally:
            polling.cancel()
            if self._paused:
                self._paused = False
                await self._call(self._resume)

    async def _call(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    def _new_consumer(self) -> Consumer:
        return Consumer(
            client_settings(self._settings)
            | {
                "group.id": self._group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # A member that was killed holds its partitions until its session ends.
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": HEARTBEAT_MS,
                "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
                "fetch.wait.max.ms": 500,
                "queued.max.messages.kbytes": MOST_FETCHED_KB,
                "allow.auto.create.topics": True,
                "topic.metadata.refresh.interval.ms": 5_000,
            }
        )

    def _poll(self) -> list[Message]:
        """Waits for the first message only: `consume` alone would wait until its batch is full or its time is over."""
        first = self._consumer.poll(0.2)
        if first is None:
            self._look()
            return []
        more = self._consumer.consume(self._max - 1, 0) if self._max > 1 else []
        found = [message for message in [first, *more] if _is_message(message)]
        if found:
            self._answered = time.monotonic()
        return found

    def _look(self) -> None:
        """Tells an empty topic from a partition that stayed paused, and from brokers that are forgotten."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_SECONDS:
            return
        self._looked = now
        self._resume()
        try:
            self._consumer.list_topics(self._topic, timeout=LOOK_SECONDS)
            self._answered = now
        except KafkaException:
            if now - self._answered > LOST_SECONDS:
                self._renew()

    def _renew(self) -> None:
        """Closing the lost one may take long: it would like to tell the brokers."""
        log.error("Kafka's consumer finds no broker, and is replaced")
        lost, self._consumer = self._consumer, self._new_consumer()
        self._consumer.subscribe([self._topic])
        self._answered = time.monotonic()
        threading.Thread(target=lost.close, name="kafka-consumer-lost", daemon=True).start()

    def _commit(self) -> None:
        """Only what is still ours: another member may have gone further in what moved to it, and would be set back."""
        mine = {place.partition for place in self._consumer.assignment()}
        self._offsets.forget(mine)
        if done := self._offsets.done(mine):
            offsets = [TopicPartition(self._topic, partition, offset) for partition, offset in done.items()]
            self._consumer.commit(offsets=offsets, asynchronous=False)

    def _pause(self) -> None:
        assigned = self._consumer.assignment()
        self._to_resume += [place for place in assigned if place not in self._to_resume]
        self._consumer.pause(assigned)

    def _resume(self) -> None:
        """What was paused, too: a partition that is not ours at this moment comes back as paused as it went."""
        assigned = self._consumer.assignment()
        gone = [place for place in self._to_resume if place not in assigned]
        self._to_resume = []
        self._consumer.resume(assigned)
        with suppress(KafkaException):  # the client may have forgotten it, and its pause with it
            self._consumer.resume(gone)

    async def _poll_paused(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_AFTER_SECONDS)
            self._paused = True
            try:
                await self._call(self._stay)
            except KafkaException as error:
                # The partitions are moving at this moment; the next round finds them settled.
                log.warning("polling beside a batch failed", why=str(error))

    def _stay(self) -> None:
        """One poll with everything paused. A partition that came since the last one may deliver a message: that is put
        back, to be read again later.
        """
        self._pause()
        strayed = self._consumer.poll(0)
        if strayed is not None and _is_message(strayed):
            self._consumer.seek(TopicPartition(self._topic, strayed.partition() or 0, strayed.offset() or 0))
            self._pause()


def _is_message(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() not in _NO_TROUBLE:
        log.warning("Kafka", why=error.str())
    return False
