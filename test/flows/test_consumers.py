"""Several consumers of the order queue at once: one is killed, its partitions move, and no order is lost or doubled."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

import pytest
from books import Books
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from databases import Databases
from gateway_client import Gateway
from patience import eventually
from queue_messages import order_message
from running_stack import RunningStack

from eshop_contract import OrderIds, OrderIdSettings, QueueSeal

PARTITIONS = 4
ORDERS = 300


@pytest.fixture
def topic(stack: RunningStack) -> Iterator[str]:
    """A queue of its own with several partitions, and a group of the same name."""
    name = f"orders-of-a-test-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": stack.address("KAFKA")})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(20)
    yield name
    admin.delete_topics([name])[name].result(20)


def _free_port() -> str:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return str(trial.getsockname()[1])


@contextmanager
def _order_service(
    stack: RunningStack, topic: str, *, take: int, mysql_port: int = 0
) -> Generator[subprocess.Popen[bytes]]:
    """One more order service, which consumes this topic; DTM calls the branches of the stack's own."""
    env = {
        **os.environ,
        **stack.env,
        "ESHOP_ORDER_HTTP_PORT": _free_port(),
        "ESHOP_ORDER_GRPC_PORT": _free_port(),
        "ESHOP_KAFKA_ORDER_TOPIC": topic,
        "ESHOP_KAFKA_ORDER_GROUP": topic,
        "ESHOP_ORDER_POLL_MESSAGES": str(take),
        "ESHOP_LOG_LEVEL": "error",
        "ESHOP_MYSQL_PORT": str(mysql_port or stack["ESHOP_MYSQL_PORT"]),
    }
    process = subprocess.Popen([sys.executable, "-m", "eshop_order"], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


class _MySQLLine:
    """A way to MySQL for one process alone, which can be cut."""

    def __init__(self, stack: RunningStack) -> None:
        self._there = stack["ESHOP_MYSQL_HOST"], int(stack["ESHOP_MYSQL_PORT"])
        self._ends: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> "_MySQLLine":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._there)
        self._ends += [writer, back]
        with suppress(ConnectionError):
            await asyncio.gather(_pour(reader, back), _pour(there, writer))

    async def cut(self) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def __aexit__(self, *_: object) -> None:
        await self.cut()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


def _members(stack: RunningStack, topic: str) -> int:
    admin = AdminClient({"bootstrap.servers": stack.address("KAFKA")})
    return len(admin.describe_consumer_groups([topic])[topic].result(10).members)


def _write(stack: RunningStack, topic: str, messages: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": stack.address("KAFKA"), "acks": "all"})
    seal = QueueSeal(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"]))
    for number, message in enumerate(messages):
        headers: list[tuple[str, str | bytes | None]] = [*seal.headers(message, {}).items()]
        producer.produce(topic, message, partition=number % PARTITIONS, headers=headers)
    assert producer.flush(20) == 0


def _lag(stack: RunningStack, topic: str) -> int:
    reader = Consumer({"bootstrap.servers": stack.address("KAFKA"), "group.id": topic, "enable.auto.commit": False})
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        ends = [reader.get_watermark_offsets(place, timeout=10)[1] for place in places]
        done = [max(place.offset, 0) for place in reader.committed(places, timeout=10)]
    finally:
        reader.close()
    return sum(ends) - sum(done)


def _final(db: Databases, product: int) -> int:
    return sum(order["state"] == "confirmed" for order in db.orders(product))


async def test_a_consumer_that_is_killed_loses_and_doubles_nothing(
    gw: Gateway, stack: RunningStack, books: Books, db: Databases, topic: str, product: int, user: int
) -> None:
    await gw.set_stock(product, ORDERS * 2)
    ids = OrderIds(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"]))
    accepted = [ids.new("b") for _ in range(ORDERS)]
    messages = [order_message(user, product, order_id) for order_id in accepted]

    with _order_service(stack, topic, take=5) as first, _order_service(stack, topic, take=5):
        await asyncio.to_thread(_write, stack, topic, messages)
        await eventually(lambda: _final(db, product) > 10, within=60, every=0.1)
        first.send_signal(signal.SIGKILL)
        # Every message twice: what was placed by one is met by the other.
        await asyncio.to_thread(_write, stack, topic, messages)
        await eventually(lambda: _final(db, product) == ORDERS, within=90, every=0.5)
        await eventually(lambda: _lag(stack, topic) == 0, within=60, every=0.5)

    assert sorted(order["order_id"] for order in db.orders(product)) == sorted(accepted)
    await books.balance(product, sold=ORDERS, accepted=accepted, within=30)


async def test_a_consumer_that_joins_and_leaves_gracefully_leaves_no_lag(
    gw: Gateway, stack: RunningStack, books: Books, db: Databases, topic: str, product: int, user: int
) -> None:
    await gw.set_stock(product, ORDERS)
    ids = OrderIds(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"]))
    accepted = [ids.new("b") for _ in range(ORDERS // 2)]

    with _order_service(stack, topic, take=5):
        await asyncio.to_thread(_write, stack, topic, [order_message(user, product, name) for name in accepted])
        await eventually(lambda: _final(db, product) > 0, within=60, every=0.1)
        with _order_service(stack, topic, take=5) as second:
            await asyncio.sleep(3)
            second.send_signal(signal.SIGTERM)
            await eventually(lambda: _final(db, product) == len(accepted), within=90, every=0.5)
            await eventually(lambda: _lag(stack, topic) == 0, within=60, every=0.5)

    await books.balance(product, sold=len(accepted), accepted=accepted, within=30)


async def test_a_consumer_whose_mysql_is_away_leaves_its_orders_to_the_others(
    gw: Gateway, stack: RunningStack, books: Books, db: Databases, topic: str, product: int, user: int
) -> None:
    await gw.set_stock(product, ORDERS)
    ids = OrderIds(OrderIdSettings(order_id_key=stack["ESHOP_ORDER_ID_KEY"]))
    accepted = [ids.new("b") for _ in range(ORDERS // 2)]
    messages = [order_message(user, product, name) for name in accepted]

    async with _MySQLLine(stack) as line:
        with (
            _order_service(stack, topic, take=50, mysql_port=line.port),
            _order_service(stack, topic, take=50),
        ):
            await eventually(lambda: _members(stack, topic) == 2, within=60, every=0.5)
            await line.cut()
            await asyncio.to_thread(_write, stack, topic, messages)
            await eventually(lambda: _final(db, product) == len(accepted), within=30, every=0.2)
            await eventually(lambda: _lag(stack, topic) == 0, within=30, every=0.5)

    await books.balance(product, sold=len(accepted), accepted=accepted, within=30)
