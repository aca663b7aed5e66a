"""Kafka: acknowledgements that are told, and batches that are committed only when they are done."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from chassis_trial import parts
from chassis_trial.processes import until
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from eshop_chassis import KafkaSettings
from eshop_chassis.kafka import (
    GroupProgress,
    KafkaBatches,
    KafkaProducer,
    MessageRefused,
    QueueMessage,
    check_kafka,
    consumer,
    open_producer,
    standings,
)
from eshop_chassis.kafka import producer as producer_module
from eshop_chassis.readiness import MissingError
from protoc_gen_fastapi.runtime import Unavailable

AWAY = KafkaSettings(kafka_bootstrap="127.0.0.1:1", kafka_ack_timeout=1.0)


@pytest.fixture(scope="module")
def admin() -> AdminClient:
    return AdminClient({"bootstrap.servers": parts.kafka().kafka_bootstrap})


@pytest.fixture
def topic(admin: AdminClient):
    """A topic with two partitions, for one test."""
    name = f"chassis-test-{uuid.uuid4().hex[:12]}"
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(10)
    yield name
    admin.delete_topics([name])[name].result(10)


@pytest.fixture
async def producer() -> AsyncIterator[KafkaProducer]:
    async with open_producer(parts.kafka()) as opened:
        yield opened


@asynccontextmanager
async def batches(topic: str, max_messages: int = 100) -> AsyncGenerator[KafkaBatches]:
    """A member of the topic's group."""
    opened = KafkaBatches(parts.kafka(), topic, topic, max_messages)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def write(producer: KafkaProducer, topic: str, *values: str, key: str = "k") -> None:
    await producer.send_many(topic, [QueueMessage(key, v.encode(), {"n": v}) for v in values])


def texts(messages: Sequence[Any]) -> list[str]:
    return [m.value().decode() for m in messages]


async def read(member: KafkaBatches, number: int) -> list[str]:
    """The next `number` values, each batch committed."""
    values: list[str] = []
    async with asyncio.timeout(60):
        while len(values) < number:
            values += texts(await member.next())
            await member.done()
    return values


@pytest.mark.parts
async def test_messages_arrive_in_order_with_key_and_headers_and_at_once(producer, topic):
    async with batches(topic) as member:
        await producer.send(topic, "the key", b"first", {"x-request-id": "abc"})
        [first] = await member.next()
        assert (first.key(), first.value(), first.headers()) == (b"the key", b"first", [("x-request-id", b"abc")])
        await member.done()
        begin = time.monotonic()
        await write(producer, topic, *"123456789")
        assert await read(member, 9) == list("123456789")
        assert time.monotonic() - begin < 4


@pytest.mark.parts
async def test_a_batch_has_no_more_messages_than_it_may_and_comes_again_until_it_is_done(producer, topic):
    await write(producer, topic, *"1234567")
    async with batches(topic, max_messages=3) as member:
        first = texts(await member.next())
        again = texts(await member.next())
        assert first == again == ["1", "2", "3"]
        await member.done()
        assert await read(member, 4) == ["4", "5", "6", "7"]


@pytest.mark.parts
async def test_what_was_not_done_is_read_again_by_the_next_member_and_at_once_because_the_first_one_left(
    producer, topic, monkeypatch
):
    monkeypatch.setattr(consumer, "SESSION_TIMEOUT_MS", 45_000)
    await write(producer, topic, "1", "2")
    async with batches(topic, max_messages=1) as first:
        await first.next()
        await first.done()
        assert [m.value() for m in await first.next()] == [b"2"]
    begin = time.monotonic()
    async with batches(topic) as second:
        assert await read(second, 1) == ["2"]
        assert time.monotonic() - begin < 30
        await write(producer, topic, "3")
        assert await read(second, 1) == ["3"]


@pytest.mark.parts
async def test_a_member_keeps_its_group_while_it_works_and_what_came_meanwhile_comes_afterwards(
    producer, topic, monkeypatch
):
    monkeypatch.setattr(consumer, "PAUSE_AFTER_SECONDS", 0.05)
    async with batches(topic) as member:
        await write(producer, topic, "1")
        await member.next()
        async with member.kept_alive():
            await write(producer, topic, "2", "3")
            await asyncio.sleep(0.5)
            assert member._paused
        await member.done()
        assert await read(member, 2) == ["2", "3"]


@pytest.mark.parts
async def test_a_message_that_is_held_keeps_what_follows_uncommitted_until_it_is_released(producer, topic):
    await write(producer, topic, "1", "2", "3")
    async with batches(topic) as member:
        seen: list[Any] = []
        while len(seen) < 3:
            found: Sequence[Any] = await member.next()
            seen += found
            for message in found:
                if message.value() == b"2":
                    member.hold(message.partition(), message.offset())
            await member.done()
        assert await committed(topic) == 1
        await member.release(seen[1].partition(), seen[1].offset())
        assert await committed(topic) == 3


async def committed(topic: str) -> int:
    return sum(place.done for place in (await asyncio.to_thread(standings, parts.kafka(), topic, topic)).values())


@pytest.mark.parts
async def test_a_group_that_does_not_move_on_though_there_is_work_is_told(producer, topic, monkeypatch):
    progress, clock = GroupProgress(parts.kafka(), topic, topic), [1_000.0]
    monkeypatch.setattr("eshop_chassis.kafka.progress.time.monotonic", lambda: clock[0])
    await write(producer, topic, "1")
    await progress.look()
    clock[0] += 40
    await progress.look()
    assert (progress.lag, progress.stalled_seconds) == (1, 40)
    async with batches(topic) as member:
        await member.next()
        await member.done()
    await progress.look()
    assert (progress.lag, progress.stalled_seconds) == (0, 0)


@pytest.mark.parts
async def test_what_kafka_will_never_take_is_told_apart_from_a_kafka_that_is_away(producer, topic):
    large, sound, no_text = QueueMessage("k", b"x" * 2_000_000, {}), QueueMessage("k", b"x", {}), "\ud800"
    errors = await producer.send_each(topic, [large, sound, QueueMessage("k", b"x", {"h": no_text})])
    assert [type(error) for error in errors] == [MessageRefused, type(None), MessageRefused]
    assert await producer.send_each(topic, [sound]) == [None], "and it goes on"


@pytest.mark.parts
async def test_partitions_that_move_during_the_work_lose_no_message(producer, topic, admin, monkeypatch):
    """A second member takes half of the partitions in the middle of a batch; its own batch must come from its half."""
    monkeypatch.setattr(consumer, "PAUSE_AFTER_SECONDS", 0.05)
    for key in "abcdefgh":
        await write(producer, topic, f"{key}1", f"{key}2", key=key)
    seen: list[str] = []

    async def consume(member: KafkaBatches) -> None:
        while True:
            messages = await member.next()
            async with member.kept_alive():
                await asyncio.sleep(0.3)
            await member.done()
            seen.extend(texts(messages))

    wanted = {f"{key}{n}" for key in "abcdefgh" for n in (1, 2)}
    async with batches(topic, max_messages=3) as one:
        first = asyncio.create_task(consume(one))
        await until(lambda: bool(seen))
        async with batches(topic, max_messages=3) as two:
            second = asyncio.create_task(consume(two))
            await until(lambda: set(seen) == wanted)
            await write(producer, topic, "last", key="z")
            await until(lambda: "last" in seen)
            for task in (first, second):
                task.cancel()
            await asyncio.gather(first, second, return_exceptions=True)
    ends = [TopicPartition(topic, partition) for partition in (0, 1)]
    committed = await asyncio.to_thread(one_group_s_offsets, topic, ends)
    assert sum(committed) == 17


def one_group_s_offsets(topic: str, partitions: list[TopicPartition]) -> list[int]:
    from confluent_kafka import Consumer

    reader = Consumer({"bootstrap.servers": parts.kafka().kafka_bootstrap, "group.id": topic})
    found = [p.offset for p in reader.committed(partitions, 10)]
    reader.close()
    return found


@pytest.mark.parts
async def test_a_message_that_strays_into_the_work_is_put_back(producer, topic):
    async with batches(topic) as member:
        await write(producer, topic, "1")
        await member.next()
        await write(producer, topic, "2")
        strays: list[Any] = []
        consume = member._consumer

        class Stray:
            """Polls as after a rebalance: nothing is paused yet, and a message comes."""

            def __getattr__(self, name: str) -> object:
                return getattr(consume, name)

            def poll(self, _seconds: float) -> object:
                message = consume.poll(2)
                strays.append(message)
                return message

            def pause(self, partitions: Any) -> None:
                if strays:
                    consume.pause(partitions)

        stray: Any = Stray()
        member._consumer = stray
        await member._call(member._stay)
        assert strays[0].value() == b"2"
        member._consumer = consume
        await member._call(member._resume)
        await member.done()
        assert await read(member, 1) == ["2"]


@pytest.mark.parts
async def test_a_partition_that_went_while_it_was_paused_is_read_when_it_comes_back(producer, topic, monkeypatch):
    monkeypatch.setattr(consumer, "LOOK_EVERY_SECONDS", 1000)
    async with batches(topic) as member:
        await write(producer, topic, "1")
        assert await read(member, 1) == ["1"]
        mine = [TopicPartition(topic, number) for number in (0, 1)]
        await member._call(member._pause)
        await member._call(member._consumer.unassign)
        await member._call(member._resume)  # the batch ends while the partitions are on the move
        await member._call(member._consumer.assign, mine)
        await write(producer, topic, "2")
        assert await read(member, 1) == ["2"]


@pytest.mark.parts
async def test_kafka_is_there(producer):
    await producer.check()
    await check_kafka(parts.kafka())


async def test_a_kafka_that_is_away_is_told_with_the_setting_and_then_holds_nobody_up():
    async with open_producer(AWAY) as producer:
        with pytest.raises(MissingError, match=r"^no answer at 127\.0\.0\.1:1; see ESHOP_KAFKA_BOOTSTRAP$"):
            await producer.check()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(producer.send("t", "k", b"v", {}), 30)
        await until(lambda: producer._away)
        begin = time.monotonic()
        with pytest.raises(Unavailable):
            await producer.send("t", "k", b"v", {})
        assert time.monotonic() - begin < AWAY.kafka_ack_timeout / 2


@pytest.mark.parts
async def test_a_producer_that_was_told_of_trouble_goes_on_once_kafka_answers(producer, topic):
    producer._away = producer._doubtful = True
    await until(lambda: not producer._away)
    await write(producer, topic, "1")
    producer._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    await write(producer, topic, "2")  # a doubt alone refuses nobody
    await until(lambda: not producer._doubtful)


@pytest.mark.parts
async def test_a_producer_that_has_failed_for_good_is_replaced(producer, topic):
    broken = producer._producer
    producer._on_error(KafkaError(KafkaError._FATAL, fatal=True))
    await until(lambda: producer._producer is not broken)
    await write(producer, topic, "1")
    async with batches(topic) as member:
        assert await read(member, 1) == ["1"]


@pytest.mark.parts
async def test_a_producer_that_finds_no_broker_for_long_is_replaced(monkeypatch):
    monkeypatch.setattr(producer_module, "LOST_SECONDS", 0.2)
    async with open_producer(AWAY) as producer:
        first = producer._producer
        while producer._producer is first:
            with pytest.raises(MissingError):
                await producer.check()


@pytest.mark.parts
async def test_a_consumer_that_finds_no_broker_for_long_is_replaced(monkeypatch):
    monkeypatch.setattr(consumer, "LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(consumer, "LOST_SECONDS", 0.2)
    member = KafkaBatches(AWAY, "nowhere", "nobody", 1)
    await member.open()
    first, waiting = member._consumer, asyncio.create_task(member.next())
    await until(lambda: member._consumer is not first)
    waiting.cancel()
    await member.close()


@pytest.mark.parts
async def test_a_consumer_that_was_replaced_reads_on_where_it_was(producer, topic):
    async with batches(topic) as member:
        await write(producer, topic, "a")
        assert await read(member, 1) == ["a"]
        await member._call(member._renew)
        await write(producer, topic, "b")
        assert await read(member, 1) == ["b"]


@pytest.mark.parts
async def test_closing_waits_for_the_messages_in_flight(topic):
    async with open_producer(parts.kafka()) as producer:
        sending = asyncio.create_task(write(producer, topic, *map(str, range(1000))))
        await asyncio.sleep(0)
    await asyncio.wait_for(sending, 30)


@pytest.mark.parts
async def test_a_message_that_is_too_large_is_refused_and_nothing_waits_for_it(producer, topic):
    with pytest.raises(Unavailable):
        await asyncio.wait_for(producer.send(topic, "k", b"x" * (5 << 20), {}), 5)
    await producer.send_many(topic, [])
